import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { Command } from 'commander';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parse } from 'yaml';
import { gatherLog, temporaryFolder, toyTexts } from '../../test/testing/tiny.ts';
import { loadDataset } from '../data/index.ts';
import { applyConfig } from './configFile.ts';
import { addInitCommand, init } from './init.ts';
import { findColumns, holdBack, labelCandidates, likelyTask, trainingSplit } from './initData.ts';
import { composeConfig, type InitChoices } from './initFile.ts';
import { addTrainCommand } from './train.ts';

const enter = '\r';
const down = '\x1b[B';
const controlC = '\x03';

/** A person who types `keys` once `when` stands on the screen, one after the other. */
function person(...script: readonly (readonly [when: string, keys: string])[]) {
  const input = new PassThrough();
  let screen = '';
  let at = 0;
  const output = new Writable({
    write(chunk: Buffer, _, done) {
      screen += chunk;
      const [when, keys] = script[at] ?? [];
      if (when !== undefined && screen.includes(when)) {
        at++;
        screen = screen.slice(screen.indexOf(when) + when.length);
        // After the prompt has begun to listen.
        setTimeout(() => input.write(keys), 5);
      }
      done();
    },
  });
  return { streams: { input, output }, asked: () => at };
}

/** What the command writes, and its exit code. */
function gatherOutput(): { output: () => string; errors: () => string; code: () => unknown } {
  const texts = { output: '', errors: '' };
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    texts.output += text;
    return true;
  });
  const error = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    texts.errors += text;
    return true;
  });
  const before = process.exitCode;
  process.exitCode = undefined;
  let code: unknown;
  onTestFinished(() => {
    out.mockRestore();
    error.mockRestore();
    process.exitCode = before;
  });
  return {
    output: () => texts.output,
    errors: () => texts.errors,
    code: () => {
      code = process.exitCode;
      return code;
    },
  };
}

async function folderWith(files: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return { folder, path: (name: string) => join(folder, name) };
}

const reviews = `review,sentiment\n${toyTexts(30)
  .map(({ text, label }) => `${text},${label === 0 ? 'bad' : 'good'}`)
  .join('\n')}\n`;

/** What `fettle train` reads in a file. */
async function trainFlags(path: string): Promise<Record<string, unknown>> {
  const program = new Command();
  addTrainCommand(program);
  const [command] = program.commands;
  await applyConfig(command, ['--config', path]);
  return command.opts();
}

describe('fettle init', () => {
  test('asks five questions about a file whose columns it can tell, and writes what fettle train takes', async () => {
    const { path } = await folderWith({ 'reviews.csv': reviews });
    const said = gatherOutput();
    const { streams, asked } = person(
      ['Which file', `${path('reviews.csv')}${enter}`],
      ['What is the model to do', enter],
      ['Which model', down + enter],
      ['How many times', `\x7f2${enter}`],
      ['Where is the trained model', enter],
    );
    await init({ file: path('fettle.yaml') }, streams);
    expect(asked()).toBe(5);
    expect(said.output()).toContain(`npx fettle train --config ${path('fettle.yaml')}`);
    expect(await trainFlags(path('fettle.yaml'))).toMatchObject({
      task: 'text-classification',
      dataset: path('reviews.csv'),
      model: 'bert-base-uncased',
      textColumn: 'review',
      labelColumn: 'sentiment',
      trainSplit: 'train[:80%]',
      evalSplit: 'train[80%:]',
      outputDir: 'results',
      numTrainEpochs: 2,
      evalStrategy: 'epoch',
      warmupSteps: 0.1,
      learningRate: 5e-5,
    });
    expect(await readFile(path('fettle.yaml'), 'utf8')).toContain('labels: bad, good');
  });

  test('asks again for a file that is not there, and for columns that the file does not tell', async () => {
    const rows = toyTexts(24).map(({ text, label }) => `${text},note ${label} ${text},${label}`);
    const { path } = await folderWith({ 'rows.csv': `title,body,kind\n${rows.join('\n')}\n` });
    gatherOutput();
    const { streams, asked } = person(
      ['Which file', `${path('nothing.csv')}${enter}`],
      ['Which file', `${path('rows.csv')}${enter}`],
      ['What is the model to do', enter],
      ['Which column has the texts', down + enter],
      ['Which model', `\x1b[A${enter}`],
      ['Its directory', `./mine${enter}`],
      ['How many times', `x${enter}`],
      ['A number above 0', `\x7f${enter}`],
      ['Where is the trained model', enter],
    );
    await init({ file: path('fettle.yaml') }, streams);
    expect(asked()).toBe(9);
    expect(parse(await readFile(path('fettle.yaml'), 'utf8'))).toMatchObject({
      text_column: 'body',
      label_column: 'kind',
      model: './mine',
      num_train_epochs: 3,
    });
  });

  test('Ctrl-C at any question writes nothing and ends with 130', async () => {
    const { folder, path } = await folderWith({ 'reviews.csv': reviews });
    for (const last of ['Which file', 'Which model', 'Where is the trained model']) {
      const said = gatherOutput();
      const script = [
        ['Which file', `${path('reviews.csv')}${enter}`],
        ['What is the model to do', enter],
        ['Which model', enter],
        ['How many times', enter],
        ['Where is the trained model', enter],
      ] as const;
      const { streams } = person(...script.map(([when, keys]) => [when, when === last ? controlC : keys] as const));
      await init({ file: path('fettle.yaml') }, streams);
      expect(said.code()).toBe(130);
      expect(said.errors()).toBe('nothing was written\n');
    }
    expect(await readdir(folder)).toEqual(['reviews.csv']);
  });

  test('writes over nothing without being told to', async () => {
    const { path } = await folderWith({ 'reviews.csv': reviews, 'fettle.yaml': 'mine' });
    gatherOutput();
    const flags = { dataset: path('reviews.csv'), file: path('fettle.yaml') };
    await init(flags, person(['Write over it', enter]).streams);
    expect(await readFile(path('fettle.yaml'), 'utf8')).toBe('mine');
    await expect(init({ ...flags, yes: true })).rejects.toMatchObject({ code: 'ERR_OUTPUT_EXISTS' });
    await init({ ...flags, yes: true, overwrite: true });
    expect(await readFile(path('fettle.yaml'), 'utf8')).toContain('task: text-classification');
  });

  test('--yes asks nothing: it says its defaults, and stops where there is none', async () => {
    const { path } = await folderWith({ 'reviews.csv': reviews, 'two.csv': 'a,b\nx,y\nz,w\n' });
    const said = gatherOutput();
    const program = new Command();
    addInitCommand(program);
    const line = [
      'init',
      path('reviews.csv'),
      '--yes',
      '--file',
      path('a.yaml'),
      '--num-train-epochs',
      '1.5',
      '--json',
    ];
    await program.parseAsync(line, { from: 'user' });
    expect(JSON.parse(said.output())).toMatchObject({ file: path('a.yaml'), task: 'text-classification' });
    expect(said.errors()).toContain('by default: --output-dir results');
    expect(said.errors()).not.toContain('--num-train-epochs');
    expect(parse(await readFile(path('a.yaml'), 'utf8'))).toMatchObject({ num_train_epochs: 1.5 });
    const two = { dataset: path('two.csv'), file: path('b.yaml'), yes: true };
    await expect(init({ ...two, task: 'text-classification' })).rejects.toMatchObject({
      code: 'ERR_NO_ANSWER',
      hint: 'pass --label-column',
    });
    await expect(init({ file: path('b.yaml'), yes: true })).rejects.toMatchObject({ hint: 'pass --dataset' });
    await expect(init({ ...two, dataset: path('none.csv') })).rejects.toThrow(/none\.csv/);
    await expect(init({ ...two, labelColumn: 'c' })).rejects.toThrow(/no column 'c'/);
    await expect(init({ ...two, task: 'fill-mask', labelColumn: 'b' })).rejects.toThrow(/--label-column means nothing/);
  });

  test('without a terminal it says which flags to use', async () => {
    await expect(init({ file: 'nowhere/fettle.yaml' })).rejects.toMatchObject({
      code: 'ERR_NOT_INTERACTIVE',
      exitCode: 2,
      hint: expect.stringMatching(/--yes.*--dataset.*--task.*--model.*--num-train-epochs.*--output-dir/),
    });
  });
});

describe('what a file shows', () => {
  const load = async (content: string, name = 'rows.csv') =>
    loadDataset((await folderWith({ [name]: content })).path(name)) as ReturnType<typeof loadDataset>;

  test('columns and task', async () => {
    gatherLog();
    const { rows } = trainingSplit(await load(reviews));
    expect(labelCandidates(rows)).toEqual(['sentiment']);
    expect(findColumns(rows, 'text-classification', {})).toEqual({ text: 'review', label: 'sentiment' });
    expect(likelyTask(rows)).toBe('text-classification');
    const texts = trainingSplit(
      await load(
        `text\n${toyTexts(9)
          .map(({ text }) => text)
          .join('\n')}\n`,
      ),
    ).rows;
    expect(likelyTask(texts)).toBe('fill-mask');
    expect(findColumns(texts, 'fill-mask', {})).toEqual({ text: 'text' });
    const tagged = trainingSplit(await load('{"tokens": ["a", "b"], "ner_tags": ["O", "B"]}\n', 'rows.jsonl')).rows;
    expect(likelyTask(tagged)).toBe('token-classification');
    expect(findColumns(tagged, 'token-classification', {})).toEqual({ text: 'tokens', label: 'ner_tags' });
    const asked = trainingSplit(await load('question,context\na,b\n')).rows;
    expect(likelyTask(asked)).toBe('question-answering');
    expect(findColumns(asked, 'question-answering', {})).toEqual({});
  });

  test('rows are held back where they are mixed, and not where they stand in order of their labels', async () => {
    gatherLog();
    const texts = toyTexts(60).map(({ text, label }) => ({ line: `${text},${label === 0 ? 'bad' : 'good'}`, label }));
    const csv = (rows: typeof texts) => `text,label\n${rows.map(({ line }) => line).join('\n')}\n`;
    const mixed = await load(csv(texts));
    expect(holdBack(mixed, 'train', 'label')).toMatchObject({ evalSplit: 'train[80%:]', evaluated: true });
    const sorted = await load(csv([...texts].sort((a, b) => a.label - b.label)));
    const inOrder = holdBack(sorted, 'train', 'label');
    expect(inOrder).toMatchObject({ evaluated: false, note: expect.stringContaining("order of 'label'") });
    expect(inOrder.evalSplit).toBeUndefined();
    expect(holdBack(await load(csv(texts.slice(0, 10))), 'train', 'label').evaluated).toBe(false);
    const own = { ...mixed, test: mixed['train'] } as unknown as typeof mixed;
    expect(holdBack(own, 'train', 'label')).toEqual({ evaluated: true, note: "judged by the split 'test', 60 rows" });
  });
});

test('whatever files, columns and labels are called, the file says it and nothing else', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.constantFrom(
      'a: b',
      '# x',
      'yes',
      '1e3',
      'a\nb',
      "'",
      '- ',
      '\0\0\0\0\n\0\0',
      `${'\0'.repeat(60)}\n\n${'x '.repeat(60)}`,
    ),
  );
  fc.assert(
    fc.property(name, name, name, fc.array(name, { maxLength: 12 }), (dataset, text, label, labels) => {
      const choices: InitChoices = {
        task: 'text-classification',
        dataset,
        rows: 3,
        columnNames: [text, label],
        columns: { text, label },
        labels,
        heldBack: { evaluated: false, note: `the rows stand in order of '${label}'` },
        model: 'bert-base-uncased',
        numTrainEpochs: 3,
        outputDir: dataset,
      };
      expect(parse(composeConfig(choices, dataset))).toEqual({
        task: 'text-classification',
        model: 'bert-base-uncased',
        dataset,
        text_column: text,
        label_column: label,
        output_dir: dataset,
        num_train_epochs: 3,
        per_device_train_batch_size: 16,
        learning_rate: 5e-5,
        warmup_steps: 0.1,
        seed: 42,
      });
    }),
    { numRuns: 60 },
  );
});
