import { ArgumentError } from '../core/errors.ts';
import { Tensor } from '../core/tensor.ts';
import type { TokenPlaces } from './pipeline.ts';

/** Start and end (exclusive) of a token in its text. */
export type Offset = readonly [start: number, end: number];

/** What an encoding was made from; computes places only when they are asked for. */
export interface EncodingSource {
  readonly texts: readonly (string | readonly string[])[];
  places(sequence: number): TokenPlaces;
  tokenOf(id: number): string;
}

/** Which tokens of the source stand in an encoding, and what stands around them. */
export interface EncodingLayout {
  /** Of each sequence, the range of its tokens. */
  readonly ranges: readonly Offset[];
  /** Whether [CLS] and [SEP] stand around the sequences. */
  readonly specialTokens: boolean;
  readonly padLeft: number;
  readonly padRight: number;
}

const noOffset: Offset = [0, 0];

/**
 * One row for a model: the tokens of a text or pair, or of one window of it. `ids` are there at once, everything else
 * is computed when it is first read. All arrays have one element a token.
 */
export class Encoding {
  readonly ids: Int32Array;
  readonly #source: EncodingSource;
  readonly #layout: EncodingLayout;
  #positions: { sequence: Int8Array; token: Int32Array } | undefined;
  #offsets: Offset[] | undefined;
  #codePointOffsets: Offset[] | undefined;

  /** @internal */
  constructor(ids: Int32Array, source: EncodingSource, layout: EncodingLayout) {
    this.ids = ids;
    this.#source = source;
    this.#layout = layout;
  }

  /** Number of tokens, special tokens and padding among them. */
  get length(): number {
    return this.ids.length;
  }

  /** 0 for the first text and what stands around it, 1 for the second and the [SEP] behind it. */
  get typeIds(): Uint8Array {
    const { ranges, specialTokens, padLeft, padRight } = this.#layout;
    const typeIds = new Uint8Array(this.length);
    if (ranges.length === 2) {
      typeIds.fill(1, padLeft + ranges[0][1] - ranges[0][0] + (specialTokens ? 2 : 0), this.length - padRight);
    }
    return typeIds;
  }

  /** 1 for tokens, 0 for padding. */
  get attentionMask(): Uint8Array {
    return new Uint8Array(this.length).fill(1, this.#layout.padLeft, this.length - this.#layout.padRight);
  }

  /** 1 for the special tokens that were put around the texts and for padding; special tokens found in a text have 0. */
  get specialTokensMask(): Uint8Array {
    return Uint8Array.from(this.#position().sequence, (sequence) => (sequence < 0 ? 1 : 0));
  }

  /**
   * Where each token stands in its text, in UTF-16 units: `text.slice(start, end)` is the token's text. In the given
   * word where words were given. [0, 0] for special tokens and padding.
   */
  get offsets(): readonly Offset[] {
    this.#offsets ??= this.#perToken(noOffset, (places, token) => [places.starts[token], places.ends[token]] as const);
    return this.#offsets;
  }

  /** {@link offsets} counted in code points, as Python does: `[...text].slice(start, end)`. */
  get codePointOffsets(): readonly Offset[] {
    if (this.#codePointOffsets === undefined) {
      const counters = this.#source.texts.map((text) =>
        typeof text === 'string' ? [codePointCounter(text)] : text.map(codePointCounter),
      );
      this.#codePointOffsets = this.#perToken(noOffset, (places, token, sequence) => {
        const given = typeof this.#source.texts[sequence] === 'string' ? 0 : places.words[token];
        const count = counters[sequence][given];
        return [count(places.starts[token]), count(places.ends[token])] as const;
      });
    }
    return this.#codePointOffsets;
  }

  /** The number of the word in its text, or of the given word; null for special tokens and padding. */
  get wordIds(): (number | null)[] {
    return this.#perToken<number | null>(null, (places, token) => places.words[token]);
  }

  /** 0 for the first text, 1 for the second, null for special tokens and padding. */
  get sequenceIds(): (number | null)[] {
    return Array.from(this.#position().sequence, (sequence) => (sequence < 0 ? null : sequence));
  }

  /** The tokens as strings; an added token is given as it was matched. */
  tokens(): string[] {
    const { sequence, token } = this.#position();
    return Array.from(this.ids, (id, i) => {
      const matched = sequence[i] < 0 ? undefined : this.#source.places(sequence[i]).strings.get(token[i]);
      return matched ?? this.#source.tokenOf(id);
    });
  }

  /** The token that covers a UTF-16 unit of a text (0: the first, 1: the second), or undefined where none does. */
  charToToken(unit: number, sequence = 0): number | undefined {
    const { sequence: sequences } = this.#position();
    const index = this.offsets.findIndex(([start, end], i) => sequences[i] === sequence && start <= unit && unit < end);
    return index < 0 ? undefined : index;
  }

  /** @internal The same tokens, padded on one side to `length`; itself where it is that long. */
  pad(length: number, side: 'left' | 'right', padTokenId: number): Encoding {
    const missing = length - this.length;
    if (missing <= 0) return this;
    const ids = new Int32Array(length).fill(padTokenId);
    ids.set(this.ids, side === 'left' ? missing : 0);
    const { padLeft, padRight } = this.#layout;
    return new Encoding(ids, this.#source, {
      ...this.#layout,
      padLeft: padLeft + (side === 'left' ? missing : 0),
      padRight: padRight + (side === 'right' ? missing : 0),
    });
  }

  #perToken<T>(none: T, read: (places: TokenPlaces, token: number, sequence: number) => T): T[] {
    const { sequence, token } = this.#position();
    const places = this.#source.texts.map((_, i) => this.#source.places(i));
    return Array.from(sequence, (each, i) => (each < 0 ? none : read(places[each], token[i], each)));
  }

  /** For each position its sequence (−1: none) and the token's index in that sequence. */
  #position(): { sequence: Int8Array; token: Int32Array } {
    if (this.#positions === undefined) {
      const { ranges, specialTokens, padLeft } = this.#layout;
      const sequence = new Int8Array(this.length).fill(-1);
      const token = new Int32Array(this.length);
      let at = padLeft + (specialTokens ? 1 : 0);
      ranges.forEach(([start, end], index) => {
        for (let i = start; i < end; i++) {
          sequence[at] = index;
          token[at++] = i;
        }
        if (specialTokens) at++;
      });
      this.#positions = { sequence, token };
    }
    return this.#positions;
  }
}

/** A function from UTF-16 units to code points of a text. */
function codePointCounter(text: string): (unit: number) => number {
  let counts: Int32Array | undefined;
  return (unit) => {
    if (counts === undefined) {
      counts = new Int32Array(text.length + 1);
      for (let i = 0; i < text.length; i++) {
        const secondOfPair =
          i > 0 && (text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800;
        counts[i + 1] = counts[i] + (secondOfPair ? 0 : 1);
      }
    }
    return counts[unit];
  };
}

/** What a call of a tokenizer gives: rows for a model. A single text gives one row. */
export class BatchEncoding {
  /** One for each text or pair, or for each window where `returnOverflowingTokens` was asked. */
  readonly encodings: readonly Encoding[];
  /** For each row, the index of the text that it came from. */
  readonly overflowToSampleMapping: readonly number[];

  /** @internal */
  constructor(encodings: readonly Encoding[], overflowToSampleMapping: readonly number[]) {
    this.encodings = encodings;
    this.overflowToSampleMapping = overflowToSampleMapping;
  }

  /** Number of rows. */
  get length(): number {
    return this.encodings.length;
  }

  /** Token ids, [rows, length]. @throws ArgumentError where rows are not equally long. */
  get inputIds(): Tensor<'int64'> {
    return this.#tensor('inputIds', (encoding) => encoding.ids);
  }

  /** 1 for tokens, 0 for padding, [rows, length]. @throws ArgumentError where rows are not equally long. */
  get attentionMask(): Tensor<'int64'> {
    return this.#tensor('attentionMask', (encoding) => encoding.attentionMask);
  }

  /** 1 for the second text and its [SEP], [rows, length]. @throws ArgumentError where rows are not equally long. */
  get tokenTypeIds(): Tensor<'int64'> {
    return this.#tensor('tokenTypeIds', (encoding) => encoding.typeIds);
  }

  /** The tokens of a row as strings. */
  tokens(row = 0): string[] {
    return this.encodings[row].tokens();
  }

  /** The word numbers of a row. */
  wordIds(row = 0): (number | null)[] {
    return this.encodings[row].wordIds;
  }

  /** The text numbers of a row. */
  sequenceIds(row = 0): (number | null)[] {
    return this.encodings[row].sequenceIds;
  }

  #tensor(name: string, read: (encoding: Encoding) => Int32Array | Uint8Array): Tensor<'int64'> {
    const rows = this.encodings.length;
    const length = rows === 0 ? 0 : this.encodings[0].length;
    const data = new BigInt64Array(rows * length);
    this.encodings.forEach((encoding, row) => {
      if (encoding.length !== length) {
        throw new ArgumentError('ERR_TOKENIZER_RAGGED', {
          owner: `BatchEncoding.${name}`,
          what: 'rows of different lengths make no tensor',
          got: `${length} tokens in row 0 and ${encoding.length} in row ${row}`,
          hint: 'pass padding: true to the tokenizer, or read encodings',
        });
      }
      const values = read(encoding);
      for (let i = 0; i < length; i++) data[row * length + i] = BigInt(values[i]);
    });
    return new Tensor('int64', data, [rows, length]);
  }
}
