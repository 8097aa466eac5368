import { type BuilderContext, type ColumnBuilder, makeBuilder } from './columnBuilder.ts';
import type { ColumnStorage } from './columns.ts';
import type { Features, Row } from './features.ts';

/** Columns from row objects, with the keys in order of appearance. `context` names a column's place for error messages. */
export function columnsOfRows(
  rows: Iterable<object>,
  context: (column: string) => BuilderContext,
  features: Features = {},
): Map<string, ColumnStorage> {
  const builders = new Map<string, { builder: ColumnBuilder; filled: number }>();
  for (const [column, feature] of Object.entries(features)) {
    builders.set(column, { builder: makeBuilder(context(column), feature), filled: 0 });
  }
  let length = 0;
  for (const row of rows) {
    for (const column in row) {
      let entry = builders.get(column);
      if (entry === undefined) {
        entry = { builder: makeBuilder(context(column)), filled: 0 };
        builders.set(column, entry);
      }
      for (; entry.filled < length; entry.filled++) entry.builder.push(null);
      entry.builder.push((row as Row)[column]);
      entry.filled++;
    }
    length++;
  }
  const columns = new Map<string, ColumnStorage>();
  for (const [column, entry] of builders) {
    for (; entry.filled < length; entry.filled++) entry.builder.push(null);
    columns.set(column, entry.builder.finish());
  }
  return columns;
}
