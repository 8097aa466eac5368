import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findPython, PythonProcess } from '../../benchmarks/python.ts';
import { hasMrpc, miniLmFolder, mrpcFolder } from '../../benchmarks/workloads.ts';
import { BertForSequenceClassification, BertTokenizer, configureLog, loadDataset, Trainer } from '../../src/index.ts';
import { temporaryFolder } from '../testing/tiny.ts';

const skipNote = [
  findPython() === undefined ? ' (SKIPPED: no Python; npm run bench:setup makes one)' : '',
  hasMrpc ? '' : ' (SKIPPED: ../shared is absent)',
].join('');

/** Optimizer steps. Over 300 the losses stay within 3e-7 of each other too; these take half a minute on both sides. */
const steps = 40;

test.skipIf(skipNote !== '')(
  `without dropout, MiniLM on MRPC takes the very path that Python's Trainer takes${skipNote}`,
  async () => {
    configureLog({ level: 'silent' });
    const folder = await temporaryFolder();
    const fresh = await BertForSequenceClassification.fromPretrained(miniLmFolder, { numLabels: 2 });
    await fresh.savePretrained(folder);
    await fresh.dispose();
    await (await BertTokenizer.fromPretrained(miniLmFolder)).savePretrained(folder);
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object;
    await writeFile(
      join(folder, 'config.json'),
      JSON.stringify({ ...config, hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 }),
    );
    const { train } = await loadDataset(mrpcFolder);
    const rows = train.take(8 * steps);

    const model = await BertForSequenceClassification.fromPretrained(folder, { numLabels: 2 });
    const ours: number[][] = [];
    await new Trainer({
      model,
      trainDataset: rows,
      args: { maxSteps: steps, warmupSteps: 500, weightDecay: 0.01, trainSamplingStrategy: 'sequential' },
      onEvent: (event) => {
        if (event.type === 'step') ours.push([event.loss, event.gradientNorm, event.learningRate]);
      },
    }).train();
    await model.dispose();

    const python = new PythonProcess('scripts/python/hugging_face.py');
    const { steps: theirs } = await python.request<{ steps: number[][] }>('train', {
      directory: folder,
      pairs: [...rows].map((row) => [row['sentence1'], row['sentence2']]),
      labels: [...rows].map((row) => row['label']),
      steps,
    });
    await python.close();

    expect(theirs.length).toBe(steps);
    const largest = (column: number) =>
      Math.max(...ours.map((row, i) => Math.abs(row[column] - theirs[i][column]) / Math.abs(theirs[i][column] || 1)));
    console.log(
      `over ${steps} steps loss differs by at most ${largest(0).toExponential(1)}, gradient norm by ${largest(1).toExponential(1)} (relative)`,
    );
    expect(largest(0)).toBeLessThan(2e-6);
    expect(largest(1)).toBeLessThan(5e-5);
    expect(largest(2)).toBeLessThan(1e-12);
  },
  300_000,
);
