import { kindOf, openFile } from '#platform/files';
import { byteSize, type DType, type TypedArray, view } from '../core/dtypes.ts';
import { ArgumentError, didYouMean, ModelError } from '../core/errors.ts';
import { bfloat16ToFloat32, float16ToFloat32 } from './half.ts';
import {
  fault,
  headerLength,
  parseHeader,
  type SafetensorsDtype,
  storage,
  type TensorInfo,
} from './safetensors-header.ts';

export type { SafetensorsDtype, TensorInfo } from './safetensors-header.ts';

/** A safetensors file in memory. */
export class SafetensorsFile {
  readonly file: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #data: Uint8Array;

  /** @param data what follows `header` in the file. Use {@link readSafetensors}. */
  constructor(header: Uint8Array, data: Uint8Array, file?: string) {
    const { metadata, tensors } = parseHeader(header, data.byteLength, file);
    this.file = file;
    this.metadata = metadata;
    this.tensors = tensors;
    this.#data = data;
  }

  /**
   * A tensor's elements, row-major, in the file's own type (F16 and BF16 as bit patterns, the 8-bit floats as bytes, BOOL as
   * bytes 0 and 1). They share the file's memory; only where their place there does not suit their type are they copied.
   * @throws ModelError ERR_SAFETENSORS_MISSING where there is none of this name.
   */
  view(name: string): TypedArray {
    const info = infoOf(this, name);
    const bytes = this.#data.subarray(info.byteOffset, info.byteOffset + info.byteLength);
    return typed(bytes, storage[info.dtype]);
  }

  /**
   * A tensor's elements as float32, in `target` where one is given (it must have as many elements). Without a target an F32
   * tensor shares the file's memory, as {@link view} does. F64 and whole numbers are rounded to the nearest float32.
   * @throws ModelError ERR_SAFETENSORS_MISSING, or ERR_SAFETENSORS_CONVERSION for the 8-bit floats.
   * @throws ArgumentError ERR_LENGTH for a target of another length.
   */
  toFloat32(name: string, target?: Float32Array): Float32Array {
    const info = infoOf(this, name);
    checkConvertible(name, info, this.file);
    const elements = this.view(name);
    if (target === undefined) {
      if (info.dtype === 'F32') return elements as Float32Array;
      target = new Float32Array(elements.length);
    }
    checkLength(name, target, elements.length);
    convert(info.dtype, elements, target);
    return target;
  }
}

/**
 * A safetensors file from its bytes, which stay in use: views are views on them.
 * @param file how errors name it.
 * @throws ModelError where the bytes are not a whole, well-formed file; nothing larger than they are is allocated.
 */
export function readSafetensors(bytes: Uint8Array, file?: string): SafetensorsFile {
  const end = 8 + headerLength(bytes.subarray(0, 8), bytes.byteLength, file);
  return new SafetensorsFile(bytes.subarray(8, end), bytes.subarray(end), file);
}

/**
 * A safetensors file from disk, all of it in memory. The header is checked before anything is allocated for the body.
 * @throws ModelError where it is not there, not whole or not well formed.
 */
export async function readSafetensorsFile(path: string): Promise<SafetensorsFile> {
  const reader = await openSafetensors(path);
  try {
    return await reader.readAll();
  } finally {
    await reader.close();
  }
}

/** A safetensors file on disk, of which only the header is in memory. */
export interface SafetensorsReader {
  readonly file: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** A tensor's elements in the file's own type, as {@link SafetensorsFile.view} gives them, in memory of their own. */
  read(name: string): Promise<TypedArray>;
  /**
   * Reads a tensor as float32 into `target` (often a view on shared WebAssembly memory), as many elements as it has. F32
   * goes straight from the file; what must be converted comes through a buffer of at most 4 MiB.
   */
  readInto(name: string, target: Float32Array): Promise<void>;
  readAll(): Promise<SafetensorsFile>;
  close(): Promise<void>;
}

/** The largest part that is read at once for conversion; a multiple of every element's size. */
const bufferBytes = 4 * 2 ** 20;

/**
 * Opens a safetensors file and checks its header; the caller closes it.
 * @throws ModelError where it is not there or its header is wrong or does not fit the file's size.
 */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const kind = await kindOf(path);
  if (kind !== 'file') {
    throw fault('ERR_SAFETENSORS_MISSING', kind === 'none' ? 'there is no such file' : 'this is a directory', {
      file: path,
    });
  }
  const source = await openFile(path);
  const fill = async (target: Uint8Array, position: number) => {
    if ((await source.readInto(target, position)) < target.byteLength) {
      throw fault('ERR_SAFETENSORS_TRUNCATED', 'the file became shorter while it was read', { file: path });
    }
  };
  try {
    const start = new Uint8Array(Math.min(8, source.size));
    await fill(start, 0);
    const header = new Uint8Array(headerLength(start, source.size, path));
    await fill(header, 8);
    const dataStart = 8 + header.byteLength;
    const dataLength = source.size - dataStart;
    const { metadata, tensors } = parseHeader(header, dataLength, path);
    const reader: SafetensorsReader = {
      file: path,
      metadata,
      tensors,
      async read(name) {
        const info = infoOf(reader, name);
        const bytes = new Uint8Array(info.byteLength);
        await fill(bytes, dataStart + info.byteOffset);
        return typed(bytes, storage[info.dtype]);
      },
      async readInto(name, target) {
        const info = infoOf(reader, name);
        checkConvertible(name, info, path);
        const dtype = storage[info.dtype];
        const size = byteSize(dtype);
        checkLength(name, target, info.byteLength / size);
        const position = dataStart + info.byteOffset;
        if (info.dtype === 'F32') {
          await fill(new Uint8Array(target.buffer, target.byteOffset, target.byteLength), position);
          return;
        }
        const buffer = new Uint8Array(Math.min(bufferBytes, info.byteLength));
        for (let at = 0; at < info.byteLength; at += buffer.byteLength) {
          const part = buffer.subarray(0, Math.min(buffer.byteLength, info.byteLength - at));
          await fill(part, position + at);
          convert(info.dtype, typed(part, dtype), target.subarray(at / size, (at + part.byteLength) / size));
        }
      },
      async readAll() {
        const data = new Uint8Array(dataLength);
        await fill(data, dataStart);
        return new SafetensorsFile(header, data, path);
      },
      close: () => source.close(),
    };
    return reader;
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** A tensor's entry. @throws ModelError ERR_SAFETENSORS_MISSING suggesting the nearest name. */
export function infoOf<Info>(
  holder: { readonly file: string | undefined; readonly tensors: ReadonlyMap<string, Info> },
  name: string,
): Info {
  const info = holder.tensors.get(name);
  if (info !== undefined) return info;
  const near = didYouMean(name, holder.tensors.keys());
  throw fault('ERR_SAFETENSORS_MISSING', `there is no tensor '${name}'`, {
    file: holder.file,
    ...(near === undefined ? {} : { hint: `did you mean '${near}'?` }),
  });
}

function typed(bytes: Uint8Array, dtype: DType): TypedArray {
  const size = byteSize(dtype);
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return view(dtype, aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

function checkConvertible(tensor: string, info: TensorInfo, file: string | undefined): void {
  if (info.dtype !== 'F8_E4M3' && info.dtype !== 'F8_E5M2') return;
  throw new ModelError('ERR_SAFETENSORS_CONVERSION', {
    owner: 'safetensors',
    what: `tensor '${tensor}': 8-bit floats are read as raw bytes only`,
    file,
    got: info.dtype,
    expected: 'F32, F16, BF16, F64 or whole numbers',
    hint: 'save the model in one of these types',
  });
}

function checkLength(tensor: string, target: Float32Array, length: number): void {
  if (target.length === length) return;
  throw new ArgumentError('ERR_LENGTH', {
    owner: 'safetensors',
    what: `the target for tensor '${tensor}' has another length`,
    got: target.length,
    expected: String(length),
  });
}

function convert(dtype: SafetensorsDtype, source: TypedArray, target: Float32Array): void {
  if (dtype === 'F16') float16ToFloat32(source as Uint16Array, target);
  else if (dtype === 'BF16') bfloat16ToFloat32(source as Uint16Array, target);
  else if (source instanceof BigInt64Array || source instanceof BigUint64Array) {
    for (let i = 0; i < target.length; i++) target[i] = Number(source[i]);
  } else target.set(source);
}
