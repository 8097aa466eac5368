import { Callable } from '../core/callable.ts';
import { ArgumentError } from '../core/errors.ts';
import { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import type { Encoding } from '../tokenizers/index.ts';
import { inBatches, inOrder, isStream } from './batches.ts';
import { checkTexts, longestInput, type PipelineOptions, type PipelineParts, pipelineParts, softmax } from './parts.ts';

/** A question and the text that answers it. */
export interface QuestionAndContext {
  readonly question: string;
  readonly context: string;
}

/** An answer: a piece of the context, from unit `start` up to `end` (UTF-16). */
export interface Answer {
  readonly answer: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
}

/** How answers are asked for (Hugging Face's options and defaults). */
export interface QuestionAnsweringOptions {
  /** How many answers, the likeliest first. Default 1: one answer instead of a list. */
  readonly topK?: number | undefined;
  /** Tokens of an answer at most. Default 15. */
  readonly maxAnswerLength?: number | undefined;
  /** Tokens of question and one window of the context at most. Default 384. */
  readonly maxLength?: number | undefined;
  /** Tokens by which windows overlap. Default 128, or half of the window. */
  readonly docStride?: number | undefined;
  /** Whether '' is an answer too: there is none. Default false. */
  readonly handleImpossibleAnswer?: boolean | undefined;
}

type Several = QuestionAnsweringOptions & { readonly topK: number };

interface QuestionAnsweringCall {
  (
    question: string,
    context: string,
    options?: QuestionAnsweringOptions & { readonly topK?: 1 | undefined },
  ): Promise<Answer>;
  (question: string, context: string, options: Several): Promise<Answer | Answer[]>;
  (questions: readonly QuestionAndContext[], options?: QuestionAnsweringOptions): Promise<(Answer | Answer[])[]>;
  (questions: AsyncIterable<QuestionAndContext>, options?: QuestionAnsweringOptions): AsyncIterable<Answer | Answer[]>;
}

/** A window of a context that has the probabilities of its tokens. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

const owner = 'question-answering';

/** Answers to questions, as pieces of a text (`pipeline('question-answering')`). */
export class QuestionAnsweringPipeline extends Callable<QuestionAnsweringCall> {
  readonly task = owner;
  readonly #parts: PipelineParts<BertForQuestionAnswering>;

  constructor(parts: PipelineParts<BertForQuestionAnswering>) {
    super('ask');
    this.#parts = parts;
  }

  static async load(model: string | BertForQuestionAnswering, options: PipelineOptions) {
    return new QuestionAnsweringPipeline(
      await pipelineParts(owner, model, (name, own) => BertForQuestionAnswering.fromPretrained(name, own), options),
    );
  }

  get model(): BertForQuestionAnswering {
    return this.#parts.model;
  }

  /** What calling the pipeline does. */
  ask(
    questions: string | readonly QuestionAndContext[] | AsyncIterable<QuestionAndContext>,
    contextOrOptions?: string | QuestionAnsweringOptions,
    last?: QuestionAnsweringOptions,
  ) {
    const options = (typeof contextOrOptions === 'string' ? last : contextOrOptions) ?? {};
    if (isStream(questions)) {
      return inOrder(questions as AsyncIterable<QuestionAndContext>, (some) => this.#answer(some, options));
    }
    if (typeof questions !== 'string') return this.#answer(questions as readonly QuestionAndContext[], options);
    if (typeof contextOrOptions !== 'string') {
      throw new ArgumentError('ERR_CONTEXT', {
        owner,
        what: 'a question has no text to answer it from',
        hint: 'call it with a question and a context',
      });
    }
    return this.#answer([{ question: questions, context: contextOrOptions }], options).then(([answer]) => answer);
  }

  async #answer(
    questions: readonly QuestionAndContext[],
    options: QuestionAnsweringOptions,
  ): Promise<(Answer | Answer[])[]> {
    checkTexts(
      owner,
      questions.map(({ question }) => question),
    );
    checkTexts(
      owner,
      questions.map(({ context }) => context),
    );
    const { model, tokenizer, batchSize } = this.#parts;
    const maxLength = Math.min(options.maxLength ?? 384, longestInput(this.#parts));
    const windowsOf = questions.map(({ question, context }, row) => {
      const { encodings } = tokenizer(question, context, {
        truncation: 'only_second',
        maxLength,
        stride: options.docStride ?? Math.min(Math.floor(maxLength / 2), 128),
        returnOverflowingTokens: true,
      });
      return encodings.map((encoding) => ({ ids: encoding.ids, typeIds: encoding.typeIds, encoding, row }));
    });
    const spans = await inBatches(windowsOf.flat(), batchSize, async (batch) => {
      const { startLogits, endLogits } = await model.predict({ sequences: batch });
      return batch.map(({ encoding }, i) => bestSpans(encoding, startLogits[i].data, endLogits[i].data, options));
    });
    let at = 0;
    return questions.map(({ context }, row) => {
      const windows = windowsOf[row].map(({ encoding }) => ({ encoding, ...spans[at++] }));
      const answers = new Map<string, Answer>();
      let impossible = 1e6;
      for (const { encoding, found, none } of windows) {
        impossible = Math.min(impossible, none);
        for (const { start, end, score } of found) {
          const [from, to] = wholeWords(encoding, start, end);
          const answer = context.slice(from, to);
          // What is found twice is surer: the scores of like answers add up.
          const known = answers.get(answer.toLowerCase());
          answers.set(
            answer.toLowerCase(),
            known === undefined ? { answer, score, start: from, end: to } : { ...known, score: known.score + score },
          );
        }
      }
      const all = [...answers.values()];
      if (options.handleImpossibleAnswer === true) all.push({ answer: '', score: impossible, start: 0, end: 0 });
      const topK = options.topK ?? 1;
      const best = all.sort((a, b) => b.score - a.score).slice(0, topK);
      return topK === 1 ? (best[0] ?? { answer: '', score: 0, start: 0, end: 0 }) : best;
    });
  }
}

/**
 * The likeliest spans of a window's context: P(start) · P(end), softmaxes over the context's tokens and [CLS] alone.
 * @returns them, and the probability of no answer: [CLS]'s.
 */
function bestSpans(
  encoding: Encoding,
  startLogits: ArrayLike<number>,
  endLogits: ArrayLike<number>,
  { topK = 1, maxAnswerLength = 15 }: QuestionAnsweringOptions,
): { found: Span[]; none: number } {
  const [first, last] = encoding.tokenRange(1);
  const among = (logits: ArrayLike<number>) =>
    softmax([logits[0], ...Array.from({ length: last - first }, (_, i) => logits[first + i])]);
  const starts = among(startLogits);
  const ends = among(endLogits);
  const found: Span[] = [];
  // More than are asked for, since widened to whole words some become one (as Python's).
  const count = 2 * topK + 10;
  for (let start = 1; start < starts.length; start++) {
    for (let end = start; end < Math.min(ends.length, start + maxAnswerLength); end++) {
      const score = starts[start] * ends[end];
      if (found.length === count && score <= found[count - 1].score) continue;
      let place = found.length === count ? count - 1 : found.length;
      for (; place > 0 && found[place - 1].score < score; place--) found[place] = found[place - 1];
      found[place] = { start: first + start - 1, end: first + end - 1, score };
    }
  }
  return { found, none: starts[0] * ends[0] };
}

/** Where a span of tokens stands in the context, widened to whole words. */
function wholeWords(encoding: Encoding, start: number, end: number): [from: number, to: number] {
  const { wordIds, offsets } = encoding;
  const [first, last] = encoding.tokenRange(1);
  let from = start;
  let to = end;
  while (from > first && wordIds[from - 1] === wordIds[start]) from--;
  while (to < last - 1 && wordIds[to + 1] === wordIds[end]) to++;
  return [offsets[from][0], offsets[to][1]];
}
