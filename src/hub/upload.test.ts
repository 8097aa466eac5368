import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { HubServer } from '../../test/servers/hub.ts';
import { configureLog } from '../core/log.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { bertConfig } from '../models/bert/configuration.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { uploadFolder } from './upload.ts';

const retry = { firstDelay: 0.001, longestDelay: 0.01 };
const weights = Buffer.alloc(200_000, 'abc');

let server: HubServer;
let directory: string;
let said: string[];
let restoreLog: () => void;

beforeAll(async () => {
  server = await HubServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fettle-upload-'));
  for (const name of ['HF_HUB_OFFLINE', 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) vi.stubEnv(name, '');
  vi.stubEnv('HF_ENDPOINT', server.endpoint);
  vi.stubEnv('HF_HOME', directory);
  said = [];
  restoreLog = configureLog({ sink: (_level, message) => said.push(message), level: 'info' });
});
afterEach(async () => {
  server.reset();
  restoreLog();
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

/** A saved model, with what a training leaves beside it. */
async function saved(): Promise<string> {
  const folder = join(directory, 'output');
  await mkdir(join(folder, 'checkpoint-5'), { recursive: true });
  await mkdir(join(folder, 'onnx'));
  await writeFile(join(folder, 'config.json'), '{}');
  await writeFile(join(folder, 'model.safetensors'), weights);
  await writeFile(join(folder, 'onnx', 'notes.txt'), 'é\n');
  await writeFile(join(folder, 'empty.txt'), '');
  await writeFile(join(folder, 'checkpoint-5', 'optimizer.safetensors'), 'x');
  await writeFile(join(folder, '.model.safetensors.0123456789ab.partial'), 'x');
  return folder;
}

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it should have failed'),
    (error) => error,
  );

test('a folder becomes one commit in a new private repository; large files go by the storage, without the token', async () => {
  const pushed = await uploadFolder('me/fine', await saved(), {
    token: server.token,
    private: true,
    commitMessage: 'First',
    retry,
  });
  expect(pushed).toMatchObject({ repo: 'me/fine', url: `${server.endpoint}/me/fine/commit/${pushed.commit}` });
  const files = server.filesOf('model', 'me/fine');
  expect(Object.keys(files).sort()).toEqual(['config.json', 'empty.txt', 'model.safetensors', 'onnx/notes.txt']);
  expect(weights.equals(files['model.safetensors'])).toBe(true);
  expect(files['onnx/notes.txt'].toString()).toBe('é\n');
  expect(server.isPrivate('model', 'me/fine')).toBe(true);
  expect(server.lastMessage('model', 'me/fine')).toBe('First');
  const put = server.requests.filter(({ method }) => method === 'PUT');
  expect(put.map(({ authorization, server: where }) => [authorization, where])).toEqual([[undefined, 'cdn']]);
  expect(said.join('\n')).toMatch(/1 files? of checkpoints/);
  expect(said.join('\n')).not.toContain(server.token);
});

test('a second upload adds a commit, sends no content again, and keeps other files', async () => {
  server.add('model', 'me/fine', { 'README.md': 'kept' });
  await uploadFolder('fine', await saved(), { token: server.token, retry });
  server.requests.length = 0;
  await uploadFolder('me/fine', join(directory, 'output'), {
    token: server.token,
    retry,
    allowPatterns: '*.safetensors',
  });
  expect(server.requests.filter(({ method }) => method === 'PUT')).toEqual([]);
  expect(server.filesOf('model', 'me/fine')['README.md'].toString()).toBe('kept');
});

test('a data set, and what fails in passing', async () => {
  await writeFile(join(directory, 'train.csv'), 'text,label\n');
  server.misbehave('/preupload/', { do: 'status', status: 503 });
  server.misbehave('/commit/', { do: 'status', status: 429, headers: { 'retry-after': '0' } });
  server.misbehave('/preupload/', { do: 'cut', after: 0 });
  await uploadFolder('me/rows', directory, { repoType: 'dataset', token: server.token, retry });
  expect(Object.keys(server.filesOf('dataset', 'me/rows'))).toEqual(['train.csv']);
});

test('refusals: no token, one that may not write, no files, a bad name, offline, a cut commit', async () => {
  const folder = await saved();
  const push = (options = {}, name = 'me/fine') =>
    refusal(uploadFolder(name, folder, { token: server.token, retry, ...options }));
  expect(await push({ token: undefined })).toMatchObject({ code: 'ERR_TOKEN', exitCode: 2 });
  expect(await push({ token: 'secret' })).toMatchObject({ code: 'ERR_TOKEN' });
  const wrong = await push({ token: 'hf_wrong' });
  expect(wrong).toMatchObject({ code: 'ERR_HUB_TOKEN' });
  expect(wrong.message).not.toContain('hf_wrong');
  expect(await push({}, '../x')).toMatchObject({ code: 'ERR_REPOSITORY_NAME' });
  expect(await push({ allowPatterns: '*.onnx' })).toMatchObject({ code: 'ERR_NOTHING_TO_UPLOAD' });
  expect(await refusal(uploadFolder('me/fine', join(directory, 'none'), {}))).toMatchObject({
    code: 'ERR_NOTHING_TO_UPLOAD',
  });
  server.misbehave(/cdn PUT/, { do: 'status', status: 500 }, 5);
  expect(await push()).toMatchObject({ code: 'ERR_HUB_STATUS' });
  // Whether it was made is not known: it is not made twice.
  server.misbehave('/commit/', { do: 'cut', after: 0 });
  expect(await push()).toMatchObject({ code: 'ERR_HUB_UNREACHABLE' });
  expect(server.requests.filter(({ url }) => url.includes('/commit/'))).toHaveLength(1);
  server.misbehave('/objects/batch', { do: 'status', status: 200, body: '{"objects":[{"oid":"1"}]}' });
  expect(await push()).toMatchObject({ code: 'ERR_HUB_UPLOAD' });
  expect(await push({ signal: AbortSignal.abort(new Error('enough')) })).toMatchObject({ message: 'enough' });
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await push()).toMatchObject({ code: 'ERR_OFFLINE' });
});

test('a model and its tokenizer are pushed and come back by their name', async () => {
  const options = { token: server.token, retry };
  const model = await BertForSequenceClassification.fromConfig(
    bertConfig({ vocabSize: 6, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 8 }),
  );
  const tokenizer = new BertTokenizer({ vocab: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'hello'] });
  await model.pushToHub('me/tiny', { ...options, private: true });
  await tokenizer.pushToHub('me/tiny', options);
  expect(server.lastMessage('model', 'me/tiny')).toBe('Upload tokenizer');
  const from = { token: server.token, cacheDir: join(directory, 'cache') };
  const back = await BertForSequenceClassification.fromPretrained('me/tiny', from);
  const [name] = model.parameters.keys();
  expect(back.weight(name).data).toEqual(model.weight(name).data);
  expect((await BertTokenizer.fromPretrained('me/tiny', from)).vocabSize).toBe(6);
  await Promise.all([model.dispose(), back.dispose()]);
});
