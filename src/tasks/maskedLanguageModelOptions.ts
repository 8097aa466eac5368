import type { DataCollatorForLanguageModeling } from './masking.ts';
import type { TaskOptionRules } from './taskOptions.ts';

/** What masked language modelling alone can be told (Hugging Face's names). */
export interface MaskedLanguageModelOptions {
  /** The probability with which a word piece is hidden. Default 0.15. */
  readonly mlmProbability?: number | undefined;
  /** Hide whole words. Default false. */
  readonly wholeWordMask?: boolean | undefined;
  /** A text a row; else texts are joined and cut into full chunks. Default false. */
  readonly lineByLine?: boolean | undefined;
  /** Hides words by other rules than the two options above can say. */
  readonly dataCollator?: DataCollatorForLanguageModeling | undefined;
}

/** The table behind {@link MaskedLanguageModelOptions}. */
export const maskedLanguageModelOptions = {
  mlmProbability: {
    kind: { type: 'number', min: 0, max: 1 },
    fallback: undefined,
    description: 'The probability with which a word piece is hidden (default: 0.15).',
  },
  wholeWordMask: { kind: { type: 'boolean' }, fallback: undefined, description: 'Hide whole words.' },
  lineByLine: {
    kind: { type: 'boolean' },
    fallback: undefined,
    description: 'A text a row; else texts are joined and cut into full chunks.',
  },
  dataCollator: {
    kind: { type: 'object', expected: 'a DataCollatorForLanguageModeling' },
    fallback: undefined,
    description: 'Hides words by other rules.',
  },
} as const satisfies TaskOptionRules;
