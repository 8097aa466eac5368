// Columns of a row, side by side in one array.
const ID_START = 0;
const ID_END = 1;
const SAMPLE = 2;
const FIRST_START = 3;
const FIRST_END = 4;
const SECOND_START = 5;
const SECOND_END = 6;
const PAD_LEFT = 7;
const PAD_RIGHT = 8;
const COLUMNS = 9;

/** What stands in a row. */
export interface RowLayout {
  /** The text or pair that the row came from. */
  readonly sample: number;
  /** The range of the first text's tokens that stand in the row. */
  readonly firstStart: number;
  readonly firstEnd: number;
  /** The same of the second text; empty where there is none. */
  readonly secondStart: number;
  readonly secondEnd: number;
  readonly padLeft: number;
  readonly padRight: number;
}

/**
 * The rows that a call of a tokenizer gives, in two arrays for all of them: thousands of short rows would otherwise be
 * tens of thousands of small objects, which take longer to collect than texts take to tokenize.
 */
export class Rows {
  /** The token ids of all rows, one row behind the other. */
  ids = new Int32Array(0);
  /** Whether [CLS] and [SEP] stand around the texts. */
  readonly specialTokens: boolean;
  /** Whether each row has a second text. */
  readonly pairs: boolean;
  #columns: Int32Array;
  #count = 0;

  /** @param samples How many texts or pairs there are: most give one row. */
  constructor(specialTokens: boolean, pairs: boolean, samples: number) {
    this.#columns = new Int32Array(COLUMNS * Math.max(1, samples));
    this.specialTokens = specialTokens;
    this.pairs = pairs;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds a row whose ids stand from `idStart` to `idEnd`, without padding. */
  add(
    idStart: number,
    idEnd: number,
    sample: number,
    firstStart: number,
    firstEnd: number,
    secondStart: number,
    secondEnd: number,
  ): void {
    const at = this.#count++ * COLUMNS;
    if (at === this.#columns.length) {
      const larger = new Int32Array(this.#columns.length * 2);
      larger.set(this.#columns);
      this.#columns = larger;
    }
    const columns = this.#columns;
    columns[at + ID_START] = idStart;
    columns[at + ID_END] = idEnd;
    columns[at + SAMPLE] = sample;
    columns[at + FIRST_START] = firstStart;
    columns[at + FIRST_END] = firstEnd;
    columns[at + SECOND_START] = secondStart;
    columns[at + SECOND_END] = secondEnd;
  }

  /** Where a row's ids begin in `ids`. */
  idStart(row: number): number {
    return this.#columns[row * COLUMNS + ID_START];
  }

  /** Where a row's ids end (exclusive) in `ids`. */
  idEnd(row: number): number {
    return this.#columns[row * COLUMNS + ID_END];
  }

  sample(row: number): number {
    return this.#columns[row * COLUMNS + SAMPLE];
  }

  /** The length of the longest among the samples' first rows, which others are padded to. */
  longest(): number {
    let longest = 0;
    for (let row = 0; row < this.#count; row++) {
      const isFirst = row === 0 || this.sample(row) !== this.sample(row - 1);
      if (isFirst) longest = Math.max(longest, this.idEnd(row) - this.idStart(row));
    }
    return longest;
  }

  layout(row: number): RowLayout {
    const at = row * COLUMNS;
    const columns = this.#columns;
    return {
      sample: columns[at + SAMPLE],
      firstStart: columns[at + FIRST_START],
      firstEnd: columns[at + FIRST_END],
      secondStart: columns[at + SECOND_START],
      secondEnd: columns[at + SECOND_END],
      padLeft: columns[at + PAD_LEFT],
      padRight: columns[at + PAD_RIGHT],
    };
  }

  /** Pads every row to `length` with `padTokenId` on one side; longer rows stay as they are. */
  pad(length: number, side: 'left' | 'right', padTokenId: number): void {
    let total = 0;
    for (let row = 0; row < this.#count; row++) total += Math.max(length, this.idEnd(row) - this.idStart(row));
    const ids = new Int32Array(total).fill(padTokenId);
    const columns = this.#columns;
    let at = 0;
    for (let row = 0; row < this.#count; row++) {
      const content = this.ids.subarray(this.idStart(row), this.idEnd(row));
      const missing = Math.max(0, length - content.length);
      ids.set(content, at + (side === 'left' ? missing : 0));
      columns[row * COLUMNS + (side === 'left' ? PAD_LEFT : PAD_RIGHT)] = missing;
      columns[row * COLUMNS + ID_START] = at;
      at += content.length + missing;
      columns[row * COLUMNS + ID_END] = at;
    }
    this.ids = ids;
  }
}
