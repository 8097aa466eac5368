import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { openCheckpoint } from './safetensors-checkpoint.ts';
import { writeSafetensors } from './safetensors-write.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fettle-checkpoint-'));
});
afterEach(() => rm(directory, { recursive: true }));

const shard = (file: string, ...names: string[]) =>
  writeSafetensors(
    join(directory, file),
    names.map((name) => ({ name, dtype: 'F32', shape: [2], data: Float32Array.of(name.length, 1) })),
  );
const index = (content: unknown) =>
  writeFile(
    join(directory, 'model.safetensors.index.json'),
    typeof content === 'string' ? content : JSON.stringify(content),
  );
const first = 'model-00001-of-00002.safetensors';
const second = 'model-00002-of-00002.safetensors';

test('one file', async () => {
  await shard('model.safetensors', 'a', 'bb');
  await index('not looked at');
  const checkpoint = await openCheckpoint(directory);
  expect([...checkpoint.tensors.keys()]).toEqual(['a', 'bb']);
  expect(checkpoint.metadata).toEqual({ format: 'pt' });
  const target = new Float32Array(2);
  await checkpoint.readInto('bb', target);
  expect([...target]).toEqual([2, 1]);
  await expect(checkpoint.readInto('bc', target)).rejects.toThrow(/no tensor 'bc' \(.*\); did you mean 'bb'/);
  await checkpoint.close();
});

test('several files as one; what the index does not name is read and said', async () => {
  await shard(first, 'a');
  await shard(second, 'bb', 'ccc');
  await index({ metadata: { total_size: 24 }, weight_map: { a: first, bb: second } });
  const said: string[] = [];
  const restore = configureLog({ sink: (_level, message) => said.push(message) });
  const checkpoint = await openCheckpoint(directory);
  restore();
  expect(checkpoint.files).toEqual([join(directory, first), join(directory, second)]);
  expect([...checkpoint.tensors.keys()]).toEqual(['a', 'bb', 'ccc']);
  expect([...(await checkpoint.read('a'))]).toEqual([1, 1]);
  const target = new Float32Array(2);
  await checkpoint.readInto('ccc', target);
  expect([...target]).toEqual([3, 1]);
  expect(said.join()).toMatch(/does not name 1 tensors.*ccc/);
  await checkpoint.close();
});

test.each<[string, unknown, RegExp]>([
  ['is not JSON', '{', /not JSON/],
  ['has no map', { weight_map: [] }, /no 'weight_map'/],
  ['is null', 'null', /no 'weight_map'/],
  ['leads out of the directory', { weight_map: { a: '../model.safetensors' } }, /not a plain name/],
  ['names another kind of file', { weight_map: { a: 'pytorch_model.bin' } }, /not a plain name/],
  ['names a number', { weight_map: { a: 1 } }, /not a plain name/],
  [
    'names an absent file',
    { weight_map: { a: first, x: 'none.safetensors' } },
    /names 'none\.safetensors', which is not there/,
  ],
  ['names an absent tensor', { weight_map: { a: first, b: first } }, /tensor 'b' is not in/],
  ['spans files with one name twice', { weight_map: { a: first, bb: second } }, /tensor 'a' stands in/],
])('an index that %s', async (_name, content, message) => {
  await shard(first, 'a');
  await shard(second, 'a', 'bb');
  await index(content);
  await expect(openCheckpoint(directory)).rejects.toMatchObject({ name: 'ModelError', code: 'ERR_MODEL_INDEX' });
  await expect(openCheckpoint(directory)).rejects.toThrow(message);
});

test('a pickle is refused, with the way to convert it', async () => {
  await writeFile(join(directory, 'pytorch_model.bin'), 'any bytes');
  const error = await openCheckpoint(directory).catch((thrown) => thrown);
  expect(error).toMatchObject({ name: 'ModelError', code: 'ERR_MODEL_WEIGHTS', file: directory });
  expect(error.message).toMatch(
    /never executed.*got 'pytorch_model\.bin', expected model\.safetensors.*weights_only=True/,
  );
});

test('no weights: says what is there', async () => {
  await writeFile(join(directory, 'config.json'), '{}');
  await expect(openCheckpoint(directory)).rejects.toThrow(/no weights.*a directory with config\.json/);
  await expect(openCheckpoint(join(directory, 'none'))).rejects.toMatchObject({ code: 'ERR_MODEL_WEIGHTS' });
  await writeFile(join(directory, 'tf_model.h5'), '');
  await expect(openCheckpoint(directory)).rejects.toThrow(/a form that is not read here.*got 'tf_model\.h5'/);
});
