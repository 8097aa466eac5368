import { ArgumentError } from '../core/errors.ts';
import type { TaskSettings } from '../tasks/task.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';

/** What `fettle predict` can be told to ask; which of these a task takes is the task's to say. */
export interface QuestionFlags {
  readonly text?: readonly string[];
  readonly textPair?: readonly string[];
  readonly question?: readonly string[];
  readonly context?: readonly string[];
}

/** What a model said. */
export interface Predictions {
  /** One object a text, for `--json`. */
  readonly predictions: readonly object[];
  /** The same for people. */
  readonly lines: readonly string[];
}

/** How the command asks a model of one task. */
export interface Predictor<Model> {
  /** The flags of {@link QuestionFlags} that it takes. */
  readonly takes: readonly (keyof QuestionFlags)[];
  /** Checks the flags, before the model is loaded. @throws ArgumentError for what is missing or does not fit. */
  readonly prepare: (
    flags: QuestionFlags,
    settings: TaskSettings,
  ) => (model: Model, tokenizer: BertTokenizer) => Promise<Predictions>;
}

/** The error for a question that is missing, or for two lists of flags that do not go together. */
export function refuseQuestion(what: string, hint: string): ArgumentError {
  return new ArgumentError('ERR_NO_TEXT', { owner: 'fettle predict', what, hint });
}
