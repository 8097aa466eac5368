import { type BuilderContext, StringBuilder } from '../columnBuilder.ts';
import { BoolColumn, type ColumnStorage, NumberColumn, type StringColumn } from '../columns.ts';
import { GrowingArray } from '../growingArray.ts';

const integer = /^-?(0|[1-9][0-9]*)$/;
const decimal = /^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/;
const bool = /^(true|True|TRUE|false|False|FALSE)$/;

/** Whether a cell reads as a number by the rules of type inference (see `parseCsv`). */
export function isNumberText(cell: string): boolean {
  return decimal.test(cell);
}

/**
 * One column of text cells whose type shows only when all are read. Texts are kept from the start; numbers beside them for
 * as long as every cell is one.
 */
export class CellColumnBuilder {
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

  /** `null` is a missing cell. */
  push(cell: string | null): void {
    this.#texts.push(cell);
    if (cell === null) {
      this.#numbers?.push(0);
      return;
    }
    this.#values++;
    if (this.#bool) this.#bool = bool.test(cell);
    if (this.#numbers !== undefined) this.#pushNumber(cell);
  }

  #pushNumber(cell: string): void {
    const number = Number(cell);
    const whole = integer.test(cell);
    // Above 2⁵³ − 1 a whole number would lose digits: the column stays text.
    if ((whole && !Number.isSafeInteger(number)) || !(whole || decimal.test(cell))) {
      this.#numbers = undefined;
      return;
    }
    this.#whole &&= whole && !Object.is(number, -0);
    this.#numbers?.push(number);
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

  /** The column as the texts that stand in the file. */
  finishText(): StringColumn {
    return this.#texts.finish();
  }
}
