import { afterAll, describe, expect, test } from 'vitest';
import { RandomStream } from '../core/random.ts';
import { bfloat16ToFloat32, float32ToBfloat16 } from '../formats/half.ts';
import { Arena, type OptimizedParameter, type OptimizerStep, type ParameterSpec } from './arena.ts';
import { adamW as makeAdamW, sgd as makeSgd } from './optimizers.ts';

const parameters: ParameterSpec[] = [
  { name: 'embeddings', shape: [50, 24] },
  { name: 'query.weight', shape: [97, 61] },
  { name: 'query.bias', shape: [97] },
  { name: 'frozen', shape: [33, 3] },
  { name: 'scalar', shape: [] },
  { name: 'output.weight', shape: [61, 100] },
];
const plan: OptimizedParameter[] = [
  { name: 'output.weight', weightDecay: 0.01, learningRateScale: 0.5, rowGradient: false },
  { name: 'embeddings', weightDecay: 0.01, learningRateScale: 1, rowGradient: true },
  { name: 'query.weight', weightDecay: 0.01, learningRateScale: 1, rowGradient: false },
  { name: 'query.bias', weightDecay: 0, learningRateScale: 1, rowGradient: false },
  { name: 'scalar', weightDecay: 0, learningRateScale: 1, rowGradient: false },
];
const adamW: OptimizerStep = { optimizer: makeAdamW(), learningRate: 1e-3, maxGradNorm: 1, step: 1 };

const arenas: Arena[] = [];
afterAll(() => Promise.all(arenas.map((arena) => arena.dispose())));
async function makeArena(options?: { threads?: number; shardBytes?: number; training?: boolean }) {
  const arena = await Arena.create(parameters, { threads: 2, ...options });
  arenas.push(arena);
  const stream = new RandomStream(1, 'weights');
  for (const { name } of parameters) {
    const weight = arena.weight(name);
    for (let i = 0; i < weight.length; i++) weight[i] = 0.05 * stream.normal();
  }
  return arena;
}

/** One step's gradients, pseudo-random; of the table, rows with duplicate ids. */
function gradientsOf(step: number) {
  const stream = new RandomStream(step, 'gradients');
  const draw = (length: number) => Float32Array.from({ length }, () => 0.02 * stream.normal());
  const dense = Object.fromEntries(parameters.map(({ name, shape }) => [name, draw(shape.reduce((a, b) => a * b, 1))]));
  const ids = Int32Array.from({ length: 12 }, () => stream.integer(20) + step);
  return { dense, ids, rows: draw(12 * 24) };
}

async function writeGradients(arena: Arena, step: number) {
  const { dense, ids, rows } = gradientsOf(step);
  for (const { name, rowGradient } of plan) {
    if (rowGradient) await arena.addRows(name, step % 2 ? ids : BigInt64Array.from(ids, BigInt), rows);
    else arena.gradient(name).set(dense[name]);
  }
}

/** Five steps; all weights and moments after them, and the norms. */
async function train(arena: Arena, steps = 5) {
  await arena.prepareTraining(plan, { accumulate: false });
  const norms: number[] = [];
  for (let step = 1; step <= steps; step++) {
    await writeGradients(arena, step);
    norms.push((await arena.step({ ...adamW, step })).gradientNorm);
  }
  return { norms, state: stateOf(arena) };
}

const stateOf = (arena: Arena) => ({
  weights: parameters.map(({ name }) => arena.weight(name).slice()),
  moments: plan.map(({ name }) => [arena.moments(name).first.slice(), arena.moments(name).second.slice()]),
});

/** The same in float64, densely: PyTorch's clip_grad_norm_ and AdamW as documented. */
function trainFloat64(arena: Arena, steps = 5) {
  const norms: number[] = [];
  const weights = new Map(parameters.map(({ name }) => [name, Float64Array.from(arena.weight(name))]));
  const moments = new Map(
    plan.map(({ name }) => [name, [0, 1].map(() => new Float64Array(weights.get(name)!.length))]),
  );
  for (let step = 1; step <= steps; step++) {
    const { dense, ids, rows } = gradientsOf(step);
    const gradients = new Map(plan.map(({ name }) => [name, Float64Array.from(dense[name])]));
    const table = new Float64Array(50 * 24);
    rows.forEach((x, i) => {
      table[ids[Math.floor(i / 24)] * 24 + (i % 24)] += x;
    });
    gradients.set('embeddings', table);
    let squares = 0;
    for (const gradient of gradients.values()) for (const x of gradient) squares += x * x;
    const norm = Math.sqrt(squares);
    norms.push(norm);
    const clip = Math.min(1, adamW.maxGradNorm / (norm + 1e-6));
    for (const { name, weightDecay, learningRateScale } of plan) {
      const lr = adamW.learningRate * learningRateScale;
      const [first, second] = moments.get(name)!;
      const weight = weights.get(name)!;
      gradients.get(name)!.forEach((raw, i) => {
        const g = raw * clip;
        first[i] = 0.9 * first[i] + 0.1 * g;
        second[i] = 0.999 * second[i] + 0.001 * g * g;
        const mHat = first[i] / (1 - 0.9 ** step);
        const vHat = second[i] / (1 - 0.999 ** step);
        weight[i] = weight[i] * (1 - lr * weightDecay) - (lr * mHat) / (Math.sqrt(vHat) + 1e-8);
      });
    }
  }
  return { norms, weights };
}

describe('Arena', () => {
  test('views are in place, 64-byte aligned and distinct; weights keep their values', async () => {
    const arena = await makeArena();
    await arena.prepareTraining(plan, { accumulate: true });
    const views = [
      ...parameters.map(({ name }) => arena.weight(name)),
      ...plan.flatMap(({ name }) => [arena.gradient(name), ...Object.values(arena.moments(name))]),
      ...plan.filter((p) => !p.rowGradient).map(({ name }) => arena.incoming(name)),
    ];
    views.forEach((view, i) => {
      expect(view.byteOffset % 64).toBe(0);
      view.fill(i + 1);
    });
    views.forEach((view, i) => {
      expect(view.every((x) => x === i + 1)).toBe(true);
    });
    expect(arena.weight('scalar')).toHaveLength(1);
    expect(arena.weight('frozen').buffer).toBe(arena.weight('frozen').buffer);
  });

  test('training equals AdamW with clipping in float64; the frozen keep their bits', async () => {
    const arena = await makeArena();
    const frozen = arena.weight('frozen').slice();
    const exact = trainFloat64(arena);
    const { norms } = await train(arena);
    norms.forEach((norm, i) => {
      expect(norm).toBeCloseTo(exact.norms[i], 6);
    });
    expect(Math.min(...norms)).toBeGreaterThan(1); // the clip is at work
    for (const { name } of plan) {
      const weight = arena.weight(name);
      const most = exact.weights.get(name)!.reduce((max, x, i) => Math.max(max, Math.abs(x - weight[i])), 0);
      expect(most, name).toBeLessThan(1e-6);
    }
    expect(arena.weight('frozen')).toEqual(frozen);
  });

  test('threads and shards change no bit', async () => {
    const reference = await train(await makeArena());
    const variants = [
      { threads: 1 },
      { threads: 3 },
      // Each of these holds one of the larger matrices only.
      { shardBytes: 65_536 + 180_000 },
      { shardBytes: 65_536 + 180_000, threads: 1 },
    ];
    for (const options of variants) {
      const arena = await makeArena(options);
      expect(await train(arena)).toEqual(reference);
      const buffers = new Set(parameters.map(({ name }) => arena.weight(name).buffer));
      expect(buffers.size > 1).toBe('shardBytes' in options);
    }
  });

  test('two micro-batches added up equal one with the sum, dense and rows', async () => {
    const [summed, added] = [await makeArena(), await makeArena()];
    for (const arena of [summed, added]) await arena.prepareTraining(plan, { accumulate: true });
    const [a, b] = [gradientsOf(1), gradientsOf(2)];
    for (const { name, rowGradient } of plan) {
      if (rowGradient) {
        for (const arena of [summed, added]) {
          await arena.addRows(name, a.ids, a.rows);
          await arena.addRows(name, b.ids, b.rows);
        }
      } else {
        summed.gradient(name).set(a.dense[name].map((x, i) => x + b.dense[name][i]));
        added.gradient(name).set(a.dense[name]);
        added.incoming(name).set(b.dense[name]);
      }
    }
    await added.addIncoming();
    const norms = [await summed.step(adamW), await added.step(adamW)];
    expect(norms[1]).toEqual(norms[0]);
    expect(stateOf(added)).toEqual(stateOf(summed));
  });

  test('many rows, more than scratch holds at once, add up in order', async () => {
    const arena = await makeArena({ shardBytes: 65_536 + 180_000 });
    await arena.prepareTraining(plan, { accumulate: false });
    const count = 5000;
    const ids = Int32Array.from({ length: count }, (_, i) => (i * 7) % 50);
    const rows = new Float32Array(count * 24).map((_, i) => Math.sin(i));
    const expected = new Float32Array(50 * 24);
    rows.forEach((x, i) => {
      expected[ids[Math.floor(i / 24)] * 24 + (i % 24)] += x;
    });
    await arena.addRows('embeddings', ids, rows);
    expect(arena.gradient('embeddings')).toEqual(expected);
    const { gradientNorm } = await arena.step(adamW);
    expect(gradientNorm).toBeCloseTo(Math.sqrt(expected.reduce((sum, x) => sum + x * x, 0)), 8);
    expect(arena.gradient('embeddings').every((x) => x === 0)).toBe(true);
  });

  test('a norm that is not finite updates nothing and leaves no row behind', async () => {
    const arena = await makeArena();
    await arena.prepareTraining(plan, { accumulate: false });
    const before = stateOf(arena);
    await writeGradients(arena, 1);
    arena.gradient('query.bias')[3] = Number.NaN;
    expect((await arena.step(adamW)).gradientNorm).toBeNaN();
    expect(stateOf(arena)).toEqual(before);
    expect(arena.gradient('embeddings').every((x) => x === 0)).toBe(true);
    // What follows is as if that step had never been.
    const other = await makeArena();
    await other.prepareTraining(plan, { accumulate: false });
    for (const each of [arena, other]) await writeGradients(each, 2);
    expect(await arena.step(adamW)).toEqual(await other.step(adamW));
    expect(stateOf(arena)).toEqual(stateOf(other));
  });

  test('moments put back make a resumed run the run that was not interrupted', async () => {
    const whole = await train(await makeArena(), 5);
    const first = await makeArena();
    await train(first, 3);
    const second = await makeArena();
    for (const { name } of parameters) second.weight(name).set(first.weight(name));
    await second.prepareTraining(plan, { accumulate: false });
    for (const { name } of plan) second.setMoments(name, first.moments(name));
    for (const step of [4, 5]) {
      await writeGradients(second, step);
      await second.step({ ...adamW, step });
    }
    expect(stateOf(second)).toEqual(whole.state);
  });

  test('preparing again starts afresh', async () => {
    const arena = await makeArena();
    const weights = parameters.map(({ name }) => arena.weight(name).slice());
    const reference = await train(arena);
    parameters.forEach(({ name }, i) => {
      arena.weight(name).set(weights[i]);
    });
    await arena.addRows('embeddings', Int32Array.of(1), new Float32Array(24).fill(9)); // left over, never used
    expect(await train(arena)).toEqual(reference);
  });

  test('dense gradients are one flat piece a memory', async () => {
    const arena = await makeArena();
    await arena.prepareTraining(plan, { accumulate: false });
    await writeGradients(arena, 1);
    const sum = (array: Float32Array) => array.reduce((all, x) => all + x * x, 0);
    const pieces = arena.denseGradients() as Float32Array[];
    expect(pieces).toHaveLength(1);
    const expected = plan.filter((p) => !p.rowGradient).map(({ name }) => sum(arena.gradient(name)));
    expect(sum(pieces[0])).toBeCloseTo(
      expected.reduce((a, b) => a + b, 0),
      10,
    );
  });

  test.each(['adamW', 'sgd'] as const)(
    'bfloat16 gradients: the same bits of %s as of those numbers in float32',
    async (name) => {
      const optimizer = name === 'sgd' ? makeSgd({ momentum: 0.9 }) : makeAdamW();
      const [rounded, exact] = [await makeArena(), await makeArena()];
      await rounded.prepareTraining(plan, { accumulate: false, gradientType: 'bfloat16' });
      await exact.prepareTraining(plan, { accumulate: false });
      for (let step = 1; step <= 3; step++) {
        await writeGradients(exact, step);
        const { ids, rows } = gradientsOf(step);
        await rounded.addRows('embeddings', ids, rows);
        for (const { name: parameter, rowGradient } of plan) {
          if (rowGradient) continue;
          const { type, data } = rounded.gradientTarget(parameter);
          expect(type).toBe('bfloat16');
          data.set(float32ToBfloat16(exact.gradient(parameter)));
          exact.gradient(parameter).set(rounded.gradient(parameter));
        }
        const flat = rounded.denseGradients().map((piece) => bfloat16ToFloat32(piece as Uint16Array));
        expect(flat).toEqual(exact.denseGradients());
        const options = { ...adamW, optimizer, step };
        expect(await rounded.step(options)).toEqual(await exact.step(options));
      }
      expect(stateOf(rounded)).toEqual(stateOf(exact));
    },
  );

  test('dropout masks come as views', async () => {
    const arena = await makeArena();
    const [mask] = await arena.dropoutMasks({ seed: 1, step: 1 }, [
      {
        kind: 'rows',
        site: 0,
        probability: 0.5,
        width: 16,
        samples: Int32Array.of(0, 0),
        positions: Int32Array.of(0, 1),
      },
    ]);
    expect(mask).toHaveLength(32);
    expect(new Set(mask)).toEqual(new Set([0, 2]));
  });

  test('says what is wrong', async () => {
    const arena = await makeArena();
    expect(() => arena.weight('query.wieght')).toThrow("did you mean 'query.weight'?");
    expect(() => arena.gradient('frozen')).toThrow('not being trained');
    await expect(arena.step(adamW)).rejects.toThrow('prepareTraining');
    await expect(arena.prepareTraining([plan[0], { ...plan[0] }], { accumulate: false })).rejects.toThrow(
      'comes twice',
    );
    await arena.prepareTraining(plan, { accumulate: false });
    expect(() => arena.incoming('query.bias')).toThrow('accumulate: true');
    await expect(arena.prepareTraining(plan, { accumulate: true, gradientType: 'bfloat16' })).rejects.toThrow(
      "expected gradientType 'float32'",
    );
    await expect(arena.addRows('embeddings', Int32Array.of(50), new Float32Array(24))).rejects.toThrow('0 to 49');
    await expect(arena.addRows('embeddings', Int32Array.of(-1), new Float32Array(24))).rejects.toThrow('no such row');
    await expect(arena.addRows('embeddings', Int32Array.of(1), new Float32Array(23))).rejects.toThrow('expected 24');
    await expect(arena.addRows('query.bias', Int32Array.of(0), new Float32Array(97))).rejects.toThrow('rowGradient');
    await expect(Arena.create([parameters[0], parameters[0]])).rejects.toThrow('comes twice');
    await expect(Arena.create([{ name: 'huge', shape: [2 ** 20, 2 ** 20] }])).rejects.toThrow('does not fit');
  });

  test('what is too large to train beside its moments still serves', async () => {
    const arena = await makeArena({ shardBytes: 65_536 + 40_000 });
    expect(arena.weight('output.weight')).toHaveLength(6100);
    await expect(arena.prepareTraining(plan, { accumulate: false })).rejects.toThrow('no room for gradient');
    const predicting = await makeArena({ training: false });
    await expect(predicting.prepareTraining(plan, { accumulate: false })).rejects.toThrow('training: true');
  });

  test('after dispose every call is refused; twice is fine', async () => {
    const arena = await makeArena();
    await train(arena, 1);
    await arena.dispose();
    await arena.dispose();
    expect(() => arena.weight('scalar')).toThrow('dispose');
    await expect(arena.step(adamW)).rejects.toThrow('dispose');
  });
});
