import { expect, test } from 'vitest';
import { RandomStream } from '../core/random.ts';
import type { OnnxModel, OnnxNode } from './onnx.ts';
import { int8Range, quantizeWeights } from './onnxInt8.ts';

const node = (type: string, inputs: string[], attributes: OnnxNode['attributes'] = {}, output = `${type} out`) => ({
  type,
  domain: '',
  inputs,
  outputs: [output],
  attributes,
  name: `${type} of ${inputs.join()}`,
});

const model = (nodes: OnnxNode[]): OnnxModel => ({
  graphName: 'test',
  nodes,
  inputs: ['x', 'w'].map((name) => ({ name, dtype: 'float32', shape: [40, 40] })),
  outputs: [],
  initializers: [],
});

function weights(rows: number, columns: number) {
  const random = new RandomStream(1, 'weights');
  // Rows of very different sizes: what a scale a row is for.
  const data = Float32Array.from(
    { length: rows * columns },
    (_, i) => random.normal() * 10 ** (Math.floor(i / columns) % 5),
  );
  data.fill(0, 0, columns);
  return new Map([['w', { dims: [rows, columns], data }]]);
}

const stored = (quantized: OnnxModel, name: string) => quantized.initializers.find((tensor) => tensor.name === name)!;

test.each(Object.entries(int8Range))(
  'each row is rounded to steps of its own size, %s, and zeros stay zeros',
  (_, range) => {
    const [rows, columns] = [40, 7];
    const given = weights(rows, columns);
    const quantized = quantizeWeights(model([node('Gemm', ['x', 'w'], { transB: 1 })]), given, range);
    const integers = stored(quantized, 'w.int8');
    const scales = stored(quantized, 'w.scale').data as Float32Array;
    expect(integers.dims).toEqual([columns, rows]);
    const { data } = given.get('w')!;
    for (let row = 0; row < rows; row++) {
      const own = Array.from({ length: columns }, (_, i) => Number(integers.data[i * rows + row]));
      expect(Math.max(...own.map(Math.abs))).toBe(row === 0 ? 0 : range);
      own.forEach((integer, i) => {
        const error = Math.abs(integer * scales[row] - data[row * columns + i]);
        expect(error).toBeLessThanOrEqual(scales[row] * 0.5001);
      });
    }
    expect(quantized.inputs.map(({ name }) => name)).toEqual(['x']);
  },
);

test('what goes into several products is quantized once', () => {
  const nodes = [1, 2, 3].map((i) => node('Gemm', ['x', 'w'], { transB: 1 }, `y${i}`));
  const types = quantizeWeights(model(nodes), weights(40, 40), int8Range.full).nodes.map(({ type }) => type);
  expect(types.filter((type) => type === 'DynamicQuantizeLinear')).toHaveLength(1);
  expect(types.filter((type) => type === 'MatMulInteger')).toHaveLength(3);
});

test.each([
  ['a head of few labels', [node('Gemm', ['x', 'w'], { transB: 1 })], 9],
  ['a product by a weight that is not turned', [node('Gemm', ['x', 'w'])], 40],
  ['a use that is no product beside one', [node('Gemm', ['x', 'w'], { transB: 1 }), node('Mul', ['x', 'w'])], 40],
  ['a look-up along another axis', [node('Gather', ['w', 'x'], { axis: 1 })], 40],
])('%s stays float32', (_, nodes, rows) => {
  const given = weights(rows, 40);
  const quantized = quantizeWeights(model(nodes), given, int8Range.full);
  expect(quantized.nodes).toEqual(nodes);
  expect(quantized.initializers).toEqual([{ name: 'w', dtype: 'float32', ...given.get('w') }]);
});

test('a table that is also a decoder is stored once', () => {
  const nodes = [node('Gather', ['w', 'ids'], { axis: 0 }), node('Gemm', ['x', 'w'], { transB: 1 })];
  const quantized = quantizeWeights(model(nodes), weights(40, 40), int8Range.full);
  expect(quantized.initializers.filter(({ dtype }) => dtype === 'int8')).toHaveLength(1);
});

test.each([
  [384, [384]],
  [385, [193, 192]],
  [1537, [308, 308, 308, 308, 305]],
])('an input of %d columns goes into products in pieces of %j, which cover the weight', (columns, widths) => {
  const given = weights(40, columns);
  const nodes = [1, 2].map((i) => node('Gemm', ['x', 'w', 'b'], { transB: 1 }, `y${i}`));
  const quantized = quantizeWeights(model(nodes), given, int8Range.full);
  const pieces = quantized.initializers.filter(({ dtype }) => dtype === 'int8');
  expect(pieces.map(({ dims }) => dims)).toEqual(widths.map((width) => [width, 40]));
  const { data } = given.get('w')!;
  let from = 0;
  for (const [piece, { name, dims, data: integers }] of pieces.entries()) {
    const scales = stored(quantized, name.replace('.int8', '.scale')).data as Float32Array;
    for (let i = 0; i < dims[0] * 40; i++) {
      const [column, row] = [Math.floor(i / 40), i % 40];
      const exact = data[row * columns + from + column];
      expect(Math.abs(Number(integers[i]) * scales[row] - exact), `${piece} ${i}`).toBeLessThanOrEqual(
        scales[row] * 0.5001,
      );
    }
    from += dims[0];
  }
  const types = quantized.nodes.map(({ type }) => type);
  expect(types.filter((type) => type === 'Split')).toHaveLength(widths.length > 1 ? 1 : 0);
  expect(types.filter((type) => type === 'DynamicQuantizeLinear')).toHaveLength(widths.length);
  expect(quantized.nodes.flatMap(({ outputs }) => outputs).filter((name) => /^y\d$/.test(name))).toEqual(['y1', 'y2']);
});

test.each([
  [
    'looked up and multiplied',
    [node('Gather', ['w', 'ids'], { axis: 0 }), node('Gemm', ['x', 'w'], { transB: 1 })],
    63,
  ],
  ['only looked up', [node('Gather', ['w', 'ids'], { axis: 0 })], 127],
])('a table that is %s: the range asked for is for what is multiplied', (_, nodes, largest) => {
  const quantized = quantizeWeights(model(nodes), weights(40, 40), int8Range.reduced);
  const integers = stored(quantized, 'w.int8').data as Int8Array;
  expect(integers.reduce((most, integer) => Math.max(most, Math.abs(integer)), 0)).toBe(largest);
});
