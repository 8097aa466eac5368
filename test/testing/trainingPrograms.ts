import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder, toyTexts, writeTinyModel } from './tiny.ts';

/** A folder with a tiny model, its tokenizer and rows.jsonl. */
export async function prepared(): Promise<string> {
  const folder = await temporaryFolder();
  await writeTinyModel(folder);
  await writeFile(
    join(folder, 'rows.jsonl'),
    toyTexts(40)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  );
  return folder;
}

/** A program that starts with `model`, `train` (a data set), `Trainer` and the folder at hand. */
export const program = (folder: string, body: string) => `
  const { BertForSequenceClassification, configureLog, loadDataset, Trainer } = await import('./src/index.ts');
  configureLog({ level: 'silent' });
  const folder = ${JSON.stringify(folder)};
  const { train } = await loadDataset(folder + '/rows.jsonl');
  const load = () => BertForSequenceClassification.fromPretrained(folder, { threads: 2 });
  const model = await load();
  ${body}`;
