import { DataError, FettleError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Dataset } from '../data/index.ts';
import type { AnswerSpan } from '../models/bert/bertForQuestionAnswering.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { BertTokenizer, Encoding } from '../tokenizers/index.ts';
import { unitOfCodePoint } from './characters.ts';
import { answersIn, type QuestionAnsweringColumns, type TrueAnswers } from './questionAnsweringColumns.ts';

/** A row of the data, as all of its windows know it. */
export interface QuestionRow {
  readonly dataset: Dataset;
  readonly columns: QuestionAnsweringColumns;
  /** From 0. */
  readonly index: number;
  /** Where the data set is a part of a stream: the rows that came before it. */
  readonly rowsBefore?: number | undefined;
  /** How many windows its context needs. */
  readonly windows: number;
}

/** One window of a row: the question, and as much of its context as fits. */
export interface QuestionAnsweringFeature extends TokenSequence {
  readonly ids: Int32Array;
  readonly typeIds: Uint8Array;
  readonly row: QuestionRow;
  /** The window's tokens from the context: from the first up to the second. */
  readonly context: readonly [start: number, end: number];
  /** The number of the first of them among all tokens of the context. */
  readonly firstToken: number;
  /** In tokens of the window; at `[CLS]`, token 0, where the window does not hold it all; undefined where the row has no answers. */
  readonly answer: AnswerSpan | undefined;
}

/** How rows become windows. */
export interface WindowOptions {
  readonly maxLength: number;
  readonly docStride: number;
  /** Whether a context that needs several windows is taken. */
  readonly truncation: boolean;
  /** Whether each row must have answers. */
  readonly labels: 'required' | 'optional';
  /** Whether a row may have none that is right. */
  readonly unanswerable: boolean;
  /** Where the data set is a part of a stream: the rows that came before it. */
  readonly rowsBefore?: number | undefined;
}

const owner = 'question-answering';
/** Rows that are tokenized between two looks at the event loop. */
const rowsAtOnce = 64;
/** `[CLS]` stands there: an answer that is not in the window. */
const noAnswer: AnswerSpan = { start: 0, end: 0 };

/**
 * Turns rows into windows: the whole question, and the context in pieces that overlap by `docStride` tokens (Hugging Face's
 * `run_qa`). Nothing of a context is lost.
 * @throws DataError that names the row: a question or context that is missing or empty, an answer that is not in its context, a
 *   question so long that no window goes forward.
 */
export async function questionFeatures(
  dataset: Dataset,
  columns: QuestionAnsweringColumns,
  tokenizer: BertTokenizer,
  options: WindowOptions,
): Promise<QuestionAnsweringFeature[]> {
  const features: QuestionAnsweringFeature[] = [];
  const answers = new AnswerReader(dataset, columns, options);
  let longer = 0;
  for (let start = 0; start < dataset.length; start += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, dataset.length - start);
    const rows = Array.from({ length: count }, (_, i) => start + i);
    const questions = rows.map((row) => textOf(dataset, columns.question, row));
    const contexts = rows.map((row) => textOf(dataset, columns.context, row));
    const spans = contexts.map((context, i) => answers.spanOf(start + i, context));
    const windowsOf = encodeWindows(tokenizer, questions, contexts, start, options);
    windowsOf.forEach((windows, i) => {
      if (windows.length > 1) {
        if (!options.truncation) throw tooLong(start + i, options.maxLength);
        longer++;
      }
      const before = options.rowsBefore === undefined ? {} : { rowsBefore: options.rowsBefore };
      const row = { dataset, columns, index: start + i, windows: windows.length, ...before };
      for (const encoding of windows) features.push(featureOf(encoding, row, spans[i]));
    });
    // Lets a progress bar, a signal or a page have their turn.
    await new Promise((resolve) => setTimeout(resolve));
  }
  answers.report();
  if (longer > 0) {
    log.info(
      `${longer} of ${dataset.length} rows have more than ${options.maxLength} tokens: with windows that share ${options.docStride} tokens of their contexts, all rows are ${features.length} windows`,
    );
  }
  return features;
}

/** Where an answer stands in its context, in UTF-16 units; 'none' where the question has no answer. */
type UnitSpan = { readonly start: number; readonly end: number } | 'none' | undefined;

/** Reads rows' answers, and says at the end what it took for granted. */
class AnswerReader {
  readonly #dataset: Dataset;
  readonly #column: string | undefined;
  readonly #options: WindowOptions;
  #inUnits = 0;

  constructor(dataset: Dataset, { answers }: QuestionAnsweringColumns, options: WindowOptions) {
    this.#dataset = dataset;
    this.#column = answers;
    this.#options = options;
    if (answers !== undefined || options.labels === 'optional') return;
    throw new DataError('ERR_NO_LABELS', {
      owner,
      what: 'the data has no column with answers',
      got: Object.keys(dataset.features).join(', '),
      expected: "a column 'answers'",
      hint: 'name it: columns: { answers }, or --answers-column',
    });
  }

  /** Where a row's first answer stands. All of its answers are checked. */
  spanOf(row: number, context: string): UnitSpan {
    if (this.#column === undefined) return undefined;
    const answers = answersIn(this.#dataset.column(this.#column).at(row));
    if (answers === undefined) {
      if (this.#options.labels === 'optional') return undefined;
      throw this.#refuse(
        row,
        'ERR_LABEL',
        'the answers are missing',
        undefined,
        'empty lists where there is no answer',
      );
    }
    if (answers.text.length === 0) {
      if (this.#options.unanswerable || this.#options.labels === 'optional') return 'none';
      throw new DataError('ERR_NO_ANSWER', {
        owner,
        what: 'a question has no answer',
        row: row + 1,
        column: this.#column,
        hint: 'set versionTwoWithNegative (--version-two-with-negative) if that is meant, or remove the row',
      });
    }
    const spans = answers.text.map((_, i) => this.#locate(row, context, answers, i));
    return spans[0];
  }

  #locate(row: number, context: string, { text, answerStart }: TrueAnswers, which: number) {
    const answer = text[which];
    const given = answerStart[which];
    if (typeof answer !== 'string' || answer === '')
      throw this.#refuse(row, 'ERR_ANSWER', 'an answer has no text', answer, 'the text of the answer');
    if (typeof given !== 'number')
      throw this.#refuse(row, 'ERR_ANSWER', 'an answer has no start', given, 'the number of its first character');
    const byCodePoints = unitOfCodePoint(context, given);
    if (byCodePoints !== undefined && context.startsWith(answer, byCodePoints))
      return { start: byCodePoints, end: byCodePoints + answer.length };
    // Programs in JavaScript count otherwise: indexOf gives units.
    if (context.startsWith(answer, given)) {
      this.#inUnits++;
      return { start: given, end: given + answer.length };
    }
    throw this.#refuse(
      row,
      'ERR_ANSWER',
      `the answer '${answer}' does not stand in its context at ${given}`,
      byCodePoints === undefined
        ? `a context of ${context.length} characters`
        : context.slice(byCodePoints, byCodePoints + answer.length),
      context.includes(answer) ? `its start, ${[...context.slice(0, context.indexOf(answer))].length}` : undefined,
    );
  }

  #refuse(row: number, code: string, what: string, got: unknown, expected: string | undefined): DataError {
    return new DataError(code, {
      owner,
      what,
      got,
      expected,
      row: row + 1,
      column: this.#column,
      hint: 'correct the row, or remove it',
    });
  }

  report(): void {
    if (this.#inUnits === 0) return;
    log.info(
      `${this.#inUnits} answers have starts that count UTF-16 units, as JavaScript does, and no code points: they were taken so, since the text stands there`,
    );
  }
}

/** The windows of each row. */
function encodeWindows(
  tokenizer: BertTokenizer,
  questions: readonly string[],
  contexts: readonly string[],
  start: number,
  options: WindowOptions,
): Encoding[][] {
  const encode = (from: number, to: number) =>
    tokenizer(questions.slice(from, to), contexts.slice(from, to), {
      truncation: 'only_second',
      maxLength: options.maxLength,
      stride: options.docStride,
      returnOverflowingTokens: true,
    });
  let encoded: ReturnType<typeof encode>;
  try {
    encoded = encode(0, questions.length);
  } catch (error) {
    // One of the rows is at fault: the one that fails alone.
    questions.forEach((_, i) => {
      try {
        encode(i, i + 1);
      } catch (cause) {
        throw noWindow(start + i, options, cause);
      }
    });
    throw error;
  }
  const windows: Encoding[][] = questions.map(() => []);
  encoded.overflowToSampleMapping.forEach((sample, i) => {
    windows[sample].push(encoded.encodings[i]);
  });
  return windows;
}

function featureOf(encoding: Encoding, row: QuestionRow, span: UnitSpan): QuestionAnsweringFeature {
  const context = encoding.tokenRange(1);
  return {
    ids: encoding.ids,
    typeIds: encoding.typeIds,
    row,
    context,
    firstToken: encoding.firstToken(1),
    answer:
      span === undefined
        ? undefined
        : span === 'none'
          ? noAnswer
          : (tokenSpan(encoding.offsetPairs, context, span) ?? noAnswer),
  };
}

/**
 * The tokens that cover a span of units: from the last that begins at its start or before it, to the first that ends at its
 * end or behind it (as in `run_qa`). Characters of several tokens with the same place, as Korean syllables, are covered whole.
 * @param offsets two numbers a token. @param range the tokens of the context.
 * @returns undefined where the tokens do not hold it all.
 */
export function tokenSpan(
  offsets: ArrayLike<number>,
  [from, to]: readonly [start: number, end: number],
  span: { readonly start: number; readonly end: number },
): AnswerSpan | undefined {
  if (from === to || offsets[2 * from] > span.start || offsets[2 * to - 1] < span.end) return undefined;
  let start = to - 1;
  while (offsets[2 * start] > span.start) start--;
  let end = from;
  while (offsets[2 * end + 1] < span.end) end++;
  return start <= end ? { start, end } : { start: end, end: start };
}

function textOf(dataset: Dataset, column: string, row: number): string {
  const text = dataset.column(column).at(row);
  if (typeof text === 'string' && text.trim() !== '') return text;
  throw new DataError('ERR_MISSING_TEXT', {
    owner,
    what: `a text in '${column}' is ${text === null ? 'missing' : 'empty'}`,
    row: row + 1,
    column,
    hint: 'remove the row, or fill it in',
  });
}

function tooLong(row: number, maxLength: number): DataError {
  return new DataError('ERR_TOO_LONG', {
    owner,
    what: `question and context have more than ${maxLength} tokens`,
    row: row + 1,
    hint: 'allow truncation: the context is then read in several windows, and nothing of it is lost',
  });
}

function noWindow(row: number, { maxLength, docStride }: WindowOptions, cause: unknown): unknown {
  if (!(cause instanceof FettleError)) return cause;
  return new DataError('ERR_LONG_QUESTION', {
    owner,
    what: `beside its question no window over the context goes forward (maxLength ${maxLength}, docStride ${docStride})`,
    row: row + 1,
    hint: 'raise maxLength, lower docStride, or shorten the question',
    cause,
  });
}
