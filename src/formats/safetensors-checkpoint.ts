import { baseName, joinPath, kindOf, listDirectory, readText } from '#platform/files';
import type { TypedArray } from '../core/dtypes.ts';
import { ModelError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { infoOf, openSafetensors, type SafetensorsReader, type TensorInfo } from './safetensors.ts';

/** The weights of a model's directory, in one file or in several, as if in one. */
export interface Checkpoint {
  readonly file: string;
  /** The files, in the order of their names. */
  readonly files: readonly string[];
  /** What the files say about themselves. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** A tensor's elements in the file's own type. See {@link SafetensorsReader.read}. */
  read(name: string): Promise<TypedArray>;
  /** Reads a tensor as float32 into `target`. See {@link SafetensorsReader.readInto}. */
  readInto(name: string, target: Float32Array): Promise<void>;
  close(): Promise<void>;
}

const single = 'model.safetensors';
const index = 'model.safetensors.index.json';

/** Files that hold weights in forms that are not read here; the first two are Python pickles. */
const otherForms = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'tf_model.h5', 'flax_model.msgpack'];

/**
 * Opens the weights of a model's directory: `model.safetensors`, else the files that `model.safetensors.index.json` names.
 * The caller closes it.
 *
 * @throws ModelError ERR_MODEL_WEIGHTS where there are none, or only ones in another form (pickle is never executed: it can
 *   run any program); ERR_MODEL_INDEX where the index is wrong or does not fit its files; and what `openSafetensors` throws.
 */
export async function openCheckpoint(directory: string): Promise<Checkpoint> {
  const whole = joinPath(directory, single);
  if ((await kindOf(whole)) === 'file') return merge(whole, [await openSafetensors(whole)]);
  const indexPath = joinPath(directory, index);
  if ((await kindOf(indexPath)) !== 'file') throw await noWeights(directory);

  const placed = parseIndex(await readText(indexPath), indexPath);
  const readers: SafetensorsReader[] = [];
  try {
    for (const shard of [...new Set(placed.values())].sort()) {
      const path = joinPath(directory, shard);
      if ((await kindOf(path)) !== 'file') {
        throw indexFault(indexPath, `it names '${shard}', which is not there`, 'get the missing file');
      }
      readers.push(await openSafetensors(path));
    }
    const checkpoint = merge(indexPath, readers);
    compare(placed, readers, indexPath);
    return checkpoint;
  } catch (error) {
    await Promise.all(readers.map((reader) => reader.close()));
    throw error;
  }
}

function merge(file: string, readers: readonly SafetensorsReader[]): Checkpoint {
  const holders = new Map<string, SafetensorsReader>();
  const tensors = new Map<string, TensorInfo>();
  for (const reader of readers) {
    for (const [name, info] of reader.tensors) {
      const other = holders.get(name);
      if (other !== undefined) {
        const places = `'${baseName(other.file)}' and in '${baseName(reader.file)}'`;
        throw indexFault(file, `tensor '${name}' stands in ${places}`, 'remove one of them');
      }
      holders.set(name, reader);
      tensors.set(name, info);
    }
  }
  const checkpoint: Checkpoint = {
    file,
    files: readers.map((reader) => reader.file),
    metadata: Object.assign({}, ...readers.map((reader) => reader.metadata)) as Record<string, string>,
    tensors,
    async read(name) {
      infoOf(checkpoint, name);
      return (holders.get(name) as SafetensorsReader).read(name);
    },
    async readInto(name, target) {
      infoOf(checkpoint, name);
      await (holders.get(name) as SafetensorsReader).readInto(name, target);
    },
    async close() {
      await Promise.all(readers.map((reader) => reader.close()));
    },
  };
  return checkpoint;
}

/** The file of each tensor as the index says. */
function parseIndex(text: string, file: string): Map<string, string> {
  let map: unknown;
  try {
    map = (JSON.parse(text) as { weight_map?: unknown } | null)?.weight_map;
  } catch (cause) {
    throw indexFault(file, 'it is not JSON', 'get it again', cause);
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map) || Object.keys(map).length === 0) {
    throw indexFault(file, "it has no 'weight_map' from tensor names to file names", 'get it again');
  }
  const placed = new Map<string, string>(Object.entries(map));
  for (const [name, shard] of placed) {
    // A plain name in the same directory: nothing that leads out of it.
    if (typeof shard !== 'string' || !/^[^/\\:\0]+\.safetensors$/.test(shard)) {
      throw indexFault(file, `the file of tensor '${name}' is not a plain name of a safetensors file`, 'get it again');
    }
  }
  return placed;
}

function compare(placed: ReadonlyMap<string, string>, readers: readonly SafetensorsReader[], file: string): void {
  const byName = new Map(readers.map((reader) => [baseName(reader.file), reader]));
  for (const [name, shard] of placed) {
    if (!byName.get(shard)?.tensors.has(name)) {
      throw indexFault(
        file,
        `tensor '${name}' is not in '${shard}'`,
        'get the files again: they do not belong together',
      );
    }
  }
  const unnamed = readers.flatMap((reader) => [...reader.tensors.keys()]).filter((name) => !placed.has(name));
  if (unnamed.length > 0) {
    log.warn(
      `[openCheckpoint] the index (${file}) does not name ${unnamed.length} tensors of its files; they are read too: ${unnamed.slice(0, 5).join(', ')}${unnamed.length > 5 ? ', …' : ''}`,
    );
  }
}

async function noWeights(directory: string): Promise<ModelError> {
  const present: string[] = [];
  for (const name of otherForms) {
    if ((await kindOf(joinPath(directory, name))) === 'file') present.push(name);
  }
  if (present.length > 0) {
    const pickle = present.some((name) => name.endsWith('.bin') || name.endsWith('.bin.index.json'));
    return new ModelError('ERR_MODEL_WEIGHTS', {
      owner: 'openCheckpoint',
      what: pickle
        ? 'the weights are there as a Python pickle only, which is never executed here because it can run any program'
        : 'the weights are there only in a form that is not read here',
      file: directory,
      got: present.join(', '),
      expected: single,
      hint: present.includes('pytorch_model.bin')
        ? `convert them once, in that directory, with Python: python -c 'import torch; from safetensors.torch import save_file; weights = torch.load("pytorch_model.bin", weights_only=True, map_location="cpu"); save_file({name: w.clone().contiguous() for name, w in weights.items()}, "${single}", {"format": "pt"})'`
        : "load and save the model once with Python's transformers: model.save_pretrained(directory) writes safetensors",
    });
  }
  const names = await listDirectory(directory).catch(() => undefined);
  return new ModelError('ERR_MODEL_WEIGHTS', {
    owner: 'openCheckpoint',
    what: 'there are no weights',
    file: directory,
    got: names === undefined ? undefined : `a directory with ${names.slice(0, 20).join(', ') || 'nothing in it'}`,
    expected: `${single} or ${index}`,
    hint: 'give the directory of a saved model',
  });
}

function indexFault(file: string, what: string, hint: string, cause?: unknown): ModelError {
  return new ModelError('ERR_MODEL_INDEX', { owner: 'openCheckpoint', what, file, hint, cause });
}
