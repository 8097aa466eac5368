import { type BuilderContext, type ColumnBuilder, makeBuilder } from './columnBuilder.ts';
import type { ColumnStorage } from './columns.ts';
import { type Features, featureOf, type Row } from './features.ts';

/** Gathers row objects as columns, with the keys in order of appearance; a row without a key is missing there. */
export class ColumnsBuilder {
  /** How many rows there are so far. */
  length = 0;
  readonly #context: (column: string) => BuilderContext;
  readonly #refuse: ((column: string, row: number) => Error) | undefined;
  readonly #columns = new Map<string, { builder: ColumnBuilder; filled: number }>();

  /**
   * @param context names a column's place for error messages. @param features types of columns that are known.
   * @param refuse makes the error for a column that `features` lack; by default such a column is added.
   */
  constructor(
    context: (column: string) => BuilderContext,
    features: Features = {},
    refuse?: (column: string, row: number) => Error,
  ) {
    this.#context = context;
    this.#refuse = refuse;
    for (const [column, feature] of Object.entries(features)) {
      this.#columns.set(column, { builder: makeBuilder(context(column), feature), filled: 0 });
    }
  }

  push(row: object): void {
    for (const column of Object.keys(row)) {
      let entry = this.#columns.get(column);
      if (entry === undefined) {
        if (this.#refuse !== undefined) throw this.#refuse(column, this.length);
        entry = { builder: makeBuilder(this.#context(column)), filled: 0 };
        this.#columns.set(column, entry);
      }
      for (; entry.filled < this.length; entry.filled++) entry.builder.push(null);
      entry.builder.push((row as Row)[column]);
      entry.filled++;
    }
    this.length++;
  }

  finish(): Map<string, ColumnStorage> {
    const columns = new Map<string, ColumnStorage>();
    for (const [column, entry] of this.#columns) {
      for (; entry.filled < this.length; entry.filled++) entry.builder.push(null);
      columns.set(column, entry.builder.finish());
    }
    return columns;
  }
}

/** Gathers the columns that a batched function returns, batch by batch. */
export class BatchBuilders {
  readonly #features: Features | undefined;
  readonly #builders = new Map<string, ColumnBuilder>();

  constructor(features?: Features) {
    this.#features = features;
  }

  push(columns: { readonly [column: string]: Iterable<unknown> }): void {
    for (const [column, values] of Object.entries(columns)) {
      let builder = this.#builders.get(column);
      if (builder === undefined) {
        builder = makeBuilder({ owner: 'Dataset.map', column }, featureOf(this.#features, column));
        this.#builders.set(column, builder);
      }
      for (const value of values) builder.push(value);
    }
  }

  finish(): Map<string, ColumnStorage> {
    return new Map([...this.#builders].map(([column, builder]) => [column, builder.finish()]));
  }
}

/** Columns from row objects, with the keys in order of appearance. `context` names a column's place for error messages. */
export function columnsOfRows(
  rows: Iterable<object>,
  context: (column: string) => BuilderContext,
  features: Features = {},
): Map<string, ColumnStorage> {
  const builder = new ColumnsBuilder(context, features);
  for (const row of rows) builder.push(row);
  return builder.finish();
}
