import type { Value } from '../../graph/value.ts';
import { Dropout, Linear } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { binaryCrossEntropyWithLogits, crossEntropy, squaredError, weightedTotal } from '../../nn/losses.ts';
import { Module } from '../../nn/module.ts';
import type { BertConfig, ProblemType } from './configuration.ts';
import { Bert } from './model.ts';

/** BERT with a linear layer over the pooled `[CLS]`: classes, several labels at once, or numbers. */
export class BertSequenceClassifier extends Module<(batch: BatchLayout) => Value> {
  readonly bert: Bert;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(config: BertConfig) {
    super();
    this.bert = new Bert(config);
    this.dropout = new Dropout(config.classifierDropout ?? config.hiddenDropoutProb);
    this.classifier = new Linear(config.hiddenSize, config.id2label.length, config.initializerRange);
  }

  /** The logits, `[sequences, labels]`. The batch's layout reads the first token of each sequence. */
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
  const { graph } = logits;
  const targets = () => graph.input('labels', 'float32', logits.shape);
  const losses =
    problemType === 'single_label_classification'
      ? crossEntropy(logits, graph.input('labels', 'int64', ['sequences']))
      : problemType === 'regression'
        ? squaredError(logits, targets())
        : binaryCrossEntropyWithLogits(logits, targets());
  return weightedTotal(
    losses,
    graph.input('label_weights', 'float32', ['sequences']),
    graph.input('loss_scale', 'float32', []),
  );
}
