import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  gatherLog,
  loadTiny,
  temporaryFolder,
  tinyConfig,
  tinyModel,
  tinyTokenizer,
  writeTinyModel,
} from '../../test/testing/tiny.ts';
import { ModelError } from '../core/errors.ts';
import { configureLog } from '../core/log.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { writeSafetensors } from '../formats/safetensors-write.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { BertForMaskedLM } from './bert/bertForMaskedLM.ts';
import { BertModel } from './bert/bertModel.ts';

beforeEach(() => configureLog({ level: 'silent' }));

interface Entry {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Rewrites a saved model's tensors and configuration. */
async function rewrite(
  folder: string,
  tensors: (entries: Map<string, Entry>) => Iterable<readonly [string, Entry]>,
  config: (json: Record<string, unknown>) => Record<string, unknown> = (json) => json,
): Promise<void> {
  const path = join(folder, 'model.safetensors');
  const file = readSafetensors(await readFile(path));
  const entries = new Map(
    [...file.tensors].map(([name, { shape }]) => [name, { shape, data: file.toFloat32(name).slice() }]),
  );
  await writeSafetensors(
    path,
    [...tensors(entries)].map(([name, entry]) => ({ name, dtype: 'F32' as const, ...entry })),
  );
  const configPath = join(folder, 'config.json');
  const json = JSON.parse(await readFile(configPath, 'utf8')) as Record<string, unknown>;
  await writeFile(configPath, JSON.stringify(config(json)));
}

/** A folder with a tiny model, the model's logits for two texts, and what asks another model for them. */
async function saved(parts: Parameters<typeof writeTinyModel>[1] = {}) {
  const folder = await temporaryFolder();
  await writeTinyModel(folder, parts);
  const inputs = tinyTokenizer()(['the film is good', 'a sad night']);
  const { logits } = await (await loadTiny(folder))(inputs);
  return { folder, inputs, logits: logits.data };
}

async function failure(work: Promise<unknown>): Promise<ModelError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ModelError);
  expect((error as ModelError).exitCode).toBe(3);
  return error as ModelError;
}

const renamed = (rename: (name: string) => string) => (entries: Map<string, Entry>) =>
  [...entries].map(([name, entry]) => [rename(name), entry] as const);

describe('names in checkpoints', () => {
  test.each([
    ['as saved', (name: string) => name],
    ['without the prefix', (name: string) => name.replace(/^bert\./, '')],
    [
      "TensorFlow's gamma and beta",
      (name: string) => name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
    ],
  ])('%s', async (_, rename) => {
    const { folder, inputs, logits } = await saved();
    await rewrite(folder, renamed(rename));
    const log = gatherLog();
    expect((await (await loadTiny(folder))(inputs)).logits.data).toEqual(logits);
    expect(log).toEqual([]);
  });

  test('position_ids are no parameter; heads of another kind are left out, and said so', async () => {
    const { folder, inputs, logits } = await saved();
    const extra = { shape: [1, 32], data: Float32Array.from({ length: 32 }, (_, i) => i) };
    await rewrite(folder, (entries) => [
      ...entries,
      ['bert.embeddings.position_ids', extra],
      ['cls.seq_relationship.weight', { shape: [2, 16], data: new Float32Array(32) }],
    ]);
    const log = gatherLog();
    expect((await (await loadTiny(folder))(inputs)).logits.data).toEqual(logits);
    expect(log).toEqual(['info: left out, as this model has no such head: cls.seq_relationship.weight']);
  });

  test('a checkpoint without a head gets a new one, a function of the seed, said in one line', async () => {
    const { folder } = await saved();
    await rewrite(folder, (entries) => [...entries].filter(([name]) => name.startsWith('bert.')));
    const log = gatherLog();
    const heads = await Promise.all(
      [undefined, 42, 5].map(
        async (seed) => (await loadTiny(folder, seed === undefined ? {} : { seed })).weight('classifier.weight').data,
      ),
    );
    expect(log).toHaveLength(3);
    expect(log[0]).toBe(
      `info: new, and to be trained: classifier.weight, classifier.bias (not in ${join(folder, 'model.safetensors')}; seed 42)`,
    );
    expect(heads[0]).toEqual(heads[1]);
    expect(heads[0]).not.toEqual(heads[2]);
    // Normal with a standard deviation of 0.02 (initializer_range); the bias is 0.
    const spread = Math.sqrt(heads[0].reduce((sum, x) => sum + x * x, 0) / heads[0].length);
    expect(spread).toBeGreaterThan(0.01);
    expect(spread).toBeLessThan(0.03);
    expect((await loadTiny(folder)).weight('classifier.bias').data).toEqual(new Float32Array(2));
  });

  test('other classes read the same file', async () => {
    const { folder } = await saved();
    const base = await BertModel.fromPretrained(folder, { threads: 1 });
    const model = await loadTiny(folder);
    for (const name of base.parameters.keys()) expect(base.weight(name).data).toEqual(model.weight(name).data);
    await base.dispose();
    const log = gatherLog();
    const language = await BertForMaskedLM.fromPretrained(folder, { threads: 1 });
    expect(log.join('\n')).toMatch(/new, and to be trained: cls\.predictions/);
    expect(log.join('\n')).toMatch(/left out.*bert\.pooler\.dense\.weight.*classifier\.weight/);
    await language.dispose();
  });
});

describe('a head of another size', () => {
  test('is an error that says how to replace it, or to keep it', async () => {
    const { folder } = await saved({ id2label: ['a', 'b', 'c'] });
    const error = await failure(loadTiny(folder, { numLabels: 2 }));
    expect(error.message).toBe(
      `[fromPretrained] the weights do not fit the model; of another shape: classifier.weight: [3, 16] in the file, [2, 16] in the model; classifier.bias: [3] in the file, [2] in the model (${join(folder, 'model.safetensors')}); for a new head of another size pass ignoreMismatchedSizes: true, or leave out numLabels to keep the old head`,
    );
  });

  test('is replaced with ignoreMismatchedSizes; the rest is kept', async () => {
    const { folder } = await saved({ id2label: ['a', 'b', 'c'] });
    const log = gatherLog();
    const model = await loadTiny(folder, { numLabels: 2, ignoreMismatchedSizes: true });
    expect(model.numLabels).toBe(2);
    expect(model.config.id2label).toEqual(['LABEL_0', 'LABEL_1']);
    expect(log.join('\n')).toMatch(/new, and to be trained: classifier\.weight, classifier\.bias/);
    const old = await loadTiny(folder);
    expect(model.weight('bert.pooler.dense.weight').data).toEqual(old.weight('bert.pooler.dense.weight').data);
  });

  test('the base is never replaced', async () => {
    const { folder } = await saved();
    await rewrite(
      folder,
      (entries) => entries,
      (json) => ({ ...json, intermediate_size: 48 }),
    );
    const error = await failure(loadTiny(folder, { ignoreMismatchedSizes: true }));
    expect(error.message).toMatch(
      /bert\.encoder\.layer\.0\.intermediate\.dense\.weight: \[32, 16\] in the file, \[48, 16\] in the model/,
    );
    expect(error.hint).toMatch(/check that config\.json belongs to these weights/);
  });
});

describe('labels', () => {
  test('numLabels that the checkpoint has too keeps its names; id2label replaces them', async () => {
    const { folder } = await saved({ id2label: ['bad', 'good'] });
    expect((await loadTiny(folder, { numLabels: 2 })).config.id2label).toEqual(['bad', 'good']);
    expect((await loadTiny(folder, { id2label: ['no', 'yes'] })).config.id2label).toEqual(['no', 'yes']);
    expect((await loadTiny(folder, { id2label: { 0: 'no', 1: 'yes' }, numLabels: 2 })).config.id2label).toEqual([
      'no',
      'yes',
    ]);
  });

  test('that contradict are refused', async () => {
    const { folder } = await saved();
    await expect(loadTiny(folder, { id2label: ['a', 'b', 'c'], numLabels: 2 })).rejects.toThrow(
      '[BertForSequenceClassification] numLabels and id2label disagree, got 2, expected 3, as id2label has',
    );
    for (const numLabels of [0, 1.5, -1]) {
      await expect(loadTiny(folder, { numLabels })).rejects.toMatchObject({ code: 'ERR_NUM_LABELS', exitCode: 2 });
    }
  });
});

describe('weights that do not fit are listed, all of them', () => {
  test('missing, unexpected and of another shape', async () => {
    const { folder } = await saved();
    await rewrite(folder, (entries) => {
      entries.delete('bert.embeddings.LayerNorm.weight');
      entries.delete('bert.encoder.layer.1.output.dense.bias');
      entries.set('bert.encoder.layer.2.output.dense.bias', { shape: [16], data: new Float32Array(16) });
      entries.set('bert.pooler.dense.bias', { shape: [4, 4], data: new Float32Array(16) });
      return entries;
    });
    const error = await failure(loadTiny(folder));
    expect(error.code).toBe('ERR_WEIGHTS');
    expect(error.message).toBe(
      `[fromPretrained] the weights do not fit the model; missing: bert.embeddings.LayerNorm.weight, bert.encoder.layer.1.output.dense.bias; unexpected: bert.encoder.layer.2.output.dense.bias; of another shape: bert.pooler.dense.bias: [4, 4] in the file, [16] in the model (${join(folder, 'model.safetensors')}); check that config.json belongs to these weights, and that they are BERT's`,
    );
  });

  test("another model's weights", async () => {
    const { folder } = await saved();
    await rewrite(
      folder,
      renamed((name) => name.replace(/^bert\./, 'roberta.')),
    );
    const error = await failure(loadTiny(folder));
    expect(error.message).toMatch(/missing: bert\.embeddings\.word_embeddings\.weight/);
  });
});

describe('directories that hold no model', () => {
  test('no weights', async () => {
    const { folder } = await saved();
    await rm(join(folder, 'model.safetensors'));
    const error = await failure(loadTiny(folder));
    expect(error.message).toMatch(/^\[\w+\] .*model\.safetensors/);
    expect(error.message).toContain(folder);
    // Weights that are there in a form that is never executed are named.
    await writeFile(join(folder, 'pytorch_model.bin'), 'pickle');
    expect((await failure(loadTiny(folder))).message).toMatch(/pytorch_model\.bin/);
  });

  test('no configuration, or one that is none', async () => {
    const { folder } = await saved();
    const config = join(folder, 'config.json');
    await writeFile(config, '{"model_type": "bert",');
    expect((await failure(loadTiny(folder))).message).toMatch(
      /^\[BertForSequenceClassification\.fromPretrained\] config\.json is not JSON/,
    );
    for (const text of ['null', '[1]', '7', '"bert"']) {
      await writeFile(config, text);
      expect((await failure(loadTiny(folder))).message).toMatch(/config\.json holds no object/);
    }
    await rm(config);
    expect((await failure(loadTiny(folder))).message).toBe(
      `[BertForSequenceClassification.fromPretrained] there is no config.json (${folder}); give the directory of a saved model: config.json, model.safetensors and the tokenizer’s files`,
    );
  });

  test('no directory', async () => {
    const folder = await temporaryFolder();
    expect((await failure(loadTiny(join(folder, 'nothing')))).message).toMatch(/there is no such directory/);
    await mkdir(join(folder, 'empty'));
    expect((await failure(loadTiny(join(folder, 'empty')))).message).toMatch(/there is no config\.json/);
  });

  test('no tokenizer', async () => {
    const folder = await temporaryFolder();
    await (await tinyModel()).savePretrained(folder);
    const error = await failure(BertTokenizer.fromPretrained(folder));
    expect(error.message).toMatch(/vocab\.txt/);
  });

  test.each([
    [{ model_type: 'roberta' }, 'model_type is not BERT'],
    [{ hidden_size: 17 }, 'hidden_size does not split into the heads'],
    [{ hidden_size: '16' }, 'hidden_size is not a number'],
    [{ num_hidden_layers: 0 }, 'num_hidden_layers is no size'],
    [{ hidden_act: 'gelus' }, 'hidden_act is unknown'],
    [{ hidden_act: 'toString' }, 'hidden_act is unknown'],
    [{ position_embedding_type: 'relative_key' }, 'position_embedding_type is not supported'],
    [{ is_decoder: true }, 'the model is a decoder'],
    [{ hidden_dropout_prob: 1 }, 'hidden_dropout_prob leaves nothing'],
    [{ classifier_dropout: 1.5 }, 'classifier_dropout leaves nothing'],
    [{ problem_type: 'classification' }, 'problem_type is unknown'],
    [{ id2label: { 0: 'a', 2: 'b' } }, 'id2label does not number the labels from 0 on'],
    [{ id2label: null, num_labels: 'two' }, 'num_labels is no number of labels'],
  ])('a configuration with %j', async (parts, message) => {
    const { folder } = await saved();
    await rewrite(
      folder,
      (entries) => entries,
      (json) => ({ ...json, ...parts }),
    );
    const error = await failure(loadTiny(folder));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain(`[BertConfig] ${message} (${join(folder, 'config.json')})`);
  });
});

test('what is saved says float32, whatever was loaded, and keeps all that is not understood', async () => {
  const { folder } = await saved();
  await rewrite(
    folder,
    (entries) => entries,
    (json) => ({ ...json, torch_dtype: 'float16', dtype: 'bfloat16', _name: 'mine' }),
  );
  const again = join(folder, 'again');
  await (await loadTiny(folder)).savePretrained(again);
  const json = JSON.parse(await readFile(join(again, 'config.json'), 'utf8')) as Record<string, unknown>;
  expect(json['dtype']).toBe('float32');
  expect(json['torch_dtype']).toBeUndefined();
  expect(json['_name']).toBe('mine');
  expect(json['vocab_size']).toBe(tinyConfig().vocabSize);
});
