import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { tinyModel, tinyTokenizer, toyDataset, toyTexts } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { crossEntropy } from '../nn/losses.ts';
import { Trainer } from '../training/trainer.ts';
import type { BertForSequenceClassification } from './bert/bertForSequenceClassification.ts';
import { tokenSequences } from './inputs.ts';
import { classFeeds } from './labels.ts';
import type { LossFunction } from './loss.ts';
import { ForwardProgram } from './programs.ts';

beforeEach(() => configureLog({ level: 'silent' }));

const tokenizer = tinyTokenizer();

/** Counts the forward programs that are made, and those disposed of, from now on. */
function countPrograms() {
  const made = vi.spyOn(ForwardProgram, 'create');
  const disposed = vi.spyOn(ForwardProgram.prototype, 'dispose');
  onTestFinished(() => {
    made.mockRestore();
    disposed.mockRestore();
  });
  return {
    made: () => made.mock.calls.length,
    alive: () => made.mock.calls.length - disposed.mock.calls.length,
  };
}

function labelledBatch(model: BertForSequenceClassification) {
  const rows = toyTexts(6);
  const packed = model.pack(tokenSequences(tokenizer(rows.map(({ text }) => text))));
  const labels = classFeeds(
    rows.map(({ label }) => label),
    packed.lengths['sequences'],
  );
  return { packed, labels, count: rows.length };
}

function smoothed(labelSmoothing: number): LossFunction {
  return ({ logits }, labels) => crossEntropy(logits, labels, { labelSmoothing });
}

describe('programs with a loss in place of the head’s own', () => {
  test('one after another on the same model leave one behind, not one each', async () => {
    const model = await tinyModel();
    const programs = countPrograms();
    const losses: number[] = [];
    for (const labelSmoothingFactor of [0.1, 0.2, 0.3, 0.4]) {
      const trainer = new Trainer({ model, tokenizer, evalDataset: toyDataset(8), args: { labelSmoothingFactor } });
      losses.push((await trainer.evaluate())['eval_loss']);
      expect(programs.alive()).toBe(1);
    }
    expect(programs.made()).toBe(4);
    expect(new Set(losses).size).toBe(4);
    await model.dispose();
    expect(programs.alive()).toBe(0);
  });

  test('the same function again needs no new one, and the head’s own stays beside it', async () => {
    const model = await tinyModel();
    const batch = labelledBatch(model);
    const programs = countPrograms();
    const loss = smoothed(0.2);
    for (let i = 0; i < 3; i++) {
      await model.run(batch);
      await model.run(batch, 'packed', loss);
    }
    expect(programs.made()).toBe(2);
    expect(programs.alive()).toBe(2);
  });

  test('asked for at once, each gives its own loss', async () => {
    const model = await tinyModel();
    const batch = labelledBatch(model);
    const functions = [smoothed(0.1), smoothed(0.5)];
    const lossOf = async (loss: LossFunction) => (await model.run(batch, 'packed', loss))['loss'].data[0];
    const alone: unknown[] = [];
    for (const loss of functions) alone.push(await lossOf(loss));
    expect(alone[0]).not.toBe(alone[1]);
    const programs = countPrograms();
    const together = await Promise.all([0, 1, 0, 0, 1, 1].map((i) => lossOf(functions[i])));
    expect(together).toEqual([0, 1, 0, 0, 1, 1].map((i) => alone[i]));
    // The one that was there when counting began is gone, too.
    expect(programs.alive()).toBe(0);
  });

  test('one that cannot be traced leaves the model as it was', async () => {
    const model = await tinyModel();
    const batch = labelledBatch(model);
    const loss = smoothed(0.2);
    const before = (await model.run(batch, 'packed', loss))['loss'].data;
    const wrong: LossFunction = ({ logits }) => logits;
    await expect(model.run(batch, 'packed', wrong)).rejects.toMatchObject({ code: 'ERR_LOSS' });
    await expect(model.run(batch, 'packed', wrong)).rejects.toMatchObject({ code: 'ERR_LOSS' });
    expect((await model.run(batch, 'packed', loss))['loss'].data).toEqual(before);
  });
});
