import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type Entity, lenientEntities } from './entities.ts';
import { type EntityScheme, schemeNames, strictEntities } from './entityScheme.ts';
import { defineMetric, differentLengths, type Metric, noRows, type RowAccumulator } from './metric.ts';

/** Options of {@link seqeval} and {@link seqevalReport}. */
export interface SeqevalOptions {
  /**
   * How the types' scores become the overall ones: `'micro'` (default), over all entities as one; `'macro'`, the mean over types;
   * `'weighted'`, the mean weighted by how often each is true.
   */
  readonly average?: 'micro' | 'macro' | 'weighted' | undefined;
  /** `'strict'` counts only entities that are well formed in `scheme`. Default: as conlleval, which reads leniently. */
  readonly mode?: 'strict' | undefined;
  /** The scheme of strict mode; BIO is `'IOB2'`. */
  readonly scheme?: EntityScheme | undefined;
  /** True where tags end in their prefix (`PER-B`). Default false. */
  readonly suffix?: boolean | undefined;
  /** What a score is where a division by zero would give it: a type never predicted, or never true. Default 0. */
  readonly zeroDivision?: 0 | 1 | undefined;
  /** Adds each type's scores, under `PER_precision`, `PER_recall`, `PER_f1` and `PER_number`. Default false. */
  readonly entityLevelMetrics?: boolean | undefined;
}

/** Scores of entities under the names of Hugging Face's `evaluate`. */
export interface SeqevalScores extends Readonly<Record<string, number>> {
  readonly overall_precision: number;
  readonly overall_recall: number;
  readonly overall_f1: number;
  /** The share of tokens (not entities) whose tag is right. */
  readonly overall_accuracy: number;
}

/** The scores of one type of entity, or of an average. */
export interface EntityScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** How many entities are true. */
  readonly support: number;
}

/** seqeval's classification report. */
export interface SeqevalReport {
  /** By type, in alphabetical order. */
  readonly types: Readonly<Record<string, EntityScores>>;
  readonly micro: EntityScores;
  readonly macro: EntityScores;
  readonly weighted: EntityScores;
  /** The share of tokens whose tag is right. */
  readonly accuracy: number;
}

interface TypeCounts {
  correct: number;
  predicted: number;
  actual: number;
}

const defaultPrefixes = 'OBIES';

/** Counts entities sentence by sentence: memory grows with the types only. */
class EntityCounts {
  readonly #types = new Map<string, TypeCounts>();
  readonly #owner: string;
  readonly #options: SeqevalOptions;
  #tokens = 0;
  #right = 0;
  #warned = false;

  constructor(owner: string, options: SeqevalOptions) {
    this.#owner = owner;
    this.#options = options;
    checkMode(owner, options);
  }

  add(predictions: ArrayLike<readonly string[]>, references: ArrayLike<readonly string[]>, rowsBefore: number): void {
    for (let i = 0; i < references.length; i++) {
      const row = rowsBefore + i + 1;
      if (predictions[i].length !== references[i].length) {
        throw differentLengths(this.#owner, predictions[i].length, references[i].length, row);
      }
      const truth = this.#entities(references[i], row);
      for (const { type } of truth) this.#countsOf(type).actual++;
      const keys = new Set(truth.map(keyOf));
      for (const entity of this.#entities(predictions[i], row)) {
        const counts = this.#countsOf(entity.type);
        counts.predicted++;
        if (keys.has(keyOf(entity))) counts.correct++;
      }
      this.#tokens += references[i].length;
      for (let k = 0; k < references[i].length; k++) if (predictions[i][k] === references[i][k]) this.#right++;
    }
  }

  #entities(tags: readonly string[], row: number): readonly Entity[] {
    this.#checkTags(tags, row);
    const { mode, scheme, suffix } = this.#options;
    if (mode !== 'strict' || scheme === undefined) return lenientEntities(tags, suffix);
    return strictEntities(tags, scheme, suffix, row);
  }

  #checkTags(tags: readonly string[], row: number): void {
    for (const tag of tags) {
      if (typeof tag !== 'string' || tag === '') {
        throw new DataError('ERR_METRIC_TAG', {
          owner: this.#owner,
          what: 'a token has no tag',
          got: tag,
          expected: "a tag such as 'B-PER' or 'O'",
          row,
        });
      }
      if (this.#warned || this.#options.mode === 'strict') continue;
      const prefix = this.#options.suffix === true ? tag.slice(-1) : tag[0];
      if (defaultPrefixes.includes(prefix) && (tag.length === 1 || tag.includes('-'))) continue;
      this.#warned = true;
      log.warn(
        `[${this.#owner}] '${tag}' (row ${row}) does not look like an entity tag (O, B-…, I-…, E-…, S-…); BILOU needs mode 'strict' with scheme 'BILOU'`,
      );
    }
  }

  #countsOf(type: string): TypeCounts {
    let counts = this.#types.get(type);
    if (counts === undefined) {
      counts = { correct: 0, predicted: 0, actual: 0 };
      this.#types.set(type, counts);
    }
    return counts;
  }

  report(): SeqevalReport {
    if (this.#tokens === 0) throw noRows(this.#owner, 'there are no tokens to score');
    const zeroDivision = this.#options.zeroDivision ?? 0;
    const types = [...this.#types.keys()].sort();
    const counts = types.map((type) => this.#countsOf(type));
    const scores = counts.map((one) => scoresOf(one, zeroDivision));
    const total: TypeCounts = { correct: 0, predicted: 0, actual: 0 };
    for (const one of counts) {
      total.correct += one.correct;
      total.predicted += one.predicted;
      total.actual += one.actual;
    }
    return {
      types: Object.fromEntries(types.map((type, k) => [type, scores[k]])),
      micro: scoresOf(total, zeroDivision),
      macro: average(
        scores,
        scores.map(() => 1),
        total,
        zeroDivision,
      ),
      weighted: average(
        scores,
        scores.map(({ support }) => support),
        total,
        zeroDivision,
      ),
      accuracy: this.#right / this.#tokens,
    };
  }
}

function keyOf({ type, start, end }: Entity): string {
  return `${start} ${end} ${type}`;
}

function scoresOf({ correct, predicted, actual }: TypeCounts, zeroDivision: number): EntityScores {
  const precision = predicted === 0 ? zeroDivision : correct / predicted;
  const recall = actual === 0 ? zeroDivision : correct / actual;
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, f1, support: actual };
}

/** A weighted mean; where nothing has a weight (no entity is true), what seqeval gives then. */
function average(
  scores: readonly EntityScores[],
  weights: readonly number[],
  total: TypeCounts,
  zeroDivision: number,
): EntityScores {
  const weight = weights.reduce((sum, value) => sum + value, 0);
  if (weight === 0) {
    const predicted = total.predicted === 0 ? zeroDivision : 0;
    return { precision: predicted, recall: zeroDivision, f1: predicted, support: 0 };
  }
  const mean = (key: 'precision' | 'recall' | 'f1') =>
    scores.reduce((sum, score, k) => sum + score[key] * weights[k], 0) / weight;
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1'), support: total.actual };
}

function checkMode(owner: string, { mode, scheme }: SeqevalOptions): void {
  if (mode === undefined && scheme !== undefined) {
    throw new ArgumentError('ERR_CONFLICTING_OPTIONS', {
      owner,
      what: `scheme '${scheme}' means nothing without mode 'strict'`,
      hint: "add mode 'strict', or leave the scheme out: the default reads IOB, IOE and IOBES alike",
    });
  }
  if (mode === undefined) return;
  if (mode !== 'strict') {
    throw new ArgumentError('ERR_METRIC_OPTION', {
      owner,
      what: 'there is no such mode',
      got: mode,
      expected: "'strict'",
    });
  }
  if (scheme !== undefined && schemeNames.includes(scheme)) return;
  const near = scheme === undefined ? undefined : didYouMean(scheme, schemeNames);
  throw new ArgumentError('ERR_METRIC_OPTION', {
    owner,
    what: scheme === undefined ? "mode 'strict' needs a scheme" : 'there is no such scheme',
    got: scheme,
    expected: `one of ${schemeNames.join(', ')}`,
    hint: near === undefined ? "BIO tags are scheme 'IOB2'" : `did you mean '${near}'?`,
  });
}

/** seqeval's whole report: every type's scores and their averages. Options as {@link seqeval}; `average` means nothing here. */
export const seqevalReport: Metric<
  Omit<SeqevalOptions, 'average' | 'entityLevelMetrics'>,
  SeqevalReport,
  readonly string[],
  readonly string[]
> = defineMetric(
  'seqeval_report',
  (options) => {
    const counts = new EntityCounts('seqeval_report', options ?? {});
    return {
      add: (predictions, references, before) => counts.add(predictions, references, before),
      compute: () => counts.report(),
    };
  },
  { takes: 'tags' },
);

/**
 * Precision, recall and F1 of whole entities (seqeval 1.2.2), and the accuracy of tags. A row is a sentence: its tags, one a word, such as
 * `['B-PER', 'I-PER', 'O']`; leave out tokens that have no label. An entity is right where type, beginning and end are. Where there are no
 * entities at all, scores are `zeroDivision` (seqeval's macro average is NaN there).
 */
export const seqeval: Metric<SeqevalOptions, SeqevalScores, readonly string[], readonly string[]> = defineMetric(
  'seqeval',
  (options): RowAccumulator<SeqevalScores, readonly string[], readonly string[]> => {
    const counts = new EntityCounts('seqeval', options ?? {});
    const kind = options?.average ?? 'micro';
    if (!['micro', 'macro', 'weighted'].includes(kind)) {
      throw new ArgumentError('ERR_METRIC_AVERAGE', {
        owner: 'seqeval',
        what: 'there is no such average',
        got: kind,
        expected: "'micro', 'macro' or 'weighted'",
      });
    }
    return {
      add: (predictions, references, before) => counts.add(predictions, references, before),
      compute() {
        const report = counts.report();
        const { precision, recall, f1 } = report[kind];
        return {
          overall_precision: precision,
          overall_recall: recall,
          overall_f1: f1,
          overall_accuracy: report.accuracy,
          ...(options?.entityLevelMetrics === true ? byType(report) : {}),
        };
      },
    };
  },
  { takes: 'tags' },
);

function byType({ types }: SeqevalReport): Record<string, number> {
  const flat: Record<string, number> = {};
  for (const [type, { precision, recall, f1, support }] of Object.entries(types)) {
    Object.assign(flat, {
      [`${type}_precision`]: precision,
      [`${type}_recall`]: recall,
      [`${type}_f1`]: f1,
      [`${type}_number`]: support,
    });
  }
  return flat;
}
