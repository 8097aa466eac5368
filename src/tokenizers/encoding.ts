import { ArgumentError } from '../core/errors.ts';
import { Tensor } from '../core/tensor.ts';
import type { TokenPlaces } from './pipeline.ts';
import type { Rows } from './rows.ts';

/** Start and end (exclusive) of a token in its text. */
export type Offset = readonly [start: number, end: number];

/** A text, or the words of one. */
export type Text = string | readonly string[];

/** What a row was made from; computes places only when they are asked for. */
export interface EncodingSource {
  /** One, or the two of a pair. */
  readonly texts: readonly Text[];
  places(sequence: number): TokenPlaces;
  tokenOf(id: number): string;
}

const noOffset: Offset = [0, 0];

/**
 * One row for a model: the tokens of a text or pair, or of one window of it. What is no id is computed when it is read.
 * All arrays have one element a token.
 */
export class Encoding {
  readonly #rows: Rows;
  readonly #row: number;
  readonly #sourceOf: (sample: number) => EncodingSource;
  #ids: Int32Array | undefined;
  #positions: { sequence: Int8Array; token: Int32Array } | undefined;
  #offsets: Offset[] | undefined;
  #codePointOffsets: Offset[] | undefined;

  /** @internal */
  constructor(rows: Rows, row: number, sourceOf: (sample: number) => EncodingSource) {
    this.#rows = rows;
    this.#row = row;
    this.#sourceOf = sourceOf;
  }

  get #source(): EncodingSource {
    return this.#sourceOf(this.#rows.sample(this.#row));
  }

  /** Number of tokens, special tokens and padding among them. */
  get length(): number {
    return this.#rows.idEnd(this.#row) - this.#rows.idStart(this.#row);
  }

  /** Token ids. */
  get ids(): Int32Array {
    this.#ids ??= this.#rows.ids.subarray(this.#rows.idStart(this.#row), this.#rows.idEnd(this.#row));
    return this.#ids;
  }

  /** 0 for the first text and what stands around it, 1 for the second and the [SEP] behind it. */
  get typeIds(): Uint8Array {
    const { firstStart, firstEnd, padLeft, padRight } = this.#rows.layout(this.#row);
    const typeIds = new Uint8Array(this.length);
    if (this.#rows.pairs) {
      const second = padLeft + firstEnd - firstStart + (this.#rows.specialTokens ? 2 : 0);
      typeIds.fill(1, second, this.length - padRight);
    }
    return typeIds;
  }

  /** 1 for tokens, 0 for padding. */
  get attentionMask(): Uint8Array {
    const { padLeft, padRight } = this.#rows.layout(this.#row);
    return new Uint8Array(this.length).fill(1, padLeft, this.length - padRight);
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
    if (this.#offsets === undefined) {
      const pairs = this.offsetPairs;
      this.#offsets = [];
      for (let i = 0; i < pairs.length; i += 2) this.#offsets.push([pairs[i], pairs[i + 1]]);
    }
    return this.#offsets;
  }

  /**
   * {@link offsets} as numbers side by side, start and end of one token behind those of the other: two a token, made without
   * an object for each.
   */
  get offsetPairs(): Uint32Array {
    const { firstStart, firstEnd, secondStart, secondEnd } = this.#rows.layout(this.#row);
    const pairs = new Uint32Array(2 * this.length);
    const ranges = [
      [firstStart, firstEnd],
      [secondStart, secondEnd],
    ];
    ranges.forEach(([from, to], sequence) => {
      if (from === to) return;
      const { starts, ends } = this.#source.places(sequence);
      let at = 2 * this.tokenRange(sequence)[0];
      for (let token = from; token < to; token++) {
        pairs[at++] = starts[token];
        pairs[at++] = ends[token];
      }
    });
    return pairs;
  }

  /** Where the tokens of a text (0: the first, 1: the second) stand in the row, without special tokens: from the first number up to the second. */
  tokenRange(sequence = 0): readonly [start: number, end: number] {
    const { firstStart, firstEnd, secondStart, secondEnd, padLeft } = this.#rows.layout(this.#row);
    const special = this.#rows.specialTokens ? 1 : 0;
    const first = padLeft + special;
    if (sequence === 0) return [first, first + firstEnd - firstStart];
    const second = first + firstEnd - firstStart + special;
    return [second, second + secondEnd - secondStart];
  }

  /** The number of the row's first token of a text among all tokens of that text: more than 0 in windows behind the first. */
  firstToken(sequence = 0): number {
    const { firstStart, secondStart } = this.#rows.layout(this.#row);
    return sequence === 0 ? firstStart : secondStart;
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

  #perToken<T>(none: T, read: (places: TokenPlaces, token: number, sequence: number) => T): T[] {
    const { sequence, token } = this.#position();
    const places = this.#source.texts.map((_, i) => this.#source.places(i));
    const result: T[] = [];
    for (let i = 0; i < sequence.length; i++) {
      result.push(sequence[i] < 0 ? none : read(places[sequence[i]], token[i], sequence[i]));
    }
    return result;
  }

  /** For each position its sequence (−1: none) and the token's index in that sequence. */
  #position(): { sequence: Int8Array; token: Int32Array } {
    if (this.#positions === undefined) {
      const { firstStart, firstEnd, secondStart, secondEnd, padLeft } = this.#rows.layout(this.#row);
      const sequence = new Int8Array(this.length).fill(-1);
      const token = new Int32Array(this.length);
      let at = padLeft + (this.#rows.specialTokens ? 1 : 0);
      for (let i = firstStart; i < firstEnd; i++) {
        sequence[at] = 0;
        token[at++] = i;
      }
      if (this.#rows.specialTokens) at++;
      for (let i = secondStart; i < secondEnd; i++) {
        sequence[at] = 1;
        token[at++] = i;
      }
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
  /** @internal The rows as they lie in memory, for what packs them. */
  readonly rows: Rows;
  readonly #makeSource: (sample: number) => EncodingSource;
  /** Of the samples whose places were asked for; the windows of a text share theirs. */
  readonly #sources = new Map<number, EncodingSource>();
  #encodings: Encoding[] | undefined;

  /** @internal */
  constructor(rows: Rows, makeSource: (sample: number) => EncodingSource) {
    this.rows = rows;
    this.#makeSource = makeSource;
  }

  /** Number of rows. */
  get length(): number {
    return this.rows.count;
  }

  /** The rows: one for each text or pair, or for each window where `returnOverflowingTokens` was asked. */
  get encodings(): readonly Encoding[] {
    if (this.#encodings === undefined) {
      const sourceOf = (sample: number): EncodingSource => {
        const source = this.#sources.get(sample) ?? this.#makeSource(sample);
        this.#sources.set(sample, source);
        return source;
      };
      const encodings: Encoding[] = [];
      for (let row = 0; row < this.rows.count; row++) encodings.push(new Encoding(this.rows, row, sourceOf));
      this.#encodings = encodings;
    }
    return this.#encodings;
  }

  /** For each row, the index of the text that it came from. */
  get overflowToSampleMapping(): number[] {
    return Array.from({ length: this.rows.count }, (_, row) => this.rows.sample(row));
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
    const length = this.length === 0 ? 0 : this.encodings[0].length;
    const data = new BigInt64Array(this.length * length);
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
    return new Tensor('int64', data, [this.length, length]);
  }
}
