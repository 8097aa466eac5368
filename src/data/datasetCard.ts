import { log } from '../core/log.ts';
import type { Features } from './features.ts';
import { featuresOfCard } from './huggingFaceFeatures.ts';

/** One configuration that a repository's README.md tells. */
export interface CardConfig {
  readonly name: string;
  /** Patterns by split; undefined where names tell the splits. */
  readonly dataFiles: Readonly<Record<string, readonly string[]>> | undefined;
  /** A folder of the repository in which all its files lie. */
  readonly dataDir: string | undefined;
  /** Taken where no configuration is named. */
  readonly isDefault: boolean;
}

/** What a data set's README.md tells in its front matter. */
export interface DatasetCard {
  readonly configs: readonly CardConfig[];
  /** Features by configuration's name. */
  readonly features: ReadonlyMap<string, Features>;
}

type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

/**
 * Reads the front matter (YAML between two lines of `---`) of a data set's README.md, as the Hugging Face Hub has it:
 * `configs` with `config_name`, `data_files`, `data_dir`, `default`, and `dataset_info` with `features`. Front matter that
 * is no YAML is left aside, and said.
 * @param file the name that messages show.
 */
export async function parseCard(text: string, file: string): Promise<DatasetCard> {
  const found = /^\ufeff?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(text);
  if (found === null) return { configs: [], features: new Map() };
  const { parse } = await import('yaml');
  let matter: Json;
  try {
    matter = parse(found[1], { logLevel: 'error' }) as Json;
  } catch (error) {
    log.warn(`[loadDataset] ${file}: its front matter is no YAML and is left aside (${(error as Error).message})`);
    return { configs: [], features: new Map() };
  }
  if (!isObject(matter)) return { configs: [], features: new Map() };
  const configs = listOfObjects(matter['configs']).map(readConfig);
  const features = new Map<string, Features>();
  for (const info of listOfObjects(matter['dataset_info'])) {
    features.set(nameOf(info), featuresOfCard(info['features']));
  }
  return { configs, features };
}

function readConfig(config: JsonObject): CardConfig {
  const name = nameOf(config);
  return {
    name,
    dataFiles: patternsOf(config['data_files']),
    dataDir: typeof config['data_dir'] === 'string' ? config['data_dir'] : undefined,
    isDefault: config['default'] === true || name === 'default',
  };
}

function nameOf(config: JsonObject): string {
  return typeof config['config_name'] === 'string' ? config['config_name'] : 'default';
}

/** `data_files` in any of its forms: a pattern, several, a list of `{ split, path }`, or patterns by split. */
function patternsOf(value: Json): Record<string, readonly string[]> | undefined {
  const patterns: Record<string, readonly string[]> = {};
  const add = (split: string, path: Json): void => {
    const more = (Array.isArray(path) ? path : [path]).filter((item) => typeof item === 'string');
    patterns[split] = [...(Object.hasOwn(patterns, split) ? patterns[split] : []), ...more];
  };
  if (typeof value === 'string') add('train', value);
  else if (Array.isArray(value)) {
    for (const item of value as Json[]) {
      if (isObject(item)) add(String(item['split'] ?? 'train'), item['path']);
      else add('train', item);
    }
  } else if (isObject(value)) for (const [split, path] of Object.entries(value)) add(split, path);
  return Object.keys(patterns).length === 0 ? undefined : patterns;
}

function listOfObjects(value: Json): JsonObject[] {
  return (Array.isArray(value) ? (value as Json[]) : [value]).filter(isObject);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
