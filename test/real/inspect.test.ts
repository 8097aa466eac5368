import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dropDuplicates, dropOverlap, inspectDataset, loadDataset, preprocess } from '../../src/index.ts';
import { gatherLog } from '../testing/tiny.ts';
import { shared, skipNote } from './shared.ts';

const folder = join(shared, 'data/glue/SST-2');

describe.skipIf(!existsSync(folder))(`SST-2 as a careful person sees it${skipNote}`, () => {
  test('counts, repetitions, conflicts and leaks are those that a few lines of Python find', async () => {
    gatherLog();
    const dataset = await loadDataset(folder);
    const { splits, findings } = await inspectDataset(dataset);
    const [train, validation] = splits;
    expect([train.rows, train.duplicates, validation.rows, validation.duplicates]).toEqual([
      67349,
      { exact: 371, normalized: 371 },
      872,
      { exact: 0, normalized: 0 },
    ]);
    expect(train.labels?.counts).toEqual([
      { label: 'positive', count: 37569 },
      { label: 'negative', count: 29780 },
    ]);
    expect(validation.labels?.counts.map(({ count }) => count)).toEqual([444, 428]);
    expect(findings.map(({ code, count }) => [code, count])).toEqual([
      ['label-conflicts', 5],
      ['duplicates', 371],
    ]);

    const texts = ['sentence'];
    expect(dropDuplicates(dataset['train'], texts).length).toBe(67349 - 371);
    expect(dropOverlap(dataset['train'], dataset['validation'], texts, 'normalized').length).toBe(67349);
    const { dataset: balanced } = preprocess(dataset['train'], { texts, label: 'label', balance: 'undersample' });
    expect(balanced.length).toBe(2 * 29780);
  });
});
