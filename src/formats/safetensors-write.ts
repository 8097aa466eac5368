import { writeAtomic } from '#platform/files';
import { allocate, type TypedArray } from '../core/dtypes.ts';
import { ArgumentError } from '../core/errors.ts';
import { byteLengthOf, maximumHeaderBytes, type SafetensorsDtype, storage } from './safetensors-header.ts';

/** A tensor to be written. */
export interface WritableTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Its elements, row-major, on shared memory or not: the array type that `view` gives for the dtype, or raw bytes. */
  readonly data: TypedArray;
}

/** How Python's safetensors ranks types: the later, the earlier in the file, so that every tensor stands aligned. */
const ranks = new Map(Object.keys(storage).map((dtype, rank) => [dtype, rank]));

/**
 * The bytes of a safetensors file in pieces: the header, then each tensor's own memory (not copied, so it must not change
 * until the pieces are used). Tensors stand by dtype, then name, and the header ends on a multiple of eight bytes, as
 * Python's safetensors writes them; the same content always gives the same bytes.
 *
 * @param metadata strings by name; its names are sorted. Default `{ format: 'pt' }`, which transformers asks for.
 * @throws ArgumentError ERR_SAFETENSORS_WRITE for a name that stands twice, or data that does not fit dtype and shape.
 */
export function serializeSafetensors(
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array[] {
  const sorted = [...tensors];
  const names = new Set<string>();
  for (const tensor of sorted) {
    check(tensor);
    if (names.has(tensor.name)) throw refusal(tensor.name, 'this name stands twice');
    names.add(tensor.name);
  }
  sorted.sort(
    (a, b) => (ranks.get(b.dtype) as number) - (ranks.get(a.dtype) as number) || compareCodePoints(a.name, b.name),
  );
  // Written by hand: an object would put names that are numbers first.
  const entries = Object.keys(metadata).length === 0 ? [] : [`"__metadata__":${metadataJson(metadata)}`];
  let offset = 0;
  for (const { name, dtype, shape, data } of sorted) {
    const end = offset + data.byteLength;
    entries.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  }
  return [headerBytes(`{${entries.join(',')}}`), ...sorted.map(({ data }) => bytesOf(data))];
}

/**
 * Writes a safetensors file that Python reads: old content or all of the new, never a part. See {@link serializeSafetensors}.
 * @throws EnvironmentError where it cannot be written.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<WritableTensor>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await writeAtomic(path, serializeSafetensors(tensors, metadata));
}

function headerBytes(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.byteLength / 8) * 8;
  if (length > maximumHeaderBytes) {
    throw new ArgumentError('ERR_SAFETENSORS_WRITE', {
      owner: 'writeSafetensors',
      what: 'the header is too long',
      got: `${length} bytes`,
      expected: `at most ${maximumHeaderBytes}`,
    });
  }
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

function metadataJson(metadata: Readonly<Record<string, string>>): string {
  const names = Object.keys(metadata).sort(compareCodePoints);
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(String(metadata[name]))}`).join(',')}}`;
}

function bytesOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function check({ name, dtype, shape, data }: WritableTensor): void {
  if (name === '__metadata__') throw refusal(name, 'the format keeps this name for itself');
  if (!Object.hasOwn(storage, dtype)) {
    throw refusal(name, 'its dtype is unknown', dtype, `one of ${Object.keys(storage).join(', ')}`);
  }
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw refusal(name, 'its shape is wrong', shape, 'whole numbers from 0 on');
  }
  const fitting = allocate(storage[dtype], 0).constructor;
  if (data.constructor !== fitting && !(data instanceof Uint8Array)) {
    throw refusal(name, `its data does not fit ${dtype}`, data.constructor.name, `a ${fitting.name} or a Uint8Array`);
  }
  const expected = byteLengthOf(dtype, shape);
  if (data.byteLength !== expected) {
    throw refusal(
      name,
      'its data does not fit dtype and shape',
      `${data.byteLength} bytes`,
      `${expected} for ${dtype} [${shape.join(', ')}]`,
    );
  }
}

function refusal(tensor: string, what: string, got?: unknown, expected?: string): ArgumentError {
  return new ArgumentError('ERR_SAFETENSORS_WRITE', {
    owner: 'writeSafetensors',
    what: `tensor '${tensor}': ${what}`,
    got,
    expected,
  });
}

/** Order by code points, which is that of UTF-8 bytes and so of Python and Rust; JavaScript's own is that of UTF-16 units. */
function compareCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i].codePointAt(0) as number) - (right[i].codePointAt(0) as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
