import { DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { BoolColumn, type ColumnStorage, ListColumn, NumberColumn, StringColumn, StructColumn } from './columns.ts';
import { describeFeature, type Feature, type Features } from './features.ts';
import { GrowingArray, PresenceBuilder } from './growingArray.ts';

/** Where a builder's values come from, for its error messages; `row` turns a value's position into the row a person sees. */
export interface BuilderContext {
  readonly owner: string;
  readonly column: string;
  readonly file?: string | undefined;
  /** Default: the position, counted from 1, as all rows in messages are. */
  readonly row?: ((position: number) => number) | undefined;
  /** How many lists and objects stand around this column's values. */
  readonly depth?: number | undefined;
}

/** Gathers the values of one column, in order, and ends as its storage. */
export interface ColumnBuilder {
  /** `undefined` counts as missing, like `null`. */
  push(value: unknown): void;
  finish(): ColumnStorage;
}

const encoder = new TextEncoder();
const largestStringColumn = 2 ** 32 - 1;
const deepestNesting = 32;

/** Texts to UTF-8 bytes and offsets. */
export class StringBuilder implements ColumnBuilder {
  readonly #context: BuilderContext;
  readonly #bytes = new GrowingArray((length) => new Uint8Array(length), 1024);
  readonly #offsets = new GrowingArray((length) => new Uint32Array(length));
  readonly #present = new PresenceBuilder();
  #loneSurrogates = 0;

  constructor(context: BuilderContext) {
    this.#context = context;
    this.#offsets.push(0);
  }

  push(value: unknown): void {
    if (value === null || value === undefined) {
      this.#present.push(false);
      this.#offsets.push(this.#bytes.length);
      return;
    }
    if (typeof value !== 'string') throw mixed(this.#context, this.#present.length, value, 'string');
    // A UTF-16 unit becomes at most three bytes of UTF-8.
    const at = this.#bytes.length;
    this.#checkSize(at + value.length);
    const { written } = encoder.encodeInto(value, this.#bytes.reserve(value.length * 3).subarray(at));
    this.#checkSize(at + written);
    if (written > value.length && /[\ud800-\udfff]/u.test(value)) this.#loneSurrogates++;
    this.#bytes.length = at + written;
    this.#offsets.push(this.#bytes.length);
    this.#present.push(true);
  }

  /** Takes a text as the UTF-8 bytes `start` to `end` of `source`, which the caller has checked. */
  pushUtf8(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    let at = this.#bytes.length;
    this.#checkSize(at + size);
    const target = this.#bytes.reserve(size);
    // A call costs more than copying a short text by hand.
    if (size > 48) target.set(source.subarray(start, end), at);
    else for (let i = start; i < end; i++) target[at++] = source[i];
    this.#bytes.length += size;
    this.#offsets.push(this.#bytes.length);
    this.#present.push(true);
  }

  #checkSize(size: number): void {
    if (size <= largestStringColumn) return;
    throw new DataError('ERR_COLUMN_TOO_LARGE', {
      owner: this.#context.owner,
      what: 'one column holds more than 4 GiB of text',
      file: this.#context.file,
      column: this.#context.column,
      hint: 'split the file, or read it with streaming: true',
    });
  }

  finish(): StringColumn {
    if (this.#loneSurrogates > 0) {
      log.warn(
        `[${this.#context.owner}] column '${this.#context.column}': ${this.#loneSurrogates} text(s) held half of a surrogate pair, which UTF-8 cannot; U+FFFD stands in its place`,
      );
    }
    return new StringColumn(this.#bytes.take(), this.#offsets.take(), this.#present.take());
  }
}

class NumberBuilder implements ColumnBuilder {
  readonly #context: BuilderContext;
  readonly #feature: Feature | undefined;
  readonly #values = new GrowingArray((length) => new Float64Array(length));
  readonly #present = new PresenceBuilder();
  #whole = true;

  /** With a feature given, values must fit it; without, whole numbers become int64 and others float64. */
  constructor(context: BuilderContext, feature?: Feature) {
    this.#context = context;
    this.#feature = feature;
  }

  push(value: unknown): void {
    const missing = value === null || value === undefined;
    const number = typeof value === 'bigint' ? Number(value) : missing ? 0 : value;
    if (typeof number !== 'number' || (typeof value === 'bigint' && !Number.isSafeInteger(number))) {
      throw mixed(this.#context, this.#present.length, value, this.#expected());
    }
    if (!missing) this.#check(number);
    this.#whole &&= Number.isSafeInteger(number) && !Object.is(number, -0);
    this.#values.push(number);
    this.#present.push(!missing);
  }

  #expected(): string {
    return this.#feature === undefined ? 'a number' : describeFeature(this.#feature);
  }

  #check(number: number): void {
    if (this.#feature === undefined || this.#feature === 'float64') return;
    const fits =
      Number.isSafeInteger(number) &&
      (typeof this.#feature !== 'object' ||
        this.#feature.type !== 'classLabel' ||
        (number >= -1 && number < this.#feature.names.length));
    if (!fits) throw mixed(this.#context, this.#present.length, number, this.#expected());
  }

  finish(): NumberColumn {
    const values = this.#values.take();
    const present = this.#present.take();
    if (typeof this.#feature === 'object' && this.#feature.type === 'classLabel') {
      return new NumberColumn(this.#feature, Int32Array.from(values), present);
    }
    const feature = this.#feature === 'float64' || !this.#whole ? 'float64' : 'int64';
    return new NumberColumn(feature, values, present);
  }
}

class BoolBuilder implements ColumnBuilder {
  readonly #context: BuilderContext;
  readonly #values = new GrowingArray((length) => new Uint8Array(length));
  readonly #present = new PresenceBuilder();

  constructor(context: BuilderContext) {
    this.#context = context;
  }

  push(value: unknown): void {
    const missing = value === null || value === undefined;
    if (!missing && typeof value !== 'boolean') throw mixed(this.#context, this.#present.length, value, 'bool');
    this.#values.push(value === true ? 1 : 0);
    this.#present.push(!missing);
  }

  finish(): BoolColumn {
    return new BoolColumn(this.#values.take(), this.#present.take());
  }
}

class ListBuilder implements ColumnBuilder {
  readonly #context: BuilderContext;
  readonly #items: ColumnBuilder;
  readonly #offsets = new GrowingArray((length) => new Uint32Array(length));
  readonly #present = new PresenceBuilder();
  #count = 0;

  constructor(context: BuilderContext, feature?: Feature) {
    this.#context = context;
    const present = this.#present;
    // An item's error names the row its list stands in.
    this.#items = makeBuilder({ ...inner(context), row: () => rowOf(context, present.length) }, feature);
    this.#offsets.push(0);
  }

  push(value: unknown): void {
    const missing = value === null || value === undefined;
    if (!missing && !isArrayLike(value)) throw mixed(this.#context, this.#present.length, value, 'a list');
    if (!missing) {
      for (const item of value) this.#items.push(item);
      this.#count += value.length;
    }
    this.#offsets.push(this.#count);
    this.#present.push(!missing);
  }

  finish(): ListColumn {
    return new ListColumn(this.#items.finish(), this.#offsets.take(), this.#present.take());
  }
}

class StructBuilder implements ColumnBuilder {
  readonly #context: BuilderContext;
  readonly #declared: boolean;
  readonly #fields = new Map<string, ColumnBuilder>();
  readonly #present = new PresenceBuilder();

  constructor(context: BuilderContext, fields?: Features) {
    this.#context = context;
    this.#declared = fields !== undefined;
    for (const [name, feature] of Object.entries(fields ?? {})) this.#add(name, feature);
  }

  #add(name: string, feature?: Feature): ColumnBuilder {
    const builder = makeBuilder({ ...inner(this.#context), column: `${this.#context.column}.${name}` }, feature);
    this.#fields.set(name, builder);
    return builder;
  }

  push(value: unknown): void {
    const missing = value === null || value === undefined;
    if (!missing && (typeof value !== 'object' || isArrayLike(value))) {
      throw mixed(this.#context, this.#present.length, value, 'an object');
    }
    const cells = new Map(missing ? [] : Object.entries(value));
    for (const name of cells.keys()) {
      if (this.#fields.has(name)) continue;
      if (this.#declared) throw mixed(this.#context, this.#present.length, value, `no field '${name}'`);
      const builder = this.#add(name);
      for (let row = 0; row < this.#present.length; row++) builder.push(null);
    }
    for (const [name, builder] of this.#fields) builder.push(cells.get(name));
    this.#present.push(!missing);
  }

  finish(): StructColumn {
    const fields = new Map([...this.#fields].map(([name, builder]) => [name, builder.finish()]));
    return new StructColumn(fields, this.#present.length, this.#present.take());
  }
}

/** Waits for the first value that is present and takes its type; a column without any value is one of missing strings. */
class InferringBuilder implements ColumnBuilder {
  readonly #context: BuilderContext;
  #missing = 0;
  #builder: ColumnBuilder | undefined;

  constructor(context: BuilderContext) {
    this.#context = context;
  }

  push(value: unknown): void {
    if (this.#builder === undefined) {
      if (value === null || value === undefined) {
        this.#missing++;
        return;
      }
      this.#start(this.#builderFor(value));
    }
    this.#builder?.push(value);
  }

  #builderFor(value: unknown): ColumnBuilder {
    if (typeof value === 'string') return new StringBuilder(this.#context);
    if (typeof value === 'number' || typeof value === 'bigint') return new NumberBuilder(this.#context);
    if (typeof value === 'boolean') return new BoolBuilder(this.#context);
    if (isArrayLike(value)) return new ListBuilder(this.#context);
    if (typeof value === 'object') return new StructBuilder(this.#context);
    throw mixed(this.#context, this.#missing, value, 'a string, number, boolean, list, object or null');
  }

  #start(builder: ColumnBuilder): void {
    for (let row = 0; row < this.#missing; row++) builder.push(null);
    this.#builder = builder;
  }

  finish(): ColumnStorage {
    if (this.#builder === undefined) this.#start(new StringBuilder(this.#context));
    return (this.#builder as ColumnBuilder).finish();
  }
}

/**
 * A builder for a column of `feature`; without one, the type is that of the first value that is present
 * (whole numbers become float64 once one is not whole), and a value of another type is an error that names its row.
 */
export function makeBuilder(context: BuilderContext, feature?: Feature): ColumnBuilder {
  if (feature === undefined) return new InferringBuilder(context);
  if (feature === 'string') return new StringBuilder(context);
  if (feature === 'bool') return new BoolBuilder(context);
  if (feature === 'int64' || feature === 'float64' || feature.type === 'classLabel') {
    return new NumberBuilder(context, feature);
  }
  return feature.type === 'list'
    ? new ListBuilder(context, feature.feature)
    : new StructBuilder(context, feature.fields);
}

/** The storage of a column whose values are at hand. */
export function buildColumn(context: BuilderContext, values: Iterable<unknown>, feature?: Feature): ColumnStorage {
  const builder = makeBuilder(context, feature);
  for (const value of values) builder.push(value);
  return builder.finish();
}

/** The context of values inside lists or objects. Deeper nesting than any real data has would overflow the stack: refused. */
function inner(context: BuilderContext): BuilderContext {
  const depth = (context.depth ?? 0) + 1;
  if (depth > deepestNesting) {
    throw new DataError('ERR_NESTED_TOO_DEEP', {
      owner: context.owner,
      what: `lists and objects are nested more than ${deepestNesting} deep`,
      file: context.file,
      row: context.row?.(0),
      column: context.column.split('.')[0],
      hint: 'flatten the data',
    });
  }
  return { ...context, depth };
}

type AnyList = readonly unknown[] | Float32Array | Float64Array | Int32Array | Uint32Array | BigInt64Array;

function isArrayLike(value: unknown): value is AnyList {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function rowOf(context: BuilderContext, position: number): number {
  return context.row?.(position) ?? position + 1;
}

function mixed(context: BuilderContext, position: number, value: unknown, expected: string): DataError {
  return new DataError('ERR_MIXED_TYPES', {
    owner: context.owner,
    what: 'a value does not fit its column',
    got: value,
    expected,
    file: context.file,
    row: rowOf(context, position),
    column: context.column,
    hint: 'one column holds one type: correct the value, or make it null',
  });
}
