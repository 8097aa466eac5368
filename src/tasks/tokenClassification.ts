import { DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { Tensor } from '../core/tensor.ts';
import type { Dataset } from '../data/index.ts';
import { seqeval } from '../metrics/index.ts';
import type { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { ignoredLabel } from '../models/labels.ts';
import type { ModelBatch } from '../models/programs.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import type { BatchPlace, Evaluator, EvaluatorOptions, Metrics, PrepareOptions, Task, TaskOptions } from './task.ts';
import { findTokenColumns, type TokenColumns, taggedRows, tagsOfData } from './tokenColumns.ts';
import { longestRow } from './tokenLimits.ts';
import { cutWindows, insideLabels, pieceLabels, type Window, wholeWindow } from './wordPieces.ts';

/** A row of words, or one window of it, ready for the model. */
export interface TokenFeature extends TokenSequence, Window {
  readonly ids: Int32Array;
  /** A label a token, −100 where it has none; undefined where the row has no tags. */
  readonly labels: Int32Array | undefined;
  /** The row's number in its data, from 0. */
  readonly row: number;
}

/** What the model said of one word. */
interface Answer {
  readonly row: number;
  readonly word: number;
  /** The likeliest label. */
  readonly said: number;
  /** The scores of all labels; left out where only metrics are wanted. */
  readonly scores: Float32Array | undefined;
  /** −100 where it has none. */
  readonly label: number;
}

const owner = 'token-classification';

/** Rows that are tokenized between two looks at the event loop. */
const rowsAtOnce = 512;

/** Words into classes: names of people and places, parts of speech. */
export class TokenClassification implements Task<TokenFeature> {
  readonly name = owner;
  /** The longest row in tokens. */
  readonly maxLength: number;
  readonly #model: BertForTokenClassification;
  readonly #tokenizer: BertTokenizer;
  readonly #options: TaskOptions;
  #found: { readonly signature: string; readonly columns: TokenColumns } | undefined;

  /**
   * @throws ModelError where the tokenizer has more tokens than the model's embedding.
   * @throws ArgumentError where `maxLength` is more than the model can take.
   */
  constructor(model: BertForTokenClassification, tokenizer: BertTokenizer, options: TaskOptions = {}) {
    this.maxLength = longestRow(owner, model.config, tokenizer, options.maxLength);
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#options = options;
  }

  async adapt(dataset: Dataset): Promise<void> {
    const { tags } = this.#columns(dataset);
    const names = tags === undefined ? undefined : tagsOfData(dataset, tags, this.#model);
    if (names === undefined) return;
    const before = this.#model.config.id2label;
    await this.#model.useLabels(names, { seed: this.#options.seed });
    if (before.join('\n') === names.join('\n')) return;
    log.info(`labels, from the data: ${names.join(', ')}${names.length === before.length ? '' : ' (a new head)'}`);
  }

  async prepare(dataset: Dataset, { labels, before }: PrepareOptions): Promise<TokenFeature[]> {
    const read = taggedRows(dataset, this.#columns(dataset), this.#model.config.id2label, labels);
    const features: TokenFeature[] = [];
    const counts = { long: 0, leftOut: 0, wordless: 0 };
    for (let start = 0; start < dataset.length; start += rowsAtOnce) {
      const rows = Array.from({ length: Math.min(rowsAtOnce, dataset.length - start) }, (_, i) => read(start + i));
      const encoded = this.#tokenizer(
        rows.map(({ words }) => words),
        { isSplitIntoWords: true, maxLength: this.maxLength, truncation: false },
      ).encodings;
      rows.forEach(({ words, labels: own }, i) => {
        const whole = wholeWindow(encoded[i]);
        const windows = this.#fit(whole, start + i, words);
        if (windows.length > 1 || windows[0].ids.length < whole.ids.length) {
          counts.long++;
          counts.leftOut += whole.firsts.length - windows.reduce((sum, { firsts }) => sum + firsts.length, 0);
        }
        for (const window of windows) {
          const aligned = own === undefined ? undefined : pieceLabels(window, own, this.#inside());
          // A row without a labelled word teaches nothing and is judged by nothing.
          if (labels === 'required' && aligned?.every((label) => label === ignoredLabel)) counts.wordless++;
          else features.push({ ...window, labels: aligned, row: (before?.rows ?? 0) + start + i });
        }
      });
      // Lets a progress bar, a signal or a page have their turn.
      await new Promise((resolve) => setTimeout(resolve));
    }
    if (counts.long > 0) {
      const done = this.#options.windows
        ? 'were cut into windows'
        : `were cut, which leaves ${counts.leftOut} words out; the option windows keeps them`;
      log.warn(`${counts.long} of ${dataset.length} rows had more than ${this.maxLength} tokens and ${done}`);
    }
    if (counts.wordless > 0) log.info(`${counts.wordless} rows have no word with a label and were left out`);
    return features;
  }

  /** A row as it is, cut, or in windows. */
  #fit(whole: Window, index: number, words: readonly string[]): readonly Window[] {
    if (whole.ids.length <= this.maxLength) return [whole];
    if (this.#options.windows) return cutWindows(whole, this.maxLength, this.#tokenizer);
    if (this.#options.truncation === false) {
      throw new DataError('ERR_TOO_LONG', {
        owner,
        what: `a row has more than ${this.maxLength} tokens`,
        got: `${whole.ids.length} tokens`,
        row: index + 1,
        hint: 'allow truncation, use the option windows, or shorten the row',
      });
    }
    const how = { isSplitIntoWords: true, truncation: true, maxLength: this.maxLength };
    return [wholeWindow(this.#tokenizer(words, how).encodings[0])];
  }

  #inside(): ((label: number) => number) | undefined {
    return this.#options.labelAllTokens ? insideLabels(this.#model.config.id2label) : undefined;
  }

  sequences(features: readonly TokenFeature[]): readonly TokenFeature[] {
    return features;
  }

  batch(features: readonly TokenFeature[], place?: BatchPlace): ModelBatch {
    const options = { firstSample: place?.firstSample ?? 0 };
    const labels = features.map((feature) => feature.labels);
    if (labels.every((own) => own !== undefined)) {
      return this.#model.batch(features, labels, options);
    }
    const packed = this.#model.pack(features, { ...options, reads: 'all' });
    return { packed, labels: {}, count: packed.tokens };
  }

  evaluator({ keepAnswers = true }: EvaluatorOptions = {}): Evaluator<TokenFeature> {
    const answers: Answer[] = [];
    const width = this.#model.numLabels;
    const { id2label } = this.#model.config;
    let labelled = true;
    return {
      add: (outputs, features) => {
        const data = outputs['logits'].data as Float32Array;
        const onlyLabelled = outputs['loss'] !== undefined;
        if (!onlyLabelled) labelled = false;
        let at = 0;
        for (const { ids, words, firsts, labels, row } of features) {
          const first = new Set(firsts);
          for (let token = 0; token < ids.length; token++) {
            const label = labels?.[token] ?? ignoredLabel;
            if (onlyLabelled && label === ignoredLabel) continue;
            const scores = data.subarray(at * width, ++at * width);
            if (!first.has(token)) continue;
            const kept = keepAnswers ? scores.slice() : undefined;
            answers.push({ row, word: words[token], said: largest(scores), scores: kept, label });
          }
        }
      },
      prediction: () => ({
        predictions: scoresTensor(answers, width),
        labelIds: labelsTensor(answers),
      }),
      metrics: () => {
        const judged = answers.filter(({ label }) => label !== ignoredLabel);
        return labelled && judged.length > 0 ? scoresOf(judged, id2label, this.#options) : {};
      },
    };
  }

  #columns(dataset: Dataset): TokenColumns {
    const signature = Object.keys(dataset.features).join('\n');
    if (this.#found?.signature !== signature) {
      this.#found = { signature, columns: findTokenColumns(dataset, this.#options.columns) };
    }
    return this.#found.columns;
  }
}

/** Hugging Face's names (`run_ner`): scores of entities, and the share of words whose tag is right. */
function scoresOf(answers: readonly Answer[], id2label: readonly string[], options: TaskOptions): Metrics {
  const said: string[][] = [];
  const truth: string[][] = [];
  let row: number | undefined;
  for (const answer of inOrder(answers)) {
    if (answer.row !== row) {
      row = answer.row;
      said.push([]);
      truth.push([]);
    }
    said.at(-1)!.push(id2label[answer.said]);
    truth.at(-1)!.push(id2label[answer.label]);
  }
  if (!hasEntityTags(id2label)) {
    const right = answers.filter(({ said, label }) => said === label).length;
    return { accuracy: right / answers.length };
  }
  const scores = seqeval.compute(said, truth, { entityLevelMetrics: options.returnEntityLevelMetrics });
  return Object.fromEntries(Object.entries(scores).map(([name, value]) => [name.replace(/^overall_/, ''), value]));
}

/** Whether labels are tags of entities: `O`, `B-PER`, `I-PER`. Parts of speech are none. */
export function hasEntityTags(id2label: readonly string[]): boolean {
  return id2label.some((name) => /^[BI]-./.test(name));
}

/** Word by word as in the data: the windows of a row may give them in another order. */
function inOrder(answers: readonly Answer[]): readonly Answer[] {
  return [...answers].sort((a, b) => a.row - b.row || a.word - b.word);
}

/** `[rows, most words, labels]`; −100 where a row has no such word, as Hugging Face fills up. */
function scoresTensor(answers: readonly Answer[], width: number): Tensor<'float32'> {
  const { rows, words } = extent(answers);
  const data = new Float32Array(rows * words * width).fill(ignoredLabel);
  for (const { row, word, scores } of answers) data.set(scores!, (row * words + word) * width);
  return new Tensor('float32', data, [rows, words, width]);
}

/** `[rows, most words]`; −100 where a row has no such word, or the word no label. */
function labelsTensor(answers: readonly Answer[]): Tensor<'int64'> {
  const { rows, words } = extent(answers);
  const data = new BigInt64Array(rows * words).fill(BigInt(ignoredLabel));
  for (const { row, word, label } of answers) data[row * words + word] = BigInt(label);
  return new Tensor('int64', data, [rows, words]);
}

function extent(answers: readonly Answer[]): { rows: number; words: number } {
  let [rows, words] = [0, 0];
  for (const { row, word } of answers) {
    rows = Math.max(rows, row + 1);
    words = Math.max(words, word + 1);
  }
  return { rows, words };
}

function largest(values: Float32Array): number {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}
