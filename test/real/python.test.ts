import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPython, PythonProcess } from '../../benchmarks/python.ts';
import { FettleSteps, PythonSteps } from '../../benchmarks/steps.ts';
import { fullBatches, hasMrpc, miniLmFolder, mrpcBatches, mrpcFolder } from '../../benchmarks/workloads.ts';
import { BertForSequenceClassification, BertTokenizer, loadDataset, Trainer } from '../../src/index.ts';

interface Classified {
  readonly modelClass: string;
  readonly labels: number;
  readonly misfits: Readonly<Record<string, string[]>>;
  readonly warnings: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly logits: readonly (readonly number[])[];
}

type Pair = readonly [string, string];

const skipNote = [
  findPython() === undefined ? ' (SKIPPED: no Python; npm run bench:setup makes one)' : '',
  hasMrpc ? '' : ' (SKIPPED: ../shared is absent)',
].join('');

/** How many of MRPC's validation pairs are compared. */
const rows = 50;

describe.skipIf(skipNote !== '')(`Python agrees${skipNote}`, () => {
  let python: PythonProcess;
  let folder: string;
  let pairs: Pair[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fettle-python-'));
    python = new PythonProcess('scripts/python/hugging_face.py');
    const { validation } = await loadDataset(mrpcFolder);
    pairs = Array.from({ length: rows }, (_, i) => {
      const row = validation.row(i);
      return [String(row['sentence1']), String(row['sentence2'])] as const;
    });
  });

  afterAll(async () => {
    await python.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Our token ids and logits, all pairs in one ragged batch. */
  async function classify(model: BertForSequenceClassification, tokenizer: BertTokenizer) {
    const inputs = tokenizer(
      pairs.map(([first]) => first),
      pairs.map(([, second]) => second),
      { truncation: true },
    );
    const { logits } = await model(inputs);
    return { ids: inputs.encodings.map(({ ids }) => [...ids]), logits: logits.tolist() as number[][] };
  }

  function largestDifference(ours: readonly (readonly number[])[], theirs: readonly (readonly number[])[]): number {
    expect(ours.map((row) => row.length)).toEqual(theirs.map((row) => row.length));
    return Math.max(...ours.flatMap((row, i) => row.map((value, j) => Math.abs(value - theirs[i][j]))));
  }

  /** Loads `directory` in Python, without a word of complaint, and compares ids and logits. */
  async function expectAgreement(directory: string, ours: Awaited<ReturnType<typeof classify>>): Promise<void> {
    const theirs = await python.request<Classified>('classify', { directory, pairs });
    expect(theirs.modelClass).toBe('BertForSequenceClassification');
    expect(theirs.misfits).toEqual({});
    expect(theirs.warnings).toEqual([]);
    expect(theirs.labels).toBe(2);
    expect(theirs.ids).toEqual(ours.ids);
    // Rows that all gave the same would agree for the wrong reason.
    expect(new Set(theirs.logits.map(([first]) => first)).size).toBe(rows);
    const difference = largestDifference(ours.logits, theirs.logits);
    console.log(`${directory.slice(folder.length + 1)}: largest difference of logits ${difference.toExponential(1)}`);
    expect(difference).toBeLessThan(1e-4);
  }

  /** A few steps on MRPC at a rate that moves the logits apart. */
  async function trainBriefly(model: BertForSequenceClassification, tokenizer: BertTokenizer, maxSteps: number) {
    const { train } = await loadDataset(mrpcFolder);
    const trainer = new Trainer({
      model,
      tokenizer,
      args: { maxSteps, perDeviceTrainBatchSize: 4, learningRate: 1e-4, seed: 1 },
      trainDataset: train.select(Array.from({ length: 4 * maxSteps }, (_, i) => i)),
    });
    await trainer.train();
    return trainer;
  }

  test('Python loads MiniLM as Fettle trained and saved it, tokenizer and all', async () => {
    const tokenizer = await BertTokenizer.fromPretrained(miniLmFolder);
    const model = await BertForSequenceClassification.fromPretrained(miniLmFolder, { numLabels: 2 });
    const before = await classify(model, tokenizer);
    const trainer = await trainBriefly(model, tokenizer, 4);
    const directory = join(folder, 'trained-minilm');
    await trainer.saveModel(directory);
    const after = await classify(model, tokenizer);
    expect(largestDifference(before.logits, after.logits)).toBeGreaterThan(1e-3);
    await expectAgreement(directory, after);
    await model.dispose();
  });

  test('Fettle loads what Python saved, tokenizer and all', async () => {
    const directory = join(folder, 'saved-by-python');
    await python.request('save', { model: miniLmFolder, directory, seed: 7 });
    const tokenizer = await BertTokenizer.fromPretrained(directory);
    const model = await BertForSequenceClassification.fromPretrained(directory);
    await expectAgreement(directory, await classify(model, tokenizer));
    await model.dispose();
  });

  test('bert-base of random weights: from Python, trained by Fettle, saved, and back to Python', async () => {
    const created = join(folder, 'bert-base');
    await python.request('create', { directory: created, config: {}, seed: 3 });
    const tokenizer = await BertTokenizer.fromPretrained(miniLmFolder);
    const model = await BertForSequenceClassification.fromPretrained(created);
    const trainer = await trainBriefly(model, tokenizer, 2);
    const directory = join(folder, 'trained-bert-base');
    await trainer.saveModel(directory);
    await tokenizer.savePretrained(directory);
    await expectAgreement(directory, await classify(model, tokenizer));
    await model.dispose();
  });

  test('one step without dropout from the same weights: loss and gradient norm', async () => {
    const steps = new PythonSteps();
    const directory = join(folder, 'step');
    try {
      await steps.start(2);
      await steps.load(miniLmFolder);
      await steps.save(directory);
      const fettle = await FettleSteps.load(directory, 2, false);
      for (const [batch] of [await mrpcBatches(1, 8), fullBatches(1, 4, 32)]) {
        const ours = await fettle.check(batch);
        const theirs = await steps.check(batch);
        expect(Math.abs(ours.loss - theirs.loss)).toBeLessThan(1e-5);
        expect(Math.abs(ours.gradientNorm - theirs.gradientNorm) / theirs.gradientNorm).toBeLessThan(1e-4);
      }
      await fettle.dispose();
    } finally {
      await steps.close();
    }
  });

  test('what does not fit is complained of, so that silence above means something', async () => {
    const { misfits, warnings } = await python.request<Classified>('classify', { directory: miniLmFolder, pairs: [] });
    expect(misfits['missing_keys']?.sort()).toEqual(['classifier.bias', 'classifier.weight']);
    expect(warnings.join('\n')).toMatch(/classifier/);
  });

  test('an error in Python is an error here, with its traceback, and the process goes on', async () => {
    await expect(python.request('classify', { directory: join(folder, 'nothing'), pairs: [] })).rejects.toThrow(
      /Traceback[\s\S]*nothing/,
    );
    await expect(python.request('no such request')).rejects.toThrow(/KeyError/);
  });
});
