import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { HubServer } from '../../test/servers/hub.ts';
import { temporaryFolder, tinyModel, tinyTokenizer, writeTinyModel } from '../../test/testing/tiny.ts';
import { uploadFolder } from '../hub/upload.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { exportOnnx } from './exportOnnx.ts';
import { writeModelCard } from './modelCard.ts';

let server: HubServer;
beforeAll(async () => {
  server = await HubServer.start();
});
afterAll(() => server.stop());

test('a model with card and ONNX files goes up whole, in one commit, and comes down as it was', async () => {
  const folder = await temporaryFolder();
  for (const name of ['HF_HUB_OFFLINE', 'HUGGING_FACE_HUB_TOKEN']) vi.stubEnv(name, '');
  vi.stubEnv('HF_ENDPOINT', server.endpoint);
  vi.stubEnv('HF_TOKEN', server.token);
  vi.stubEnv('HF_HOME', await temporaryFolder());
  onTestFinished(() => void vi.unstubAllEnvs());

  await writeTinyModel(folder);
  const model = await tinyModel();
  await exportOnnx(model, folder, { quantize: 'int8', tokenizer: tinyTokenizer() });
  await writeModelCard(folder, { task: 'text-classification', metrics: { eval_accuracy: 1 } });
  await uploadFolder('me/exported', folder);

  const files = server.filesOf('model', 'me/exported');
  for (const path of [
    'README.md',
    'config.json',
    'model.safetensors',
    'onnx/model.onnx',
    'onnx/model_quantized.onnx',
    'tokenizer.json',
  ]) {
    expect(files[path]?.equals(await readFile(join(folder, path))), path).toBe(true);
  }
  const loaded = await BertForSequenceClassification.fromPretrained('me/exported');
  onTestFinished(() => loaded.dispose());
  const inputs = tinyTokenizer()('good film');
  expect((await loaded(inputs)).logits.data).toEqual((await model(inputs)).logits.data);
});
