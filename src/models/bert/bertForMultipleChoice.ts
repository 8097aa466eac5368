import { ArgumentError } from '../../core/errors.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { EngineTensor } from '../../engine/engine.ts';
import { toHeads } from '../../graph/ops/heads.ts';
import { reshape } from '../../graph/ops/shaping.ts';
import type { Value } from '../../graph/value.ts';
import type { TokenSequence } from '../../nn/packing.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { type BatchOptions, checkClasses, classFeeds, classificationLoss } from '../labels.ts';
import { createModel, loadModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { textRows } from '../outputs.ts';
import { PreTrainedModel } from '../pretrained.ts';
import type { ModelBatch } from '../programs.ts';
import { BertSequenceClassifier } from './bertForSequenceClassification.ts';
import { type BertConfig, bertArchitecture } from './configuration.ts';
import { warnOfOtherClassifier } from './labelledModel.ts';

/**
 * Cross-entropy over each sample's choices. The scores `[sequences, 1]` are laid out as `[samples, choices]` by two inputs:
 * `row_of_choice` (int64 `[samples, choices]`) says which row a choice is, `choice_of_row` (int64 `[sequences]`) which
 * choice a row is, so that filler rows, which rounding adds, do no harm.
 */
export function multipleChoiceLoss(scores: Value): Value {
  const { graph } = scores;
  const rowOfChoice = graph.input('row_of_choice', 'int64', ['samples', 'choices']);
  const choiceOfRow = graph.input('choice_of_row', 'int64', ['sequences']);
  const laidOut = toHeads(scores, rowOfChoice, choiceOfRow, { heads: 1 }); // [samples, 1, choices, 1]
  return classificationLoss(reshape(laidOut, { shape: ['samples', 'choices'] }));
}

/**
 * {@link multipleChoiceLoss}'s inputs for samples that stand one after the other. Filler rows are the choices of one more
 * sample, of weight 0: both or neither, as the move asks for.
 */
export function choiceFeeds(samples: number, choices: number, rows: number): Record<string, EngineTensor> {
  const real = samples * choices;
  const laidOut = rows > real ? samples + 1 : samples;
  const rowOfChoice = BigInt64Array.from({ length: laidOut * choices }, (_, i) => BigInt(Math.min(i, real)));
  const choiceOfRow = BigInt64Array.from({ length: rows }, (_, i) => BigInt(Math.min(i, real)));
  return {
    row_of_choice: { type: 'int64', dims: [laidOut, choices], data: rowOfChoice },
    choice_of_row: { type: 'int64', dims: [rows], data: choiceOfRow },
  };
}

const head: Head<BertConfig> = {
  className: 'BertForMultipleChoice',
  ownModules: ['classifier'],
  architecture: bertArchitecture,
  reads: () => 'first',
  build: (config) => {
    // A score a row, from the pooled [CLS]: a sequence classifier with one output.
    const module = new BertSequenceClassifier(config, 1);
    return {
      module,
      trace: (batch, _, labelled) => {
        const logits = module(batch);
        return labelled ? { outputs: { logits }, loss: multipleChoiceLoss(logits) } : { outputs: { logits } };
      },
    };
  },
};

/** What a model of multiple choice answers. */
export interface MultipleChoiceModelOutput {
  /** `[samples, choices]` */
  readonly logits: Tensor<'float32'>;
}

/**
 * BERT that chooses among answers (Hugging Face's class of the same name). Each choice is a row, prompt and choice a pair;
 * the rows of a sample follow one another.
 *
 * @example
 * const prompt = 'France has a bread law.';
 * const { logits } = await model(tokenizer([prompt, prompt], ['It is about bread.', 'It is about cheese.']));
 * console.log(logits.argmax(-1).item());
 */
export class BertForMultipleChoice extends PreTrainedModel<BertConfig, MultipleChoiceModelOutput> {
  private constructor(parts: ModelParts<BertConfig>) {
    super(parts);
  }

  /** Loads a checkpoint: a directory, or a name in Hugging Face's cache. @throws ModelError where files are missing or do not fit. */
  static async fromPretrained(nameOrPath: string, options: PretrainedOptions = {}): Promise<BertForMultipleChoice> {
    const parts = await loadModel(head, nameOrPath, options);
    warnOfOtherClassifier(parts);
    return new BertForMultipleChoice(parts);
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForMultipleChoice> {
    return new BertForMultipleChoice(await createModel(head, config, options));
  }

  /**
   * The logits of each sample's choices. Dropout is off.
   * @param inputs rows of one sample, or tensors `[samples, choices, length]`, as Python takes them.
   * @param options `numChoices` splits the rows into samples of that many.
   * @throws ArgumentError where the rows do not split into samples.
   */
  override async predict(
    inputs: ModelInputs,
    options: { readonly numChoices?: number | undefined } = {},
  ): Promise<MultipleChoiceModelOutput> {
    const { rows, choices } = choiceRows(inputs);
    const sequences = tokenSequences(rows);
    const numChoices = options.numChoices ?? choices ?? sequences.length;
    if (!(Number.isInteger(numChoices) && numChoices > 0 && sequences.length % numChoices === 0)) {
      throw new ArgumentError('ERR_CHOICES', {
        owner: head.className,
        what: `${sequences.length} rows do not split into samples of equally many choices`,
        got: numChoices,
      });
    }
    const packed = this.pack(sequences);
    const { logits } = await this.run({ packed, labels: {}, count: packed.sequences });
    return { logits: textRows(packed, logits).reshape([-1, numChoices]) };
  }

  /**
   * A batch with labels: the number of the right choice of each sample. Logits that come with the loss are `[rows, 1]`.
   * @throws ArgumentError that names the sample that has another number of choices than the first, or no such choice.
   */
  batch(
    samples: readonly (readonly TokenSequence[])[],
    labels: ArrayLike<number>,
    options: BatchOptions = {},
  ): ModelBatch {
    const choices = samples[0]?.length ?? 0;
    samples.forEach((sample, i) => {
      if (sample.length === choices) return;
      throw new ArgumentError('ERR_CHOICES', {
        owner: head.className,
        what: 'samples have different numbers of choices',
        row: i + 1,
        got: sample.length,
        expected: `${choices}, as the first`,
      });
    });
    checkClasses(head.className, labels, samples.length, choices);
    const packed = this.pack(samples.flat(), options);
    const feeds = choiceFeeds(samples.length, choices, packed.lengths['sequences']);
    const [laidOut] = feeds['row_of_choice'].dims;
    return { packed, labels: { ...classFeeds(labels, laidOut), ...feeds }, count: samples.length };
  }
}

/** Tensors `[samples, choices, length]` as rows, and how many choices they have. */
function choiceRows(inputs: ModelInputs): { rows: ModelInputs; choices?: number } {
  if (!('inputIds' in inputs) || inputs.inputIds.dims.length !== 3 || 'encodings' in inputs) return { rows: inputs };
  const [, choices, length] = inputs.inputIds.dims;
  const flat = (tensor: Tensor | undefined) => tensor?.reshape([-1, length]);
  return {
    rows: {
      inputIds: inputs.inputIds.reshape([-1, length]),
      attentionMask: flat(inputs.attentionMask),
      tokenTypeIds: flat(inputs.tokenTypeIds),
    },
    choices,
  };
}
