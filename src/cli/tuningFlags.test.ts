import { Command } from 'commander';
import { expect, test } from 'vitest';
import { fettle } from '../../test/testing/commandLine.ts';
import { tinyModel } from '../../test/testing/tiny.ts';
import { addTuningFlags, applyTuning, checkTuning, type TuningFlags } from './tuningFlags.ts';

function parsed(...line: string[]): TuningFlags {
  const command = new Command().exitOverride();
  addTuningFlags(command);
  return command.parse(line, { from: 'user' }).opts();
}

async function tuned(...line: string[]) {
  const model = await tinyModel();
  const callbacks = await applyTuning(model, parsed(...line), 1);
  return { model, trained: model.trainableParameters, callbacks };
}

test('without flags everything is trained', async () => {
  const { model, trained, callbacks } = await tuned();
  expect(trained.some((name) => /embeddings/.test(name))).toBe(true);
  expect(model.numTrainableParameters).toBe(model.numParameters);
  expect(callbacks).toEqual([]);
});

test('--freeze, --freeze-layers, --train-only and --bitfit choose parameters', async () => {
  const { trained: frozen } = await tuned('--freeze', 'embeddings', '--freeze', 'pooler');
  expect(frozen.some((name) => /embeddings|pooler/.test(name))).toBe(false);
  const { trained: upper } = await tuned('--freeze-layers', '1');
  expect(upper.some((name) => /embeddings|layer\.0\./.test(name))).toBe(false);
  const { trained: only } = await tuned('--train-only', 'pooler');
  expect(only.every((name) => /pooler|classifier/.test(name))).toBe(true);
  const { trained: biases } = await tuned('--bitfit');
  expect(biases.every((name) => /bias$|classifier/.test(name))).toBe(true);
  await expect(tuned('--freeze', 'nothing.of.this')).rejects.toThrow(/nothing\.of\.this/);
});

test('--lora puts pairs where --lora-targets says; --gradual-unfreezing is a callback', async () => {
  const { model, trained } = await tuned(
    '--lora',
    '--lora-r',
    '2',
    '--lora-alpha',
    '4',
    '--lora-targets',
    'query, key',
  );
  expect(model.adapter).toMatchObject({ r: 2, loraAlpha: 4 });
  expect(trained.filter((name) => /lora/.test(name)).every((name) => /query|key/.test(name))).toBe(true);
  expect(trained.some((name) => /lora/.test(name))).toBe(true);
  const { callbacks } = await tuned('--gradual-unfreezing', '2');
  expect(callbacks.map(({ name }) => name)).toEqual(['GradualUnfreezing']);
  expect(() => parsed('--lora-r', 'x')).toThrow(/--lora-r has a wrong value/);
});

test('a flag of LoRA without --lora is refused before data and model are looked for', async () => {
  expect(() => checkTuning(parsed('--lora-r', '4', '--lora'))).not.toThrow();
  for (const command of ['train', 'search'] as const) {
    const line = ['no-such-file.csv', '--model', 'no-such-model', '--output-dir', 'out', '--lora-r', '4'];
    const { code, errors } = await fettle(command, ...line);
    expect(errors).toMatch(/--lora-r says how LoRA is, but it is not asked for; pass --lora too/);
    expect(code).toBe(2);
  }
});
