import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type AttentionDropout, type DropoutDraw, DropoutMasks, dropoutKeeps, type RowsDropout } from './dropout.ts';
import { Kernels } from './kernels.ts';

const pools = await Promise.all([1, 2, 3].map((threads) => Kernels.create({ threads })));
afterAll(() => Promise.all(pools.map((pool) => pool.dispose())));
const masksOf = pools.map((pool) => new DropoutMasks(pool));

const few = { numRuns: 30 };
const draws = fc.record({ seed: fc.maxSafeNat(), step: fc.nat(100_000) });
const probabilities = fc.constantFrom(0, 0.1, 0.5, 0.9);
const formats = fc.constantFrom('float32' as const, 'uint8' as const);

/** The same jobs on 1, 2 and 3 threads give the same masks; returns them. */
async function fill(draw: DropoutDraw, jobs: readonly (RowsDropout | AttentionDropout)[]) {
  const results = [];
  for (const masks of masksOf) results.push((await masks.fill(draw, jobs)).map((mask) => mask.slice()));
  const [one, two, three] = results.map((masks) => Buffer.concat(masks.map(({ buffer }) => new Uint8Array(buffer))));
  expect([two.equals(one), three.equals(one)]).toEqual([true, true]);
  return results[0];
}

const elementOf = (kept: boolean, job: RowsDropout | AttentionDropout) =>
  kept ? (job.format === 'uint8' ? 1 : Math.fround(1 / (1 - job.probability))) : 0;

const rowJobs: fc.Arbitrary<RowsDropout> = fc
  .record({
    slots: fc.array(fc.tuple(fc.nat(5000), fc.nat(511)), { maxLength: 9 }),
    width: fc.integer({ min: 1, max: 90 }),
    site: fc.nat(100),
    probability: probabilities,
    format: formats,
  })
  .map(({ slots, ...rest }) => ({
    kind: 'rows',
    ...rest,
    samples: Int32Array.from(slots, ([sample]) => sample),
    positions: Int32Array.from(slots, ([, position]) => position),
  }));

const attentionJobs: fc.Arbitrary<AttentionDropout> = fc
  .record({
    samples: fc.array(fc.nat(5000), { maxLength: 3 }),
    heads: fc.integer({ min: 1, max: 3 }),
    queries: fc.integer({ min: 1, max: 5 }),
    keys: fc.integer({ min: 1, max: 70 }),
    first: fc.nat(300),
    site: fc.nat(100),
    probability: probabilities,
    format: formats,
  })
  .map(({ samples, first, ...rest }) => ({
    kind: 'attention',
    ...rest,
    samples: Int32Array.from(samples),
    positions: Int32Array.from({ length: samples.length * rest.queries }, (_, i) => first + 3 * i),
  }));

/** A mask by the scalar reference. */
function reference(draw: DropoutDraw, job: RowsDropout | AttentionDropout): number[] {
  const values: number[] = [];
  if (job.kind === 'rows') {
    job.samples.forEach((sample, row) => {
      for (let unit = 0; unit < job.width; unit++) {
        values.push(elementOf(dropoutKeeps(draw, job, { sample, position: job.positions[row], unit }), job));
      }
    });
    return values;
  }
  job.samples.forEach((sample, sequence) => {
    for (let head = 0; head < job.heads; head++) {
      for (let query = 0; query < job.queries; query++) {
        const position = job.positions[sequence * job.queries + query];
        for (let unit = 0; unit < job.keys; unit++) {
          values.push(elementOf(dropoutKeeps(draw, job, { sample, position, head, unit }), job));
        }
      }
    }
  });
  return values;
}

describe('DropoutMasks', () => {
  test('equals the scalar reference bit for bit: rows and attention, both formats, any sizes', async () => {
    await fc.assert(
      fc.asyncProperty(draws, fc.array(fc.oneof(rowJobs, attentionJobs), { maxLength: 4 }), async (draw, jobs) => {
        const masks = await fill(draw, jobs);
        jobs.forEach((job, i) => {
          expect([...masks[i]]).toEqual(reference(draw, job));
        });
      }),
      few,
    );
  });

  test('writes nothing outside its masks', async () => {
    const base = { kind: 'rows', site: 1, probability: 0.5 } as const;
    const job = { ...base, samples: Int32Array.of(0, 1, 2), positions: Int32Array.of(0, 1, 2), width: 13 };
    for (const masks of masksOf) {
      const [mask] = await masks.fill({ seed: 1, step: 1 }, [job]);
      const whole = new Float32Array(mask.buffer);
      whole.fill(-7);
      const from = mask.byteOffset / 4;
      await masks.fill({ seed: 1, step: 1 }, [job]);
      expect(whole[from + 39]).toBe(-7);
      expect(mask).not.toContain(-7);
    }
  });

  test('the layout of a batch changes nothing: order and subset of rows, rounding of keys, subset of queries', async () => {
    const draw = { seed: 42, step: 7 };
    const rows = { kind: 'rows', site: 3, probability: 0.1, width: 40 } as const;
    const samples = Int32Array.of(5, 5, 6, 9);
    const positions = Int32Array.of(0, 1, 0, 4);
    const [all] = await fill(draw, [{ ...rows, samples, positions }]);
    const order = [2, 0, 3];
    const [some] = await fill(draw, [
      {
        ...rows,
        samples: Int32Array.from(order, (i) => samples[i]),
        positions: Int32Array.from(order, (i) => positions[i]),
      },
    ]);
    order.forEach((row, i) => {
      expect(some.slice(i * 40, (i + 1) * 40)).toEqual(all.slice(row * 40, (row + 1) * 40));
    });

    const attention = { kind: 'attention', site: 4, probability: 0.1, heads: 2 } as const;
    const wide = { ...attention, samples: Int32Array.of(5, 6), queries: 3, keys: 48 };
    const narrow = { ...attention, samples: Int32Array.of(6), queries: 1, keys: 21 };
    const [full] = await fill(draw, [{ ...wide, positions: Int32Array.of(0, 1, 2, 0, 1, 2) }]);
    const [part] = await fill(draw, [{ ...narrow, positions: Int32Array.of(2) }]);
    for (const head of [0, 1]) {
      const from = ((2 + head) * 3 + 2) * 48; // sequence 1, query 2
      expect(part.slice(head * 21, (head + 1) * 21)).toEqual(full.slice(from, from + 21));
    }
  });

  test('the share dropped is the probability, within five standard deviations, at every place of the block of eight', async () => {
    const count = 4000;
    const positions = Int32Array.from({ length: count }, (_, i) => i % 512);
    const samples = Int32Array.from({ length: count }, (_, i) => Math.floor(i / 512));
    for (const probability of [0.1, 0.5]) {
      const [mask] = await fill({ seed: 3, step: 1 }, [
        { kind: 'rows', site: 0, probability, samples, positions, width: 64, format: 'uint8' },
      ]);
      for (let place = 0; place < 8; place++) {
        let dropped = 0;
        for (let i = place; i < mask.length; i += 8) dropped += 1 - mask[i];
        const n = mask.length / 8;
        expect(Math.abs(dropped - n * probability)).toBeLessThan(5 * Math.sqrt(n * probability * (1 - probability)));
      }
    }
  });

  test('every part of what a bit is for changes the bits', async () => {
    const draw = { seed: 1, step: 1 };
    const job = { kind: 'attention', site: 0, probability: 0.5, heads: 1, queries: 1, keys: 64 } as const;
    const at = { samples: Int32Array.of(0), positions: Int32Array.of(0) };
    const rows = { kind: 'rows', site: 0, probability: 0.5, width: 64, ...at } as const;
    const [heads] = await fill(draw, [{ ...job, ...at, heads: 2 }]);
    const variants = [
      ...(await fill(draw, [
        { ...job, ...at },
        { ...job, ...at, site: 1 },
        { ...job, ...at, samples: Int32Array.of(1) },
        { ...job, ...at, positions: Int32Array.of(1) },
        rows,
      ])),
      heads.slice(64),
      ...(await fill({ seed: 2, step: 1 }, [{ ...job, ...at }])),
      ...(await fill({ seed: 1 + 2 ** 32, step: 1 }, [{ ...job, ...at }])),
      ...(await fill({ seed: 1, step: 2 }, [{ ...job, ...at }])),
    ];
    expect(new Set(variants.map((mask) => mask.join())).size).toBe(variants.length);
    expect([...heads.slice(0, 64)]).toEqual([...variants[0]]);
  });

  test('memory is used again while it suffices, and earlier views stay good when it is replaced', async () => {
    const masks = new DropoutMasks(pools[1]);
    const job = (rows: number): RowsDropout => ({
      kind: 'rows',
      site: 0,
      probability: 0.1,
      width: 768,
      samples: new Int32Array(rows),
      positions: Int32Array.from({ length: rows }, (_, i) => i),
    });
    const [first] = await masks.fill({ seed: 1, step: 1 }, [job(100)]);
    const [second] = await masks.fill({ seed: 1, step: 1 }, [job(90)]);
    expect(second.buffer).toBe(first.buffer);
    const [third] = await masks.fill({ seed: 1, step: 1 }, [job(2000)]);
    expect(third.buffer).not.toBe(first.buffer);
    expect(second).toEqual(third.subarray(0, 90 * 768));
  });

  test('refuses probabilities outside [0, 1) and lists that do not fit', async () => {
    const job = { kind: 'rows', site: 0, width: 8, samples: new Int32Array(2), positions: new Int32Array(2) } as const;
    for (const probability of [1, -0.1, Number.NaN, 0.999999]) {
      await expect(masksOf[0].fill({ seed: 1, step: 1 }, [{ ...job, probability }])).rejects.toThrow('probability');
    }
    await expect(
      masksOf[0].fill({ seed: 1, step: 1 }, [{ ...job, probability: 0.1, positions: new Int32Array(3) }]),
    ).rejects.toThrow('3 positions');
  });
});
