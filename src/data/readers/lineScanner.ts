import { DataError } from '../../core/errors.ts';

/** Takes one line's bytes (without its end), valid only during the call, and its number from 1. */
export type LineHandler = (bytes: Uint8Array, start: number, end: number, line: number) => void;

const lineFeed = 10;
const carriageReturn = 13;
const longestLine = 256 * 2 ** 20;

/**
 * Cuts bytes that come in pieces into lines, with any line end (`\n`, `\r\n`, `\r`). A last line without an end counts.
 * Throws `ERR_ROW_TOO_LARGE` for a line of more than 256 MiB.
 */
export class LineScanner {
  /** How many bytes the complete lines took, their ends included. */
  consumed = 0;
  /** The number of the next line. */
  nextLine: number;
  readonly #file: string;
  readonly #onLine: LineHandler;
  #waiting: Uint8Array[] = [];
  #waitingSize = 0;
  /** The last piece ended in `\r`: its line waits, since a `\n` at the next one's start belongs to it. */
  #afterReturn = false;

  /** @param file the name that messages show. */
  constructor(file: string, onLine: LineHandler, line = 1) {
    this.#file = file;
    this.#onLine = onLine;
    this.nextLine = line;
  }

  /** Takes the next bytes. `last` says that none will follow. */
  push(piece: Uint8Array, last: boolean): void {
    let start = 0;
    if (this.#afterReturn && (piece.length > 0 || last)) {
      this.#afterReturn = false;
      this.#line(piece, 0, 0);
      this.consumed++;
      if (piece[0] === lineFeed) {
        start = 1;
        this.consumed++;
      }
    }
    for (let at = start; at < piece.length; at++) {
      const byte = piece[at];
      if (byte !== lineFeed && byte !== carriageReturn) continue;
      if (byte === carriageReturn && at + 1 === piece.length && !last) {
        if (at > start) this.#wait(piece.slice(start, at));
        this.#afterReturn = true;
        return;
      }
      this.#line(piece, start, at);
      this.consumed++;
      if (byte === carriageReturn && piece[at + 1] === lineFeed) {
        at++;
        this.consumed++;
      }
      start = at + 1;
    }
    if (start < piece.length) this.#wait(piece.slice(start));
    if (last && this.#waitingSize > 0) this.#line(piece, piece.length, piece.length);
  }

  #wait(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingSize += bytes.length;
    if (this.#waitingSize <= longestLine) return;
    throw new DataError('ERR_ROW_TOO_LARGE', {
      owner: 'loadDataset',
      what: 'a line is longer than 256 MiB',
      file: this.#file,
      row: this.nextLine,
      hint: 'write one row a line',
    });
  }

  #line(piece: Uint8Array, start: number, end: number): void {
    const line = this.nextLine++;
    this.consumed += this.#waitingSize + end - start;
    if (this.#waitingSize === 0) {
      this.#onLine(piece, start, end, line);
      return;
    }
    const joined = new Uint8Array(this.#waitingSize + end - start);
    let at = 0;
    for (const part of this.#waiting) {
      joined.set(part, at);
      at += part.length;
    }
    joined.set(piece.subarray(start, end), at);
    this.#waiting = [];
    this.#waitingSize = 0;
    this.#onLine(joined, 0, joined.length, line);
  }
}
