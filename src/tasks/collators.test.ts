import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tensor } from '../core/tensor.ts';
import { tokenSequences } from '../models/inputs.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { type CollatedBatch, DataCollatorForTokenClassification, DataCollatorWithPadding } from './collators.ts';
import golden from './goldens/collators.json' with { type: 'json' };
import { DataCollatorForLanguageModeling } from './masking.ts';

const tokenizer = new BertTokenizer({ vocab: golden.words, modelMaxLength: 12 });
const features = golden.rows.map((inputIds, i) => ({ inputIds, tokenTypeIds: golden.types[i] }));
const plain = ({ inputIds, attentionMask, tokenTypeIds, labels }: CollatedBatch) => ({
  input_ids: inputIds.tolist(),
  token_type_ids: tokenTypeIds.tolist(),
  attention_mask: attentionMask.tolist(),
  labels: (labels as Tensor).tolist(),
});

test("batches are Hugging Face's", () => {
  const classes = features.map((feature, i) => ({ ...feature, label: [1, 0, 2][i] }));
  const scores = features.map((feature, i) => ({ ...feature, label: [1.5, 0, 2][i] }));
  const tags = features.map((feature, i) => ({ ...feature, labels: golden.tags[i] }));
  expect(plain(new DataCollatorWithPadding({ tokenizer })(classes))).toEqual(golden.longest);
  expect(plain(new DataCollatorWithPadding({ tokenizer, padToMultipleOf: 4 })(scores))).toEqual(golden.multiple);
  const fixed = { tokenizer, padding: 'max_length', maxLength: 10 } as const;
  expect(plain(new DataCollatorWithPadding(fixed)(classes))).toEqual(golden.maxLength);
  expect(plain(new DataCollatorForTokenClassification({ tokenizer, padToMultipleOf: 4 })(tags))).toEqual(golden.tokens);
  expect(new DataCollatorWithPadding({ tokenizer })(scores).labels?.type).toBe('float32');
  expect(new DataCollatorWithPadding({ tokenizer })(classes).labels?.type).toBe('int64');
  expect(new DataCollatorWithPadding({ tokenizer, labelType: 'float32' })(classes).labels?.type).toBe('float32');
  expect(new DataCollatorWithPadding({ tokenizer })(features).labels).toBeUndefined();
});

test('what a model reads of a batch is what was put in, on either side and to any multiple', () => {
  const row = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 8 }),
      fc.boolean(),
      (rows, n, left) => {
        const own = new BertTokenizer({ vocab: golden.words, paddingSide: left ? 'left' : 'right' });
        const batch = new DataCollatorForTokenClassification({ tokenizer: own, padToMultipleOf: n })(
          rows.map((inputIds) => ({ inputIds, labels: inputIds.map((id) => id % 3) })),
        );
        expect(batch.inputIds.dims[1] % n).toBe(0);
        expect(batch.inputIds.dims[1] - Math.max(...rows.map(({ length }) => length))).toBeLessThan(n);
        expect(tokenSequences(batch).map(({ ids }) => Array.from(ids))).toEqual(rows);
        const labels = (batch.labels as Tensor).tolist() as number[][];
        expect(labels.map((each) => each.filter((label) => label !== -100))).toEqual(
          rows.map((ids) => ids.map((id) => id % 3)),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test('several labels a row stay rows', () => {
  const batch = new DataCollatorWithPadding({ tokenizer })([
    { inputIds: [2, 3], label: [1, 0, 1] },
    { inputIds: [2, 5, 3], label: [0, 0, 1] },
  ]);
  expect(batch.labels?.tolist()).toEqual([
    [1, 0, 1],
    [0, 0, 1],
  ]);
});

test('a masked batch is the rows masked one by one, padded', () => {
  const collator = new DataCollatorForLanguageModeling({ tokenizer, mlmProbability: 0.4, padToMultipleOf: 4 });
  const place = { seed: 3, epoch: 2, row: 10 };
  const batch = collator.collate(features, place);
  expect(batch.inputIds.dims).toEqual([3, 8]);
  const labels = (batch.labels as Tensor).tolist() as number[][];
  const rows = tokenSequences(batch);
  golden.rows.forEach((ids, i) => {
    const masked = collator.maskTokens(ids, { ...place, row: 10 + i });
    expect(Array.from(rows[i].ids)).toEqual(Array.from(masked.ids));
    expect(labels[i]).toEqual([...masked.labels, ...new Array(8 - ids.length).fill(-100)]);
  });
  expect(batch.tokenTypeIds.tolist()).toEqual(golden.multiple.token_type_ids);
  expect(() => new DataCollatorForLanguageModeling({ tokenizer, padToMultipleOf: 0.5 })).toThrow(
    /is no length, got 0.5/,
  );
});

test('refuses what makes no batch', () => {
  const collate = new DataCollatorWithPadding({ tokenizer });
  expect(() => collate([])).toThrow(/a batch needs rows/);
  expect(() => collate([{ inputIds: [2], label: 1 }, { inputIds: [3] }])).toThrow(/row 1 has no label/);
  expect(() =>
    collate([
      { inputIds: [2, 3], label: [1, 1] },
      { inputIds: [3], label: [1] },
    ]),
  ).toThrow(/DataCollatorForTokenClassification/);
  expect(() => collate([{ inputIds: [2, 3], tokenTypeIds: [0] }])).toThrow(
    /not one of tokenTypeIds .*got 1, expected 2/,
  );
  expect(() => new DataCollatorWithPadding({ tokenizer, padding: false })(features)).toThrow(/got '3 to 5 tokens'/);
  expect(() => new DataCollatorWithPadding({ tokenizer, padding: 'max_length', maxLength: 4 })(features)).toThrow(
    /more tokens than maxLength, got 5, expected at most 4/,
  );
  expect(() => new DataCollatorWithPadding({ tokenizer, padToMultiple: 8 } as never)).toThrow(
    /did you mean 'padToMultipleOf'/,
  );
  expect(() => new DataCollatorWithPadding({ tokenizer, padToMultipleOf: 0 })).toThrow(
    /'padToMultipleOf' is no length/,
  );
  expect(() => new DataCollatorForTokenClassification({ tokenizer })([{ inputIds: [2], label: 1 }])).toThrow(
    /row 0 has no list of labels, got 1/,
  );
});
