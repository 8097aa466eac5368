import { expect, test } from 'vitest';
import { countLayers, describeGroups, parameterGroups, parameterTable } from './parameterGroups.ts';

const layer = (i: number) => [
  `bert.encoder.layer.${i}.output.dense.weight`,
  `bert.encoder.layer.${i}.output.dense.bias`,
];
const names = [
  'bert.embeddings.word_embeddings.weight',
  ...layer(0),
  ...layer(1),
  ...layer(2),
  'bert.pooler.dense.weight',
  'classifier.weight',
  'classifier.bias',
];

test('parts of a model in order of depth', () => {
  expect(parameterGroups(names).map(({ path, depth }) => [path, depth])).toEqual([
    ['bert.embeddings', 0],
    ['bert.encoder.layer.0', 1],
    ['bert.encoder.layer.1', 2],
    ['bert.encoder.layer.2', 3],
    ['bert.pooler', 4],
    ['classifier', 4],
  ]);
  expect(parameterGroups(names).flatMap((group) => group.names)).toEqual(names);
  expect(countLayers(names)).toBe(3);
  expect(countLayers(['classifier.weight'])).toBe(0);
});

test('layers that stand together are named together', () => {
  expect(describeGroups(names)).toBe('bert.embeddings, bert.encoder.layer.0 to 2, bert.pooler, classifier');
  expect(describeGroups(['cls.predictions.transform.dense.weight', 'cls.predictions.bias'])).toBe(
    'cls.predictions, cls',
  );
});

test('the table has a line for each part, and for layers that are alike', () => {
  const counts = new Map(names.map((name) => [name, name.endsWith('bias') ? 10 : 1000]));
  const trained = new Set(names.filter((name) => /layer.2|pooler|classifier/.test(name)));
  expect(parameterTable(counts, trained).split('\n')).toEqual([
    'part                       parameters  trained   share',
    'bert.embeddings                 1,000        0     0 %',
    'bert.encoder.layer.0 to 1       2,020        0     0 %',
    'bert.encoder.layer.2            1,010    1,010   100 %',
    'bert.pooler                     1,000    1,000   100 %',
    'classifier                      1,010    1,010   100 %',
    'in all                          6,040    3,020  50.0 %',
  ]);
});
