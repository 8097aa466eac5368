import type { TaskOptionRules } from './taskOptions.ts';

/** What token classification can be told (the first and last as in Hugging Face's `run_ner`). */
export interface TokenClassificationOptions {
  /** Train on every piece of a word, with its label (`I-` for the further pieces of `B-`); else on the first. Default false. */
  readonly labelAllTokens?: boolean | undefined;
  /** Cut rows that are too long into windows that overlap by a quarter, so that no word is left out. Default false. */
  readonly windows?: boolean | undefined;
  /** Give each type's scores too: `PER_f1`. Default false. */
  readonly returnEntityLevelMetrics?: boolean | undefined;
}

/** The table behind {@link TokenClassificationOptions}. */
export const tokenClassificationOptions = {
  labelAllTokens: {
    kind: { type: 'boolean' },
    fallback: false,
    description: 'Train on every piece of a word; else on its first.',
  },
  windows: {
    kind: { type: 'boolean' },
    fallback: false,
    description: 'Cut rows that are too long into windows that overlap; else their ends are left out.',
  },
  returnEntityLevelMetrics: {
    kind: { type: 'boolean' },
    fallback: false,
    description: "Give each type's scores too: PER_f1.",
  },
} as const satisfies TaskOptionRules;
