import type { Tensor } from '../../core/tensor.ts';
import { add } from '../../graph/ops/arithmetic.ts';
import { gatherRows } from '../../graph/ops/rows.ts';
import type { Parameter } from '../../graph/parameter.ts';
import type { Value } from '../../graph/value.ts';
import { Linear } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { crossEntropy, weightedTotal } from '../../nn/losses.ts';
import { Module } from '../../nn/module.ts';
import type { TokenSequence } from '../../nn/packing.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { type BatchOptions, checkClasses, classFeeds, classificationLoss, int64, labelledTokens } from '../labels.ts';
import { createModel, loadModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { textRows, tokenRows } from '../outputs.ts';
import { PreTrainedModel } from '../pretrained.ts';
import type { ModelBatch } from '../programs.ts';
import { type BertConfig, bertArchitecture } from './configuration.ts';
import { BertLanguageModelHead, tiedDecoder } from './languageModelHead.ts';
import { Bert } from './model.ts';

interface Scores {
  /** `[rows, vocabSize]` */
  readonly words: Value;
  /** `[sequences, 2]` */
  readonly relationship: Value;
}

/** The two heads under the names that they have in files: `cls.predictions` and `cls.seq_relationship`. */
class BertPreTrainingHeads extends Module<(hidden: Value, pooled: Value, embedding: Parameter) => Scores> {
  readonly predictions: BertLanguageModelHead;
  readonly seqRelationship: Linear;

  constructor(config: BertConfig) {
    super();
    this.predictions = new BertLanguageModelHead(config);
    this.seqRelationship = new Linear(config.hiddenSize, 2, config.initializerRange);
  }

  forward(hidden: Value, pooled: Value, embedding: Parameter): Scores {
    return { words: this.predictions(hidden, embedding), relationship: this.seqRelationship(pooled) };
  }
}

/** BERT with the two heads that it was pre-trained with (Devlin et al. 2018, section 3.1). */
export class BertPreTrainer extends Module<(batch: BatchLayout, firstReads: Value, wordReads?: Value) => Scores> {
  readonly bert: Bert;
  readonly cls: BertPreTrainingHeads;

  constructor(config: BertConfig) {
    super();
    this.bert = new Bert(config);
    this.cls = new BertPreTrainingHeads(config);
  }

  /**
   * @param firstReads which of the rows that are read is each sequence's first token, int64 `[sequences]`.
   * @param wordReads which of them the words are scored for; all of them where absent.
   */
  forward(batch: BatchLayout, firstReads: Value, wordReads?: Value): Scores {
    const hidden = this.bert(batch);
    const pooled = this.bert.pooler!(gatherRows(hidden, firstReads));
    const scored = wordReads === undefined ? hidden : gatherRows(hidden, wordReads);
    return this.cls(scored, pooled, this.bert.embeddings.wordEmbeddings.weight);
  }
}

/** The scores, and the sum of the two losses, of a batch of which first and labelled tokens are read. */
export function tracePreTraining(
  module: BertPreTrainer,
  batch: BatchLayout,
): { readonly scores: Scores; readonly loss: Value } {
  const { graph } = batch;
  const scores = module(
    batch,
    graph.input('first_reads', 'int64', ['sequences']),
    graph.input('word_reads', 'int64', ['words']),
  );
  const follows = crossEntropy(scores.relationship, graph.input('next_sentence_label', 'int64', ['sequences']));
  return {
    scores,
    loss: add(
      classificationLoss(scores.words),
      weightedTotal(
        follows,
        graph.input('next_sentence_weights', 'float32', ['sequences']),
        graph.input('loss_scale', 'float32', []),
      ),
    ),
  };
}

const head: Head<BertConfig> = {
  className: 'BertForPreTraining',
  architecture: bertArchitecture,
  // Trained on [CLS] and the masked positions alone; asked, it answers for all.
  reads: (labelled) => (labelled ? 'some' : 'all'),
  tied: tiedDecoder,
  build: (config) => {
    const module = new BertPreTrainer(config);
    return {
      module,
      trace: (batch, _, labelled) => {
        if (labelled) {
          const { scores, loss } = tracePreTraining(module, batch);
          return { outputs: { seq_relationship_logits: scores.relationship }, loss };
        }
        const { words, relationship } = module(batch, batch.firstTokens);
        return { outputs: { prediction_logits: words, seq_relationship_logits: relationship } };
      },
    };
  },
};

/** What BERT with its pre-training heads answers. */
export interface PreTrainingOutput {
  /** Text by text, the score of every word at each of its tokens, `[tokens of the text, vocabSize]`; padding is left out. */
  readonly predictionLogits: readonly Tensor<'float32'>[];
  /** `[rows, 2]`: the scores of "the second text follows the first" (0) and "it does not" (1). */
  readonly seqRelationshipLogits: Tensor<'float32'>;
}

/** What a pre-training batch is trained towards. */
export interface PreTrainingLabels {
  /** The id of the word that stood at each masked token, −100 for all other tokens, row by row. */
  readonly labels: readonly ArrayLike<number>[];
  /** 0 where the second text follows the first, 1 where it does not, a number a row. */
  readonly nextSentenceLabel: ArrayLike<number>;
}

/** How a pre-training batch is made. */
export interface PreTrainingBatchOptions extends BatchOptions {
  /**
   * Masked tokens a row in the whole batch of the optimizer step; this batch's own by default. The two losses are means
   * over different things, so a batch that comes in pieces needs it to count as the whole does.
   */
  readonly wordsPerSequence?: number | undefined;
}

/** BERT with both heads of its pre-training: masked words and next sentence (Hugging Face's class of the same name). */
export class BertForPreTraining extends PreTrainedModel<BertConfig, PreTrainingOutput> {
  private constructor(parts: ModelParts<BertConfig>) {
    super(parts);
  }

  /** Loads a checkpoint: a directory, or a name in Hugging Face's cache. @throws ModelError where files are missing or do not fit. */
  static async fromPretrained(nameOrPath: string, options: PretrainedOptions = {}): Promise<BertForPreTraining> {
    return new BertForPreTraining(await loadModel(head, nameOrPath, options));
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForPreTraining> {
    return new BertForPreTraining(await createModel(head, config, options));
  }

  /** The logits of every word at every token, and of each pair. Dropout is off. */
  override async predict(inputs: ModelInputs): Promise<PreTrainingOutput> {
    const packed = this.pack(tokenSequences(inputs), { reads: 'all' });
    const outputs = await this.run({ packed, labels: {}, count: packed.tokens });
    return {
      predictionLogits: tokenRows(packed, outputs['prediction_logits']),
      seqRelationshipLogits: textRows(packed, outputs['seq_relationship_logits']),
    };
  }

  /**
   * A batch with labels. Its loss is the sum of two means, over the masked tokens and over the rows; it counts masked tokens.
   * @throws ArgumentError that names the row whose labels do not fit.
   */
  batch(
    sequences: readonly TokenSequence[],
    { labels, nextSentenceLabel }: PreTrainingLabels,
    options: PreTrainingBatchOptions = {},
  ): ModelBatch {
    checkClasses(head.className, nextSentenceLabel, sequences.length, 2);
    const { positions, labels: words } = labelledTokens(head.className, sequences, labels, this.config.vocabSize);
    const { wordsPerSequence = words.length / sequences.length, ...layout } = options;
    const readPositions = positions.map((own) => (own[0] === 0 ? own : [0, ...own]));
    const packed = this.pack(sequences, { ...layout, readPositions });
    const firstReads: number[] = [];
    const wordReads: number[] = [];
    let read = 0;
    readPositions.forEach((own, row) => {
      firstReads.push(read);
      for (let i = own.length - positions[row].length; i < own.length; i++) wordReads.push(read + i);
      read += own.length;
    });
    const rows = packed.lengths['sequences'];
    const multiple = options.roundTokens ?? 1;
    const wordRows = Math.ceil(Math.max(1, words.length) / multiple) * multiple;
    const weights = new Float32Array(rows).fill(wordsPerSequence, 0, sequences.length);
    return {
      packed,
      // Filler reads row 0, which is there, with the weight 0.
      labels: {
        ...classFeeds(words, wordRows),
        word_reads: int64(wordReads, wordRows),
        first_reads: int64(firstReads, rows),
        next_sentence_label: int64(nextSentenceLabel, rows),
        next_sentence_weights: { type: 'float32', dims: [rows], data: weights },
      },
      count: words.length,
    };
  }
}
