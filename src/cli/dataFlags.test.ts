import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/testing/tiny.ts';
import { addDataFlags, type DataFlags, flaggedSource, loadFlaggedDataset, loadFlaggedSplit } from './dataFlags.ts';

function parsed(...line: string[]): DataFlags {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addDataFlags(command);
  return command.parse(line, { from: 'user' }).opts();
}

test("glue/config is GLUE's configuration, unless one is given", () => {
  expect(flaggedSource(parsed('--dataset', 'glue/mrpc')).slice(0, 2)).toEqual(['glue', 'mrpc']);
  expect(flaggedSource(parsed('--dataset', 'nyu-mll/glue/sst2')).slice(0, 2)).toEqual(['glue', 'sst2']);
  expect(flaggedSource(parsed('--dataset-config', 'x'), 'glue/mrpc').slice(0, 2)).toEqual(['glue/mrpc', 'x']);
  expect(() => flaggedSource(parsed())).toThrow(/there is no data; pass --dataset/);
});

test('--data-files makes splits of files, --data-format says what they are', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.dat'), 'text,label\ngood,1\n');
  await writeFile(join(folder, 'b.dat'), 'text,label\nbad,0\nworse,0\n');
  const flags = parsed(
    ...['--dataset', folder, '--data-format', 'csv', '--data-files', 'a.dat', '--data-files', 'held.out=b.*'],
  );
  const splits = await loadFlaggedDataset(flags);
  expect(Object.entries(splits).map(([name, { length }]) => [name, length])).toEqual([
    ['train', 1],
    ['held.out', 2],
  ]);
  expect((await loadFlaggedSplit(flags, undefined, 'held.out[1:]')).column('text').toArray()).toEqual(['worse']);
  expect(() => flaggedSource(parsed('--dataset', folder, '--data-files', 'test='))).toThrow(
    /--data-files names no file/,
  );
  expect(() => parsed('--data-format', 'xlsx')).toThrow(/Allowed choices are csv/);
});

test('one split alone is read: damage in another is nobody’s business', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'train.csv'), 'text,label\ngood,1\n');
  await writeFile(join(folder, 'test.csv'), 'text,label\n"bad,0\n');
  expect((await loadFlaggedSplit({ dataset: folder }, undefined, 'train')).length).toBe(1);
  await expect(loadFlaggedSplit({ dataset: folder }, undefined, 'tset')).rejects.toThrow(/did you mean 'test'\?/);
  await expect(loadFlaggedDataset({ dataset: folder })).rejects.toMatchObject({ code: 'ERR_UNCLOSED_QUOTE' });
});
