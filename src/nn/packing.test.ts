import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../core/errors.ts';
import { type PackedBatch, packBatch, type TokenSequence, unpack } from './packing.ts';

const numbers = (batch: PackedBatch, name: string) => Array.from(batch.feeds[name].data as BigInt64Array, Number);

const sequences = fc.array(
  fc
    .array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 6 })
    .map((ids): TokenSequence => ({ ids, typeIds: ids.map((id) => id % 2) })),
  { minLength: 1, maxLength: 5 },
);
const roundings = fc.record({
  roundTokens: fc.integer({ min: 1, max: 9 }),
  roundLongest: fc.integer({ min: 1, max: 9 }),
  roundSequences: fc.integer({ min: 1, max: 4 }),
});
const forms = fc.constantFrom('packed' as const, 'padded' as const);

describe('a batch of two, packed', () => {
  const batch = packBatch([{ ids: [5, 6, 7], typeIds: [0, 0, 1] }, { ids: Int32Array.of(8) }], {
    padTokenId: 99,
    firstSample: 4,
  });

  test('has the real tokens one after the other and one filler for the empty slots', () => {
    expect(numbers(batch, 'input_ids')).toEqual([5, 6, 7, 8, 99]);
    expect(numbers(batch, 'token_type_ids')).toEqual([0, 0, 1, 0, 0]);
    expect(numbers(batch, 'position_ids')).toEqual([0, 1, 2, 0, 0]);
    expect(numbers(batch, 'first_tokens')).toEqual([0, 3]);
    expect(batch.feeds['token_of_slot']).toMatchObject({ type: 'int64', dims: [2, 3] });
    expect(numbers(batch, 'token_of_slot')).toEqual([0, 1, 2, 3, 4, 4]);
    expect(numbers(batch, 'slot_of_token').slice(0, 4)).toEqual([0, 1, 2, 3]);
    expect(numbers(batch, 'slot_of_token')[4]).toBeGreaterThan(3);
    expect(batch.lengths).toEqual({ sequences: 2, longest: 3, tokens: 5 });
    expect([batch.sequences, batch.tokens]).toEqual([2, 4]);
  });

  test('hides the empty slots from attention', () => {
    expect(batch.feeds['attention_bias']).toEqual({
      type: 'float32',
      dims: [2, 1, 1, 3],
      data: Float32Array.of(0, 0, 0, 0, -1e9, -1e9),
    });
  });

  test('knows whose row is whose', () => {
    expect(batch.places['tokens']).toEqual({
      sample: Int32Array.of(4, 4, 4, 5, 0),
      position: Int32Array.of(0, 1, 2, 0, 0),
    });
    expect(batch.samples).toEqual(Int32Array.of(4, 5));
    expect(batch.queryPositions['longest']).toEqual(Int32Array.of(0, 1, 2, 0, 1, 2));
  });
});

test('a batch of two, padded, is the rectangle that Hugging Face makes', () => {
  const batch = packBatch([{ ids: [5, 6, 7] }, { ids: [8], typeIds: [1] }], { form: 'padded', padTokenId: 99 });
  expect(numbers(batch, 'input_ids')).toEqual([5, 6, 7, 8, 99, 99]);
  expect(numbers(batch, 'token_type_ids')).toEqual([0, 0, 0, 1, 0, 0]);
  expect(numbers(batch, 'position_ids')).toEqual([0, 1, 2, 0, 1, 2]);
  expect(numbers(batch, 'first_tokens')).toEqual([0, 3]);
  expect(batch.feeds).not.toHaveProperty('token_of_slot');
});

test('the rows that are read, unevenly many a sequence', () => {
  const batch = packBatch([{ ids: [5, 6, 7] }, { ids: [8] }, { ids: [9, 10] }], {
    reads: 'some',
    readPositions: [[2, 0], [], [1]],
    firstSample: 7,
  });
  expect(numbers(batch, 'read_tokens')).toEqual([2, 0, 5, 6]); // 6 is the filler token
  expect(batch.places['reads']).toEqual({
    sample: Int32Array.of(7, 7, 9, 0),
    position: Int32Array.of(2, 0, 1, 0),
  });
  expect(batch.lengths).toMatchObject({ reads: 4, longest_reads: 2 });
  expect(numbers(batch, 'read_of_slot')).toEqual([0, 1, 3, 3, 2, 3]);
  expect(batch.queryPositions['longest_reads']).toEqual(Int32Array.of(2, 0, 0, 0, 1, 0));
});

describe('any batch', () => {
  test('that fills its rectangle has no filler', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), (rows, length) => {
        const batch = packBatch(
          Array.from({ length: rows }, () => ({ ids: new Array<number>(length).fill(1) })),
          { roundTokens: length, roundLongest: length },
        );
        expect(batch.lengths).toEqual({ sequences: rows, longest: length, tokens: rows * length });
        const identity = Array.from({ length: rows * length }, (_, i) => i);
        expect(numbers(batch, 'token_of_slot')).toEqual(identity);
        expect(numbers(batch, 'slot_of_token')).toEqual(identity);
      }),
    );
  });

  test('has filler rows and empty slots together or neither, pointing at each other, and lengths that are rounded up', () => {
    fc.assert(
      fc.property(sequences, roundings, (rows, options) => {
        const batch = packBatch(rows, options);
        const { sequences: count, longest, tokens } = batch.lengths;
        const tokenOfSlot = numbers(batch, 'token_of_slot');
        const slotOfToken = numbers(batch, 'slot_of_token');
        const real = batch.tokens;
        expect(real).toBe(rows.reduce((total, { ids }) => total + ids.length, 0));
        expect(tokens > real).toBe(count * longest > real);
        expect([tokens % options.roundTokens, longest % options.roundLongest, count % options.roundSequences]).toEqual([
          0, 0, 0,
        ]);
        for (let row = 0; row < real; row++) expect(tokenOfSlot[slotOfToken[row]]).toBe(row);
        for (let row = real; row < tokens; row++) expect(tokenOfSlot[slotOfToken[row]]).toBeGreaterThanOrEqual(real);
        const filled = tokenOfSlot.filter((row) => row < real);
        expect(filled).toEqual(Array.from({ length: real }, (_, i) => i));
      }),
    );
  });

  test('comes back by unpack, sequence by sequence', () => {
    fc.assert(
      fc.property(sequences, roundings, forms, (rows, options, form) => {
        const batch = packBatch(rows, { ...options, form });
        const ids = numbers(batch, 'input_ids');
        const computed = Float32Array.from(ids.flatMap((id) => [id, -id]));
        const expected = rows.map(({ ids }) => Float32Array.from(Array.from(ids).flatMap((id) => [id, -id])));
        expect(unpack(batch, computed, 2)).toEqual(expected);
      }),
    );
  });
});

describe('what is refused', () => {
  const cases: readonly (readonly [name: string, call: () => unknown, message: string])[] = [
    ['no rows', () => packBatch([]), '[packBatch] a batch needs rows, and each row a token'],
    ['a row without tokens', () => packBatch([{ ids: [1] }, { ids: [] }]), 'a batch needs rows, and each row a token'],
    [
      'type ids of another number',
      () => packBatch([{ ids: [1] }, { ids: [1, 2], typeIds: [0] }]),
      '[packBatch] row 1 has not a type id for each token, got 1, expected 2',
    ],
    [
      'a row without read positions',
      () => packBatch([{ ids: [1] }, { ids: [1] }], { reads: 'some', readPositions: [[0]] }),
      '[packBatch] readPositions has not a list for each row, got 1, expected 2 lists',
    ],
    [
      'a read position behind the end',
      () => packBatch([{ ids: [1, 2] }], { reads: 'some', readPositions: [[2]], roundTokens: 4 }),
      '[packBatch] row 0 has no such position to read, got 2, expected 0 to 1',
    ],
  ];
  test.each(cases)('%s', (_, call, message) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });
});
