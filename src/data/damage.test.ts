import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { damaged } from '../../test/testing/damage.ts';
import { goodFiles } from '../../test/testing/dataFiles.ts';
import { FettleError } from '../core/errors.ts';
import { configureLog } from '../core/log.ts';
import { loadDataset } from './loadDataset.ts';

const seeds = Number(process.env['FETTLE_DAMAGED_FILES'] ?? 40);

test.each([...goodFiles()])('%s, damaged, gives an error of ours or a data set', async (name, good) => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-damage-'));
  const restore = configureLog({ level: 'silent' });
  try {
    const path = join(folder, name);
    await writeFile(path, good);
    expect((await loadDataset(path, { split: 'train' })).length).toBeGreaterThan(0);
    for (let seed = 0; seed < seeds; seed++) {
      await writeFile(path, damaged(good, seed));
      for (const streaming of [false, true]) {
        let rows = 0;
        try {
          if (streaming) {
            for await (const row of await loadDataset(path, { split: 'train', streaming }))
              rows += Object.keys(row).length;
          } else rows = (await loadDataset(path, { split: 'train' })).toJSON().length;
          expect(rows).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof FettleError)) throw new Error(`seed ${seed}: ${error}`, { cause: error });
          expect(error.file ?? path, `seed ${seed}: ${error.message}`).toBe(path);
          expect(error.message, `seed ${seed}`).toContain(path);
        }
      }
    }
  } finally {
    restore();
    await rm(folder, { recursive: true });
  }
});
