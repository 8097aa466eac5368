import type { DType, TypedArray } from '../core/dtypes.ts';
import { ProtobufWriter } from './protobuf.ts';

/** ONNX's numbers for element types (`TensorProto.DataType`). */
export const onnxElementType: { readonly [T in DType]: number } = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
};

/** An attribute of a node. Whole numbers are INT unless wrapped as `{ float }`; lists are INTS. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly type: string;
  /** `''` is ONNX's own operator set. */
  readonly domain: string;
  /** An empty string is an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  /** Unique in the model: ONNX Runtime refuses duplicates. */
  readonly name: string;
}

export interface OnnxTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: DType;
  /** A number is a fixed length, a string the name of a variable one. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly graphName: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxTensor[];
}

/** IR version 9 and operator set 20 of ONNX 1.15, with ONNX Runtime's contributed ops: what both native engines read. */
const irVersion = 9;
const operatorSet = 20;

/** A model as the bytes of an `.onnx` file (onnx.proto3's field numbers). */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const chunks = onnxChunks(model);
  const bytes = new Uint8Array(totalLength(chunks));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** {@link encodeOnnx}'s bytes piece by piece: the elements of initializers stay where they are, and are copied nowhere. */
export function onnxChunks(model: OnnxModel): Uint8Array[] {
  const nodes = new ProtobufWriter();
  for (const node of model.nodes) nodes.message(1, (message) => writeNode(message, node));
  nodes.string(2, model.graphName);
  const boundary = new ProtobufWriter();
  for (const input of model.inputs) boundary.message(11, (message) => writeValueInfo(message, input));
  for (const output of model.outputs) boundary.message(12, (message) => writeValueInfo(message, output));
  const graph = [nodes.finish(), ...model.initializers.flatMap((tensor) => tensorChunks(tensor)), boundary.finish()];
  const head = new ProtobufWriter().integer(1, irVersion).string(2, 'fettle').header(7, totalLength(graph));
  const sets = new ProtobufWriter()
    .message(8, (set) => set.string(1, '').integer(2, operatorSet))
    .message(8, (set) => set.string(1, 'com.microsoft').integer(2, 1));
  return [head.finish(), ...graph, sets.finish()];
}

/** How many bytes the chunks have together. */
export function totalLength(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

function writeNode(message: ProtobufWriter, node: OnnxNode): void {
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(3, node.name).string(4, node.type);
  for (const [name, value] of Object.entries(node.attributes)) {
    message.message(5, (attribute) => writeAttribute(attribute, name, value));
  }
  if (node.domain !== '') message.string(7, node.domain);
}

/** AttributeProto.type: FLOAT 1, INT 2, STRING 3, INTS 7. */
function writeAttribute(message: ProtobufWriter, name: string, value: OnnxAttribute): void {
  message.string(1, name);
  if (typeof value === 'number') message.integer(3, value).integer(20, 2);
  else if (typeof value === 'string') message.string(4, value).integer(20, 3);
  else if ('float' in value) message.float(2, value.float).integer(20, 1);
  else {
    for (const item of value) message.integer(8, item);
    message.integer(20, 7);
  }
}

/** A tensor as the graph's field 5: what describes it, then its elements as they lie in memory. */
export function tensorChunks(tensor: OnnxTensor): Uint8Array[] {
  const { buffer, byteOffset, byteLength } = tensor.data;
  const described = new ProtobufWriter();
  for (const dim of tensor.dims) described.integer(1, dim);
  const fields = described
    .integer(2, onnxElementType[tensor.dtype])
    .string(8, tensor.name)
    .header(9, byteLength)
    .finish();
  const head = new ProtobufWriter().header(5, fields.length + byteLength).finish();
  return [head, fields, new Uint8Array(buffer, byteOffset, byteLength)];
}

function writeValueInfo(message: ProtobufWriter, info: OnnxValueInfo): void {
  message.string(1, info.name).message(2, (type) =>
    type.message(1, (tensorType) =>
      tensorType.integer(1, onnxElementType[info.dtype]).message(2, (shape) => {
        for (const dim of info.shape) {
          shape.message(1, (field) => (typeof dim === 'number' ? field.integer(1, dim) : field.string(2, dim)));
        }
      }),
    ),
  );
}
