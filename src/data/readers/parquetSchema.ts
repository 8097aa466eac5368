import type { FileMetaData, SchemaTree } from 'hyparquet';
import { type Feature, listOf, structOf } from '../features.ts';

/** How the values of one column of a Parquet file become cells. */
export interface ParquetColumn {
  readonly name: string;
  readonly feature: Feature;
  /** A value as the library decodes it, as the cell of `feature`. */
  convert(value: unknown): unknown;
  /** Whether top-level cells are texts whose bytes can be taken as they are. */
  readonly isText: boolean;
}

/** Whole numbers in a place that a JavaScript number cannot hold: found while reading, so the place is read again as texts. */
export interface LargeIntegers {
  /** Places (a column's path) that hold such numbers and so are texts. */
  readonly places: Set<string>;
  /** Whether places were added since. */
  found: boolean;
}

type Convert = (value: unknown) => unknown;
type Plan = { readonly feature: Feature; readonly convert: Convert };

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text of a value that is text, or its bytes. */
export function textOf(value: unknown): unknown {
  return value instanceof Uint8Array ? utf8.decode(value) : value;
}

/**
 * How a file's columns become features: lists and structs keep their kind; a map is a list of `{ key, value }`; dates and
 * times are ISO 8601 texts; decimals are float64; bytes are a list of int64; variant, JSON and geometry columns are JSON
 * texts; int64 columns that hold more than ±(2⁵³ − 1) are texts of digits.
 */
export function planColumns(tree: SchemaTree, large: LargeIntegers): ParquetColumn[] {
  return tree.children.map((child) => {
    const plan = planNode(child, large);
    return { name: child.element.name, ...plan, isText: plan.convert === textOf };
  });
}

/** Whether the library must make strings itself: it uses those of maps and variants. */
export function needsStrings(tree: SchemaTree): boolean {
  return isMap(tree) || isVariant(tree) || tree.children.some(needsStrings);
}

function planNode(node: SchemaTree, large: LargeIntegers, repeated = true): Plan {
  if (repeated && node.element.repetition_type === 'REPEATED') return planList(planNode(node, large, false));
  if (isVariant(node)) return asJson;
  if (isList(node)) {
    const middle = node.children[0];
    // Either a wrapper around the element, or (in old files) the element itself.
    return planList(
      middle.children.length === 1 ? planNode(middle.children[0], large) : planNode(middle, large, false),
    );
  }
  if (isMap(node)) return planMap(node, large);
  if (node.children.length > 0) return planStruct(node, large);
  return planLeaf(node, large);
}

function planList(item: Plan): Plan {
  return {
    feature: listOf(item.feature),
    convert: (value) => (isListLike(value) ? Array.from(value, item.convert) : (value ?? null)),
  };
}

function planStruct(node: SchemaTree, large: LargeIntegers): Plan {
  const fields = node.children.map((child) => ({ name: child.element.name, ...planNode(child, large) }));
  return {
    feature: structOf(Object.fromEntries(fields.map(({ name, feature }) => [name, feature]))),
    convert: (value) => {
      if (!isRecord(value)) return value ?? null;
      return Object.fromEntries(fields.map(({ name, convert }) => [name, convert(value[name])]));
    },
  };
}

function planMap(node: SchemaTree, large: LargeIntegers): Plan {
  const [, value] = node.children[0].children;
  const plan = planNode(value, large);
  return {
    feature: listOf(structOf({ key: 'string', value: plan.feature })),
    convert: (map) =>
      isRecord(map) ? Object.entries(map).map(([key, item]) => ({ key, value: plan.convert(item) })) : (map ?? null),
  };
}

const asJson: Plan = {
  feature: 'string',
  convert: (value) => (value === undefined ? null : JSON.stringify(plain(value))),
};
const asText: Plan = { feature: 'string', convert: textOf };

function planLeaf(node: SchemaTree, large: LargeIntegers): Plan {
  const { type, converted_type: converted, logical_type: logical } = node.element;
  const kind = logical?.type;
  if (kind === 'GEOMETRY' || kind === 'GEOGRAPHY' || converted === 'JSON') return asJson;
  if (converted === 'DECIMAL') return asNumber;
  if (kind === 'FLOAT16' || type === 'FLOAT' || type === 'DOUBLE') return asNumber;
  if (type === 'BOOLEAN') return { feature: 'bool', convert: (value) => value };
  if (kind === 'UUID' || kind === 'STRING' || converted === 'UTF8' || converted === 'ENUM') return asText;
  if (type === 'INT96' || kind === 'TIMESTAMP' || /^(DATE|TIMESTAMP)/.test(converted ?? '')) return asText;
  if (type === 'INT32' || type === 'INT64') return planInteger(node, large);
  // Bytes without any word on their meaning are mostly text; those of a fixed length never are.
  return type === 'BYTE_ARRAY' ? asText : { feature: listOf('int64'), convert: (value) => value ?? null };
}

const asNumber: Plan = { feature: 'float64', convert: (value) => value };

function planInteger(node: SchemaTree, large: LargeIntegers): Plan {
  const place = node.path.join('.');
  if (large.places.has(place)) {
    return { feature: 'string', convert: (value) => (value === undefined || value === null ? null : String(value)) };
  }
  return {
    feature: 'int64',
    convert: (value) => {
      if (typeof value !== 'bigint') return value;
      const number = Number(value);
      if (Number.isSafeInteger(number)) return number;
      large.places.add(place);
      large.found = true;
      return null;
    },
  };
}

/** Finds int64 columns with too large numbers by the statistics in the footer, where it has any. */
export function markLargeIntegers(metadata: FileMetaData, large: LargeIntegers): void {
  for (const { columns } of metadata.row_groups) {
    for (const { meta_data: column } of columns) {
      const bounds = [
        column?.statistics?.min_value ?? column?.statistics?.min,
        column?.statistics?.max_value ?? column?.statistics?.max,
      ];
      const tooLarge = (bound: unknown) => typeof bound === 'bigint' && !Number.isSafeInteger(Number(bound));
      if (column !== undefined && bounds.some(tooLarge)) large.places.add(column.path_in_schema.join('.'));
    }
  }
}

function isVariant(node: SchemaTree): boolean {
  return node.element.logical_type?.type === 'VARIANT';
}

/** By the library's own rules, since it decides what is assembled as a list or a map. */
function isList(node: SchemaTree): boolean {
  const [child] = node.children;
  return (
    node.element.converted_type === 'LIST' &&
    node.children.length === 1 &&
    child.children.length <= 1 &&
    child.element.repetition_type === 'REPEATED'
  );
}

function isMap(node: SchemaTree): boolean {
  const [child] = node.children;
  if (node.element.converted_type !== 'MAP' || node.children.length !== 1) return false;
  if (child.children.length !== 2 || child.element.repetition_type !== 'REPEATED') return false;
  return child.children.every(
    ({ element }) => !['key', 'value'].includes(element.name) || element.repetition_type !== 'REPEATED',
  );
}

function isListLike(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !isListLike(value);
}

/** A value with what JSON lacks written otherwise: large whole numbers as digits, bytes as numbers. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date || !isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
