import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { Dataset, type IterableDataset } from '../data/index.ts';
import type { Task } from '../tasks/task.ts';
import { FeatureStream } from './featureStream.ts';
import { Position } from './position.ts';
import { TrainingArguments } from './trainingArguments.ts';
import { countStream, StreamedRows, type TrainingRows, WholeRows } from './trainingRows.ts';

configureLog({ level: 'silent' });

/** A task whose features are the rows' ids: of row i, i mod 3 of them, so that some rows have none and some several. */
const task = {
  prepare: async (dataset: Dataset) =>
    [...dataset].flatMap(({ id }) => Array.from({ length: Number(id) % 3 }, (_, k) => Number(id) + k / 10)),
  sequences: (features: readonly number[]) => features.map((feature) => ({ ids: [feature * 10] })),
} as unknown as Task<number>;

const data = (count: number): IterableDataset =>
  Dataset.fromRows(Array.from({ length: count }, (_, id) => ({ id }))).toIterableDataset() as never;

interface Case {
  readonly count: number;
  readonly size: number;
  readonly accumulation: number;
  readonly dropLast: boolean;
  readonly rowsAtOnce: number;
  readonly buffer: number;
}

const argumentsOf = ({ size, accumulation, dropLast }: Case) =>
  new TrainingArguments({
    perDeviceTrainBatchSize: size,
    gradientAccumulationSteps: accumulation,
    dataloaderDropLast: dropLast,
    trainSamplingStrategy: 'sequential',
  });

const open = (each: Case) => {
  const rows = data(each.count);
  const dataset = each.buffer === 1 ? rows : rows.shuffle({ seed: 5, bufferSize: each.buffer });
  const how = { labels: 'required', features: { id: 'int64' }, rowsAtOnce: each.rowsAtOnce } as const;
  return new StreamedRows(argumentsOf(each), new FeatureStream(task, dataset, how));
};

/** The features of each step from a position on, with those of at most `epochs` epochs; `onStep` sees the position behind each. */
async function steps(
  rows: TrainingRows<number>,
  position: Position,
  epochs: number,
  onStep: (position: Position) => void = () => undefined,
): Promise<(readonly number[])[]> {
  const all: (readonly number[])[] = [];
  let foreseen: { readonly epoch: number; readonly features: readonly number[] } | undefined;
  while (position.epoch < epochs) {
    const { features } = await rows.next(position);
    if (foreseen?.epoch === position.epoch && foreseen.features.length > 0) expect(features).toEqual(foreseen.features);
    if (features.length === 0) return all;
    all.push(features);
    foreseen = { epoch: position.epoch, features: rows.following(position) };
    if (await rows.moveOn(position)) {
      position.epoch++;
      position.batch = 0;
      position.stream = undefined;
    }
    onStep(position);
  }
  return all;
}

const cases: fc.Arbitrary<Case> = fc.record({
  count: fc.integer({ min: 12, max: 40 }),
  size: fc.integer({ min: 1, max: 5 }),
  accumulation: fc.integer({ min: 1, max: 3 }),
  dropLast: fc.boolean(),
  rowsAtOnce: fc.integer({ min: 1, max: 15 }),
  buffer: fc.constantFrom(1, 4),
});

describe('rows of a stream', () => {
  test('come in the batches of the same rows in memory, whatever is read at once', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (each) => {
        const inOrder = { ...each, buffer: 1 };
        const features = await task.prepare(Dataset.fromRows(Array.from({ length: each.count }, (_, id) => ({ id }))), {
          labels: 'required',
        });
        const whole = new WholeRows(argumentsOf(inOrder), task, features);
        expect(await steps(open(inOrder), new Position(), 2)).toEqual(await steps(whole, new Position(), 2));
        const how = { labels: 'required', features: {}, rowsAtOnce: each.rowsAtOnce } as const;
        const counted = await countStream(task, new FeatureStream(task, data(each.count), how));
        expect(counted).toEqual({ examples: whole.examples, data: whole.data });
      }),
      { numRuns: 40 },
    );
  });

  test('go on from every place that a checkpoint can hold', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (each) => {
        const places: string[] = [];
        const all = await steps(open(each), new Position(), 2, (position) =>
          places.push(JSON.stringify({ at: position, stream: position.stream })),
        );
        expect(places).toHaveLength(all.length);
        for (const [done, text] of places.entries()) {
          const position = new Position();
          const { at, stream } = JSON.parse(text);
          position.restore(at);
          position.stream = stream;
          expect(await steps(open(each), position, 2), text).toEqual(all.slice(done + 1));
        }
      }),
      { numRuns: 15 },
    );
  });

  test('without a place, as when the run began with rows in memory, those before the position are passed over', async () => {
    const each = { count: 30, size: 3, accumulation: 1, dropLast: false, rowsAtOnce: 4, buffer: 1 };
    const all = await steps(open(each), new Position(), 1);
    const position = new Position();
    position.batch = 4;
    expect(await steps(open(each), position, 1)).toEqual(all.slice(4));
  });

  test('are shuffled anew in each epoch, as setEpoch does', async () => {
    const each = { count: 40, size: 40, accumulation: 1, dropLast: false, rowsAtOnce: 7, buffer: 8 };
    const [first, second] = await steps(open(each), new Position(), 2);
    const expected = async (epoch: number) => {
      const dataset = data(40).shuffle({ seed: 5, bufferSize: 8 });
      dataset.setEpoch(epoch);
      const ids: number[] = [];
      for await (const { id } of dataset) ids.push(Number(id));
      return ids.filter((id) => id % 3 > 0);
    };
    const idsOf = (features: readonly number[]) => features.filter(Number.isInteger);
    expect(idsOf(first)).toEqual(await expected(0));
    expect(idsOf(second)).toEqual(await expected(1));
    expect(first).not.toEqual(second);
  });
});
