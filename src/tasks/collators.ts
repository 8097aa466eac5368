import { Callable } from '../core/callable.ts';
import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { Tensor } from '../core/tensor.ts';
import { ignoredLabel } from '../models/labels.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';

/** One row of a batch: what `tokenizer(text)` gives for it, as numbers, and its label. */
export interface CollatedFeature {
  readonly inputIds: ArrayLike<number | bigint>;
  /** 1 for tokens throughout where absent. */
  readonly attentionMask?: ArrayLike<number | bigint> | undefined;
  /** 0 throughout where absent. */
  readonly tokenTypeIds?: ArrayLike<number | bigint> | undefined;
  /** A class, a number, or several; becomes `labels`. */
  readonly label?: number | ArrayLike<number> | undefined;
  /** The same under the name of the result. */
  readonly labels?: number | ArrayLike<number> | undefined;
}

/** A batch of rows of one length: what a model takes, and its labels. */
export interface CollatedBatch {
  /** int64 `[rows, length]` */
  readonly inputIds: Tensor<'int64'>;
  /** int64 `[rows, length]`: 1 for tokens, 0 for padding. */
  readonly attentionMask: Tensor<'int64'>;
  /** int64 `[rows, length]` */
  readonly tokenTypeIds: Tensor<'int64'>;
  /** int64 where all labels are whole numbers, else float32; there where rows have labels. */
  readonly labels?: Tensor<'int64'> | Tensor<'float32'>;
}

/** How rows are padded. */
export interface PaddingOptions {
  readonly tokenizer: BertTokenizer;
  /** To the longest row of the batch (`true`, 'longest'), or always to `maxLength`. Default true. */
  readonly padding?: boolean | 'longest' | 'max_length' | undefined;
  /** For 'max_length'. Default: the tokenizer's. */
  readonly maxLength?: number | undefined;
  /** Rounds the length up, so that shapes repeat. */
  readonly padToMultipleOf?: number | undefined;
}

const optionNames = ['tokenizer', 'padding', 'maxLength', 'padToMultipleOf'];

/** Makes rows of one length: what all collators share. */
export class Padding {
  readonly tokenizer: BertTokenizer;
  readonly #owner: string;
  readonly #options: PaddingOptions;

  constructor(owner: string, options: PaddingOptions, further: readonly string[] = []) {
    const known = [...optionNames, ...further];
    const unknown = Object.keys(options).find((name) => !known.includes(name));
    if (unknown !== undefined) {
      const near = didYouMean(unknown, known);
      throw new ArgumentError('ERR_UNKNOWN_OPTION', {
        owner,
        what: `there is no option '${unknown}'`,
        hint: near === undefined ? `the options are ${known.join(', ')}` : `did you mean '${near}'?`,
      });
    }
    if (options.tokenizer === undefined) {
      throw new ArgumentError('ERR_NO_TOKENIZER', { owner, what: 'there is no tokenizer', hint: 'pass tokenizer' });
    }
    for (const name of ['maxLength', 'padToMultipleOf'] as const) {
      const value = options[name];
      if (value === undefined || (Number.isInteger(value) && value >= 1)) continue;
      throw new ArgumentError('ERR_OPTION_VALUE', {
        owner,
        what: `'${name}' is no length`,
        got: value,
        expected: 'a whole number from 1',
      });
    }
    this.#owner = owner;
    this.#options = options;
    this.tokenizer = options.tokenizer;
  }

  /** The length of all rows. @throws ArgumentError for no rows, and where rows of different lengths are not to be padded. */
  lengthOf(features: readonly CollatedFeature[]): number {
    if (features.length === 0)
      throw new ArgumentError('ERR_EMPTY_BATCH', { owner: this.#owner, what: 'a batch needs rows' });
    const { padding = true, padToMultipleOf = 1 } = this.#options;
    const lengths = features.map(({ inputIds }) => inputIds.length);
    const longest = Math.max(...lengths);
    if (padding === false) {
      if (lengths.every((length) => length === longest)) return longest;
      throw new ArgumentError('ERR_TOKENIZER_RAGGED', {
        owner: this.#owner,
        what: 'rows of different lengths make no tensor',
        got: `${Math.min(...lengths)} to ${longest} tokens`,
        hint: 'leave padding on',
      });
    }
    const length = padding === 'max_length' ? this.#longest(longest) : longest;
    return Math.ceil(length / padToMultipleOf) * padToMultipleOf;
  }

  #longest(longest: number): number {
    const length = this.#options.maxLength ?? this.tokenizer.modelMaxLength;
    if (Number.isFinite(length) && longest <= length) return length;
    throw new ArgumentError('ERR_MAX_LENGTH', {
      owner: this.#owner,
      what: Number.isFinite(length) ? 'a row has more tokens than maxLength' : 'nobody says how long rows are to be',
      got: longest,
      expected: Number.isFinite(length) ? `at most ${length}` : undefined,
      hint: Number.isFinite(length) ? 'tokenize with truncation: true' : 'pass maxLength',
    });
  }

  /** Rows of one list each, as a tensor: `fallback` where a row has no list, `filler` at the padding. */
  pad(
    rows: readonly (ArrayLike<number | bigint> | undefined)[],
    lengths: readonly number[],
    length: number,
    { filler, fallback, name }: { readonly filler: number; readonly fallback: number; readonly name: string },
  ): Tensor<'int64'> {
    const data = new BigInt64Array(rows.length * length).fill(BigInt(filler));
    const left = this.tokenizer.paddingSide === 'left';
    rows.forEach((row, i) => {
      if (row !== undefined && row.length !== lengths[i]) {
        throw new DataError('ERR_FEATURE_LENGTHS', {
          owner: this.#owner,
          what: `row ${i} has not one of ${name} for each token`,
          got: row.length,
          expected: `${lengths[i]}`,
        });
      }
      const at = i * length + (left ? length - lengths[i] : 0);
      for (let k = 0; k < lengths[i]; k++) data[at + k] = BigInt(row === undefined ? fallback : row[k]);
    });
    return new Tensor('int64', data, [rows.length, length]);
  }

  /** What every model takes. */
  inputs(features: readonly CollatedFeature[], length: number) {
    const lengths = features.map(({ inputIds }) => inputIds.length);
    const { padTokenId } = this.tokenizer;
    const of = (
      read: (feature: CollatedFeature) => ArrayLike<number | bigint> | undefined,
      name: string,
      filler: number,
      fallback: number,
    ) => this.pad(features.map(read), lengths, length, { filler, fallback, name });
    return {
      inputIds: of(({ inputIds }) => inputIds, 'inputIds', padTokenId, padTokenId),
      attentionMask: of(({ attentionMask }) => attentionMask, 'attentionMask', 0, 1),
      tokenTypeIds: of(({ tokenTypeIds }) => tokenTypeIds, 'tokenTypeIds', 0, 0),
    };
  }
}

/**
 * Rows of tokens as one padded batch (Hugging Face's class of the same name), for those who write their own loop: an instance is
 * called like a function. The Trainer packs rows without padding and needs none of it; models take padding off again.
 *
 * @example
 * const collate = new DataCollatorWithPadding({ tokenizer, padToMultipleOf: 8 });
 * const { logits } = await model(collate([{ inputIds: [101, 7592, 102], label: 1 }, { inputIds: [101, 102], label: 0 }]));
 */
export class DataCollatorWithPadding extends Callable<(features: readonly CollatedFeature[]) => CollatedBatch> {
  readonly #padding: Padding;
  readonly #labelType: 'int64' | 'float32' | undefined;

  /**
   * @param options.labelType for scores, 'float32': a batch of them may hold whole numbers alone. Default: int64 where all labels of the
   * batch are whole numbers.
   * @throws ArgumentError for an unknown option or a length that is none.
   */
  constructor(options: PaddingOptions & { readonly labelType?: 'int64' | 'float32' | undefined }) {
    super('collate');
    this.#padding = new Padding('DataCollatorWithPadding', options, ['labelType']);
    this.#labelType = options.labelType;
  }

  /**
   * What an instance does when it is called.
   * @throws ArgumentError for a batch without rows; DataError where only some rows have labels, or lists are of different lengths.
   */
  collate(features: readonly CollatedFeature[]): CollatedBatch {
    const inputs = this.#padding.inputs(features, this.#padding.lengthOf(features));
    const labels = features.map(({ label, labels: named }) => named ?? label);
    if (labels.every((label) => label === undefined)) return inputs;
    return { ...inputs, labels: labelTensor(labels, this.#labelType) };
  }
}

/**
 * Rows of tokens with a label for each token as one padded batch (Hugging Face's class of the same name): labels are padded too, with
 * −100, which no loss counts.
 */
export class DataCollatorForTokenClassification extends Callable<
  (features: readonly CollatedFeature[]) => CollatedBatch
> {
  readonly #padding: Padding;
  readonly #labelPadTokenId: number;

  /** @param options.labelPadTokenId the label of padding. Default −100. */
  constructor(options: PaddingOptions & { readonly labelPadTokenId?: number | undefined }) {
    super('collate');
    this.#padding = new Padding('DataCollatorForTokenClassification', options, ['labelPadTokenId']);
    this.#labelPadTokenId = options.labelPadTokenId ?? ignoredLabel;
  }

  /** What an instance does when it is called. Throws as that of {@link DataCollatorWithPadding}. */
  collate(features: readonly CollatedFeature[]): CollatedBatch {
    const length = this.#padding.lengthOf(features);
    const inputs = this.#padding.inputs(features, length);
    const labels = features.map(({ label, labels: named }) => named ?? label);
    if (labels.every((label) => label === undefined)) return inputs;
    const missing = labels.findIndex((label) => label === undefined || typeof label === 'number');
    if (missing >= 0) {
      throw new DataError('ERR_LABEL', {
        owner: 'DataCollatorForTokenClassification',
        what: `row ${missing} has no list of labels`,
        got: labels[missing],
        expected: 'one for each token',
      });
    }
    const filler = this.#labelPadTokenId;
    const lengths = features.map(({ inputIds }) => inputIds.length);
    const lists = labels as readonly ArrayLike<number>[];
    return {
      ...inputs,
      labels: this.#padding.pad(lists, lengths, length, { filler, fallback: filler, name: 'labels' }),
    };
  }
}

/** Labels of rows; lists of one length as rows. */
function labelTensor(
  labels: readonly (number | ArrayLike<number> | undefined)[],
  type: 'int64' | 'float32' | undefined,
): Tensor<'int64'> | Tensor<'float32'> {
  const owner = 'DataCollatorWithPadding';
  const refuse = (row: number, what: string, hint: string): never => {
    throw new DataError('ERR_LABEL', { owner, what: `row ${row} ${what}`, hint });
  };
  const width = (label: number | ArrayLike<number> | undefined) =>
    typeof label === 'object' ? label.length : undefined;
  const values: number[] = [];
  labels.forEach((label, row) => {
    if (label === undefined) refuse(row, 'has no label, but others have', 'give all rows labels, or none');
    if (width(label) !== width(labels[0])) {
      refuse(row, 'has not as many labels as row 0', 'for a label a token use DataCollatorForTokenClassification');
    }
    values.push(...(typeof label === 'object' ? Array.from(label) : [label as number]));
  });
  const dims = width(labels[0]) === undefined ? [labels.length] : [labels.length, width(labels[0]) as number];
  return (type ?? (values.every(Number.isInteger) ? 'int64' : 'float32')) === 'int64'
    ? new Tensor('int64', BigInt64Array.from(values, BigInt), dims)
    : new Tensor('float32', Float32Array.from(values), dims);
}
