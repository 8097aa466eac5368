import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { familyOf, sumByFamily } from '../benchmarks/opFamilies.ts';
import { runProfiles } from '../src/engine/onnxruntime/profiling.ts';
import { BertForSequenceClassification } from '../src/index.ts';
import { temporaryFolder, tinyModel, tinyTokenizer } from './testing/tiny.ts';

describe("what a step's nodes are for", () => {
  test.each([
    ['bert.encoder.layer.1.attention.self.key/Gemm#41', 'Gemm', 'products of linear layers'],
    ['bert.encoder.layer.1.attention.self.query/Gemm#37/WithoutBiases', 'MatMul', 'products of linear layers'],
    ['bert.encoder.layer.1.output.dense/Transpose#598', 'Transpose', 'transposes and bias gradients of linear layers'],
    ['bert.encoder.layer.1.attention.self/FusedMatMul#49', 'FusedMatMul', 'attention: products'],
    ['gradient.bert.encoder.layer.1.output.dense.weight', 'MatMul', 'products of linear layers'],
    ['gradient.bert.encoder.layer.1.output.LayerNorm.bias', 'ReduceSum', 'LayerNorm and its gradient'],
    ['MatMul_6436', 'MatMul', 'attention: products'],
    ['bert.encoder.layer.1.attention.self/Gather#42', 'Gather', 'attention: packing there and back'],
    ['bert.encoder.layer.1.attention.self/Sub#644', 'Sub', 'attention: softmax and its gradient'],
    ['bert.encoder.layer.1.attention.self.dropout/Mul#52', 'Mul', 'dropout'],
    ['bert.encoder.layer.1.attention.output.LayerNorm/Mul#619', 'Mul', 'LayerNorm and its gradient'],
    ['MVN_5515', 'MVN', 'LayerNorm and its gradient'],
    ['bert.encoder.layer.1.intermediate/Erf#602', 'Erf', 'GELU and its gradient'],
    ['bert.encoder.layer.1.output/Add#65', 'Add', 'residuals'],
    ['bert.embeddings.word_embeddings/Gather#1', 'Gather', 'embeddings'],
    ['x_f32_bf16_bert.encoder.layer.1.attention.self.query/Gemm#37', 'Reorder', 'between layouts and precisions'],
    ['classifier/Gemm#190', 'Gemm', 'products of linear layers'],
    ['/OneHot#204', 'OneHot', 'head, loss and other'],
  ])('%s', (name, type, family) => {
    expect(familyOf({ name, type })).toBe(family);
  });
});

test("ONNX Runtime's trace: kernels belong to the run that they lie in", () => {
  const event = (cat: string, name: string, ts: number, dur: number) => ({
    cat,
    name,
    ts,
    dur,
    args: { op_name: 'Gemm' },
  });
  const runs = runProfiles([
    event('Session', 'model_loading_array', 0, 5),
    event('Node', 'a_kernel_time', 11, 3),
    event('Node', 'a_fence_before', 11, 1),
    event('Session', 'model_run', 10, 8),
    event('Node', 'a_kernel_time', 21, 4),
    event('Session', 'model_run', 20, 9),
  ]);
  expect(runs).toEqual([
    { microseconds: 8, nodes: [{ name: 'a', type: 'Gemm', microseconds: 3 }] },
    { microseconds: 9, nodes: [{ name: 'a', type: 'Gemm', microseconds: 4 }] },
  ]);
});

test('an engine that was made to profile tells every run of its sessions, and its file is gone', async () => {
  const folder = await temporaryFolder();
  const plain = await tinyModel();
  expect(plain.engine.profile).toBeUndefined();
  await plain.savePretrained(folder);
  const model = await BertForSequenceClassification.fromPretrained(folder, { threads: 1, profileFolder: folder });
  const inputs = tinyTokenizer()('a good film');
  await model(inputs);
  await model(inputs);
  const [runs] = await model.engine.profile!();
  await model.dispose();
  expect(runs).toHaveLength(2);
  for (const { microseconds, nodes } of runs) {
    const sums = sumByFamily(nodes);
    expect(sums.get('products of linear layers')).toBeGreaterThan(0);
    expect([...sums.values()].reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(microseconds);
  }
  expect((await readdir(folder)).filter((name) => name.startsWith('session-'))).toEqual([]);
});
