import { DataError } from '../../core/errors.ts';
import { type BuilderContext, type ColumnBuilder, makeBuilder, StringBuilder } from '../columnBuilder.ts';
import { castCell } from '../columnOperations.ts';
import { BoolColumn, type ColumnStorage, NumberColumn } from '../columns.ts';
import { type Cell, describeFeature, type Feature } from '../features.ts';
import { GrowingArray } from '../growingArray.ts';

const decimal = /^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/;
const bool = /^(true|True|TRUE|false|False|FALSE)$/;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Whether a cell reads as a number by the rules of type inference (see `parseCsv`). */
export function isNumberText(cell: string): boolean {
  return decimal.test(cell);
}

/** The text of a cell's bytes. */
export function cellText(bytes: Uint8Array, start: number, end: number): string {
  return utf8.decode(bytes.subarray(start, end));
}

/** Powers of ten that float64 holds exactly. */
const tens = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);

/**
 * A cell's number by the rules of type inference, or NaN where it is none, or a whole number that would lose digits.
 * Up to 15 digits without an exponent are exact: both they and their power of ten are float64 numbers, whose quotient is
 * rounded once, as `Number` does.
 */
export function cellNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const negative = bytes[at] === 45;
  if (negative) at++;
  let value = 0;
  let digits = 0;
  let point = -1;
  const first = bytes[at];
  for (; at < end; at++) {
    const digit = bytes[at] - 48;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
    } else if (bytes[at] === 46 && point < 0) point = at;
    else break;
  }
  const whole = point < 0 ? digits : point - (negative ? start + 1 : start);
  if (digits === 0 || (whole > 1 && first === 48)) return Number.NaN;
  if (at === end && digits <= 15) {
    const exact = point < 0 ? value : value / tens[end - 1 - point];
    return negative ? -exact : exact;
  }
  if (end - start > 400) return Number.NaN;
  const text = cellText(bytes, start, end);
  if (!decimal.test(text)) return Number.NaN;
  const number = Number(text);
  return /^-?[0-9]+$/.test(text) && !Number.isSafeInteger(number) ? Number.NaN : number;
}

/** Whether a cell that is a number is written as a whole one. */
function isWhole(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = bytes[start] === 45 ? start + 1 : start; at < end; at++) {
    if (bytes[at] < 48 || bytes[at] > 57) return false;
  }
  return true;
}

/** One column of a file of cells. */
export interface CellColumn {
  readonly name: string;
  /** Takes a cell that is there: its UTF-8 bytes. */
  push(bytes: Uint8Array, start: number, end: number): void;
  pushMissing(): void;
  finish(): ColumnStorage;
}

/**
 * A column whose type shows only when all its cells are read. Texts are kept from the start; numbers beside them for
 * as long as every cell is one.
 */
export class InferringCellColumn implements CellColumn {
  readonly name: string;
  readonly #texts: StringBuilder;
  #numbers: GrowingArray<Float64Array> | undefined = new GrowingArray((length) => new Float64Array(length));
  #whole = true;
  #bool = true;
  #values = 0;

  constructor(context: BuilderContext) {
    this.name = context.column;
    this.#texts = new StringBuilder(context);
  }

  pushMissing(): void {
    this.#texts.push(null);
    this.#numbers?.push(0);
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    this.#texts.pushUtf8(bytes, start, end);
    this.#values++;
    if (this.#bool) {
      this.#bool = end - start >= 4 && end - start <= 5 && bool.test(cellText(bytes, start, end));
    }
    if (this.#numbers === undefined) return;
    const number = cellNumber(bytes, start, end);
    if (Number.isNaN(number)) {
      this.#numbers = undefined;
      return;
    }
    this.#whole &&= isWhole(bytes, start, end) && !Object.is(number, -0);
    this.#numbers.push(number);
  }

  /** The column under its inferred type. */
  finish(): ColumnStorage {
    const texts = this.#texts.finish();
    if (this.#values === 0) return texts;
    if (this.#numbers !== undefined) {
      return new NumberColumn(this.#whole ? 'int64' : 'float64', this.#numbers.take(), texts.present);
    }
    if (!this.#bool) return texts;
    const values = Uint8Array.from({ length: texts.length }, (_, row) => (/^t/i.test(texts.get(row) ?? '') ? 1 : 0));
    return new BoolColumn(values, texts.present);
  }
}

/**
 * A column whose type is told. Cells are cast by the rules of `castCells`; one that does not fit is an error that names
 * its row (`ERR_CAST`).
 */
export class TypedCellColumn implements CellColumn {
  readonly name: string;
  readonly #builder: ColumnBuilder;
  readonly #read: CellReader;

  constructor(context: BuilderContext, feature: Feature, row: () => number) {
    this.name = context.column;
    this.#builder = makeBuilder(context, feature);
    this.#read = cellReader(context, feature, row);
  }

  pushMissing(): void {
    this.#builder.push(null);
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#builder instanceof StringBuilder) this.#builder.pushUtf8(bytes, start, end);
    else this.#builder.push(this.#read(bytes, start, end));
  }

  finish(): ColumnStorage {
    return this.#builder.finish();
  }
}

/** Reads a cell's bytes as a value. */
export type CellReader = (bytes: Uint8Array, start: number, end: number) => Cell;

/** How the cells of a column of `feature` are read one by one; `row` says which line is being read. */
export function cellReader(context: BuilderContext, feature: Feature, row: () => number): CellReader {
  if (feature === 'string') return cellText;
  const cast: CellReader = (bytes, start, end) => {
    const text = cellText(bytes, start, end);
    const value = castCell(text, 'string', feature);
    if (value !== undefined) return value;
    throw new DataError('ERR_CAST', {
      owner: context.owner,
      what: 'a value cannot be cast',
      got: text,
      expected: describeFeature(feature),
      file: context.file,
      row: row(),
      column: context.column,
      hint: 'correct the value, or give the column another type in features',
    });
  };
  if (feature !== 'int64' && feature !== 'float64') return cast;
  return (bytes, start, end) => {
    const number = cellNumber(bytes, start, end);
    return Number.isNaN(number) || (feature === 'int64' && !Number.isInteger(number))
      ? cast(bytes, start, end)
      : number;
  };
}
