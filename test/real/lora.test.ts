import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findPython, PythonProcess } from '../../benchmarks/python.ts';
import { BertForSequenceClassification, BertTokenizer, type LoraOptions } from '../../src/index.ts';
import { tokenSequences } from '../../src/models/inputs.ts';
import { classFeeds } from '../../src/models/labels.ts';
import { gatherLog, largestDifference, temporaryFolder } from '../testing/tiny.ts';
import { shared } from './shared.ts';

const base = join(shared, 'models/all-MiniLM-L6-v2');
const python = findPython();
const hasPeft = python !== undefined && spawnSync(python, ['-c', 'import peft']).status === 0;
const skipNote = [
  existsSync(base) ? '' : ' (SKIPPED: ../shared is absent)',
  hasPeft ? '' : ' (SKIPPED: no Python with peft; npm run bench:setup makes one, then add peft to it)',
].join('');

const texts = [
  'This is an amazing experience!',
  'The room was dark, and nobody came.',
  'Good.',
  'We would not go there again, whatever they say about the view from the terrace.',
];
const labels = [2, 0, 2, 1];

interface Answer {
  readonly warnings: readonly string[];
  readonly logits: number[][];
  readonly merged: number[][];
}

describe.skipIf(skipNote !== '')(`adapters go between Fettle and Python's peft${skipNote}`, () => {
  let peft: PythonProcess;
  let tokenizer: BertTokenizer;

  beforeAll(async () => {
    peft = new PythonProcess('scripts/python/adapters.py');
    tokenizer = await BertTokenizer.fromPretrained(base);
  });

  afterAll(() => peft.close());

  const inputs = () => {
    const { inputIds, attentionMask, tokenTypeIds } = tokenizer(texts, { padding: true });
    return {
      input_ids: inputIds.tolist(),
      attention_mask: attentionMask.tolist(),
      token_type_ids: tokenTypeIds.tolist(),
    };
  };
  const load = async (directory: string) => {
    gatherLog();
    const model = await BertForSequenceClassification.fromPretrained(directory, { numLabels: 3 });
    onTestFinished(() => model.dispose());
    return model;
  };

  const cases: readonly [string, LoraOptions, Record<string, unknown>][] = [
    ['query and value', { r: 8, loraAlpha: 16, loraDropout: 0.1 }, { r: 8, lora_alpha: 16, lora_dropout: 0.1 }],
    [
      'all layers, rank-stabilised, with biases',
      { r: 4, targetModules: 'all-linear', useRslora: true, bias: 'lora_only' },
      { r: 4, target_modules: 'all-linear', use_rslora: true, bias: 'lora_only' },
    ],
  ];

  test.each(cases)('%s: trained here, loaded by Python', async (_, options) => {
    const model = await load(base);
    await model.addAdapter(options);
    const program = await model.prepareTraining();
    const packed = model.pack(tokenSequences(tokenizer(texts, { padding: true })));
    const batch = { packed, labels: classFeeds(labels, packed.lengths['sequences']), count: texts.length };
    for (const step of [1, 2]) {
      await program.accumulate(batch, { seed: 1, step, lossScale: 1 / batch.count });
      await program.update({ learningRate: 1e-2, maxGradNorm: 0, step });
    }
    const adapter = await temporaryFolder();
    await model.savePretrained(adapter);
    const { logits } = await model(tokenizer(texts, { padding: true }));
    const theirs = await peft.request<Answer>('load', { base, adapter, labels: 3, inputs: inputs() });
    expect(theirs.warnings).toEqual([]);
    expect(largestDifference(logits.data, theirs.logits.flat())).toBeLessThan(1e-5);
    expect(largestDifference(logits.data, theirs.merged.flat())).toBeLessThan(1e-5);
    // Both ways of loading it here.
    const [again, loaded] = [await load(adapter), await load(base)];
    await loaded.loadAdapter(adapter);
    for (const other of [again, loaded])
      expect(largestDifference((await other(tokenizer(texts, { padding: true }))).logits.data, logits.data)).toBe(0);
    await loaded.mergeAndUnload();
    const merged = (await loaded(tokenizer(texts, { padding: true }))).logits;
    expect(largestDifference(merged.data, logits.data)).toBeLessThan(1e-5);
  });

  test.each(cases)('%s: trained by Python, loaded here', async (_, __, options) => {
    const adapter = await temporaryFolder();
    const { logits } = await peft.request<Answer>('train', {
      base,
      adapter,
      labels: 3,
      options: { task_type: 'SEQ_CLS', ...options },
      inputs: inputs(),
      targets: labels,
    });
    const model = await load(adapter);
    const ours = (await model(tokenizer(texts, { padding: true }))).logits;
    expect(largestDifference(ours.data, logits.flat())).toBeLessThan(1e-5);
  });
});
