import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EngineTensor } from '../../src/engine/engine.ts';
import { readSafetensors, type SafetensorsFile } from '../../src/formats/safetensors.ts';
import { BertForMaskedLM } from '../../src/models/bert/bertForMaskedLM.ts';
import { BertForSequenceClassification } from '../../src/models/bert/bertForSequenceClassification.ts';
import { BertModel } from '../../src/models/bert/bertModel.ts';
import type { ModelBatch } from '../../src/models/programs.ts';
import type { LayoutForm } from '../../src/nn/layout.ts';
import { type TokenSequence, unpack } from '../../src/nn/packing.ts';
import { hasShared, shared, skipNote } from './shared.ts';

const golden = join(shared, 'golden');
const forms: readonly LayoutForm[] = ['packed', 'padded'];

function read(folder: string, file = 'golden.safetensors'): SafetensorsFile {
  return readSafetensors(readFileSync(join(golden, folder, file)));
}

/** The rows of a golden's padded batch. */
function sequencesOf(file: SafetensorsFile, prefix = 'input.'): TokenSequence[] {
  const [rows, length] = file.tensors.get(`${prefix}input_ids`)!.shape;
  const at = (name: string, row: number, i: number) => Number(file.view(`${prefix}${name}`)[row * length + i]);
  return Array.from({ length: rows }, (_, row) => {
    let count = 0;
    while (count < length && at('attention_mask', row, count) === 1) count++;
    return {
      ids: Array.from({ length: count }, (_, i) => at('input_ids', row, i)),
      typeIds: Array.from({ length: count }, (_, i) => at('token_type_ids', row, i)),
    };
  });
}

function labelsOf(file: SafetensorsFile, name = 'labels'): EngineTensor {
  const { dtype, shape } = file.tensors.get(`label.${name}`)!;
  return dtype === 'I64'
    ? { type: 'int64', dims: shape, data: file.view(`label.${name}`) as BigInt64Array }
    : { type: 'float32', dims: shape, data: file.toFloat32(`label.${name}`) };
}

function classified(
  model: BertForSequenceClassification,
  sequences: readonly TokenSequence[],
  labels: EngineTensor,
  form: LayoutForm,
): ModelBatch {
  // A regression with one output has labels [rows] in Python; ours are [rows, 1].
  const dims = labels.type === 'float32' && labels.dims.length === 1 ? [...labels.dims, 1] : labels.dims;
  const weights = new Float32Array(sequences.length).fill(1);
  return {
    packed: model.pack(sequences, { form }),
    labels: {
      labels: { ...labels, dims },
      label_weights: { type: 'float32', dims: [sequences.length], data: weights },
    },
    count: sequences.length,
  };
}

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(actual[i] - expected[i]));
  return largest;
}

/** Every gradient within 1e-5 absolutely or 1e-4 relatively; prints the largest difference of each. */
function compareGradients(title: string, gradient: (name: string) => Float32Array, file: SafetensorsFile): void {
  const lines: string[] = [];
  for (const key of file.tensors.keys()) {
    if (!key.startsWith('grad.')) continue;
    const name = key.slice('grad.'.length);
    const expected = file.toFloat32(key);
    const actual = gradient(name);
    lines.push(`${name} ${largestDifference(actual, expected).toExponential(1)}`);
    for (let i = 0; i < expected.length; i++) {
      const difference = Math.abs(actual[i] - expected[i]);
      if (difference > 1e-5 && difference > 1e-4 * Math.abs(expected[i])) {
        expect.fail(`${title}: gradient of ${name}[${i}] is ${actual[i]}, expected ${expected[i]}`);
      }
    }
  }
  console.log(`${title}: largest gradient differences\n  ${lines.join('\n  ')}`);
}

describe.skipIf(!hasShared)(`PyTorch's numbers${skipNote}`, () => {
  const classifiers = [
    'seqcls2',
    'seqcls_regression',
    'seqcls_multilabel',
    'act_gelu',
    'act_gelu_new',
    'act_relu',
    'act_silu',
    'dropout_seqcls',
  ];

  for (const folder of classifiers) {
    for (const form of forms) {
      test(`${folder}: logits, loss and every gradient, ${form}`, async () => {
        const file = read(folder);
        const model = await BertForSequenceClassification.fromPretrained(join(golden, folder));
        const batch = classified(model, sequencesOf(file), labelsOf(file), form);
        const withDropout = folder.startsWith('dropout');
        if (!withDropout) {
          const { logits, loss } = await model.run(batch, form);
          expect(largestDifference(logits.data as Float32Array, file.toFloat32('out.logits'))).toBeLessThan(1e-5);
          expect(Math.abs(Number(loss.data[0]) - file.toFloat32('loss')[0])).toBeLessThan(1e-5);
        }
        const training = await model.prepareTraining({}, form);
        const pass = { seed: 1, step: 1, lossScale: 1 / batch.count };
        const masks = withDropout ? { masks: goldenMasks(file, batch) } : {};
        const { logits, loss } = await training.accumulate(batch, { ...pass, ...masks });
        expect(largestDifference(logits.data as Float32Array, file.toFloat32('out.logits'))).toBeLessThan(1e-5);
        expect(Math.abs(Number(loss.data[0]) - file.toFloat32('loss')[0])).toBeLessThan(1e-5);
        compareGradients(`${folder} ${form}`, (name) => training.gradient(name), file);
        await model.dispose();
      });
    }
  }

  for (const activation of ['gelu', 'gelu_new', 'relu', 'silu']) {
    for (const form of forms) {
      test(`base_${activation}: last hidden states and pooler output, ${form}`, async () => {
        const file = read(`base_${activation}`);
        const model = await BertModel.fromPretrained(join(golden, `base_${activation}`));
        const packed = model.pack(sequencesOf(file), { form });
        const outputs = await model.run({ packed, labels: {}, count: 1 }, form);
        const width = model.config.hiddenSize;
        const expected = file.toFloat32('out.last_hidden_state');
        const [, length] = file.tensors.get('input.input_ids')!.shape;
        unpack(packed, outputs['last_hidden_state'].data as Float32Array, width).forEach((rows, sequence) => {
          const start = sequence * length * width;
          expect(largestDifference(rows, expected.subarray(start, start + rows.length))).toBeLessThan(1e-5);
        });
        const pooled = outputs['pooler_output'].data as Float32Array;
        expect(largestDifference(pooled, file.toFloat32('out.pooler_output'))).toBeLessThan(1e-5);
        await model.dispose();
      });
    }
  }

  const trajectories = [
    ['adamw_lr5e-5', 5e-5],
    ['adamw_lr1e-2', 1e-2],
    ['adamw_mlm_clip', 1e-3],
  ] as const;
  for (const [folder, rate] of trajectories) {
    for (const form of forms) {
      test(`${folder}: the whole trajectory of AdamW, ${form}`, async () => {
        const trajectory = JSON.parse(readFileSync(join(golden, folder, 'trajectory.json'), 'utf8')) as Trajectory;
        const inputs = read(folder, 'inputs.safetensors');
        const start = join(golden, folder, 'start');
        const model = await (folder === 'adamw_mlm_clip'
          ? BertForMaskedLM.fromPretrained(start)
          : BertForSequenceClassification.fromPretrained(start));
        const training = await model.prepareTraining({ weightDecay: trajectory.wd }, form);
        for (const expected of trajectory.steps) {
          const batch = stepBatch(model, inputs, `s${expected.step - 1}.`, form);
          const pass = { seed: 1, step: expected.step, lossScale: 1 / batch.count };
          const { loss } = await training.accumulate(batch, pass);
          expect(Math.abs(Number(loss.data[0]) - expected.loss), `loss of step ${expected.step}`).toBeLessThan(1e-5);
          const { gradientNorm } = await training.update({
            learningRate: expected.lr_used,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            maxGradNorm: trajectory.max_grad_norm,
            step: expected.step,
          });
          expect(Math.abs(gradientNorm / expected.grad_norm - 1)).toBeLessThan(1e-4);
        }
        const final = read(folder, 'final.safetensors');
        const lines: string[] = [];
        for (const name of final.tensors.keys()) {
          const difference = largestDifference(model.weight(name).data, final.toFloat32(name));
          lines.push(`${name} ${difference.toExponential(1)}`);
          const amplified = /key\.bias$|word_embeddings/.test(name);
          expect(difference, name).toBeLessThan(rate === 5e-5 ? 2e-6 : amplified ? 3e-4 : 1e-5);
        }
        console.log(`${folder} ${form}: largest parameter differences\n  ${lines.join('\n  ')}`);
        await model.dispose();
      });
    }
  }
});

interface Trajectory {
  readonly wd: number;
  readonly max_grad_norm: number;
  readonly steps: readonly { step: number; lr_used: number; loss: number; grad_norm: number }[];
}

/** One step's batch of a trajectory. */
function stepBatch(
  model: BertForSequenceClassification | BertForMaskedLM,
  inputs: SafetensorsFile,
  prefix: string,
  form: LayoutForm,
): ModelBatch {
  const sequences = sequencesOf(inputs, prefix);
  const labels = inputs.view(`${prefix}labels`) as BigInt64Array;
  if (model instanceof BertForSequenceClassification) return classified(model, sequences, int64(labels), form);
  const length = labels.length / sequences.length;
  const readPositions = sequences.map((_, row) =>
    Array.from({ length }, (_, i) => i).filter((i) => labels[row * length + i] !== -100n),
  );
  const packed = model.pack(sequences, { form, readPositions });
  const picked = readPositions.flatMap((positions, row) => positions.map((i) => labels[row * length + i]));
  const rows = packed.lengths['reads'];
  const padded = new BigInt64Array(rows);
  padded.set(picked);
  const weights = new Float32Array(rows).fill(1, 0, picked.length);
  return {
    packed,
    labels: { labels: int64(padded), label_weights: { type: 'float32', dims: [rows], data: weights } },
    count: picked.length,
  };
}

function int64(data: BigInt64Array): EngineTensor {
  return { type: 'int64', dims: [data.length], data };
}

/** The recorded masks, rearranged as the batch's rows stand. */
function goldenMasks(file: SafetensorsFile, { packed }: ModelBatch) {
  return (site: string, dims: readonly number[]): Float32Array => {
    const name = `mask.${site === 'dropout' ? 'classifier' : site.replace(/^bert\.(encoder\.)?/, '').replace(/\.dropout$/, '')}`;
    const mask = file.toFloat32(name);
    const { shape } = file.tensors.get(name)!;
    const length = shape[shape.length - 1];
    const result = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
    if (shape.length === 2) {
      result.set(mask);
    } else if (shape.length === 3) {
      // [sequences, longest, width] → [rows, width]
      const { sample, position } = packed.places[dims[0] === packed.lengths['tokens'] ? 'tokens' : 'sequences'];
      for (let row = 0; row < dims[0]; row++) {
        const start = (sample[row] * shape[1] + position[row]) * length;
        result.set(mask.subarray(start, start + length), row * length);
      }
    } else {
      // [sequences, heads, longest, longest] → [sequences, heads, queries, keys]
      const [sequences, heads, queries, keys] = dims;
      for (let i = 0; i < result.length; i++) {
        const key = i % keys;
        const query = Math.floor(i / keys) % queries;
        const head = Math.floor(i / (keys * queries)) % heads;
        const sequence = Math.floor(i / (keys * queries * heads)) % sequences;
        result[i] = mask[((sequence * shape[1] + head) * shape[2] + query) * shape[3] + key];
      }
    }
    return result;
  };
}
