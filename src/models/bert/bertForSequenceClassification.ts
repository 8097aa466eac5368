import type { Tensor } from '../../core/tensor.ts';
import type { Value } from '../../graph/value.ts';
import { Dropout, Linear } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { binaryCrossEntropyWithLogits, squaredError, weightedTotal } from '../../nn/losses.ts';
import { Module } from '../../nn/module.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { classificationLoss } from '../labels.ts';
import { createModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { textRows } from '../outputs.ts';
import { type BertConfig, bertArchitecture, type ProblemType } from './configuration.ts';
import { LabelledModel, type LabelNames, loadLabelled } from './labelledModel.ts';
import { Bert } from './model.ts';

/** BERT with a linear layer over the pooled `[CLS]`: classes, several labels at once, or numbers. */
export class BertSequenceClassifier extends Module<(batch: BatchLayout) => Value> {
  readonly bert: Bert;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(config: BertConfig, outputs: number = config.id2label.length) {
    super();
    this.bert = new Bert(config);
    this.classifier = new Linear(config.hiddenSize, outputs, config.initializerRange);
    this.dropout = new Dropout(config.classifierDropout ?? config.hiddenDropoutProb, this.classifier);
  }

  /** The logits, `[sequences, outputs]`. The batch's layout reads the first token of each sequence. */
  forward(batch: BatchLayout): Value {
    return this.classifier(this.dropout(this.bert.pooler!(this.bert(batch))));
  }
}

/**
 * The loss of a sequence classifier, Σ weight · loss over the sequences, times `loss_scale`. Adds the inputs `labels`
 * (int64 `[sequences]`, or float32 `[sequences, labels]` for several labels or numbers), `label_weights` `[sequences]`
 * (0 for filler) and `loss_scale` to the graph.
 */
export function sequenceClassificationLoss(logits: Value, problemType: ProblemType): Value {
  if (problemType === 'single_label_classification') return classificationLoss(logits);
  const { graph } = logits;
  const targets = graph.input('labels', 'float32', logits.shape);
  return weightedTotal(
    problemType === 'regression' ? squaredError(logits, targets) : binaryCrossEntropyWithLogits(logits, targets),
    graph.input('label_weights', 'float32', ['sequences']),
    graph.input('loss_scale', 'float32', []),
  );
}

/** Hugging Face's guess where `problem_type` is not given: one label is a regression, more are classes. */
export function problemTypeOf(config: BertConfig): ProblemType {
  return config.problemType ?? (config.id2label.length === 1 ? 'regression' : 'single_label_classification');
}

const head: Head<BertConfig> = {
  className: 'BertForSequenceClassification',
  ownModules: ['classifier'],
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

/** What a sequence classifier's labels are; one label makes it a regression. */
export interface LabelOptions extends LabelNames {
  readonly problemType?: ProblemType | undefined;
}

/** What a sequence classifier answers. */
export interface SequenceClassifierOutput {
  /** `[rows, labels]` */
  readonly logits: Tensor<'float32'>;
}

/**
 * BERT that puts whole texts, or pairs of texts, into classes (Hugging Face's class of the same name).
 *
 * @example
 * const model = await BertForSequenceClassification.fromPretrained('bert-base-uncased', { numLabels: 2 });
 * const { logits } = await model(tokenizer('This is an amazing experience!'));
 * console.log(logits.argmax(-1).item());
 */
export class BertForSequenceClassification extends LabelledModel<SequenceClassifierOutput> {
  private constructor(parts: ModelParts<BertConfig>, labelsOpen: boolean) {
    super(parts, labelsOpen);
  }

  /**
   * Loads a checkpoint: a directory, or a name in Hugging Face's cache.
   * @throws ModelError where files are missing or do not fit; everything is listed.
   */
  static async fromPretrained(
    nameOrPath: string,
    options: PretrainedOptions & LabelOptions = {},
  ): Promise<BertForSequenceClassification> {
    const { parts, labelsOpen } = await loadLabelled(head, nameOrPath, options, (config) => ({
      ...config,
      problemType: options.problemType ?? config.problemType,
    }));
    return new BertForSequenceClassification(parts, labelsOpen);
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForSequenceClassification> {
    return new BertForSequenceClassification(await createModel(head, config, options), false);
  }

  get problemType(): ProblemType {
    return problemTypeOf(this.config);
  }

  /** The logits of each text. Rows may be of any lengths: only real tokens are computed. Dropout is off. */
  override async predict(inputs: ModelInputs): Promise<SequenceClassifierOutput> {
    const packed = this.pack(tokenSequences(inputs));
    const { logits } = await this.run({ packed, labels: {}, count: packed.sequences });
    return { logits: textRows(packed, logits) };
  }

  /**
   * Takes the labels' names from a data set. A head that is new, and whose size nobody gave, gets that size.
   * @throws ArgumentError where the head has another number of labels, or other names of its own.
   */
  override async useLabels(
    names: readonly string[],
    options: { readonly seed?: number | undefined; readonly problemType?: ProblemType | undefined } = {},
  ): Promise<void> {
    const problemType = options.problemType ?? this.config.problemType;
    await this.takeLabels({ ...this.config, id2label: names, problemType }, options.seed);
  }
}
