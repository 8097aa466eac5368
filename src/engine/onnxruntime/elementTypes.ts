import type { DType } from '../../core/dtypes.ts';
import { onnxElementType } from '../../formats/onnx.ts';

// `ONNXTensorElementDataType` has the numbers of ONNX's own TensorProto.
const types = new Map(Object.entries(onnxElementType).map(([type, code]) => [code, type as DType]));

/** ONNX Runtime's number for an element type. */
export function elementCode(type: DType): number {
  return onnxElementType[type];
}

/** The element type of ONNX Runtime's number, or undefined for one that has no place here (texts, float8, int4). */
export function elementType(code: number): DType | undefined {
  return types.get(code);
}
