import { didYouMean, ModelError } from '../../core/errors.ts';
import { activations } from '../../graph/ops/activations.ts';
import type { Architecture, ModelConfig } from '../head.ts';

/** Which loss a sequence classifier has (Hugging Face's `problem_type`). */
export type ProblemType = 'single_label_classification' | 'multi_label_classification' | 'regression';

/** BERT's sizes and rates, as in Hugging Face's `BertConfig` and with its defaults (bert-base-uncased). */
export interface BertConfig extends ModelConfig {
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: string;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  /** Dropout before the classifier; `hiddenDropoutProb` where null. */
  readonly classifierDropout: number | null;
  readonly typeVocabSize: number;
  readonly initializerRange: number;
  readonly layerNormEps: number;
  /** Names of the labels, by their number. */
  readonly id2label: readonly string[];
  readonly problemType: ProblemType | null;
  /** Everything else that stood in config.json: kept, and written back. */
  readonly rest: Readonly<Record<string, unknown>>;
}

type NumberField = {
  [K in keyof BertConfig]: BertConfig[K] extends number ? K : never;
}[keyof BertConfig];

const numbers: Readonly<Record<NumberField, readonly [key: string, fallback: number]>> = {
  vocabSize: ['vocab_size', 30522],
  hiddenSize: ['hidden_size', 768],
  numHiddenLayers: ['num_hidden_layers', 12],
  numAttentionHeads: ['num_attention_heads', 12],
  intermediateSize: ['intermediate_size', 3072],
  hiddenDropoutProb: ['hidden_dropout_prob', 0.1],
  attentionProbsDropoutProb: ['attention_probs_dropout_prob', 0.1],
  maxPositionEmbeddings: ['max_position_embeddings', 512],
  typeVocabSize: ['type_vocab_size', 2],
  initializerRange: ['initializer_range', 0.02],
  layerNormEps: ['layer_norm_eps', 1e-12],
  padTokenId: ['pad_token_id', 0],
};

const otherKeys = [
  'hidden_act',
  'classifier_dropout',
  'id2label',
  'label2id',
  'num_labels',
  'problem_type',
  // What was loaded is float32 here, and is saved so.
  'dtype',
  'torch_dtype',
];

const problemTypes: readonly ProblemType[] = [
  'single_label_classification',
  'multi_label_classification',
  'regression',
];

/** A configuration from its parts; the rest has bert-base-uncased's values and two labels. */
export function bertConfig(parts: Partial<BertConfig> = {}): BertConfig {
  return { ...readBertConfig({}, 'BertConfig'), ...parts };
}

/**
 * Reads the content of a config.json.
 * @param file where it came from, for errors.
 * @throws ModelError for another architecture than BERT's, or sizes that make no model.
 */
export function readBertConfig(json: Readonly<Record<string, unknown>>, file: string): BertConfig {
  const refuse = (what: string, got: unknown, expected: string, hint?: string): never => {
    throw new ModelError('ERR_CONFIG', { owner: 'BertConfig', what, got, expected, hint, file });
  };
  if (json['model_type'] !== undefined && json['model_type'] !== 'bert') {
    refuse('model_type is not BERT', json['model_type'], "'bert'");
  }
  if ((json['position_embedding_type'] ?? 'absolute') !== 'absolute') {
    refuse('position_embedding_type is not supported', json['position_embedding_type'], "'absolute'");
  }
  if (json['is_decoder'] === true || json['add_cross_attention'] === true) {
    refuse('the model is a decoder', true, 'an encoder (is_decoder and add_cross_attention false)');
  }
  const fields = Object.fromEntries(
    Object.entries(numbers).map(([field, [key, fallback]]) => {
      const value = json[key] ?? fallback;
      if (typeof value !== 'number' || !(value >= 0)) refuse(`${key} is not a number`, value, 'a number of at least 0');
      return [field, value];
    }),
  ) as Record<NumberField, number>;
  const sizes: readonly NumberField[] = [
    'vocabSize',
    'hiddenSize',
    'numHiddenLayers',
    'numAttentionHeads',
    'intermediateSize',
    'maxPositionEmbeddings',
    'typeVocabSize',
  ];
  for (const field of sizes) {
    if (!Number.isInteger(fields[field]) || fields[field] < 1) {
      refuse(`${numbers[field][0]} is no size`, fields[field], 'a whole number of at least 1');
    }
  }
  if (fields.hiddenSize % fields.numAttentionHeads !== 0) {
    refuse(
      'hidden_size does not split into the heads',
      fields.hiddenSize,
      `a multiple of num_attention_heads (${fields.numAttentionHeads})`,
    );
  }
  const hiddenAct = String(json['hidden_act'] ?? 'gelu');
  if (!Object.hasOwn(activations, hiddenAct)) {
    const near = didYouMean(hiddenAct, Object.keys(activations));
    refuse('hidden_act is unknown', hiddenAct, Object.keys(activations).join(', '), near && `did you mean '${near}'?`);
  }
  const classifierDropout = json['classifier_dropout'] ?? null;
  if (classifierDropout !== null && typeof classifierDropout !== 'number') {
    refuse('classifier_dropout is not a number', classifierDropout, 'a number or null');
  }
  for (const [key, rate] of [
    ['hidden_dropout_prob', fields.hiddenDropoutProb],
    ['attention_probs_dropout_prob', fields.attentionProbsDropoutProb],
    ['classifier_dropout', classifierDropout ?? 0],
  ] as const) {
    if (!((rate as number) < 1)) refuse(`${key} leaves nothing`, rate, 'a number below 1');
  }
  const problemType = (json['problem_type'] ?? null) as ProblemType | null;
  if (problemType !== null && !problemTypes.includes(problemType)) {
    refuse('problem_type is unknown', problemType, problemTypes.join(', '));
  }
  const known = new Set([...Object.values(numbers).map(([key]) => key), ...otherKeys]);
  return {
    ...fields,
    hiddenAct,
    classifierDropout: classifierDropout as number | null,
    id2label: readLabels(json, refuse),
    problemType,
    rest: Object.fromEntries(Object.entries(json).filter(([key]) => !known.has(key))),
  };
}

function readLabels(
  json: Readonly<Record<string, unknown>>,
  refuse: (what: string, got: unknown, expected: string) => never,
): string[] {
  const id2label = json['id2label'];
  if (id2label === undefined || id2label === null) {
    const count = json['num_labels'] ?? 2;
    if (!Number.isInteger(count) || (count as number) < 1)
      refuse('num_labels is no number of labels', count, 'a whole number of at least 1');
    return defaultLabels(count as number);
  }
  const entries = Object.entries(id2label as Record<string, unknown>).map(
    ([id, label]) => [Number(id), String(label)] as const,
  );
  const labels: string[] = [];
  for (const [id, label] of entries.sort(([a], [b]) => a - b)) {
    if (id !== labels.length)
      refuse('id2label does not number the labels from 0 on', id2label, `an entry for ${labels.length}`);
    labels.push(label);
  }
  return labels;
}

/** Hugging Face's names for labels that have none: `LABEL_0`, `LABEL_1`, … */
export function defaultLabels(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
}

/** The content of a config.json that Python reads. */
export function writeBertConfig(config: BertConfig, className: string): Record<string, unknown> {
  const fields = Object.entries(numbers).map(([field, [key]]) => [key, config[field as NumberField]]);
  return {
    ...config.rest,
    architectures: [className],
    model_type: 'bert',
    dtype: 'float32',
    ...Object.fromEntries(fields),
    hidden_act: config.hiddenAct,
    classifier_dropout: config.classifierDropout,
    id2label: Object.fromEntries(config.id2label.map((label, id) => [id, label])),
    label2id: Object.fromEntries(config.id2label.map((label, id) => [label, id])),
    ...(config.problemType === null ? {} : { problem_type: config.problemType }),
  };
}

/** BERT's files. */
export const bertArchitecture: Architecture<BertConfig> = {
  basePrefix: 'bert',
  readConfig: readBertConfig,
  writeConfig: writeBertConfig,
};
