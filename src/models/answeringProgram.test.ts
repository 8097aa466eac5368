import { beforeEach, describe, expect, test, vi } from 'vitest';
import { gatherLog, largestDifference, temporaryFolder, tinyModel, tinyTokenizer } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { AnsweringProgram, runsUntilBegun, runsUntilFixed } from './answeringProgram.ts';
import type { BertForSequenceClassification } from './bert/bertForSequenceClassification.ts';
import { tokenSequences } from './inputs.ts';
import { classFeeds } from './labels.ts';
import { ForwardProgram, type ModelBatch } from './programs.ts';

beforeEach(() => configureLog({ level: 'silent' }));

/** Programs that answer with who they are, and are told when they end. */
function fakePrograms({ failFixed = false } = {}) {
  const alive = new Set<string>();
  let made = 0;
  const make = vi.fn(async (fixed: boolean) => {
    if (fixed && failFixed) throw new Error('no room');
    const name = `${fixed ? 'fixed' : 'fed'} ${++made}`;
    alive.add(name);
    const program = { run: async () => ({ name }), dispose: async () => void alive.delete(name) };
    return program as unknown as ForwardProgram;
  });
  return { make, alive };
}

const batch = {} as ModelBatch;

async function answers(program: AnsweringProgram, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) names.push(((await program.run(batch)) as unknown as { name: string }).name);
  return names;
}

describe('which program answers', () => {
  test('after so many runs with the same weights one with the weights inside takes over, and the other goes', async () => {
    const { make, alive } = fakePrograms();
    const program = new AnsweringProgram(make);
    expect(new Set(await answers(program, runsUntilBegun - 1))).toEqual(new Set(['fed 1']));
    expect(make).toHaveBeenCalledTimes(1);
    const next = await answers(program, runsUntilFixed - runsUntilBegun);
    expect(new Set(next)).toEqual(new Set(['fed 1']));
    expect(await answers(program, 200)).toEqual(new Array(200).fill('fixed 2'));
    expect([...alive]).toEqual(['fixed 2']);
    await program.dispose();
    expect(alive.size).toBe(0);
  });

  test('it goes when weights change, and counting begins anew', async () => {
    const { make, alive } = fakePrograms();
    const program = new AnsweringProgram(make);
    await answers(program, runsUntilFixed);
    program.weightsChange();
    expect(await answers(program, runsUntilFixed - 1)).toEqual(new Array(runsUntilFixed - 1).fill('fed 3'));
    expect(await answers(program, 1)).toEqual(['fixed 4']);
    await program.dispose();
    expect(alive.size).toBe(0);
  });

  test('one that is under way when weights change never answers', async () => {
    const { make, alive } = fakePrograms();
    const program = new AnsweringProgram(make);
    await answers(program, runsUntilBegun);
    program.weightsChange();
    expect(new Set(await answers(program, runsUntilFixed - 1))).toEqual(new Set(['fed 1']));
    await program.dispose();
    expect(alive.size).toBe(0);
  });

  test('asked at once, the same answers in the same order', async () => {
    const { make } = fakePrograms();
    const program = new AnsweringProgram(make);
    const together = await Promise.all(Array.from({ length: runsUntilFixed + 5 }, () => answers(program, 1)));
    expect(together.flat()).toEqual([...new Array(runsUntilFixed - 1).fill('fed 1'), ...new Array(6).fill('fixed 2')]);
    await program.dispose();
  });

  test('where it cannot be made answers go on, and it is said', async () => {
    const { make } = fakePrograms({ failFixed: true });
    const program = new AnsweringProgram(make);
    const lines = gatherLog();
    expect(new Set(await answers(program, 2 * runsUntilFixed))).toEqual(new Set(['fed 1']));
    expect(lines.filter((line) => line.includes('no room'))).toHaveLength(1);
    await program.dispose();
  });
});

describe('a model', () => {
  const inputs = tinyTokenizer()(['good film', 'a dull and awful book']);
  const ask = async (model: BertForSequenceClassification) => (await model(inputs)).logits.data;
  const askOften = async (model: BertForSequenceClassification) => {
    for (let i = 0; i < runsUntilFixed; i++) await ask(model);
    return await ask(model);
  };
  const train = async (model: BertForSequenceClassification) => {
    const program = await model.prepareTraining();
    const packed = model.pack(tokenSequences(inputs));
    const labels = classFeeds([1, 0], packed.lengths['sequences']);
    for (let step = 1; step <= 2; step++) {
      await program.accumulate({ packed, labels, count: 2 }, { seed: 1, step, lossScale: 0.5 });
      await program.update({ learningRate: 1e-2, maxGradNorm: 1, step });
    }
  };

  test('answers the same with its weights inside, and with new weights after training, again and again', async () => {
    const model = await tinyModel({ initializerRange: 0.3 });
    const twin = await tinyModel({ initializerRange: 0.3 });
    const create = vi.spyOn(ForwardProgram, 'create');
    let before = await ask(twin);
    expect(largestDifference(await askOften(model), before)).toBeLessThan(1e-6);
    expect(create.mock.calls.at(-1)![2]).toMatchObject({ fixed: true });
    for (let round = 0; round < 2; round++) {
      await train(model);
      await train(twin);
      const after = await ask(twin);
      expect(largestDifference(after, before)).toBeGreaterThan(1e-3);
      expect(await ask(model)).toEqual(after);
      expect(largestDifference(await askOften(model), after)).toBeLessThan(1e-6);
      before = after;
    }
    create.mockRestore();
  });

  test('answers with weights that were loaded into it', async () => {
    const [model, other] = [await tinyModel({}, 1), await tinyModel({}, 2)];
    const folder = await temporaryFolder();
    await other.savePretrained(folder);
    await askOften(model);
    await model.loadWeights(folder);
    expect(await ask(model)).toEqual(await ask(other));
  });
});
