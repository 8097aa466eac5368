import type { TaskOptionRules } from './taskOptions.ts';

/** What question answering can be told (names and defaults of Hugging Face's `run_qa`). */
export interface QuestionAnsweringOptions {
  /** Tokens that neighbouring windows of a long context share. Default 128, or a third of `maxLength` where that is less. */
  readonly docStride?: number | undefined;
  /** Candidates for an answer that are kept, of each window and of each row. Default 20. */
  readonly nBestSize?: number | undefined;
  /** Tokens of an answer at most. Default 30. */
  readonly maxAnswerLength?: number | undefined;
  /** Whether a question may have no answer, as in SQuAD 2.0. Default: whether the first data set has such rows. */
  readonly versionTwoWithNegative?: boolean | undefined;
  /** "No answer" is said where its score is more than this above the best answer's. Default 0. */
  readonly nullScoreDiffThreshold?: number | undefined;
}

/** The table behind {@link QuestionAnsweringOptions}. */
export const questionAnsweringOptions = {
  docStride: {
    kind: { type: 'integer', min: 0 },
    fallback: undefined,
    description: 'Tokens that neighbouring windows of a long context share (default: 128, or a third of maxLength).',
  },
  nBestSize: {
    kind: { type: 'integer', min: 1 },
    fallback: 20,
    description: 'Candidates for an answer that are kept.',
  },
  maxAnswerLength: {
    kind: { type: 'integer', min: 1 },
    fallback: 30,
    description: 'Tokens of an answer at most.',
  },
  versionTwoWithNegative: {
    kind: { type: 'boolean' },
    fallback: undefined,
    description: 'Questions may have no answer, as in SQuAD 2.0 (default: whether the data has such rows).',
  },
  nullScoreDiffThreshold: {
    kind: { type: 'number' },
    fallback: 0,
    description: "No answer is given where its score is more than this above the best answer's.",
  },
} as const satisfies TaskOptionRules;
