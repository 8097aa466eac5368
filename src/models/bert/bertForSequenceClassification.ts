import { ArgumentError } from '../../core/errors.ts';
import { Tensor } from '../../core/tensor.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { createModel, loadModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { PreTrainedModel } from '../pretrained.ts';
import { type BertConfig, bertArchitecture, defaultLabels, type ProblemType } from './configuration.ts';
import { BertSequenceClassifier, sequenceClassificationLoss } from './sequenceClassification.ts';

/** What a sequence classifier's labels are. */
export interface LabelOptions {
  /** How many; 1 makes it a regression. Default: as the checkpoint says, or the data. */
  readonly numLabels?: number | undefined;
  /** Their names, by number. */
  readonly id2label?: readonly string[] | Readonly<Record<number, string>> | undefined;
  readonly problemType?: ProblemType | undefined;
}

/** What a sequence classifier answers. */
export interface SequenceClassifierOutput {
  /** `[rows, labels]` */
  readonly logits: Tensor<'float32'>;
}

const head: Head<BertConfig> = {
  className: 'BertForSequenceClassification',
  architecture: bertArchitecture,
  reads: () => 'first',
  build: (config) => {
    const module = new BertSequenceClassifier(config);
    return {
      module,
      trace: (batch, config, labelled) => {
        const logits = module(batch);
        return labelled
          ? { outputs: { logits }, loss: sequenceClassificationLoss(logits, problemTypeOf(config)) }
          : { outputs: { logits } };
      },
    };
  },
};

/** Hugging Face's guess where `problem_type` is not given: one label is a regression, more are classes. */
export function problemTypeOf(config: BertConfig): ProblemType {
  return config.problemType ?? (config.id2label.length === 1 ? 'regression' : 'single_label_classification');
}

/**
 * BERT that puts whole texts, or pairs of texts, into classes (Hugging Face's class of the same name).
 *
 * @example
 * const model = await BertForSequenceClassification.fromPretrained('bert-base-uncased', { numLabels: 2 });
 * const { logits } = await model(tokenizer('This is an amazing experience!'));
 * console.log(logits.argmax(-1).item());
 */
export class BertForSequenceClassification extends PreTrainedModel<BertConfig, SequenceClassifierOutput> {
  #labelsOpen: boolean;

  private constructor(parts: ModelParts<BertConfig>, labelsOpen: boolean) {
    super(parts);
    this.#labelsOpen = labelsOpen;
  }

  /**
   * Loads a checkpoint: a directory, or a name in Hugging Face's cache.
   * @throws ModelError where files are missing or do not fit; everything is listed.
   */
  static async fromPretrained(
    nameOrPath: string,
    options: PretrainedOptions & LabelOptions = {},
  ): Promise<BertForSequenceClassification> {
    const labels = labelNames(options);
    const parts = await loadModel(head, nameOrPath, options, (config) => ({
      ...config,
      id2label:
        labels === undefined || (labels.length === config.id2label.length && options.id2label === undefined)
          ? config.id2label
          : labels,
      problemType: options.problemType ?? config.problemType,
    }));
    const headIsNew = parts.fresh.includes('classifier.weight');
    return new BertForSequenceClassification(parts, headIsNew && labels === undefined);
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForSequenceClassification> {
    return new BertForSequenceClassification(await createModel(head, config, options), false);
  }

  /** How many labels the head has. */
  get numLabels(): number {
    return this.config.id2label.length;
  }

  /** Whether the labels may still come from the data: the head is new, and nobody said how many there are. */
  get labelsOpen(): boolean {
    return this.#labelsOpen;
  }

  get problemType(): ProblemType {
    return problemTypeOf(this.config);
  }

  /** The logits of each text. Rows may be of any lengths: only real tokens are computed. Dropout is off. */
  override async predict(inputs: ModelInputs): Promise<SequenceClassifierOutput> {
    const packed = this.pack(tokenSequences(inputs));
    const { logits } = await this.run({ packed, labels: {}, count: packed.sequences });
    return { logits: new Tensor('float32', logits.data as Float32Array, logits.dims).slice(0, packed.sequences) };
  }

  /**
   * Takes the labels' names from a data set. A head that is new, and whose size nobody gave, gets that size.
   * @throws ArgumentError where the head has another number of labels, or other names of its own.
   */
  async useLabels(
    names: readonly string[],
    options: { readonly seed?: number | undefined; readonly problemType?: ProblemType | undefined } = {},
  ): Promise<void> {
    const { id2label } = this.config;
    const problemType = options.problemType ?? this.config.problemType;
    const config = { ...this.config, id2label: names, problemType };
    if (names.length !== id2label.length) {
      if (!this.#labelsOpen) {
        throw new ArgumentError('ERR_LABELS', {
          owner: 'BertForSequenceClassification',
          what: 'the data and the model disagree about the labels',
          got: `${names.length} labels in the data (${names.join(', ')})`,
          expected: `${id2label.length} (${id2label.join(', ')})`,
          hint: `load the model with numLabels: ${names.length}`,
        });
      }
      this.#labelsOpen = false;
      await this.reconfigure(config, options.seed ?? 42);
      return;
    }
    const unnamed = id2label.every((label, id) => label === `LABEL_${id}`);
    if (!unnamed && id2label.join('\n') !== names.join('\n')) {
      throw new ArgumentError('ERR_LABELS', {
        owner: 'BertForSequenceClassification',
        what: "the data's labels have other names than the model's",
        got: names.join(', '),
        expected: id2label.join(', '),
        hint: "rename the data's labels, or load the model with id2label",
      });
    }
    this.#labelsOpen = false;
    this.relabel(config);
  }
}

function labelNames({ numLabels, id2label }: LabelOptions): readonly string[] | undefined {
  const names =
    id2label === undefined ? undefined : Array.isArray(id2label) ? (id2label as string[]) : Object.values(id2label);
  if (numLabels !== undefined && (!Number.isInteger(numLabels) || numLabels < 1)) {
    throw new ArgumentError('ERR_NUM_LABELS', {
      owner: 'BertForSequenceClassification',
      what: 'numLabels is no number of labels',
      got: numLabels,
      expected: 'a whole number of at least 1',
    });
  }
  if (names !== undefined && numLabels !== undefined && names.length !== numLabels) {
    throw new ArgumentError('ERR_NUM_LABELS', {
      owner: 'BertForSequenceClassification',
      what: 'numLabels and id2label disagree',
      got: numLabels,
      expected: `${names.length}, as id2label has`,
    });
  }
  return names ?? (numLabels === undefined ? undefined : defaultLabels(numLabels));
}
