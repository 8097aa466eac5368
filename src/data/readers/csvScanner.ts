import { DataError } from '../../core/errors.ts';
import { GrowingArray } from '../growingArray.ts';

/** One row of cells, valid only while its handler runs. Cell `k` is bytes `starts[k]` to `ends[k]` of `cellBytes(k)`. */
export interface CsvRecord {
  /** How many cells the row has. */
  readonly count: number;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Where a cell's bytes stand: in the file, or aside where doubled quotes were undone. */
  cellBytes(k: number): Uint8Array;
  /** The line, from 1, on which the row begins. */
  readonly line: number;
}

/** How cells are told apart. */
export interface CsvScannerOptions {
  /** The name that messages show. */
  readonly file: string;
  /** One character. */
  readonly delimiter: string;
  /** One ASCII character, or null where a quote is a plain character. */
  readonly quote: string | null;
  /** The line on which the first byte stands. Default 1. */
  readonly line?: number | undefined;
}

const owner = 'loadDataset';
const lineFeed = 10;
const carriageReturn = 13;
/** One row may take as much: more is an unclosed quote, not data. */
const longestRecord = 256 * 2 ** 20;

/**
 * Cuts UTF-8 bytes into rows of cells by RFC 4180, with any line end (`\n`, `\r\n`, `\r`) and any delimiter. Bytes come in
 * pieces; a row that is not yet complete waits for the next one. Blank lines between rows are skipped and counted.
 *
 * Throws `ERR_UNCLOSED_QUOTE`, `ERR_QUOTE` (a quote inside a cell, text behind a closing quote) and `ERR_ROW_TOO_LARGE`
 * with file, line and the cell's number as column.
 */
export class CsvScanner implements CsvRecord {
  count = 0;
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  line: number;
  /** Blank lines skipped so far between rows. */
  blankLines = 0;
  /** How many bytes all complete rows and the line ends behind them took. */
  consumed = 0;

  readonly #file: string;
  readonly #delimiter: Uint8Array;
  readonly #quote: number;
  readonly #onRecord: (record: CsvRecord) => void;
  readonly #undoubled: boolean[] = [];
  readonly #aside = new GrowingArray((length) => new Uint8Array(length), 256);
  #asideBytes: Uint8Array;
  #bytes = new Uint8Array(0);
  #nextLine: number;
  #blanksWaiting = 0;
  /** Bytes of a row that is not complete yet, in `#waiting[0 … #waitingSize)`. */
  #waiting = new Uint8Array(0);
  #waitingSize = 0;
  /** No use in looking at the waiting bytes again before there are as many. */
  #scanAt = 0;

  constructor(options: CsvScannerOptions, onRecord: (record: CsvRecord) => void) {
    this.#file = options.file;
    this.#delimiter = new TextEncoder().encode(options.delimiter);
    this.#quote = options.quote === null ? -1 : options.quote.charCodeAt(0);
    this.#onRecord = onRecord;
    this.line = options.line ?? 1;
    this.#nextLine = this.line;
    this.#asideBytes = this.#aside.reserve(0);
  }

  cellBytes(k: number): Uint8Array {
    return this.#undoubled[k] ? this.#asideBytes : this.#bytes;
  }

  /** The line on which the next row, if there is one, begins or lies behind blank lines. */
  get nextLine(): number {
    return this.#nextLine;
  }

  /** Takes the next bytes. `last` says that none will follow: what waits is the last row. */
  push(piece: Uint8Array, last: boolean): void {
    if (this.#waitingSize === 0) {
      const done = this.#scan(piece, last);
      this.#wait(piece.subarray(done));
      return;
    }
    this.#wait(piece);
    if (this.#waitingSize < this.#scanAt && !last) return;
    const bytes = this.#waiting.subarray(0, this.#waitingSize);
    const done = this.#scan(bytes, last);
    this.#waiting.copyWithin(0, done, this.#waitingSize);
    this.#waitingSize -= done;
    // Each look begins at the row's start; twice the bytes each time keeps the sum of all looks linear.
    this.#scanAt = done > 0 ? 0 : this.#waitingSize * 2;
  }

  #wait(bytes: Uint8Array): void {
    const size = this.#waitingSize + bytes.length;
    if (size > longestRecord) {
      throw new DataError('ERR_ROW_TOO_LARGE', {
        owner,
        what: 'a row is longer than 256 MiB',
        file: this.#file,
        row: this.#nextLine,
        hint: 'look for a quote that is never closed, or give quote: null if quotes are plain characters here',
      });
    }
    if (size > this.#waiting.length) {
      const grown = new Uint8Array(Math.max(size, this.#waiting.length * 2));
      grown.set(this.#waiting.subarray(0, this.#waitingSize));
      this.#waiting = grown;
    }
    this.#waiting.set(bytes, this.#waitingSize);
    this.#waitingSize = size;
  }

  /** Hands out all complete rows; returns where the first incomplete one begins. */
  #scan(bytes: Uint8Array, last: boolean): number {
    const size = bytes.length;
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
    let at = 0;
    while (at < size) {
      const byte = bytes[at];
      if (byte !== lineFeed && byte !== carriageReturn) {
        const end = this.#record(bytes, at, last);
        if (end < 0) break;
        this.consumed += end - at;
        at = end;
        continue;
      }
      if (byte === carriageReturn && at + 1 === size && !last) break;
      const width = byte === carriageReturn && bytes[at + 1] === lineFeed ? 2 : 1;
      at += width;
      this.consumed += width;
      this.#nextLine++;
      this.#blanksWaiting++;
    }
    return at;
  }

  /** One row from `start` on. Returns where the next begins, or −1 where the bytes end too early. */
  #record(bytes: Uint8Array, start: number, last: boolean): number {
    const size = bytes.length;
    const quote = this.#quote;
    const delimiter = this.#delimiter[0];
    const width = this.#delimiter.length;
    const { starts, ends } = this;
    const undoubled = this.#undoubled;
    let line = this.#nextLine;
    let cells = 0;
    let at = start;
    this.#aside.length = 0;
    for (;;) {
      undoubled[cells] = false;
      if (at < size && bytes[at] === quote) {
        let doubled = false;
        let end = at + 1;
        for (;;) {
          let byte = -1;
          while (end < size) {
            byte = bytes[end];
            if (byte === quote) break;
            if (byte === lineFeed || (byte === carriageReturn && bytes[end + 1] !== lineFeed)) line++;
            end++;
          }
          if (end >= size) {
            if (!last) return -1;
            throw this.#quoteError('ERR_UNCLOSED_QUOTE', cells);
          }
          if (end + 1 === size && !last) return -1;
          if (bytes[end + 1] !== quote) break;
          doubled = true;
          end += 2;
        }
        if (doubled) this.#undouble(bytes, at + 1, end, cells);
        else {
          starts[cells] = at + 1;
          ends[cells] = end;
        }
        at = end + 1;
      } else {
        let end = at;
        while (end < size) {
          const byte = bytes[end];
          if (byte === lineFeed || byte === carriageReturn) break;
          if (byte === delimiter && (width === 1 || this.#isDelimiter(bytes, end))) break;
          if (byte === quote) throw this.#quoteError('ERR_QUOTE', cells);
          end++;
        }
        if (end >= size && !last) return -1;
        starts[cells] = at;
        ends[cells] = end;
        at = end;
      }
      cells++;
      if (at >= size) {
        if (!last) return -1;
        break;
      }
      const byte = bytes[at];
      if (byte === lineFeed) {
        at++;
        line++;
        break;
      }
      if (byte === carriageReturn) {
        if (at + 1 === size && !last) return -1;
        at += bytes[at + 1] === lineFeed ? 2 : 1;
        line++;
        break;
      }
      if (byte === delimiter && (width === 1 || this.#isDelimiter(bytes, at))) at += width;
      else throw this.#quoteError('ERR_QUOTE', cells - 1);
    }
    this.count = cells;
    this.line = this.#nextLine;
    this.#nextLine = line;
    this.blankLines += this.#blanksWaiting;
    this.#blanksWaiting = 0;
    this.#onRecord(this);
    return at;
  }

  #isDelimiter(bytes: Uint8Array, at: number): boolean {
    return this.#delimiter.every((byte, k) => bytes[at + k] === byte);
  }

  /** Copies a cell aside with each doubled quote as one. */
  #undouble(bytes: Uint8Array, from: number, to: number, cell: number): void {
    const target = this.#aside.reserve(to - from);
    let at = this.#aside.length;
    this.starts[cell] = at;
    for (let i = from; i < to; i++) {
      target[at++] = bytes[i];
      if (bytes[i] === this.#quote) i++;
    }
    this.ends[cell] = at;
    this.#aside.length = at;
    this.#asideBytes = target;
    this.#undoubled[cell] = true;
  }

  #quoteError(code: 'ERR_UNCLOSED_QUOTE' | 'ERR_QUOTE', cell: number): DataError {
    const unclosed = code === 'ERR_UNCLOSED_QUOTE';
    return new DataError(code, {
      owner,
      what: unclosed ? 'a quote that opens in this row is never closed' : 'a quote stands inside a cell',
      file: this.#file,
      row: this.#nextLine,
      column: String(cell + 1),
      hint: unclosed
        ? 'close it, or give quote: null if quotes are plain characters here'
        : 'put the cell in quotes and double those inside, or give quote: null if quotes are plain characters here',
    });
  }
}
