import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { gatherLog, temporaryFolder, tinyConfig, tinyTokenizer, toyDataset } from '../../test/testing/tiny.ts';
import { log, recordLog } from '../core/log.ts';
import { Dataset } from '../data/index.ts';
import { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { Trainer } from '../training/trainer.ts';
import { type FeatureSource, featuresVersion, withTokenCache } from './cachedTask.ts';
import type { Task, TaskOptions } from './task.ts';
import { type TrainableModel, taskFor, taskNameOf, tasks } from './taskFor.ts';
import { resolveTaskOptions } from './taskOptions.ts';
import { TokenCache } from './tokenCache.ts';

const tokenizer = tinyTokenizer();
const data = (rows: readonly object[]) => Dataset.fromRows(rows as never) as unknown as Dataset;

async function modelOf<M extends TrainableModel>(made: Promise<M>): Promise<M> {
  const model = await made;
  onTestFinished(() => model.dispose());
  return model;
}

/** A cached task, and how often it made features itself. */
function cached(model: TrainableModel, directory: string, parts: Partial<FeatureSource> & { own?: TaskOptions } = {}) {
  const name = taskNameOf(model);
  const options = { ...resolveTaskOptions(name, tasks[name].options, {}), ...parts.own };
  const source: FeatureSource = { tokenizer, options, model, choice: 'on', cache: new TokenCache(directory), ...parts };
  const plain = taskFor(model, source.tokenizer, options);
  const counts = { made: 0 };
  const counted: Task = {
    name: plain.name,
    adapt: (dataset) => plain.adapt(dataset),
    prepare: (dataset, how) => {
      counts.made++;
      return plain.prepare(dataset, how);
    },
    sequences: (features) => plain.sequences(features),
    batch: (features, place) => plain.batch(features, place),
    evaluator: (how) => plain.evaluator(how),
  };
  return { task: withTokenCache(counted, source), counts };
}

const words = data([
  { tokens: ['the', 'cat', 'is', 'xyzzy'], tags: ['O', 'B-X', 'O', 'O'] },
  { tokens: ['good', 'dog'], tags: ['B-X', 'I-X'] },
]);
const questions = data([
  {
    id: '1',
    question: 'the cat',
    context: 'the cat is good and the dog is bad and the film is very good',
    answers: { text: ['good'], answer_start: [11] },
  },
  { id: '2', question: 'the dog', context: 'the dog is bad', answers: { text: ['bad'], answer_start: [11] } },
]);
const labelled = tinyConfig({ id2label: ['O', 'B-X', 'I-X'], maxPositionEmbeddings: 16 });

/** Every task with rows of its own. */
const everyTask: readonly [string, () => Promise<TrainableModel>, Dataset][] = [
  ['text-classification', () => BertForSequenceClassification.fromConfig(tinyConfig()), toyDataset(5)],
  ['token-classification', () => BertForTokenClassification.fromConfig(labelled), words],
  ['question-answering', () => BertForQuestionAnswering.fromConfig(labelled), questions],
  ['fill-mask', () => BertForMaskedLM.fromConfig(tinyConfig()), toyDataset(40).selectColumns('text')],
];

describe.each(everyTask)('%s', (_, make, rows) => {
  test('a second run finds its features, the same but for memory, and hears what was said', async () => {
    const directory = await temporaryFolder();
    const model = await modelOf(make());
    const first = cached(model, directory);
    const lines = gatherLog();
    await first.task.adapt(rows);
    lines.length = 0;
    const made = await first.task.prepare(rows, { labels: 'required' });
    const said = lines.splice(0);
    // Read anew, the rows are another object.
    const again = Dataset.fromRows(rows.toJSON(), { features: rows.features }) as unknown as Dataset;
    const second = cached(model, directory);
    await second.task.adapt(again);
    lines.length = 0;
    const found = await second.task.prepare(again, { labels: 'required' });
    expect(second.counts.made).toBe(0);
    // Question answering's features know their data set, which is the new one.
    const comparable = (features: readonly unknown[]) =>
      JSON.stringify(features, (key, value) => (key === 'dataset' ? undefined : (value as unknown)));
    expect(comparable(found)).toBe(comparable(made));
    expect(lines.filter((line) => !line.includes('earlier run'))).toEqual(said);
    const place = { seed: 1, epoch: 0, firstSample: 0 };
    expect(second.task.batch(found, place).packed.feeds).toEqual(first.task.batch(made, place).packed.feeds);
  });
});

test('features are those of this version', async () => {
  // Where this fails because tasks or tokenizer make other features now, raise featuresVersion and record anew.
  expect(featuresVersion).toBe(1);
  gatherLog();
  const recorded: Record<string, unknown> = {};
  for (const [name, make, rows] of everyTask) {
    const model = await modelOf(make());
    const options = resolveTaskOptions(taskNameOf(model), tasks[taskNameOf(model)].options, {});
    const task = taskFor(model, tokenizer, options);
    await task.adapt(rows.take(2));
    const [feature] = (await task.prepare(rows, { labels: 'required' })) as { ids: Int32Array }[];
    recorded[name] = { properties: Object.keys(feature).sort(), ids: Array.from(feature.ids) };
  }
  expect(recorded).toEqual({
    'text-classification': { properties: ['ids', 'label', 'typeIds'], ids: [2, 40, 40, 5, 30, 39, 46, 47, 33, 3] },
    'token-classification': { properties: ['firsts', 'ids', 'labels', 'row', 'words'], ids: [2, 29, 38, 45, 1, 3] },
    'question-answering': {
      properties: ['answer', 'context', 'firstToken', 'ids', 'row', 'typeIds'],
      ids: [2, 29, 38, 3, 29, 38, 45, 13, 1, 29, 39, 45, 5, 1, 29, 3],
    },
    'fill-mask': {
      properties: ['ids', 'row'],
      ids: [
        2, 40, 40, 5, 30, 39, 46, 47, 33, 3, 2, 38, 41, 20, 44, 46, 33, 3, 2, 42, 7, 29, 44, 39, 47, 3, 2, 20, 36, 42,
        32, 40,
      ],
    },
  });
});

test('whatever features depend on makes others', async () => {
  gatherLog();
  const directory = await temporaryFolder();
  const rows = toyDataset(6);
  const model = await modelOf(BertForSequenceClassification.fromConfig(tinyConfig()));
  const wider = await modelOf(BertForSequenceClassification.fromConfig(tinyConfig({ maxPositionEmbeddings: 24 })));
  const cased = new BertTokenizer({
    vocab: tokenizer.vocab,
    doLowerCase: false,
    modelMaxLength: tokenizer.modelMaxLength,
  });
  const made = async (
    parts: Partial<FeatureSource> & { own?: TaskOptions } = {},
    asked: Dataset = rows,
    labels: 'required' | 'optional' = 'required',
    by: TrainableModel = model,
  ) => {
    const { task, counts } = cached(by, directory, parts);
    await task.adapt(rows);
    await task.prepare(asked, { labels });
    return counts.made;
  };
  expect(await made()).toBe(1);
  expect(await made()).toBe(0);
  // A seed makes no other features.
  expect(await made({ own: { seed: 99 } })).toBe(0);
  expect(await made({ own: { maxLength: 5 } })).toBe(1);
  expect(await made({ own: { columns: { text: 'text' } } })).toBe(1);
  expect(await made({ tokenizer: cased })).toBe(1);
  expect(await made({}, rows.take(5))).toBe(1);
  expect(await made({}, rows.shuffle(3))).toBe(1);
  expect(await made({}, rows, 'optional')).toBe(1);
  expect(await made({}, rows, 'required', wider)).toBe(1);
  // And all of them stand beside each other.
  expect(await made({ own: { maxLength: 5 } })).toBe(0);
  expect(await made()).toBe(0);
});

test('off, small data and contents that cannot be hashed leave the task as it is', async () => {
  gatherLog();
  const directory = await temporaryFolder();
  const model = await modelOf(BertForSequenceClassification.fromConfig(tinyConfig()));
  class Own extends BertTokenizer {}
  for (const parts of [
    { choice: 'off' },
    { choice: 'auto' },
    { tokenizer: new Own({ vocab: tokenizer.vocab }) },
  ] as const) {
    const { task, counts } = cached(model, directory, parts);
    await task.adapt(toyDataset(3));
    for (let i = 0; i < 2; i++) await task.prepare(toyDataset(3), { labels: 'required' });
    expect(counts.made).toBe(2);
  }
  expect(readdirSync(directory)).toEqual([]);
});

test('the Trainer keeps tokens where it is told to, below HF_HOME', async () => {
  const lines = gatherLog();
  const home = await temporaryFolder();
  vi.stubEnv('HF_HOME', home);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const model = await modelOf(BertForSequenceClassification.fromConfig(tinyConfig()));
  const evalDataset = toyDataset(4);
  const evaluate = (tokenCache: 'on' | 'auto') =>
    new Trainer({ model, tokenizer, evalDataset, args: { tokenCache } }).evaluate();
  const first = await evaluate('auto');
  expect(readdirSync(home)).toEqual([]);
  await evaluate('on');
  expect(readdirSync(join(home, 'fettle', 'tokens'))).toHaveLength(1);
  expect(lines.some((line) => line.includes('earlier run'))).toBe(false);
  const second = await evaluate('on');
  expect(lines.some((line) => line.includes('tokens of 4 rows: as in an earlier run'))).toBe(true);
  expect(second['eval_loss']).toBe(first['eval_loss']);
});

describe('TokenCache', () => {
  const entry = (bytes: number, value = 7) => ({
    header: { rows: 1, columns: [] },
    buffers: [new Uint8Array(bytes).fill(value), Uint8Array.of(1, 2, 3)],
    messages: [['warn', 'cut']] as const,
  });

  test('gives back what was kept', async () => {
    const cache = new TokenCache(join(await temporaryFolder(), 'deep', 'down'));
    expect(await cache.read('a')).toBeUndefined();
    await cache.write('a', entry(13));
    const found = await cache.read('a');
    expect(found).toEqual(entry(13));
    for (const { byteOffset } of found?.buffers ?? []) expect(byteOffset % 8).toBe(0);
    expect(await cache.read('b')).toBeUndefined();
  });

  test('a damaged file, wherever the damage is, is no entry, and is made anew', async () => {
    const lines = gatherLog();
    const directory = await temporaryFolder();
    const cache = new TokenCache(directory);
    await cache.write('a', entry(20));
    const path = join(directory, 'a.tokens');
    const sound = readFileSync(path);
    for (let at = 0; at < sound.length; at += 5) {
      const damaged = Buffer.from(sound);
      damaged[at] ^= 0x20;
      writeFileSync(path, damaged);
      expect(await cache.read('a'), `byte ${at}`).toBeUndefined();
    }
    for (const length of [0, 10, 60, sound.length - 1]) {
      writeFileSync(path, sound.subarray(0, length));
      expect(await cache.read('a'), `${length} bytes`).toBeUndefined();
    }
    expect(readdirSync(directory)).toEqual([]);
    expect(lines[0]).toMatch(/damaged .* made anew/);
    // A sound file under another's name.
    await cache.write('a', entry(20));
    writeFileSync(join(directory, 'b.tokens'), readFileSync(path));
    expect(await cache.read('b')).toBeUndefined();
    expect(await cache.read('a')).toEqual(entry(20));
  });

  test('stays below its size: what was not used for longest goes, and so do parts of dead processes', async () => {
    const directory = await temporaryFolder();
    await new TokenCache(directory).write('probe', entry(1000));
    const one = statSync(join(directory, 'probe.tokens')).size;
    const cache = new TokenCache(directory, 3.5 * one);
    const age = (name: string, minutes: number) => {
      const time = new Date(Date.now() - minutes * 60_000);
      utimesSync(join(directory, name), time, time);
    };
    age('probe.tokens', 50);
    for (const [i, key] of ['aaaaa', 'bbbbb'].entries()) {
      await cache.write(key, entry(1000));
      age(`${key}.tokens`, 40 - i);
    }
    writeFileSync(join(directory, '.x.tokens.0123456789ab.partial'), 'part');
    age('.x.tokens.0123456789ab.partial', 61);
    // It is used, and so is the newest.
    expect(await cache.read('probe')).toBeDefined();
    await cache.write('ccccc', entry(1000));
    expect(readdirSync(directory).sort()).toEqual(['bbbbb.tokens', 'ccccc.tokens', 'probe.tokens']);
    // What is larger than all that may be there is not kept.
    await cache.write('ddddd', entry(5000));
    expect(readdirSync(directory)).toHaveLength(3);
  });

  test('many at once read a whole entry or none', async () => {
    gatherLog();
    const directory = await temporaryFolder();
    const size = 4000;
    await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const cache = new TokenCache(directory, 15_000);
        await cache.write(`key${i % 4}`, entry(size, i % 4));
        const found = await cache.read(`key${i % 4}`);
        if (found !== undefined) expect(found).toEqual(entry(size, i % 4));
      }),
    );
    expect(readdirSync(directory).filter((name) => !name.endsWith('.tokens'))).toEqual([]);
  });

  test('a place that cannot be written to is said, and is no error', async () => {
    const lines = gatherLog();
    const file = join(await temporaryFolder(), 'file');
    writeFileSync(file, '');
    const cache = new TokenCache(join(file, 'below'));
    await cache.write('a', entry(1));
    expect(await cache.read('a')).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/tokens are not kept for the next run/);
  });
});

test('what is said is recorded whether it is shown or not, and only meanwhile', async () => {
  gatherLog();
  const { result, messages } = await recordLog(async () => {
    log.debug('hidden');
    log.warn('cut');
    return 3;
  });
  log.info('later');
  expect([result, messages]).toEqual([
    3,
    [
      ['debug', 'hidden'],
      ['warn', 'cut'],
    ],
  ]);
});
