import { newChecksum } from '#platform/blobs';
import { packageVersion } from '#platform/native';
import { log, recordLog } from '../core/log.ts';
import { type Dataset, fingerprint, textBytes } from '../data/index.ts';
import { fettleCache } from '../hub/settings.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { decodeFeatures, encodeFeatures } from './featureCodec.ts';
import type { Task, TaskOptions } from './task.ts';
import { TokenCache } from './tokenCache.ts';

/** When tokens are kept for further runs: where it saves time, always, or never. */
export type TokenCacheChoice = 'auto' | 'on' | 'off';

/** What features are made from, besides rows. */
export interface FeatureSource {
  readonly tokenizer: BertTokenizer;
  readonly options: TaskOptions;
  readonly model: { readonly config: object };
  readonly choice: TokenCacheChoice;
  /** Default: that of {@link tokenCacheDirectory}. */
  readonly cache?: TokenCache | undefined;
}

/**
 * To be raised with any change to how tasks or the tokenizer make features: entries of older code must not be found. A test holds
 * features to recorded ones and says so.
 */
export const featuresVersion = 1;

/**
 * Texts of a data set in bytes from which on 'auto' keeps their tokens. Measured on two cores: tokenizing takes 60 to 100 ms a megabyte, hashing
 * and reading back 8 ms. So from here on a second is saved; below, it is not worth a file.
 */
export const worthKeeping = 16 * 2 ** 20;

/** `fettle/tokens` in the folder of all that Hugging Face keeps (HF_HOME, or in XDG_CACHE_HOME); undefined where there is no disk. */
export function tokenCacheDirectory(): string | undefined {
  return fettleCache('tokens');
}

/**
 * A task that finds its features in the cache where it has made the same before: the same rows, tokenizer, options, configuration of the model
 * and version of the library; the key is a hash of all of these. What was said while they were made is said again.
 * A tokenizer or option that is a class of the user's own is no content that could be hashed: then the task stays as it is.
 */
export function withTokenCache<Feature>(task: Task<Feature>, source: FeatureSource): Task<Feature> {
  const directory = tokenCacheDirectory();
  const cache = source.cache ?? (directory === undefined ? undefined : new TokenCache(directory));
  if (source.choice === 'off' || cache === undefined || !isPlainSource(source)) return task;
  let adapted: Dataset | undefined;
  return {
    name: task.name,
    adapt: async (dataset) => {
      await task.adapt(dataset);
      adapted = dataset;
    },
    prepare: async (dataset, options) => {
      // A stream is read as it comes, and may be larger than a disk.
      if (options.before !== undefined) return task.prepare(dataset, options);
      if (source.choice === 'auto' && textBytes(dataset) < worthKeeping) return task.prepare(dataset, options);
      const key = hashOf([
        task.name,
        featuresVersion,
        packageVersion('fettle') ?? '',
        describeSource(source),
        source.model.config,
        options.labels,
        // What a task took from the data that it was adapted to, its features may depend on.
        adapted === undefined ? null : fingerprint(adapted),
        fingerprint(dataset),
      ]);
      const entry = await cache.read(key);
      if (entry !== undefined) {
        for (const [level, message] of entry.messages) log[level](message);
        log.info(`tokens of ${dataset.length} rows: as in an earlier run (${cache.directory})`);
        return decodeFeatures(entry, dataset) as unknown as readonly Feature[];
      }
      const { result, messages } = await recordLog(() => task.prepare(dataset, options));
      const encoded = encodeFeatures(result, dataset);
      if (encoded !== undefined) await cache.write(key, { ...encoded, messages });
      return result;
    },
    sequences: (features) => task.sequences(features),
    batch: (features, place) => task.batch(features, place),
    evaluator: (options) => task.evaluator(options),
  };
}

/** Whether tokenizer and options are plain content, which can be hashed. */
function isPlainSource({ tokenizer, options }: FeatureSource): boolean {
  const plain = (value: unknown): boolean =>
    value === null ||
    ['string', 'number', 'boolean', 'undefined'].includes(typeof value) ||
    (Array.isArray(value) && value.every(plain)) ||
    (typeof value === 'object' &&
      Object.getPrototypeOf(value) === Object.prototype &&
      Object.values(value).every(plain));
  return Object.getPrototypeOf(tokenizer) === BertTokenizer.prototype && plain(options);
}

/** Tokenizer and options, all that features may depend on. */
function describeSource({ tokenizer, options }: FeatureSource): unknown {
  const settings = Object.entries(tokenizer).filter(([, value]) => typeof value !== 'object' || value === null);
  // As texts, since JSON knows no infinity.
  const said = settings.map(([name, value]) => [name, String(value)]);
  // No feature depends on the seed: what is random in a batch is drawn when it is made.
  const { seed: _, ...lasting } = options;
  return [said, [...tokenizer.vocab], tokenizer.addedTokens, lasting];
}

/** The same content gives the same hash, whatever the order of an object's properties; undefined is as absent. */
function hashOf(content: unknown): string {
  const ordered = (_: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  const checksum = newChecksum('sha256');
  checksum.update(new TextEncoder().encode(JSON.stringify(content, ordered)));
  return checksum.digest();
}
