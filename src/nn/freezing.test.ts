import { expect, test } from 'vitest';
import { selectParameters } from './freezing.ts';

const names = [
  'bert.embeddings.word_embeddings.weight',
  'bert.encoder.layer.0.output.dense.weight',
  'bert.encoder.layer.0.output.dense.bias',
  'bert.encoder.layer.1.output.dense.weight',
  'bert.encoder.layer.10.output.dense.weight',
  'classifier.weight',
  'classifier.bias',
];

const select = (pattern: Parameters<typeof selectParameters>[1]) => selectParameters(names, pattern, 'freeze');

test('a path means all below it, and no other path that begins alike', () => {
  expect(select('bert.encoder.layer.1')).toEqual(['bert.encoder.layer.1.output.dense.weight']);
  expect(select('bert')).toEqual(names.slice(0, 5));
  expect(select('classifier.bias')).toEqual(['classifier.bias']);
});

test('globs: * stays within a step, ** does not, braces choose', () => {
  expect(select('**.bias')).toEqual(['bert.encoder.layer.0.output.dense.bias', 'classifier.bias']);
  expect(select('bert.encoder.layer.{0,10}.**')).toEqual([names[1], names[2], names[4]]);
  expect(select('*.weight')).toEqual(['classifier.weight']);
});

test('expressions, functions and lists', () => {
  expect(select(/embeddings/g)).toEqual([names[0]]);
  expect(select((name) => name.length < 16)).toEqual(['classifier.bias']);
  expect(select(['classifier', 'bert.embeddings'])).toEqual([names[0], names[5], names[6]]);
});

test('what means nothing is refused, with what may have been meant', () => {
  expect(() => select('bert.encodr')).toThrow("did you mean 'bert.encoder'?");
  expect(() => select(['classifier', /nothing/])).toThrow('the pattern means no parameter, got');
});
