import { joinPath, kindOf, readText } from '#platform/files';
import { ModelError } from '../core/errors.ts';
import type { HubContext } from './failures.ts';
import { choosePaths, type PathPatterns } from './patterns.ts';

/** Which files of a repository a use needs. */
export interface NeededFiles {
  /** Those among all paths of the repository. @throws where what must be there is not. */
  choose(paths: readonly string[], context: HubContext): readonly string[];
  /** More of them, which only the content of the first can tell. */
  more?(directory: string, paths: readonly string[]): Promise<readonly string[]>;
  /** Whether a snapshot, of whose repository no list is known, has what must be there. */
  suffices(directory: string): Promise<boolean>;
}

const weights = 'model.safetensors';
const index = 'model.safetensors.index.json';
const tokenizerFiles = [
  'tokenizer.json',
  'vocab.txt',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];
/** An adapter's own files, where a model's repository holds only that. */
const adapterFiles = ['adapter_config.json', 'adapter_model.safetensors'];

async function has(directory: string, path: string): Promise<boolean> {
  return (await kindOf(joinPath(directory, path))) === 'file';
}

/** A tokenizer's files. */
const tokenizer: NeededFiles = {
  choose: (paths) => tokenizerFiles.filter((path) => paths.includes(path)),
  suffices: async (directory) => (await has(directory, 'tokenizer.json')) || (await has(directory, 'vocab.txt')),
};

/**
 * A model's files: its configuration, its weights as safetensors (whole or in parts) and its tokenizer's files. Never a
 * pickle, which can run any program when it is opened.
 */
const model: NeededFiles = {
  choose(paths, { owner, name }) {
    const rest = ['config.json', ...tokenizerFiles, ...adapterFiles].filter((path) => paths.includes(path));
    if (paths.includes(weights)) return [weights, ...rest];
    if (paths.includes(index)) return [index, ...rest];
    if (paths.includes('adapter_model.safetensors')) return rest;
    const pickled = paths.find((path) => /^pytorch_model.*\.bin$/.test(path));
    throw new ModelError('ERR_MODEL_WEIGHTS', {
      owner,
      what:
        pickled === undefined
          ? `'${name}' holds no weights as safetensors`
          : `'${name}' holds its weights only as a Python pickle (${pickled}), which could run any program and is never opened`,
      expected: `${weights} or ${index}`,
      hint:
        pickled === undefined
          ? 'name another model'
          : `convert it once with Python: python -c 'from transformers import AutoModel; AutoModel.from_pretrained("${name}").save_pretrained("converted")', or look for a revision with safetensors (often refs/pr/1)`,
    });
  },
  async more(directory, paths) {
    if (paths.includes(weights) || !(await has(directory, index))) return [];
    let map: unknown;
    try {
      map = (JSON.parse(await readText(joinPath(directory, index))) as { weight_map?: unknown } | null)?.weight_map;
    } catch {
      // Who opens the weights says what is wrong with the index.
    }
    const named = typeof map === 'object' && map !== null ? new Set<unknown>(Object.values(map)) : new Set();
    return paths.filter((path) => named.has(path) && path.endsWith('.safetensors'));
  },
  async suffices(directory) {
    if (!(await has(directory, 'config.json'))) return false;
    if (await has(directory, weights)) return true;
    if (!(await has(directory, index))) return false;
    const map = Object.values(
      (JSON.parse(await readText(joinPath(directory, index))) as { weight_map: object }).weight_map,
    );
    const there = await Promise.all([...new Set(map)].map((path) => has(directory, String(path))));
    return there.every(Boolean);
  },
};

/** What {@link NeededFiles} are called where they are asked for. */
export const neededFiles = { model, tokenizer } as const;

/** All files that patterns mean. */
export function filesByPattern(patterns: PathPatterns): NeededFiles {
  return {
    choose: (paths) => choosePaths(paths, patterns),
    // Without a list nobody knows what belongs to it.
    suffices: async () => false,
  };
}
