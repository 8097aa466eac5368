/** A column of whole numbers that stand for named classes: row value `k` means `names[k]`; −1 means "no label" (as in GLUE's test splits). */
export interface ClassLabel {
  readonly type: 'classLabel';
  readonly names: readonly string[];
}

/** A column whose rows are lists of one feature: tokens, tags, answers. */
export interface ListFeature {
  readonly type: 'list';
  readonly feature: Feature;
}

/** A column whose rows are objects with the same fields: SQuAD's `answers`. */
export interface StructFeature {
  readonly type: 'struct';
  readonly fields: Features;
}

/** The plain types. `int64` holds whole numbers up to ±(2⁵³ − 1), the largest a JavaScript number holds exactly. */
export type ScalarType = 'string' | 'int64' | 'float64' | 'bool';

/** What one column holds, as plain data: it can be written to JSON and compared. */
export type Feature = ScalarType | ClassLabel | ListFeature | StructFeature;

/** The columns of a data set by name, in order: `{ text: 'string', label: classLabel(['negative', 'positive']) }`. */
export interface Features {
  readonly [column: string]: Feature;
}

/** The feature of one column, if it is there: a column may be called `constructor` or `toString`, which every object inherits. */
export function featureOf(features: Features | undefined, column: string): Feature | undefined {
  return features !== undefined && Object.hasOwn(features, column) ? features[column] : undefined;
}

/** One cell. Missing values are `null`. */
export type Cell = string | number | boolean | null | readonly Cell[] | { readonly [field: string]: Cell };

/** Puts a cell into a row that is being made. Assigning to a column called `__proto__` would set what the row inherits from. */
export function setCell(row: Record<string, Cell>, column: string, cell: Cell): void {
  if (column === '__proto__')
    Object.defineProperty(row, column, { value: cell, enumerable: true, configurable: true, writable: true });
  else row[column] = cell;
}

/** One row: its cells by column name. */
export interface Row {
  readonly [column: string]: Cell;
}

/** What may describe a row: any object type, an interface too, whose properties are cells. */
export type RowOf<R> = { readonly [C in keyof R]: Cell };

/** The row type that a description means: an interface becomes a {@link Row}, and `1 | 2` (as literals infer) becomes `number`. */
export type PlainRow<R> = { [C in keyof R]: Widened<R[C]> } extends infer P extends Row ? P : never;

type Widened<V> = V extends string ? string : V extends number ? number : V extends boolean ? boolean : V;

/** The feature of a column of classes. `names[k]` is the name of label `k`. */
export function classLabel(names: readonly string[]): ClassLabel {
  return { type: 'classLabel', names: [...names] };
}

/** The feature of a column of lists. */
export function listOf(feature: Feature): ListFeature {
  return { type: 'list', feature };
}

/** The feature of a column of objects. */
export function structOf(fields: Features): StructFeature {
  return { type: 'struct', fields };
}

/** Whether a feature is a {@link ClassLabel}. */
export function isClassLabel(feature: Feature | undefined): feature is ClassLabel {
  return typeof feature === 'object' && feature.type === 'classLabel';
}

/** Whether two features say the same: types, class names and fields, in the same order. */
export function sameFeature(a: Feature, b: Feature): boolean {
  return describeFeature(a) === describeFeature(b);
}

/** A feature as an error message shows it: `string`, `classLabel("no", "yes")`, `list of int64`, `{ start: int64 }`. */
export function describeFeature(feature: Feature): string {
  if (typeof feature === 'string') return feature;
  switch (feature.type) {
    case 'classLabel':
      return `classLabel(${feature.names.map((name) => JSON.stringify(name)).join(', ')})`;
    case 'list':
      return `list of ${describeFeature(feature.feature)}`;
    case 'struct': {
      const fields = Object.entries(feature.fields);
      return `{ ${fields.map(([name, field]) => `${name}: ${describeFeature(field)}`).join(', ')} }`;
    }
  }
}
