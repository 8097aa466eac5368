import { accuracy } from './accuracy.ts';
import { matthewsCorrelation } from './matthews.ts';
import type { Metric } from './metric.ts';
import { pearson } from './pearson.ts';
import { f1 } from './precisionRecallF1.ts';
import { spearman } from './spearman.ts';

/** The names of GLUE's tasks, as Hugging Face's `evaluate` has them. */
export type GlueTask =
  | 'cola'
  | 'sst2'
  | 'mrpc'
  | 'qqp'
  | 'stsb'
  | 'mnli'
  | 'mnli_matched'
  | 'mnli_mismatched'
  | 'qnli'
  | 'rte'
  | 'wnli'
  | 'hans';

/** What GLUE scores each of its tasks by (gluebenchmark.com/faq), by Hugging Face's configuration names; `hans` is the test set for MNLI's models. */
export const glueMetrics: Readonly<Record<string, readonly Metric[]>> = {
  cola: [matthewsCorrelation],
  sst2: [accuracy],
  mrpc: [accuracy, f1],
  qqp: [accuracy, f1],
  stsb: [pearson, spearman],
  mnli: [accuracy],
  mnli_matched: [accuracy],
  mnli_mismatched: [accuracy],
  qnli: [accuracy],
  rte: [accuracy],
  wnli: [accuracy],
  hans: [accuracy],
} satisfies Record<GlueTask, readonly Metric[]>;
