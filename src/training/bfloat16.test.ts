import { describe, expect, test } from 'vitest';
import { bfloat16Note, openVinoBfloat16, openVinoPath } from '../../test/testing/openVino.ts';
import { gatherLog, tinyModel, tinyTokenizer, toyDataset } from '../../test/testing/tiny.ts';
import { EnvironmentError } from '../core/errors.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { packBatch } from '../nn/packing.ts';
import { Trainer } from './trainer.ts';

/** The losses of twelve steps, as the Trainer makes them. */
async function losses(bf16: boolean): Promise<{ steps: number[]; model: BertForSequenceClassification }> {
  const model = await tinyModel({ hiddenSize: 64, intermediateSize: 128 });
  const trainer = new Trainer({
    model,
    tokenizer: tinyTokenizer(),
    trainDataset: toyDataset(32),
    args: { maxSteps: 12, learningRate: 2e-3, bf16 },
  });
  const steps: number[] = [];
  for await (const event of trainer.train()) if (event.type === 'step') steps.push(event.loss);
  return { steps, model };
}

describe.skipIf(!openVinoBfloat16)(`training with bf16: true${bfloat16Note}`, () => {
  // The Trainer looks for the library where users have it.
  process.env['FETTLE_OPENVINO'] ??= openVinoPath;

  test('follows float32 closely, says so, and the model answers with its weights', async () => {
    const lines = gatherLog();
    const half = await losses(true);
    const single = await losses(false);
    expect(lines.filter((line) => /training in bf16 on openvino \d/.test(line))).toHaveLength(1);
    half.steps.forEach((loss, i) => {
      expect(Math.abs(loss - single.steps[i]), `step ${i + 1}`).toBeLessThan(0.02);
    });
    expect(half.steps).not.toEqual(single.steps);
    const { logits } = await half.model(tinyTokenizer()('a superb film'));
    const { logits: expected } = await single.model(tinyTokenizer()('a superb film'));
    for (let i = 0; i < 2; i++) expect(Math.abs(logits.data[i] - expected.data[i])).toBeLessThan(0.1);
  });

  test('shapes are rounded up, so that they repeat', async () => {
    const model = await tinyModel();
    await model.prepareTraining({ precision: 'bf16' });
    const rows = [{ ids: [2, 5, 6, 3] }, { ids: [2, 5, 3] }];
    expect(model.pack(rows).lengths).toMatchObject({ tokens: 32, longest: 16, sequences: 2 });
    expect(packBatch(rows).lengths).toMatchObject({ tokens: 8, longest: 4, sequences: 2 });
    await model.prepareTraining();
    expect(model.pack(rows).lengths['tokens']).toBe(8);
  });
});

test('where the library is not, training with bf16 is refused with what to install', async () => {
  const model = await tinyModel();
  const refused = model.prepareTraining({ precision: 'bf16', libraryPath: '/nowhere/libopenvino_c.so' });
  await expect(refused).rejects.toThrow(EnvironmentError);
  await expect(refused).rejects.toThrow(/openvino/i);
});
