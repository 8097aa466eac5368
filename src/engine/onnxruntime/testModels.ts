import type { DType, TypedArray } from '../../core/dtypes.ts';
import type { EngineTensor } from '../engine.ts';
import { elementCode } from './elementTypes.ts';

/** An input or output of a test's model; a text among the dims is the name of a free dimension. */
export interface TestValue {
  readonly name: string;
  readonly type?: DType;
  readonly dims: readonly (number | string)[];
}

/** A node of a test's model; attributes are whole numbers of 0 or more, or floats as `{ float }`. */
export interface TestNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, number | { readonly float: number }>>;
}

/**
 * ONNX bytes of a small model (opset 20, com.microsoft 1, IR version 9), for tests only: a protobuf message is a list of
 * fields, each its number and kind in one byte or two, then a varint, four bytes, or a length and bytes (onnx.proto).
 */
export function testModel(nodes: readonly TestNode[], inputs: readonly TestValue[], outputs: readonly TestValue[]) {
  const graph = [
    ...nodes.map((node) => message(1, nodeFields(node))),
    text(2, 'test'),
    ...inputs.map((value) => message(11, valueFields(value))),
    ...outputs.map((value) => message(12, valueFields(value))),
  ];
  const opset = (domain: string, version: number) => message(8, [text(1, domain), integer(2, version)]);
  return Uint8Array.from([integer(1, 9), message(7, graph), opset('', 20), opset('com.microsoft', 1)].flat());
}

function nodeFields({ op, inputs, outputs, name = '', domain = '', attributes = {} }: TestNode): number[][] {
  return [
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, name),
    text(4, op),
    ...Object.entries(attributes).map(([key, value]) =>
      typeof value === 'number'
        ? message(5, [text(1, key), integer(3, value), integer(20, 2)])
        : message(5, [text(1, key), float(2, value.float), integer(20, 1)]),
    ),
    text(7, domain),
  ];
}

function valueFields({ name, type = 'float32', dims }: TestValue): number[][] {
  const shape = dims.map((dim) => message(1, [typeof dim === 'number' ? integer(1, dim) : text(2, dim)]));
  return [text(1, name), message(2, [message(1, [integer(1, elementCode(type)), message(2, shape)])])];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const integer = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const float = (field: number, value: number): number[] => [
  ...varint(field * 8 + 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];
const bytes = (field: number, content: readonly number[]): number[] => [
  ...varint(field * 8 + 2),
  ...varint(content.length),
  ...content,
];
const text = (field: number, content: string): number[] => bytes(field, [...new TextEncoder().encode(content)]);
const message = (field: number, fields: readonly number[][]): number[] => bytes(field, fields.flat());

/** A float32 tensor of these values. */
export const floats = (dims: number[], values: ArrayLike<number>): EngineTensor => ({
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});
/** An int64 tensor of these values. */
export const integers = (dims: number[], values: number[]): EngineTensor => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
});
/** A tensor's values as plain numbers. */
export const numbers = ({ data }: { data: TypedArray }) => Array.from(data as Float32Array);

/** Deterministic numbers in −1 … 1 that are not all alike. */
export const waves = (length: number, seed = 1) =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed));

/** y = x, any rows and columns. */
export const identity = testModel(
  [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
  [{ name: 'x', dims: ['rows', 'columns'] }],
  [{ name: 'y', dims: ['rows', 'columns'] }],
);
/** sum = a + b, any lengths that broadcast. */
export const addition = testModel(
  [{ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'], name: 'theSum' }],
  [
    { name: 'a', dims: ['n'] },
    { name: 'b', dims: ['m'] },
  ],
  [{ name: 'sum', dims: ['k'] }],
);
/** y = a b, any sizes. */
export const product = testModel(
  [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'], name: 'theProduct' }],
  [
    { name: 'a', dims: ['rows', 'inner'] },
    { name: 'b', dims: ['inner', 'columns'] },
  ],
  [{ name: 'y', dims: ['rows', 'columns'] }],
);
