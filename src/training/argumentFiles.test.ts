import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/testing/tiny.ts';
import { ArgumentError } from '../core/errors.ts';
import { configureLog } from '../core/log.ts';
import { TrainingArguments } from './trainingArguments.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const yaml = `# A run.
learning_rate: 3.0e-5   # as in Python
numTrainEpochs: 2
lr_scheduler_type: cosine
lr_scheduler_kwargs: { num_cycles: 2 }
weight_decay: null
report_to: [tensorboard]
parameter_groups:
  - params: classifier
    learning_rate: 1.0e-3
  - params: '/bias$/'
    weight_decay: 0
`;

describe('TrainingArguments.fromFile', () => {
  test('YAML: both spellings, comments, nested values', async () => {
    const args = await TrainingArguments.fromFile(await file('run.yaml', yaml));
    expect(args).toMatchObject({
      learningRate: 3e-5,
      numTrainEpochs: 2,
      lrSchedulerType: 'cosine',
      lrSchedulerKwargs: { numCycles: 2 },
      weightDecay: 0,
      reportTo: ['tensorboard'],
      parameterGroups: [
        { params: 'classifier', learningRate: 1e-3 },
        { params: /bias$/, weightDecay: 0 },
      ],
    });
  });

  test("JSON: a run's own arguments, and what Python writes", async () => {
    const args = new TrainingArguments({ maxSteps: 5, classWeights: { ham: 1, spam: 3 }, optim: 'sgd', momentum: 0.9 });
    const saved = await file('training_args.json', JSON.stringify(args, undefined, 2));
    expect({ ...(await TrainingArguments.fromFile(saved)) }).toEqual({ ...args });
    const lines: string[] = [];
    const restore = configureLog({ sink: (_, line) => lines.push(line), level: 'info' });
    const python = await file(
      'python.json',
      '{\n  "output_dir": "out",\n  "warmup_steps": 100,\n  "fp16": false,\n  "deepspeed": null,\n  "fsdp": null,\n  "optim": "adamw_torch_fused",\n  "dataloader_num_workers": 0,\n  "save_strategy": "epoch"\n}',
    );
    expect(await TrainingArguments.fromFile(python)).toMatchObject({
      outputDir: 'out',
      warmupSteps: 100,
      optim: 'adamw_torch',
      saveStrategy: 'epoch',
    });
    restore();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /Python's default and has no meaning here: fp16, deepspeed, fsdp, dataloader_num_workers$/,
    );
  });

  test('options go before the file, under whatever names', async () => {
    const path = await file('over.yml', 'learning_rate: 1\nwarmup_ratio: 0.5\nseed: 3\n');
    expect(await TrainingArguments.fromFile(path, { learningRate: 2, warmupSteps: 10 })).toMatchObject({
      learningRate: 2,
      warmupSteps: 10,
      seed: 3,
    });
  });

  test.each<[string, string, string, RegExp, number | undefined]>([
    [
      'an unknown option',
      'a.yaml',
      '# x\nseed: 1\nlearning_rat: 2\n',
      /no option 'learning_rat' \(.*a\.yaml, row 3\); did you mean 'learningRate'\?/,
      3,
    ],
    [
      'a refused one',
      'b.json',
      '{\n "seed": 1,\n\n "fp16": true\n}',
      /'fp16' has no meaning here \(.*b\.json, row 4\); use bf16/,
      4,
    ],
    [
      'a wrong value',
      'c.yaml',
      'num_train_epochs: three\n',
      /'num_train_epochs' has a wrong value \(.*row 1\), got 'three'/,
      1,
    ],
    [
      'one option twice',
      'd.yaml',
      'warmup_steps: 3\nwarmup_ratio: 0.1\n',
      /'warmup_ratio' and 'warmup_steps' are the same option \(.*row 2\)/,
      2,
    ],
    [
      'the same name twice',
      'e.yaml',
      'seed: 3\nmax_steps: 1\nseed: 4\n',
      /the file is no YAML: .*unique \(.*e\.yaml, row 3\)/,
      3,
    ],
    [
      'broken YAML',
      'f.yaml',
      'seed: 3\nreport_to: [tensorboard\nmax_steps: 1\n',
      /the file is no YAML: .*row/,
      undefined,
    ],
    ['YAML under the name of JSON', 'g.json', '{\n  "seed": 3,\n}', /the file is no JSON: .*g\.json/, undefined],
    [
      'a list',
      'h.yaml',
      '- seed\n',
      /the file holds no names with values \(.*\), got 'a list', expected an object of options/,
      undefined,
    ],
    ['nothing', 'i.yaml', '', /holds no names with values .*got null/, undefined],
    [
      'another form',
      'j.toml',
      'seed = 3',
      /got '.*j\.toml', expected a name that ends in \.json, \.yaml or \.yml/,
      undefined,
    ],
  ])('refused with file and line: %s', async (_, name, text, message, row) => {
    const error = await TrainingArguments.fromFile(await file(name, text)).then(
      () => expect.fail('nothing was thrown'),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as ArgumentError).message).toMatch(message);
    if (row !== undefined) expect(error).toMatchObject({ row });
  });

  test('a file that is not there', async () => {
    await expect(TrainingArguments.fromFile(join(folder, 'none.yaml'))).rejects.toThrow(
      /there is no such file \(.*none\.yaml\)/,
    );
  });
});
