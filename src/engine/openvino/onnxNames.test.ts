import { expect, test } from 'vitest';
import { encodeOnnx } from '../../formats/onnx.ts';
import { readOnnxNames } from './onnxNames.ts';

test('names come in the model’s order, without inputs that are constants', () => {
  const value = (name: string) => ({ name, dtype: 'float32' as const, shape: ['n', 300] });
  const bytes = encodeOnnx({
    graphName: 'names',
    nodes: [{ type: 'Add', domain: '', inputs: ['über', 'c'], outputs: ['z'], attributes: { axis: -1 }, name: 'sum' }],
    inputs: [value('über'), value('c'), value('b'), value('a'.repeat(300))],
    outputs: [value('z'), value('y')],
    initializers: [{ name: 'c', dtype: 'float32', dims: [2], data: Float32Array.of(1, 2) }],
  });
  expect(readOnnxNames(bytes)).toEqual({ inputs: ['über', 'b', 'a'.repeat(300)], outputs: ['z', 'y'] });
});

test('bytes that are no model end the reading', () => {
  expect(readOnnxNames(new Uint8Array())).toEqual({ inputs: [], outputs: [] });
  expect(readOnnxNames(Uint8Array.of(255, 255, 255))).toEqual({ inputs: [], outputs: [] });
});
