import type { DType } from '../core/dtypes.ts';
import { didYouMean, ModelError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { findStructureFault } from './safetensors-json.ts';

/*
 * The safetensors format (huggingface/safetensors, README "Format"): eight bytes, the header's length as a little-endian
 * uint64; the header, JSON that begins with `{` and may end in spaces; the tensors' bytes, little-endian, row-major,
 * without holes. Typed arrays have the machine's byte order, which is little-endian wherever JavaScript engines run today.
 */

/** An element type by the format's name. */
export type SafetensorsDtype =
  | 'BOOL'
  | 'U8'
  | 'I8'
  | 'F8_E5M2'
  | 'F8_E4M3'
  | 'I16'
  | 'U16'
  | 'F16'
  | 'BF16'
  | 'I32'
  | 'U32'
  | 'F32'
  | 'F64'
  | 'I64'
  | 'U64';

/**
 * What holds the elements of each type: half types as bit patterns, 8-bit floats as raw bytes.
 * In the order in which Python's safetensors ranks types when it writes (`enum Dtype` in its tensor.rs).
 */
export const storage: { readonly [T in SafetensorsDtype]: DType } = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  F8_E5M2: 'uint8',
  F8_E4M3: 'uint8',
  I16: 'int16',
  U16: 'uint16',
  F16: 'float16',
  BF16: 'bfloat16',
  I32: 'int32',
  U32: 'uint32',
  F32: 'float32',
  F64: 'float64',
  I64: 'int64',
  U64: 'uint64',
};

const elementBytes: { readonly [T in SafetensorsDtype]: number } = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

/** The format's limit on the header (its reference implementation's MAX_HEADER_SIZE). */
export const maximumHeaderBytes = 100_000_000;

/** One tensor as the header describes it. */
export interface TensorInfo {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** From the start of the data, that is behind the header. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A header, checked. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** A fault in a file, as an error that names file and tensor. */
export function fault(
  code: string,
  what: string,
  place: {
    file?: string | undefined;
    tensor?: string | undefined;
    got?: unknown;
    expected?: string;
    hint?: string;
    cause?: unknown;
  },
): ModelError {
  const { tensor, ...parts } = place;
  return new ModelError(code, {
    owner: 'safetensors',
    ...parts,
    what:
      tensor === undefined ? what : `tensor '${tensor.length > 200 ? `${tensor.slice(0, 200)}…` : tensor}': ${what}`,
  });
}

const truncatedHint = 'the file is cut off or damaged: get it again';

/** Bytes of a tensor of this type and shape; NaN where they cannot be counted exactly. */
export function byteLengthOf(dtype: SafetensorsDtype, shape: readonly number[]): number {
  const bytes = shape.reduce((product, dim) => product * dim, 1) * elementBytes[dtype];
  // A zero anywhere empties the tensor, also where the other dims overflow.
  return shape.includes(0) ? 0 : Number.isSafeInteger(bytes) ? bytes : Number.NaN;
}

/**
 * The header's length from a file's first eight bytes.
 * @throws ModelError ERR_SAFETENSORS_TRUNCATED, ERR_SAFETENSORS_HEADER where the file cannot hold such a header.
 */
export function headerLength(start: Uint8Array, fileSize: number, file?: string): number {
  if (fileSize < 8 || start.byteLength < 8) {
    throw fault('ERR_SAFETENSORS_TRUNCATED', 'the file is too short', {
      file,
      got: `${fileSize} bytes`,
      expected: 'at least 8',
      hint: truncatedHint,
    });
  }
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (length > maximumHeaderBytes) {
    throw fault('ERR_SAFETENSORS_HEADER', 'the header would be too long', {
      file,
      got: `${length} bytes`,
      expected: `at most ${maximumHeaderBytes}`,
      hint: 'this is not a safetensors file, or it is damaged (a Git LFS pointer or a web page in its place is common): get it again',
    });
  }
  if (length > fileSize - 8) {
    throw fault('ERR_SAFETENSORS_TRUNCATED', 'the header ends beyond the file', {
      file,
      got: `a file of ${fileSize} bytes`,
      expected: `at least ${length + 8}`,
      hint: truncatedHint,
    });
  }
  return length;
}

/**
 * Reads and checks a header against the number of data bytes that follow it.
 * @throws ModelError ERR_SAFETENSORS_HEADER, _TENSOR, _OFFSETS, _TRUNCATED naming the file and the tensor.
 */
export function parseHeader(header: Uint8Array, dataLength: number, file?: string): SafetensorsHeader {
  const entries = Object.entries(parseJson(header, file));
  let metadata: Readonly<Record<string, string>> = {};
  const found: [string, TensorInfo][] = [];
  for (const [name, value] of entries) {
    if (name === '__metadata__') metadata = checkMetadata(value, file);
    else found.push([name, checkTensor(name, value, dataLength, file)]);
  }
  found.sort(([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  let end = 0;
  for (const [tensor, info] of found) {
    if (info.byteOffset !== end) {
      const what =
        info.byteOffset < end ? 'its bytes overlap those of another tensor' : 'there is a hole before its bytes';
      throw fault('ERR_SAFETENSORS_OFFSETS', what, {
        file,
        tensor,
        got: `data_offsets that begin at ${info.byteOffset}`,
        expected: String(end),
      });
    }
    end += info.byteLength;
  }
  if (end !== dataLength) {
    throw fault('ERR_SAFETENSORS_OFFSETS', 'there are bytes that belong to no tensor', {
      file,
      got: `${dataLength} bytes of data`,
      expected: String(end),
    });
  }
  return { metadata, tensors: new Map(found) };
}

function parseJson(header: Uint8Array, file: string | undefined): Record<string, unknown> {
  if (header[0] !== 0x7b) {
    throw fault('ERR_SAFETENSORS_HEADER', "the header does not begin with '{'", {
      file,
      got: header.length === 0 ? 'an empty header' : `byte ${header[0]}`,
      hint: 'this is not a safetensors file, or it is damaged: get it again',
    });
  }
  let text: string;
  try {
    // slice: a decoder refuses views on shared memory.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header.slice());
  } catch (cause) {
    throw fault('ERR_SAFETENSORS_HEADER', 'the header is not UTF-8', { file, cause });
  }
  const structureFault = findStructureFault(text);
  if (structureFault !== undefined) throw fault('ERR_SAFETENSORS_HEADER', structureFault, { file });
  try {
    return JSON.parse(text) as Record<string, unknown>; // it begins with '{', so it is an object
  } catch (cause) {
    throw fault('ERR_SAFETENSORS_HEADER', 'the header is not JSON', { file, cause });
  }
}

function checkMetadata(value: unknown, file: string | undefined): Readonly<Record<string, string>> {
  if (value === null) return {}; // as Python's safetensors takes it
  if (!isRecord(value) || Object.values(value).some((text) => typeof text !== 'string')) {
    throw fault('ERR_SAFETENSORS_HEADER', '__metadata__ does not map strings to strings', { file, got: value });
  }
  return value as Record<string, string>;
}

function checkTensor(tensor: string, value: unknown, dataLength: number, file: string | undefined): TensorInfo {
  const refuse = (what: string, got: unknown, expected: string) =>
    fault('ERR_SAFETENSORS_TENSOR', what, { file, tensor, got, expected });
  if (!isRecord(value)) throw refuse('its entry in the header is wrong', value, 'dtype, shape and data_offsets');
  const { dtype, shape, data_offsets: offsets, ...unknown } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(storage, dtype)) {
    const near = typeof dtype === 'string' && dtype.length < 20 ? didYouMean(dtype, Object.keys(storage)) : undefined;
    throw fault('ERR_SAFETENSORS_TENSOR', 'its dtype is unknown or not supported', {
      file,
      tensor,
      got: dtype ?? 'none',
      expected: `one of ${Object.keys(storage).join(', ')}`,
      ...(near === undefined ? {} : { hint: `did the file mean '${near}'?` }),
    });
  }
  if (!isListOfCounts(shape)) throw refuse('its shape is wrong', shape ?? 'none', 'a list of whole numbers from 0 on');
  if (!isListOfCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw refuse('its data_offsets are wrong', offsets ?? 'none', 'two whole numbers, the first not above the second');
  }
  const [begin, end] = offsets;
  const expectedBytes = byteLengthOf(dtype as SafetensorsDtype, shape);
  if (end - begin !== expectedBytes) {
    const counted = Number.isNaN(expectedBytes) ? 'more than a file can hold' : `${expectedBytes} bytes`;
    throw refuse(
      'its data_offsets do not fit its dtype and shape',
      `${end - begin} bytes`,
      `${counted} for ${dtype} [${quoteShape(shape)}]`,
    );
  }
  if (end > dataLength) {
    throw fault('ERR_SAFETENSORS_TRUNCATED', 'its bytes end beyond the file', {
      file,
      tensor,
      got: `${dataLength} bytes of data`,
      expected: `at least ${end}`,
      hint: truncatedHint,
    });
  }
  const ignored = Object.keys(unknown);
  if (ignored.length > 0) {
    log.warn(
      `[safetensors] tensor '${tensor}'${file === undefined ? '' : ` (${file})`}: ${ignored.join(', ')} in its entry is ignored`,
    );
  }
  return { dtype: dtype as SafetensorsDtype, shape, byteOffset: begin, byteLength: end - begin };
}

function quoteShape(shape: readonly number[]): string {
  return shape.length > 16 ? `${shape.slice(0, 16).join(', ')}, …` : shape.join(', ');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOfCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}
