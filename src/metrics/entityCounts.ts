import { DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type Entity, lenientEntities } from './entities.ts';
import { type EntityScheme, strictEntities } from './entityScheme.ts';
import { differentLengths, noRows } from './metric.ts';

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

/** How tags are read. */
export interface TagReading {
  /** The scheme of strict mode; undefined reads leniently. */
  readonly scheme: EntityScheme | undefined;
  /** Whether the prefix stands last. */
  readonly suffix: boolean;
}

interface TypeCounts {
  correct: number;
  predicted: number;
  actual: number;
}

/** What is counted of one sentence. */
export interface SentenceCounts {
  readonly types: ReadonlyMap<string, TypeCounts>;
  readonly tokens: number;
  /** Tokens whose tag is right. */
  readonly right: number;
  /** A tag that the lenient reading does not know, and the row it stands in. */
  readonly odd: string | undefined;
}

const lenientPrefixes = 'OBIES';

/**
 * Counts the entities of a sentence that are predicted, true, and both.
 * @throws ArgumentError where both sides have different lengths; DataError where a token has no tag, or one that the scheme does not know.
 */
export function countSentence(
  owner: string,
  predictions: readonly string[],
  references: readonly string[],
  row: number,
  reading: TagReading,
): SentenceCounts {
  if (predictions.length !== references.length) {
    throw differentLengths(owner, predictions.length, references.length, row);
  }
  const odd = checkTags(owner, references, row, reading) ?? checkTags(owner, predictions, row, reading);
  const types = new Map<string, TypeCounts>();
  const truth = entitiesOf(references, row, reading);
  for (const { type } of truth) countsOf(types, type).actual++;
  const keys = new Set(truth.map(keyOf));
  for (const entity of entitiesOf(predictions, row, reading)) {
    const counts = countsOf(types, entity.type);
    counts.predicted++;
    if (keys.has(keyOf(entity))) counts.correct++;
  }
  const right = references.reduce((sum, tag, k) => sum + Number(tag === predictions[k]), 0);
  return { types, tokens: references.length, right, odd: odd === undefined ? undefined : `'${odd}' (row ${row})` };
}

function entitiesOf(tags: readonly string[], row: number, { scheme, suffix }: TagReading): readonly Entity[] {
  return scheme === undefined ? lenientEntities(tags, suffix) : strictEntities(tags, scheme, suffix, row);
}

/** The first tag that does not look like one, where tags are read leniently. */
function checkTags(owner: string, tags: readonly string[], row: number, reading: TagReading): string | undefined {
  let odd: string | undefined;
  for (const tag of tags) {
    if (typeof tag !== 'string' || tag === '') {
      throw new DataError('ERR_METRIC_TAG', {
        owner,
        what: 'a token has no tag',
        got: tag,
        expected: "a tag such as 'B-PER' or 'O'",
        row,
      });
    }
    const prefix = reading.suffix ? tag.slice(-1) : tag[0];
    const known = lenientPrefixes.includes(prefix) && (tag.length === 1 || tag.includes('-'));
    if (!known && reading.scheme === undefined) odd ??= tag;
  }
  return odd;
}

function countsOf(types: Map<string, TypeCounts>, type: string): TypeCounts {
  let counts = types.get(type);
  if (counts === undefined) {
    counts = { correct: 0, predicted: 0, actual: 0 };
    types.set(type, counts);
  }
  return counts;
}

/** Adds sentences up: memory grows with the types only. */
export class EntityCounts {
  readonly #types = new Map<string, TypeCounts>();
  readonly #owner: string;
  readonly #zeroDivision: number;
  #tokens = 0;
  #right = 0;
  #warned = false;

  constructor(owner: string, zeroDivision: number) {
    this.#owner = owner;
    this.#zeroDivision = zeroDivision;
  }

  add(sentences: readonly SentenceCounts[]): void {
    for (const { types, tokens, right, odd } of sentences) {
      for (const [type, { correct, predicted, actual }] of types) {
        const counts = countsOf(this.#types, type);
        counts.correct += correct;
        counts.predicted += predicted;
        counts.actual += actual;
      }
      this.#tokens += tokens;
      this.#right += right;
      if (odd !== undefined && !this.#warned) {
        this.#warned = true;
        log.warn(
          `[${this.#owner}] ${odd} does not look like an entity tag (O, B-…, I-…, E-…, S-…); BILOU needs mode 'strict' with scheme 'BILOU'`,
        );
      }
    }
  }

  /** @throws DataError `ERR_METRIC_EMPTY` where there were no tokens. */
  report(): SeqevalReport {
    if (this.#tokens === 0) throw noRows(this.#owner, 'there are no tokens to score');
    const types = [...this.#types.keys()].sort();
    const counts = types.map((type) => countsOf(this.#types, type));
    const scores = counts.map((one) => scoresOf(one, this.#zeroDivision));
    const total: TypeCounts = { correct: 0, predicted: 0, actual: 0 };
    for (const one of counts) {
      total.correct += one.correct;
      total.predicted += one.predicted;
      total.actual += one.actual;
    }
    const mean = (weightOf: (score: EntityScores) => number) =>
      average(scores, scores.map(weightOf), total, this.#zeroDivision);
    return {
      types: Object.fromEntries(types.map((type, k) => [type, scores[k]])),
      micro: scoresOf(total, this.#zeroDivision),
      macro: mean(() => 1),
      weighted: mean(({ support }) => support),
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
