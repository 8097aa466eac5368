import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { Tensor } from '../core/tensor.ts';
import type { Dataset } from '../data/index.ts';
import type { SquadReference } from '../metrics/index.ts';
import type { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import type { ModelBatch } from '../models/programs.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { AnswerCandidates } from './answerCandidates.ts';
import { AnswerScores } from './answerScores.ts';
import { answersIn, findQuestionAnsweringColumns, type QuestionAnsweringColumns } from './questionAnsweringColumns.ts';
import { type QuestionAnsweringFeature, type QuestionRow, questionFeatures } from './questionAnsweringFeatures.ts';
import { chooseAnswer, type QuestionAnswer } from './questionAnswers.ts';
import type { BatchPlace, Evaluator, EvaluatorOptions, PrepareOptions, Task, TaskOptions } from './task.ts';
import { longestRow } from './tokenLimits.ts';

const owner = 'question-answering';
/** Hugging Face's `max_seq_length` in `run_qa`. */
const defaultMaxLength = 384;
const defaultDocStride = 128;

/** Questions about texts, answered by a span of the text (SQuAD 1.1), or by none (SQuAD 2.0). */
export class QuestionAnswering implements Task<QuestionAnsweringFeature> {
  readonly name = owner;
  /** The longest window in tokens. */
  readonly maxLength: number;
  /** Tokens that neighbouring windows share. */
  readonly docStride: number;
  readonly #model: BertForQuestionAnswering;
  readonly #tokenizer: BertTokenizer;
  readonly #options: TaskOptions;
  /** Whether questions may have no answer; found in the data where nobody said so. */
  #unanswerable: boolean | undefined;
  #found: { readonly signature: string; readonly columns: QuestionAnsweringColumns } | undefined;

  /**
   * @throws ModelError where the tokenizer has more tokens than the model's embedding.
   * @throws ArgumentError where `maxLength` is more than the model can take, or `docStride` leaves no step forward.
   */
  constructor(model: BertForQuestionAnswering, tokenizer: BertTokenizer, options: TaskOptions = {}) {
    const longest = longestRow(owner, model.config, tokenizer, options.maxLength);
    this.maxLength = options.maxLength ?? Math.min(longest, defaultMaxLength);
    this.docStride = options.docStride ?? Math.min(defaultDocStride, Math.floor(this.maxLength / 3));
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#options = options;
    this.#unanswerable = options.versionTwoWithNegative;
    const room = this.maxLength - tokenizer.numSpecialTokensToAdd(true);
    if (this.docStride >= room) {
      throw new ArgumentError('ERR_OPTION_VALUE', {
        owner,
        what: `docStride leaves no step from one window of ${this.maxLength} tokens to the next`,
        got: this.docStride,
        expected: `less than ${room}, and that by what questions need`,
        hint: 'lower docStride or raise maxLength',
      });
    }
  }

  async adapt(dataset: Dataset): Promise<void> {
    const { answers } = this.#columns(dataset);
    if (this.#unanswerable !== undefined || answers === undefined) return;
    const view = dataset.column(answers);
    this.#unanswerable = false;
    for (let row = 0; row < dataset.length && !this.#unanswerable; row++) {
      this.#unanswerable = answersIn(view.at(row))?.text.length === 0;
      if (this.#unanswerable)
        log.info(`row ${row + 1} has no answer: versionTwoWithNegative is on, questions may have none`);
    }
  }

  async prepare(dataset: Dataset, { labels, before }: PrepareOptions): Promise<QuestionAnsweringFeature[]> {
    return questionFeatures(dataset, this.#columns(dataset), this.#tokenizer, {
      maxLength: this.maxLength,
      docStride: this.docStride,
      truncation: this.#options.truncation ?? true,
      labels,
      unanswerable: this.#unanswerable ?? false,
      rowsBefore: before?.rows,
    });
  }

  sequences(features: readonly QuestionAnsweringFeature[]): readonly QuestionAnsweringFeature[] {
    return features;
  }

  batch(features: readonly QuestionAnsweringFeature[], place?: BatchPlace): ModelBatch {
    const packing = { firstSample: place?.firstSample ?? 0 };
    if (features.some(({ answer }) => answer === undefined))
      return { packed: this.#model.pack(features, packing), labels: {}, count: features.length };
    return this.#model.batch(
      features,
      features.map(({ answer }) => answer),
      packing,
    );
  }

  /**
   * Reads answers window by window. Of a row that is not complete the best candidates are kept, of one that is its scores, and
   * with `keepAnswers` its answer; so memory does not grow with what the model gives.
   */
  evaluator({ keepAnswers = true }: EvaluatorOptions = {}): Evaluator<QuestionAnsweringFeature> {
    const { nBestSize = 20, maxAnswerLength = 30, nullScoreDiffThreshold = 0 } = this.#options;
    const versionTwoWithNegative = this.#unanswerable ?? false;
    const choice = { nBestSize, versionTwoWithNegative, nullScoreDiffThreshold };
    const open = new Map<QuestionRow, { readonly candidates: AnswerCandidates; seen: number }>();
    const scores = new AnswerScores(versionTwoWithNegative);
    const kept: KeptAnswer[] = [];
    const finish = (row: QuestionRow, candidates: AnswerCandidates) => {
      const answer = this.#answer(row, candidates, choice);
      const reference = referenceOf(row, answer.id);
      scores.add(answer, reference);
      if (!keepAnswers) return;
      const best = candidates.best[0]?.score ?? Number.NaN;
      kept.push({ row: numberOf(row), answer, reference, best, none: candidates.none?.score ?? Number.NaN });
    };
    const inOrder = () => kept.sort((a, b) => a.row - b.row);
    return {
      add(outputs, features) {
        const logits = outputs['logits'].data as Float32Array;
        let at = 0;
        for (const { ids, row, context, firstToken } of features) {
          let state = open.get(row);
          if (state === undefined) {
            state = { candidates: new AnswerCandidates({ nBestSize, maxAnswerLength }), seen: 0 };
            open.set(row, state);
          }
          // Packed: the tokens of all windows one after the other, two scores each.
          state.candidates.addWindow({ logits: logits.subarray(at, at + 2 * ids.length), context, firstToken });
          at += 2 * ids.length;
          if (++state.seen < row.windows) continue;
          open.delete(row);
          finish(row, state.candidates);
        }
      },
      prediction() {
        const answers = inOrder();
        return {
          predictions: new Tensor('float32', Float32Array.from(answers.flatMap(({ best, none }) => [best, none])), [
            answers.length,
            2,
          ]),
          labelIds: new Tensor(
            'int64',
            BigInt64Array.from(answers, ({ reference }) => answerable(reference)),
            [answers.length],
          ),
          answers: answers.map(({ answer }) => answer),
          references: answers.flatMap(({ reference }) => reference ?? []),
        };
      },
      metrics: () => scores.compute(),
    };
  }

  #answer(row: QuestionRow, candidates: AnswerCandidates, choice: Parameters<typeof chooseAnswer>[4]): QuestionAnswer {
    const { dataset, columns, index } = row;
    const context = dataset.column(columns.context).at(index) as string;
    const id = columns.id === undefined ? null : dataset.column(columns.id).at(index);
    // Computed again, in a fraction of a millisecond, rather than kept for every window.
    const { encodings } = this.#tokenizer(context, {
      addSpecialTokens: false,
      truncation: true,
      maxLength: 2 ** 31 - 1,
    });
    return chooseAnswer(String(id ?? numberOf(row) + 1), context, encodings[0].offsetPairs, candidates, choice);
  }

  #columns(dataset: Dataset): QuestionAnsweringColumns {
    const signature = JSON.stringify(dataset.features);
    if (this.#found?.signature !== signature) {
      this.#found = { signature, columns: findQuestionAnsweringColumns(dataset, this.#options.columns) };
    }
    return this.#found.columns;
  }
}

/** A row's number among all, from 0. */
function numberOf({ index, rowsBefore = 0 }: QuestionRow): number {
  return rowsBefore + index;
}

/** An answer and what it is judged by. */
interface KeptAnswer {
  readonly row: number;
  readonly answer: QuestionAnswer;
  readonly reference: SquadReference | undefined;
  readonly best: number;
  readonly none: number;
}

function referenceOf({ dataset, columns, index }: QuestionRow, id: string): SquadReference | undefined {
  if (columns.answers === undefined) return undefined;
  const answers = answersIn(dataset.column(columns.answers).at(index));
  return answers === undefined ? undefined : { id, answers: { text: answers.text } };
}

/** 1 where a question has an answer, 0 where it has none, −1 where nobody says. */
function answerable(reference: SquadReference | undefined): bigint {
  if (reference === undefined) return -1n;
  return 'text' in reference.answers && reference.answers.text.length === 0 ? 0n : 1n;
}
