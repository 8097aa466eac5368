import type { DType } from '../../core/dtypes.ts';

/** `ONNXTensorElementDataType` (the numbers of ONNX's own TensorProto) of each element type. */
const codes: { readonly [type in DType]: number } = {
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

const types = new Map(Object.entries(codes).map(([type, code]) => [code, type as DType]));

/** ONNX Runtime's number for an element type. */
export function elementCode(type: DType): number {
  return codes[type];
}

/** The element type of ONNX Runtime's number, or undefined for one that has no place here (texts, float8, int4). */
export function elementType(code: number): DType | undefined {
  return types.get(code);
}
