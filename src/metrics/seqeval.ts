import { ArgumentError, didYouMean } from '../core/errors.ts';
import { countSentence, EntityCounts, type SentenceCounts, type SeqevalReport } from './entityCounts.ts';
import { type EntityScheme, schemeNames } from './entityScheme.ts';
import { defineDigestMetric, type Metric, type RowDigest } from './metric.ts';

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

type Tags = readonly string[];

function digestOf(owner: string): RowDigest<SeqevalOptions, SentenceCounts, Tags, Tags> {
  return (predictions, references, rowsBefore, options) => {
    const scheme = options?.mode === 'strict' ? options.scheme : undefined;
    const reading = { scheme, suffix: options?.suffix === true };
    return Array.from(references, (tags, i) => countSentence(owner, predictions[i], tags, rowsBefore + i + 1, reading));
  };
}

/** seqeval's whole report: every type's scores and their averages. Options as {@link seqeval}; `average` means nothing here. */
export const seqevalReport: Metric<
  Omit<SeqevalOptions, 'average' | 'entityLevelMetrics'>,
  SeqevalReport,
  Tags,
  Tags
> = defineDigestMetric(
  'seqeval_report',
  digestOf('seqeval_report'),
  (options) => {
    checkMode('seqeval_report', options ?? {});
    const counts = new EntityCounts('seqeval_report', options?.zeroDivision ?? 0);
    return { add: (sentences) => counts.add(sentences), compute: () => counts.report() };
  },
  { takes: 'tags' },
);

/**
 * Precision, recall and F1 of whole entities (seqeval 1.2.2), and the accuracy of tags. A row is a sentence: its tags, one a word, such as
 * `['B-PER', 'I-PER', 'O']`; leave out tokens that have no label. An entity is right where type, beginning and end are. Where there are no
 * entities at all, scores are `zeroDivision` (seqeval's macro average is NaN there).
 */
export const seqeval: Metric<SeqevalOptions, SeqevalScores, Tags, Tags> = defineDigestMetric(
  'seqeval',
  digestOf('seqeval'),
  (options) => {
    checkMode('seqeval', options ?? {});
    const counts = new EntityCounts('seqeval', options?.zeroDivision ?? 0);
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
      add: (sentences) => counts.add(sentences),
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
