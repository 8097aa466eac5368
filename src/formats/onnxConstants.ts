import { type OnnxTensor, onnxElementType, tensorChunks, totalLength } from './onnx.ts';
import { ProtobufWriter } from './protobuf.ts';

/** What a constant is, without its elements. */
export type OnnxConstant = Pick<OnnxTensor, 'name' | 'dtype' | 'dims'>;

/**
 * The bytes of an ONNX model whose nodes read constants that it does not have, with those constants inside. A message that
 * comes twice in Protocol Buffers is one message with the fields of both, so they are a second graph behind the first.
 */
export function withConstantsInside(model: Uint8Array, constants: readonly OnnxTensor[]): Uint8Array {
  return appended(model, constants.flatMap(tensorChunks));
}

/**
 * The same, but each constant is only declared, as one whose elements are kept outside of the model (`data_location`
 * EXTERNAL of onnx.proto3): whoever loads the model must be given them by name.
 */
export function withConstantsOutside(model: Uint8Array, constants: readonly OnnxConstant[]): Uint8Array {
  const declared = new ProtobufWriter();
  for (const { name, dtype, dims } of constants) {
    declared.message(5, (tensor) => {
      for (const dim of dims) tensor.integer(1, dim);
      tensor
        .integer(2, onnxElementType[dtype])
        .string(8, name)
        // The checker wants a place; there is no file of this name.
        .message(13, (entry) => entry.string(1, 'location').string(2, 'given'))
        .integer(14, 1);
    });
  }
  return appended(model, [declared.finish()]);
}

function appended(model: Uint8Array, graph: readonly Uint8Array[]): Uint8Array {
  const length = totalLength(graph);
  const head = new ProtobufWriter().header(7, length).finish();
  const bytes = new Uint8Array(model.length + head.length + length);
  let at = 0;
  for (const chunk of [model, head, ...graph]) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
