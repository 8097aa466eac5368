import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FettleError } from '../../src/core/errors.ts';
import { configureLog } from '../../src/core/log.ts';
import { loadDataset } from '../../src/data/index.ts';
import { damaged } from './damage.ts';

/** Damages a good file in as many ways as there are seeds; each, loaded and streamed, must give rows or an error of ours that names the file. */
export async function loadDamaged(name: string, good: Uint8Array, fromSeed: number, toSeed: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-damage-'));
  const restore = configureLog({ level: 'silent' });
  try {
    const path = join(folder, name);
    await writeFile(path, good);
    expect((await loadDataset(path, { split: 'train' })).length).toBeGreaterThan(0);
    for (let seed = fromSeed; seed < toSeed; seed++) {
      await writeFile(path, damaged(good, seed));
      for (const streaming of [false, true]) {
        let rows = 0;
        try {
          if (streaming) for await (const _ of await loadDataset(path, { split: 'train', streaming })) rows++;
          else rows = (await loadDataset(path, { split: 'train' })).toJSON().length;
          expect(rows, `seed ${seed}`).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof FettleError)) throw new Error(`seed ${seed}: ${error}`, { cause: error });
          expect(error.message, `seed ${seed}`).toContain(path);
        }
      }
    }
  } finally {
    restore();
    await rm(folder, { recursive: true });
  }
}
