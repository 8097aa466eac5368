import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FettleError } from '../../src/core/errors.ts';
import { configureLog } from '../../src/core/log.ts';
import { loadDataset } from '../../src/data/index.ts';
import { damaged } from './damage.ts';

/** Files under way at once: while one is written or opened, another is read. */
const lanes = 4;

/** Damages a good file in as many ways as there are seeds; each, loaded and streamed, must give rows or an error of ours that names the file. */
export async function loadDamaged(name: string, good: Uint8Array, fromSeed: number, toSeed: number): Promise<void> {
  const restore = configureLog({ level: 'silent' });
  try {
    let next = fromSeed;
    const seeds = () => (next < toSeed ? next++ : undefined);
    await Promise.all(Array.from({ length: Math.min(lanes, toSeed - fromSeed) }, () => loadInLane(name, good, seeds)));
  } finally {
    restore();
  }
}

async function loadInLane(name: string, good: Uint8Array, seeds: () => number | undefined): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-damage-'));
  try {
    const path = join(folder, name);
    await writeFile(path, good);
    expect((await loadDataset(path, { split: 'train' })).length).toBeGreaterThan(0);
    for (let seed = seeds(); seed !== undefined; seed = seeds()) {
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
    await rm(folder, { recursive: true });
  }
}
