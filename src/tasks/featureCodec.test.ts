import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFeatures, encodeFeatures } from './featureCodec.ts';

const given = new (class Given {})();

/** Through memory that begins at multiples of 8 bytes, as a file's does. */
function back(features: readonly unknown[]): unknown {
  const encoded = encodeFeatures(features, given);
  if (encoded === undefined) return undefined;
  const buffers = encoded.buffers.map((buffer) => Uint8Array.from(buffer));
  return decodeFeatures({ header: JSON.parse(JSON.stringify(encoded.header)), buffers }, given);
}

test('features come back as they were: numbers, arrays, what is absent', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const feature = fc.record(
    {
      ids: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })).map((ids) => Int32Array.from(ids)),
      typeIds: fc.option(
        fc.array(byte).map((ids) => Uint8Array.from(ids)),
        { nil: undefined },
      ),
      label: fc.option(fc.double(), { nil: undefined }),
      firsts: fc.array(fc.double({ noNaN: true })),
      name: fc.option(fc.string(), { nil: undefined }),
      nothing: fc.constant(undefined),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(feature, { maxLength: 8 }), (features) => {
      expect(back(features)).toEqual(features);
    }),
    { numRuns: 60 },
  );
});

test('an object that several features share stays one, and the data set is the one that is given', () => {
  const columns = { question: 'q' };
  const row = { dataset: given, columns, index: 4 };
  const features = [
    { ids: Int32Array.of(1), row, answer: undefined },
    { ids: Int32Array.of(2, 3), row, answer: { start: 1, end: 2 } },
    { ids: Int32Array.of(), row: { dataset: given, columns, index: 5 }, answer: undefined },
  ];
  const made = back(features) as typeof features;
  expect(made).toEqual(features);
  expect(made[1].row).toBe(made[0].row);
  expect(made[2].row).not.toBe(made[0].row);
  expect(made[2].row.columns).toBe(made[0].row.columns);
  expect(made[0].row.dataset).toBe(given);
});

test.each([
  ['a class', [{ map: new Map() }]],
  ['a function', [{ call: () => 1 }]],
  ['two kinds', [{ label: 1 }, { label: 'a' }]],
  ['a number alone', [1]],
  ['null', [{ label: null }]],
  ['an array of texts', [{ words: ['a'] }]],
  ['another typed array', [{ ids: Float32Array.of(1) }]],
])('%s cannot be kept, which is no error', (_, features) => {
  expect(encodeFeatures(features, given)).toBeUndefined();
});
