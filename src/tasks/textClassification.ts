import { DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { Tensor } from '../core/tensor.ts';
import type { Dataset } from '../data/index.ts';
import type { EngineTensor } from '../engine/engine.ts';
import { accuracy, f1, glueMetrics, type Metric, meanSquaredError, pearson } from '../metrics/index.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { classFeeds, rowWeights } from '../models/labels.ts';
import type { ModelBatch } from '../models/programs.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import type { BatchPlace, Evaluator, PrepareOptions, Task, TaskOptions } from './task.ts';
import { findTextColumns, type TextColumns } from './textColumns.ts';
import { type Labels, labelsOf, labelsOfData } from './textLabels.ts';
import { longestRow } from './tokenLimits.ts';

/** One text, or pair of texts, ready for the model. */
export interface TextFeature extends TokenSequence {
  /** A class's number, or numbers; undefined where the row has none. */
  readonly label: number | readonly number[] | undefined;
}

/** Rows that are tokenized between two looks at the event loop. */
const rowsAtOnce = 512;

/** Texts, or pairs of texts, into classes, several labels, or numbers. */
export class TextClassification implements Task<TextFeature> {
  readonly name = 'text-classification';
  /** The longest row in tokens. */
  readonly maxLength: number;
  readonly #model: BertForSequenceClassification;
  readonly #tokenizer: BertTokenizer;
  readonly #options: TaskOptions;
  #found: { signature: string; columns: TextColumns } | undefined;
  #metrics: readonly Metric[] | undefined;

  /**
   * @throws ModelError where the tokenizer has more tokens than the model's embedding.
   * @throws ArgumentError where `maxLength` is more than the model can take.
   */
  constructor(model: BertForSequenceClassification, tokenizer: BertTokenizer, options: TaskOptions = {}) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#options = options;
    this.maxLength = longestRow(this.name, model.config, tokenizer, options.maxLength);
  }

  async adapt(dataset: Dataset): Promise<void> {
    const { label } = this.#columns(dataset);
    this.#metrics = dataset.info.name === 'glue' ? glueMetrics[dataset.info.config ?? ''] : this.#metrics;
    const labels = label === undefined ? undefined : labelsOfData(dataset, label, this.#model);
    if (labels === undefined) return;
    const before = this.#model.config.id2label;
    await this.#model.useLabels(labels.names, { problemType: labels.problemType, seed: this.#options.seed });
    if (before.join('\n') !== labels.names.join('\n')) {
      log.info(
        `labels, from the data: ${labels.names.join(', ')}${labels.names.length === before.length ? '' : ' (a new head)'}`,
      );
    }
  }

  async prepare(dataset: Dataset, { labels }: PrepareOptions): Promise<TextFeature[]> {
    const columns = this.#columns(dataset);
    const read = labelsOf(dataset, columns.label, this.#model, labels);
    const features: TextFeature[] = [];
    let cut = 0;
    for (let start = 0; start < dataset.length; start += rowsAtOnce) {
      const end = Math.min(start + rowsAtOnce, dataset.length);
      cut += this.#tokenize(dataset, columns, read, start, end, features);
      // Lets a progress bar, a signal or a page have their turn.
      await new Promise((resolve) => setTimeout(resolve));
    }
    if (cut > 0) log.warn(`${cut} of ${dataset.length} rows had more than ${this.maxLength} tokens and were cut`);
    return features;
  }

  #tokenize(
    dataset: Dataset,
    columns: TextColumns,
    labels: Labels,
    start: number,
    end: number,
    into: TextFeature[],
  ): number {
    const texts = textsOf(dataset, columns.text, start, end);
    const pairs = columns.textPair === undefined ? undefined : textsOf(dataset, columns.textPair, start, end);
    // One token more than may stay tells the rows that are too long.
    const encoded = this.#tokenizer(texts, pairs, { truncation: true, maxLength: this.maxLength + 1 }).encodings;
    let cut = 0;
    encoded.forEach((encoding, i) => {
      let row = encoding;
      if (row.ids.length > this.maxLength) {
        if (this.#options.truncation === false) throw this.#tooLong(start + i);
        [row] = this.#tokenizer(texts[i], pairs?.[i], { truncation: true, maxLength: this.maxLength }).encodings;
        cut++;
      }
      into.push({ ids: row.ids, typeIds: pairs === undefined ? undefined : row.typeIds, label: labels(start + i) });
    });
    return cut;
  }

  sequences(features: readonly TextFeature[]): readonly TextFeature[] {
    return features;
  }

  batch(features: readonly TextFeature[], place?: BatchPlace): ModelBatch {
    const packed = this.#model.pack(features, { firstSample: place?.firstSample ?? 0 });
    const { sequences } = packed.lengths;
    if (features.some(({ label }) => label === undefined)) return { packed, labels: {}, count: features.length };
    const { problemType, numLabels } = this.#model;
    const count = features.length;
    if (problemType === 'single_label_classification') {
      const classes = features.map(({ label }) => label as number);
      return { packed, labels: classFeeds(classes, sequences), count };
    }
    const data = new Float32Array(sequences * numLabels);
    features.forEach(({ label }, i) => {
      data.set(typeof label === 'number' ? [label] : (label as readonly number[]), i * numLabels);
    });
    const labels: EngineTensor = { type: 'float32', dims: [sequences, numLabels], data };
    return { packed, labels: { labels, label_weights: rowWeights(count, sequences) }, count };
  }

  evaluator(): Evaluator<TextFeature> {
    const { numLabels, problemType } = this.#model;
    const logits: number[] = [];
    const labels: (number | readonly number[] | undefined)[] = [];
    const metrics = this.#metrics ?? defaultMetrics(problemType, numLabels);
    return {
      add(outputs, features) {
        const data = outputs['logits'].data as Float32Array;
        for (let i = 0; i < features.length * numLabels; i++) logits.push(data[i]);
        for (const { label } of features) labels.push(label);
      },
      prediction: () => ({
        predictions: new Tensor('float32', Float32Array.from(logits), [labels.length, numLabels]),
        labelIds: labelTensor(labels, problemType === 'single_label_classification' ? undefined : numLabels),
      }),
      metrics: () => {
        if (labels.length === 0 || labels.some((label) => label === undefined)) return {};
        if (problemType === 'multi_label_classification')
          return multiLabelScores(logits, labels as readonly (readonly number[])[]);
        if (problemType === 'regression' && numLabels > 1)
          return { ...meanSquaredError.compute(logits, labels.flat() as number[]) };
        const answers =
          problemType === 'regression' ? logits : labels.map((_, row) => largest(logits, row * numLabels, numLabels));
        // More than two classes have no F1 of their own: their mean is taken.
        const average = numLabels > 2 ? { average: 'macro' } : undefined;
        return Object.assign(
          {},
          ...metrics.map((metric) => metric.compute(answers, labels as number[], metric === f1 ? average : undefined)),
        );
      },
    };
  }

  #columns(dataset: Dataset): TextColumns {
    const signature = Object.keys(dataset.features).join('\n');
    if (this.#found?.signature !== signature) {
      this.#found = { signature, columns: findTextColumns(dataset, this.#options.columns) };
    }
    return this.#found.columns;
  }

  #tooLong(index: number): DataError {
    return new DataError('ERR_TOO_LONG', {
      owner: this.name,
      what: `a text has more than ${this.maxLength} tokens`,
      row: index + 1,
      hint: 'allow truncation, or shorten the text',
    });
  }
}

function defaultMetrics(problemType: string, numLabels: number): readonly Metric[] {
  return problemType === 'regression' && numLabels === 1
    ? [meanSquaredError as Metric, pearson]
    : [accuracy, f1 as Metric];
}

/**
 * A row's label is said where its logit is positive. The accuracy is the share of rows whose labels are all right; F1 counts
 * the labels of all rows together (micro), as Hugging Face's run_classification.py does.
 */
function multiLabelScores(logits: readonly number[], truth: readonly (readonly number[])[]) {
  const said = truth.map((labels, row) => labels.map((_, k) => (logits[row * labels.length + k] > 0 ? 1 : 0)));
  return { ...accuracy.compute(said, truth), ...f1.compute(said, truth, { average: 'micro' }) };
}

function largest(values: readonly number[], start: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k++) if (values[start + k] > values[start + best]) best = k;
  return best;
}

/** @param width numbers a row; undefined for class numbers, where −1 stands for none. */
function labelTensor(labels: readonly (number | readonly number[] | undefined)[], width: number | undefined): Tensor {
  if (width === undefined) {
    return new Tensor(
      'int64',
      BigInt64Array.from(labels, (label) => BigInt((label as number | undefined) ?? -1)),
      [labels.length],
    );
  }
  const rows = labels.map((label) =>
    label === undefined ? new Array<number>(width).fill(Number.NaN) : typeof label === 'number' ? [label] : label,
  );
  return new Tensor('float32', Float32Array.from(rows.flat()), [labels.length, width]);
}

function textsOf(dataset: Dataset, column: string, start: number, end: number): string[] {
  const view = dataset.column(column);
  return Array.from({ length: end - start }, (_, i) => {
    const text = view.at(start + i);
    if (typeof text === 'string') return text;
    throw new DataError('ERR_MISSING_TEXT', {
      owner: 'text-classification',
      what: text === null ? 'a text is missing' : 'a text is no string',
      got: text === null ? undefined : text,
      row: start + i + 1,
      column,
      hint: 'remove the row, or fill it in',
    });
  });
}
