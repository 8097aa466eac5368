import { ArgumentError } from '../../core/errors.ts';
import { Tensor } from '../../core/tensor.ts';
import { add, mul, neg } from '../../graph/ops/arithmetic.ts';
import { logSoftmax } from '../../graph/ops/normalization.ts';
import { pickColumns } from '../../graph/ops/rows.ts';
import { reshape, slice } from '../../graph/ops/shaping.ts';
import type { Value } from '../../graph/value.ts';
import { Linear } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { weightedTotal } from '../../nn/losses.ts';
import { Module } from '../../nn/module.ts';
import type { TokenSequence } from '../../nn/packing.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { type BatchOptions, int64, requireLabels } from '../labels.ts';
import { createModel, loadModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { tokenRows } from '../outputs.ts';
import { PreTrainedModel } from '../pretrained.ts';
import type { ModelBatch } from '../programs.ts';
import { type BertConfig, bertArchitecture, defaultLabels } from './configuration.ts';
import { Bert } from './model.ts';

/** BERT with two scores a token: that an answer starts there, and that it ends there (Devlin et al. 2018, section 4.2). */
export class BertQuestionAnswerer extends Module<(batch: BatchLayout) => Value> {
  readonly bert: Bert;
  readonly qaOutputs: Linear;

  constructor(config: BertConfig) {
    super();
    this.bert = new Bert(config, { pooler: false });
    this.qaOutputs = new Linear(config.hiddenSize, 2, config.initializerRange);
  }

  /** `[tokens, 2]`. The batch's layout reads all tokens. */
  forward(batch: BatchLayout): Value {
    return this.qaOutputs(this.bert(batch));
  }
}

/**
 * −½ (log p(start) + log p(end)), Σ weight · loss over the sequences, times `loss_scale`; p is a softmax over a sequence's
 * positions. Adds the inputs `start_positions` and `end_positions` (int64 `[sequences]`, counted in tokens of the
 * sequence), `label_weights` `[sequences]` (0 for filler) and `loss_scale` to the graph.
 *
 * Over which positions depends on the layout. Packed, over the sequence's own tokens. Padded, over all `longest` cells, for
 * Hugging Face's loss puts probability on padding too, and so is another for the same texts in a batch padded further.
 *
 * @param logits `[tokens, 2]`
 */
export function questionAnsweringLoss(logits: Value, batch: BatchLayout): Value {
  const { graph } = logits;
  // Starts and ends are laid out as attention's heads are: two of width 1. An empty slot's weight is exactly 0, behind the
  // same bias as in attention, and so is its gradient, which is what the layout's move asks for.
  const slots = reshape(batch.tokens.toHeads(logits, 2), { shape: ['sequences', 2, 'longest'] });
  const bias = () => reshape(batch.attentionBias, { shape: ['sequences', 1, 'longest'] });
  const logProbabilities = logSoftmax(batch.form === 'packed' ? add(slots, bias()) : slots);
  const picked = (which: number, positions: string) => {
    const own = slice(logProbabilities, { axis: 1, start: which, end: which + 1 });
    return pickColumns(
      reshape(own, { shape: ['sequences', 'longest'] }),
      graph.input(positions, 'int64', ['sequences']),
    );
  };
  return weightedTotal(
    mul(neg(add(picked(0, 'start_positions'), picked(1, 'end_positions'))), 0.5),
    graph.input('label_weights', 'float32', ['sequences']),
    graph.input('loss_scale', 'float32', []),
  );
}

const head: Head<BertConfig> = {
  className: 'BertForQuestionAnswering',
  ownModules: ['qa_outputs'],
  architecture: bertArchitecture,
  reads: () => 'all',
  build: (config) => {
    const module = new BertQuestionAnswerer(config);
    return {
      module,
      trace: (batch, _, labelled) => {
        const logits = module(batch);
        return labelled ? { outputs: { logits }, loss: questionAnsweringLoss(logits, batch) } : { outputs: { logits } };
      },
    };
  },
};

/** What a question answerer answers; text by text, since texts are of different lengths. */
export interface QuestionAnsweringOutput {
  /** The score of each token of the text (question, context and special tokens; padding is left out) as the answer's first, `[tokens of the text]`. */
  readonly startLogits: readonly Tensor<'float32'>[];
  /** As the answer's last. */
  readonly endLogits: readonly Tensor<'float32'>[];
}

/** Where an answer stands, in tokens of its row: the first and the last of them. */
export interface AnswerSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * BERT that finds the answer to a question in a text (Hugging Face's class of the same name).
 *
 * The loss in the packed layout, in which training runs, is over each text's own tokens. Hugging Face's is over padding too
 * (there the loss of a text changes with the texts beside it): the padded layout computes that one.
 *
 * @example
 * const inputs = tokenizer('Who wrote it?', 'Ada wrote it.');
 * const { startLogits, endLogits } = await model(inputs);
 * const [start, end] = [startLogits[0].argmax().item(), endLogits[0].argmax().item()];
 */
export class BertForQuestionAnswering extends PreTrainedModel<BertConfig, QuestionAnsweringOutput> {
  private constructor(parts: ModelParts<BertConfig>) {
    super(parts);
  }

  /** Loads a checkpoint: a directory, or a name in Hugging Face's cache. @throws ModelError where files are missing or do not fit. */
  static async fromPretrained(nameOrPath: string, options: PretrainedOptions = {}): Promise<BertForQuestionAnswering> {
    return new BertForQuestionAnswering(await loadModel(head, nameOrPath, options, twoScores));
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForQuestionAnswering> {
    return new BertForQuestionAnswering(await createModel(head, twoScores(config), options));
  }

  /** The logits of every token of each text. Dropout is off. */
  override async predict(inputs: ModelInputs): Promise<QuestionAnsweringOutput> {
    const packed = this.pack(tokenSequences(inputs));
    const { logits } = await this.run({ packed, labels: {}, count: packed.sequences });
    const scores = tokenRows(packed, logits);
    const column = (which: number) =>
      scores.map(({ data, dims: [tokens] }) => {
        const own = Float32Array.from({ length: tokens }, (_, at) => data[2 * at + which]);
        return new Tensor('float32', own, [tokens]);
      });
    return { startLogits: column(0), endLogits: column(1) };
  }

  /**
   * A batch with answers, one a row; undefined for a row that is not to count. (Hugging Face's way to say that there is no
   * answer is one that starts and ends at `[CLS]`, token 0.) Logits that come with the loss are `[tokens, 2]`.
   * @throws ArgumentError that names the row whose answer lies outside its tokens, or ends before it starts.
   */
  batch(
    sequences: readonly TokenSequence[],
    answers: readonly (AnswerSpan | undefined)[],
    options: BatchOptions = {},
  ): ModelBatch {
    requireLabels(head.className, answers.length, sequences.length);
    answers.forEach((answer, row) => {
      const { length } = sequences[row].ids;
      const isWithin = (at: number) => Number.isInteger(at) && at >= 0 && at < length;
      if (answer === undefined || (isWithin(answer.start) && isWithin(answer.end) && answer.start <= answer.end))
        return;
      throw new ArgumentError('ERR_ANSWER', {
        owner: head.className,
        what: 'an answer is no span of its row’s tokens',
        row: row + 1,
        got: `${answer.start} to ${answer.end}`,
        expected: `0 to ${length - 1}`,
        hint: 'point answers that were cut off to token 0, or leave the row out with undefined',
      });
    });
    const packed = this.pack(sequences, options);
    const rows = packed.lengths['sequences'];
    const numbers = (of: (answer: AnswerSpan) => number) =>
      answers.map((answer) => (answer === undefined ? 0 : of(answer)));
    const weights = new Float32Array(rows);
    weights.set(numbers(() => 1));
    return {
      packed,
      labels: {
        start_positions: int64(
          numbers(({ start }) => start),
          rows,
        ),
        end_positions: int64(
          numbers(({ end }) => end),
          rows,
        ),
        label_weights: { type: 'float32', dims: [rows], data: weights },
      },
      count: answers.filter((answer) => answer !== undefined).length,
    };
  }
}

/** What Python reads the head's size from; another task's labels would make another head there. */
function twoScores(config: BertConfig): BertConfig {
  return config.id2label.length === 2 ? config : { ...config, id2label: defaultLabels(2), problemType: null };
}
