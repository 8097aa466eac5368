import { describe, expect, test } from 'vitest';
import type { NativeFunction, NativeValue } from '#platform/native';
import type { EngineTensor } from '../engine.ts';
import { loadEnvironment } from './environment.ts';
import { ValueCache } from './values.ts';

/** The real environment, counting the values that are made and freed. */
async function counting() {
  const environment = await loadEnvironment();
  const counts = { made: 0, freed: 0 };
  const { CreateTensorWithDataAsOrtValue: make, ReleaseValue: release } = environment.api;
  const counted = (native: NativeFunction, count: 'made' | 'freed') => {
    const call: NativeFunction = Object.assign(
      (...args: NativeValue[]) => {
        counts[count]++;
        return native(...args);
      },
      { async: native.async },
    );
    return call;
  };
  const api = {
    ...environment.api,
    CreateTensorWithDataAsOrtValue: counted(make, 'made'),
    ReleaseValue: counted(release, 'freed'),
  };
  return { cache: new ValueCache({ ...environment, api }), counts };
}

const tensor = (data: Float32Array, dims = [data.length]): EngineTensor => ({ type: 'float32', dims, data });

describe('values of typed arrays', () => {
  test('are made once where the same memory comes again, through another view too', async () => {
    const { cache, counts } = await counting();
    const data = new Float32Array(6);
    const value = cache.valueOf('x', tensor(data));
    expect(cache.valueOf('x', tensor(data))).toBe(value);
    expect(cache.valueOf('x', tensor(new Float32Array(data.buffer)))).toBe(value);
    expect(counts).toEqual({ made: 1, freed: 0 });
    cache.clear();
    expect(counts).toEqual({ made: 1, freed: 1 });
  });

  test('are replaced where the place, the dims or the type change, and none is left over', async () => {
    const { cache, counts } = await counting();
    const data = new Float32Array(6);
    const integers = new Int32Array(data.buffer);
    const changes: EngineTensor[] = [
      tensor(data),
      tensor(data, [2, 3]),
      tensor(data, [3, 2]),
      tensor(new Float32Array(6), [3, 2]),
      { type: 'int32', dims: [3, 2], data: integers },
      tensor(data.subarray(3), [3]),
      tensor(new Float32Array(0), [0, 3]),
      tensor(new Float32Array(1), []),
    ];
    for (const change of changes) cache.valueOf('x', change);
    expect(counts).toEqual({ made: changes.length, freed: changes.length - 1 });
    expect(cache.size).toBe(1);
    cache.valueOf('y', tensor(data));
    cache.clear();
    expect(cache.size).toBe(0);
    expect(counts.freed).toBe(counts.made);
  });
});
