import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { RandomStream } from '../core/random.ts';
import { bfloat16ToFloat32, float32ToBfloat16 } from '../formats/half.ts';
import {
  type AdamWCoefficients,
  accumulate,
  adamw,
  adamwTable,
  normBlock,
  scale,
  scatterAddRows,
  sgd,
  squaredNorm,
  squaredNormRows,
  touch,
  zero,
  zeroRows,
} from './calls.ts';
import { createSharedMemory, type KernelCall, Kernels } from './kernels.ts';

const pools = await Promise.all([1, 2, 3].map((threads) => Kernels.create({ threads })));
afterAll(() => Promise.all(pools.map((pool) => pool.dispose())));

/** Arrays in a fresh memory, with their addresses; canaries of NaN stand between them. */
function place<const T extends Record<string, Float32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array>>(
  arrays: T,
) {
  const bytes = Object.values(arrays).reduce((sum, array) => sum + array.byteLength + 128, 65_536);
  const memory = createSharedMemory(bytes);
  new Uint8Array(memory.buffer).fill(0xff);
  const at = {} as Record<keyof T, number>;
  const views = {} as T;
  let address = 65_536;
  for (const [name, array] of Object.entries(arrays) as [keyof T, T[keyof T]][]) {
    at[name] = address;
    const Type = array.constructor as new (buffer: ArrayBufferLike, at: number, length: number) => T[keyof T];
    views[name] = new Type(memory.buffer, address, array.length);
    (views[name] as { set(source: ArrayLike<number>): void }).set(array);
    address += Math.ceil(array.byteLength / 64) * 64 + 64;
  }
  return { memory, at, views };
}

/** Runs on 1, 2 and 3 threads; the whole memory must come out with the same bits. Returns the views of one run. */
async function onAllThreads<
  const T extends Record<string, Float32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array>,
>(
  arrays: T,
  makeCalls: (memory: WebAssembly.Memory, at: Record<keyof T, number>) => KernelCall[],
  grain?: number,
): Promise<T> {
  const results = [];
  for (const pool of pools) {
    const placed = place(arrays);
    const calls = makeCalls(placed.memory, placed.at);
    await pool.run(grain === undefined ? calls : calls.map((call) => ({ ...call, grain })));
    pool.release(placed.memory);
    results.push(placed);
  }
  const bytes = results.map(({ memory }) => Buffer.from(new Uint8Array(memory.buffer)));
  expect(bytes[1].equals(bytes[0])).toBe(true);
  expect(bytes[2].equals(bytes[0])).toBe(true);
  return results[0].views;
}

const random = (seed: number, length: number, spread = 1) => {
  const stream = new RandomStream(seed, 'test');
  return Float32Array.from({ length }, () => spread * stream.normal());
};
const sizes = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 4000, max: 9000 }));
const grains = fc.constantFrom(undefined, 4, 7, 1000);
const seeds = fc.nat(1_000_000);
const few = { numRuns: 25 };

describe('elementwise kernels equal float32 arithmetic', () => {
  test('accumulate, scale, zero', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, seeds, grains, async (count, seed, grain) => {
        const target = random(seed, count);
        const source = random(seed + 1, count);
        const sums = await onAllThreads(
          { target, source },
          (memory, at) => [accumulate(memory, { target: at.target, source: at.source, count })],
          grain,
        );
        expect(sums.target).toEqual(target.map((x, i) => x + source[i]));
        const scaled = await onAllThreads(
          { target },
          (memory, at) => [scale(memory, { target: at.target, factor: 0.1, count })],
          grain,
        );
        expect(scaled.target).toEqual(target.map((x) => x * Math.fround(0.1)));
        const zeroed = await onAllThreads(
          { target },
          (memory, at) => [zero(memory, { target: at.target, count })],
          grain,
        );
        expect(zeroed.target).toEqual(new Float32Array(count));
      }),
      few,
    );
  });
});

describe('touch', () => {
  test('leaves what stands there', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, seeds, async (count, seed) => {
        const target = random(seed, count);
        const touched = await onAllThreads({ target }, (memory, at) => [
          touch(memory, { target: at.target, bytes: 4 * count }),
        ]);
        expect(touched.target).toEqual(target);
      }),
      few,
    );
  });

  test.skipIf(process.platform !== 'linux')('makes pages there, all of them and no more (on Linux)', async () => {
    const megabytes = (count: number) => count * 2 ** 20;
    const memory = createSharedMemory(megabytes(256));
    const before = process.memoryUsage.rss();
    await pools[1].run([touch(memory, { target: 65_536, bytes: megabytes(128) })]);
    const grown = process.memoryUsage.rss() - before;
    pools[1].release(memory);
    expect(grown).toBeGreaterThan(megabytes(110));
    expect(grown).toBeLessThan(megabytes(150));
  });
});

describe('squaredNorm', () => {
  test('equals Σ x² in float64, by blocks', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, seeds, async (count, seed) => {
        const values = random(seed, count);
        const blocks = Math.ceil(count / normBlock);
        const { partials } = await onAllThreads(
          { values, partials: new Float64Array(blocks) },
          (memory, at) => [squaredNorm(memory, { values: at.values, count, partials: at.partials })],
          1,
        );
        for (let block = 0; block < blocks; block++) {
          const exact = values.subarray(block * normBlock, (block + 1) * normBlock).reduce((sum, x) => sum + x * x, 0);
          expect(Math.abs(partials[block] - exact)).toBeLessThanOrEqual(1e-13 * exact);
        }
      }),
      few,
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 3e38])(
    'is not finite where an element is %s squared',
    async (bad) => {
      const values = random(1, 5000);
      values[4999] = bad;
      const { partials } = await onAllThreads({ values, partials: new Float64Array(2) }, (memory, at) => [
        squaredNorm(memory, { values: at.values, count: 5000, partials: at.partials }),
      ]);
      // 3e38² is no float32 but a good float64: a large finite gradient must not pass for a broken one.
      expect(Number.isFinite(partials[1])).toBe(bad === 3e38);
      expect(Number.isFinite(partials[0])).toBe(true);
    },
  );

  test('of rows: one sum for each id', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 70 }),
        fc.uniqueArray(fc.nat(19)),
        seeds,
        async (width, rows, seed) => {
          const table = random(seed, 20 * width);
          const ids = Uint32Array.from(rows);
          const { partials } = await onAllThreads(
            { table, ids, partials: new Float64Array(rows.length) },
            (memory, at) => [
              squaredNormRows(memory, {
                table: at.table,
                ids: at.ids,
                rowCount: rows.length,
                width,
                partials: at.partials,
              }),
            ],
            1,
          );
          rows.forEach((row, i) => {
            const exact = table.subarray(row * width, (row + 1) * width).reduce((sum, x) => sum + x * x, 0);
            expect(Math.abs(partials[i] - exact)).toBeLessThanOrEqual(1e-13 * exact);
          });
        },
      ),
      few,
    );
  });
});

describe('bfloat16 gradients', () => {
  test('every kernel that reads a dense gradient gives the bits of the same numbers in float32', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, seeds, grains, async (count, seed, grain) => {
        const half = float32ToBfloat16(random(seed + 1, count, 0.01));
        const others = {
          weight: random(seed, count, 0.05),
          first: random(seed + 2, count, 0.01),
          second: random(seed + 3, count, 0.01).map((x) => x * x),
          partials: new Float64Array(Math.ceil(count / normBlock)),
        };
        const kernels = (type: 'float32' | 'bfloat16') => (memory: WebAssembly.Memory, at: Record<string, number>) => {
          const place = { weight: at['weight'], gradient: at['gradient'], gradientType: type, count };
          return [
            squaredNorm(memory, { values: at['gradient'], type, count, partials: at['partials'] }),
            adamw(memory, { ...place, first: at['first'], second: at['second'] }, coefficients),
            sgd(memory, { ...place, buffer: at['first'] }, { ...coefficients, momentum: 0.9, rate: 1, lookAhead: 0 }),
            sgd(memory, { ...place, buffer: 0 }, { ...coefficients, momentum: 0, rate: 1, lookAhead: 0 }),
          ];
        };
        for (const which of [0, 1, 2, 3]) {
          const run = async (gradient: Uint16Array | Float32Array, type: 'float32' | 'bfloat16') => {
            const after = await onAllThreads(
              { ...others, gradient },
              (...placed) => [kernels(type)(...placed)[which]],
              grain,
            );
            return [after.weight, after.first, after.second, after.partials].map((array) =>
              Buffer.from(array.buffer, array.byteOffset, array.byteLength),
            );
          };
          const [halves, wholes] = [await run(half, 'bfloat16'), await run(bfloat16ToFloat32(half), 'float32')];
          expect(halves.map((bits, i) => bits.equals(wholes[i]))).toEqual([true, true, true, true]);
        }
      }),
      few,
    );
  });
});

describe('rows', () => {
  test('scatterAddRows adds in order, duplicates combined; zeroRows zeroes those rows alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.nat(9), { maxLength: 30 }),
        seeds,
        async (width, list, seed) => {
          const table = random(seed, 10 * width);
          const rows = random(seed + 1, list.length * width);
          const ids = Uint32Array.from(list);
          const expected = table.slice();
          list.forEach((row, i) => {
            for (let c = 0; c < width; c++) expected[row * width + c] += rows[i * width + c];
          });
          const added = await onAllThreads(
            { table, rows, ids },
            (memory, at) => [
              scatterAddRows(memory, { table: at.table, rows: at.rows, ids: at.ids, rowCount: list.length, width }),
            ],
            1,
          );
          expect(added.table).toEqual(expected);
          list.forEach((row) => {
            expected.fill(0, row * width, (row + 1) * width);
          });
          const zeroed = await onAllThreads({ table: added.table, ids }, (memory, at) => [
            zeroRows(memory, { table: at.table, ids: at.ids, rowCount: list.length, width }),
          ]);
          expect(zeroed.table).toEqual(expected);
        },
      ),
      few,
    );
  });
});

const coefficients: AdamWCoefficients = {
  learningRate: 5e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  biasCorrection1: 1 - 0.9 ** 3,
  biasCorrection2: 1 - 0.999 ** 3,
  gradientScale: 0.37,
};

/** AdamW in float64, as PyTorch documents it. */
function adamwFloat64(w: number, g0: number, m0: number, v0: number, c: AdamWCoefficients) {
  const g = g0 * c.gradientScale;
  const m = c.beta1 * m0 + (1 - c.beta1) * g;
  const v = c.beta2 * v0 + (1 - c.beta2) * g * g;
  const decayed = w * (1 - c.learningRate * c.weightDecay);
  const step = ((c.learningRate / c.biasCorrection1) * m) / (Math.sqrt(v) / Math.sqrt(c.biasCorrection2) + c.epsilon);
  return { w: decayed - step, m, v };
}

describe('adamw', () => {
  test('equals float64 to float32 rounding', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, seeds, grains, async (count, seed, grain) => {
        const before = {
          weight: random(seed, count, 0.05),
          gradient: random(seed + 1, count, 0.01),
          first: random(seed + 2, count, 0.01),
          second: random(seed + 3, count, 0.01).map((x) => x * x),
        };
        const after = await onAllThreads(
          before,
          (memory, at) => [adamw(memory, { ...at, count }, coefficients)],
          grain,
        );
        // Asked once for all: a hundred thousand expectations would take longer than the kernels.
        let farthest = 0;
        const near = (actual: number, exact: number, scale: number) => {
          farthest = Math.max(farthest, actual === exact ? 0 : Math.abs(actual - exact) / scale);
        };
        for (let i = 0; i < count; i++) {
          const { w, m, v } = adamwFloat64(
            before.weight[i],
            before.gradient[i],
            before.first[i],
            before.second[i],
            coefficients,
          );
          // Where the old moment and the gradient nearly cancel, rounding is relative to them and not to what is left.
          const summands = Math.abs(before.first[i]) + Math.abs(before.gradient[i]);
          const step = Math.abs(w - before.weight[i]);
          near(after.weight[i], w, Math.abs(before.weight[i]) + step * Math.max(1, summands / Math.abs(m)));
          near(after.first[i], m, summands);
          near(after.second[i], v, v);
        }
        expect(farthest).toBeLessThanOrEqual(4e-7);
        expect(after.gradient).toEqual(before.gradient);
      }),
      few,
    );
  });

  test('gives what PyTorch 2.15 gives: clip_grad_norm_ to 0.02, four steps, torch.optim.AdamW(fused=True)', async () => {
    let weight = Float32Array.of(
      0.0770498067,
      -0.0146714449,
      -0.108939469,
      0.028421564,
      -0.0542261191,
      -0.0699297711,
      0.0201673415,
      0.0419013165,
    );
    const gradients = [
      [
        -1.43851514e-6, -3.00700117e-6, -1.65804395e-5, 1.88570739e-5, -0.000330795825, 0.00158417784, -0.00574733969,
        0.00245402474,
      ],
      [
        -1.13263491e-6, 2.7816393e-6, -2.47884673e-5, -0.000156327747, 0.000143023542, 0.00209644763, 0.00504244817,
        0.0154969757,
      ],
      [
        3.83738836e-7, 9.42182578e-6, -3.58610705e-5, -8.19499473e-5, -8.06238768e-6, -0.00103415933, 0.00278268894,
        -0.0262504388,
      ],
      [
        3.83990141e-7, 4.04646153e-6, -6.16596735e-5, 2.68280855e-5, -0.000397608586, -0.0007207772, 0.00146672479,
        -0.0183619987,
      ],
    ];
    const torch = {
      weight: [
        0.0921389014, -0.0158760604, -0.0893252045, 0.0326583274, -0.0434671678, -0.0841498002, 0.0232492425,
        0.0352281816,
      ],
      first: [
        -1.32066901e-7, 1.05268577e-6, -1.18258695e-5, -1.41885548e-5, -5.28402816e-5, 0.000142760735, 0.000325722649,
        -0.00219056755,
      ],
      second: [
        3.57517784e-15, 8.39344802e-14, 5.42552071e-12, 2.93087533e-11, 2.87642576e-10, 8.02023425e-9, 6.48929301e-8,
        9.77362902e-7,
      ],
      norms: [0.00645552762, 0.0164323822, 0.0264179204, 0.0184389912],
    };
    let [first, second] = [new Float32Array(8), new Float32Array(8)];
    for (const [i, list] of gradients.entries()) {
      const gradient = Float32Array.from(list);
      const { partials } = await onAllThreads({ gradient, partials: new Float64Array(1) }, (memory, at) => [
        squaredNorm(memory, { values: at.gradient, count: 8, partials: at.partials }),
      ]);
      const norm = Math.sqrt(partials[0]);
      expect(Math.abs(norm - torch.norms[i])).toBeLessThan(1e-7 * norm);
      const c = {
        ...coefficients,
        gradientScale: Math.min(1, 0.02 / (norm + 1e-6)),
        biasCorrection1: 1 - 0.9 ** (i + 1),
        biasCorrection2: 1 - 0.999 ** (i + 1),
      };
      ({ weight, first, second } = await onAllThreads({ weight, gradient, first, second }, (memory, at) => [
        adamw(memory, { ...at, count: 8 }, c),
      ]));
    }
    const largest = (actual: Float32Array, expected: number[]) =>
      Math.max(...expected.map((x, i) => Math.abs(actual[i] - x) / Math.abs(x)));
    expect(largest(weight, torch.weight)).toBeLessThan(3e-7);
    expect(largest(first, torch.first)).toBeLessThan(1e-6);
    expect(largest(second, torch.second)).toBeLessThan(1e-6);
  });

  test('of a table gives the bits of the dense update, and zeroes the gradient rows it used', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 70 }),
        fc.array(fc.constantFrom(0, 0, 1, 2, 3), { maxLength: 40 }),
        fc.constantFrom(0, 0.01),
        seeds,
        async (width, list, weightDecay, seed) => {
          const rows = list.length;
          const masked = (array: Float32Array, bits: number) =>
            array.map((x, i) => (list[Math.floor(i / width)] & bits ? x : 0));
          const before = {
            weight: random(seed, rows * width, 0.05),
            gradient: masked(random(seed + 1, rows * width, 0.01), 2),
            first: masked(random(seed + 2, rows * width, 0.01), 1),
            second: masked(
              random(seed + 3, rows * width, 0.01).map((x) => x * x),
              1,
            ),
          };
          const c = { ...coefficients, weightDecay };
          const dense = await onAllThreads(before, (memory, at) => [adamw(memory, { ...at, count: rows * width }, c)]);
          const table = await onAllThreads(
            { ...before, flags: Uint8Array.from(list) },
            (memory, at) => [adamwTable(memory, { ...at, rows, width }, c)],
            3,
          );
          for (const name of ['weight', 'first', 'second'] as const) expect(table[name]).toEqual(dense[name]);
          expect(table.gradient).toEqual(new Float32Array(rows * width));
          expect(table.flags).toEqual(Uint8Array.from(list, (flag) => (flag === 0 ? 0 : 1)));
        },
      ),
      few,
    );
  });
});

describe('Kernels', () => {
  test('an address outside the memory rejects that batch with a RunError; the pool goes on', async () => {
    const memory = createSharedMemory(65_536 * 2);
    await expect(pools[1].run([zero(memory, { target: 65_536, count: 100_000 })])).rejects.toMatchObject({
      name: 'RunError',
      code: 'ERR_KERNEL_FAILED',
    });
    const view = new Float32Array(memory.buffer, 65_536, 8).fill(1);
    await pools[1].run([zero(memory, { target: 65_536, count: 8 })]);
    expect([...view]).toEqual(Array(8).fill(0));
  });

  test('calls of one batch reach several memories; an empty batch is done at once', async () => {
    await pools[1].run([]);
    const memories = [1, 2, 3].map(() => createSharedMemory(65_536 * 2));
    for (const memory of memories) new Float32Array(memory.buffer).fill(1);
    await pools[1].run(memories.map((memory, i) => zero(memory, { target: 65_536, count: i + 1 })));
    const zeros = memories.map((m) => new Float32Array(m.buffer, 65_536).filter((x) => x === 0).length);
    expect(zeros).toEqual([1, 2, 3]);
  });

  test('addresses above 2 GiB work', async () => {
    const memory = createSharedMemory(65_535 * 65_536);
    const target = 65_535 * 65_536 - 64;
    const view = new Float32Array(memory.buffer, target, 16).fill(3);
    await pools[0].run([scale(memory, { target, factor: 2, count: 16 })]);
    expect([...view]).toEqual(Array(16).fill(6));
    pools[0].release(memory);
  });

  test('dispose rejects what is under way and what comes later', async () => {
    const pool = await Kernels.create({ threads: 2 });
    const memory = createSharedMemory(65_536 * 2);
    const call = zero(memory, { target: 65_536, count: 8 });
    const underWay = pool.run([call]);
    const rejected = expect(underWay).rejects.toMatchObject({ code: 'ERR_KERNELS_DISPOSED' });
    await pool.dispose();
    await rejected;
    await expect(pool.run([call])).rejects.toMatchObject({ name: 'RunError' });
    await pool.dispose();
  });
});
