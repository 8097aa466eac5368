import { expect, test } from 'vitest';
import { freezeAllBut, freezeMore, selectParameters } from './freezing.ts';

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

test('a path that does not stand at the root means every place where it does', () => {
  expect(select('encoder')).toEqual(names.slice(1, 5));
  expect(select('embeddings')).toEqual([names[0]]);
  expect(select('layer.1')).toEqual([names[3]]);
  expect(select('bias')).toEqual([names[2], names[6]]);
  expect(select('output')).toEqual(names.slice(1, 5));
  expect(() => select('out')).toThrow('the pattern means no parameter');
});

test('what there is is listed where a pattern means nothing or everything', () => {
  const there = 'bert.embeddings, bert.encoder.layer.0 to 10, classifier';
  expect(() => select('nothing.at.all')).toThrow(`expected a path or glob over ${there}`);
  const all = () => freezeMore(names, new Set(), '**', 'model.freeze');
  expect(all).toThrow('that would leave no parameter to train; leave out some of bert.embeddings');
  expect(() => freezeMore(names, new Set(select('bert')), 'classifier', 'f')).toThrow('leave no parameter to train');
  const none = () => freezeAllBut(names, ['bert', 'classifier'], () => false, 'model.trainOnly');
  expect(none).toThrow('so that nothing is frozen; name some of bert.embeddings');
});

test('by depth: the embeddings and the lowest layers', () => {
  const lowest = (layers: number) => [...freezeMore(names, new Set(), { layers }, 'model.freeze')];
  expect(lowest(1)).toEqual(names.slice(0, 3));
  expect(lowest(2)).toEqual(names.slice(0, 4));
  expect(() => lowest(12)).toThrow('[model.freeze] that is no number of layers to freeze, got 12, expected 1 to 11');
  expect(() => lowest(0)).toThrow("freeze 'embeddings'");
});

test('training some alone keeps what must always be trained', () => {
  const frozen = freezeAllBut(names, 'bias', (name) => name.startsWith('classifier'), 'model.trainOnly');
  expect(names.filter((name) => !frozen.has(name))).toEqual([names[2], names[5], names[6]]);
});
