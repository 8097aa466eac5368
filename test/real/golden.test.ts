import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EngineTensor } from '../../src/engine/engine.ts';
import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import { BertForMaskedLM } from '../../src/models/bert/bertForMaskedLM.ts';
import { BertForSequenceClassification } from '../../src/models/bert/bertForSequenceClassification.ts';
import { BertModel } from '../../src/models/bert/bertModel.ts';
import type { ModelBatch } from '../../src/models/programs.ts';
import type { LayoutForm } from '../../src/nn/layout.ts';
import { type TokenSequence, unpack } from '../../src/nn/packing.ts';
import {
  compareGradients,
  forms,
  golden,
  goldenMasks,
  labelsOf,
  largestDifference,
  readGolden,
  sequencesOf,
  tokenClassesOf,
} from './goldenFiles.ts';
import { hasShared, skipNote } from './shared.ts';

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
        const file = readGolden(folder);
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
        const masks = withDropout ? { masks: goldenMasks(file, batch, 'first', 'bert.encoder.layer.1') } : {};
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
        const file = readGolden(`base_${activation}`);
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
        const inputs = readGolden(folder, 'inputs.safetensors');
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
            maxGradNorm: trajectory.max_grad_norm,
            step: expected.step,
          });
          expect(Math.abs(gradientNorm / expected.grad_norm - 1)).toBeLessThan(1e-4);
        }
        const final = readGolden(folder, 'final.safetensors');
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
  if (model instanceof BertForSequenceClassification) {
    const labels = inputs.view(`${prefix}labels`) as BigInt64Array;
    return classified(model, sequences, { type: 'int64', dims: [labels.length], data: labels }, form);
  }
  return model.batch(sequences, tokenClassesOf(inputs, sequences, `${prefix}labels`), { form });
}
