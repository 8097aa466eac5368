import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder, tinyConfig, tinyTokenizer } from '../../test/testing/tiny.ts';
import { BertForSequenceClassification } from './bert/bertForSequenceClassification.ts';
import { BertModel } from './bert/bertModel.ts';
import { readArchitectures } from './loading.ts';

/** An adapter as Python's PEFT leaves it: its two files and nothing else; and its base model. */
async function adapterOfPython(taskType: string | null) {
  const [base, adapter] = [await temporaryFolder(), await temporaryFolder()];
  const headless = await BertModel.fromConfig(tinyConfig());
  onTestFinished(() => headless.dispose());
  await headless.savePretrained(base);
  await tinyTokenizer().savePretrained(base);
  const model = await BertForSequenceClassification.fromPretrained(base);
  onTestFinished(() => model.dispose());
  await model.addAdapter();
  await model.savePretrained(adapter);
  await rm(join(adapter, 'config.json'));
  const file = join(adapter, 'adapter_config.json');
  const json = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...json, task_type: taskType }));
  return { base, adapter };
}

test('an adapter without a config.json is for the task that it names', async () => {
  const { adapter } = await adapterOfPython('SEQ_CLS');
  expect(await readArchitectures(adapter)).toEqual(['BertForSequenceClassification']);
});

test('one that names no task is for what its base model is for', async () => {
  const { adapter } = await adapterOfPython(null);
  expect(await readArchitectures(adapter)).toEqual(['BertModel']);
});

test('a directory that holds neither is refused', async () => {
  await expect(readArchitectures(await temporaryFolder())).rejects.toMatchObject({ code: 'ERR_NO_CONFIG' });
});
