import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { gatherLog, temporaryFolder, tinyTokenizer, toyTexts } from '../../test/testing/tiny.ts';
import { Dataset, type RowOf } from '../data/index.ts';
import type { TaskName } from '../tasks/taskFor.ts';
import { renderInspection } from './inspectReport.ts';
import { addPreparationFlags, type PreparationFlags, prepareRows } from './preparation.ts';

function parse(...line: string[]): PreparationFlags {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addPreparationFlags(command, { training: true });
  return command.parse(line, { from: 'user' }).opts();
}

const data = <R extends RowOf<R>>(rows: readonly R[]) => Dataset.fromRows(rows) as unknown as Dataset;
const context = (task: TaskName = 'text-classification') => ({ task, columns: {}, tokenizer: 'nowhere' });
const reviews = data([
  { text: 'The <b>cat</b>', label: 'a' },
  { text: 'the  CAT', label: 'a' },
  { text: null, label: 'b' },
  { text: 'dog', label: 'b' },
  { text: 'day', label: 'a' },
]);
const judged = data([
  { text: 'Day', label: 'a' },
  { text: 'a <i>film</i>', label: 'b' },
]);

describe('flags', () => {
  test('are read', () => {
    expect(parse('--missing', 'fill=none', '--clean', 'html, nfkc,lower-case', '--drop-duplicates')).toEqual({
      missing: { fill: 'none' },
      clean: { html: true, unicodeForm: 'NFKC', lowerCase: true },
      dropDuplicates: 'exact',
    });
    expect(() => parse('--missing', 'fil=x')).toThrow(/got 'fil=x', expected error, drop or fill=TEXT/);
    expect(() => parse('--clean', 'htlm')).toThrow(/did you mean 'html'/);
    expect(() => parse('--balance', 'more')).toThrow(/oversample, undersample/);
  });

  test('that mean nothing for a task, or would do harm, are refused before anything is changed', async () => {
    gatherLog();
    const refused = (task: TaskName, ...line: string[]) =>
      prepareRows(parse(...line), { train: reviews }, context(task));
    await expect(refused('question-answering', '--clean', 'html')).rejects.toThrow(/--clean would move the answers/);
    await expect(refused('token-classification', '--long-texts', 'windows')).rejects.toThrow(/pass --windows/);
    await expect(refused('fill-mask', '--balance', 'oversample')).rejects.toThrow(/--balance needs labels/);
    await expect(refused('text-classification', '--head-tokens', '3')).rejects.toThrow(/pass --long-texts head-tail/);
  });
});

test('training rows without a text are an error that names them; rows of other tasks are left to the task', async () => {
  gatherLog();
  await expect(prepareRows({}, { train: reviews }, context())).rejects.toThrow(
    /a value is missing \(row 3, column 'text'\)/,
  );
  const untouched = await prepareRows({}, { train: reviews }, context('fill-mask'));
  expect(untouched.train).toBe(reviews);
});

test('changes reach training and evaluation, choices only training; each is said once, with its count', async () => {
  const log = gatherLog();
  const flags = parse(
    ...'--missing drop --clean html,whitespace --drop-duplicates normalized --drop-held-out --balance oversample'.split(
      ' ',
    ),
  );
  const { train, evaluation, columns } = await prepareRows(flags, { train: reviews, evaluation: judged }, context());
  expect(train?.toJSON()).toEqual([
    { text: 'The cat', label: 'a' },
    { text: 'dog', label: 'b' },
  ]);
  expect(evaluation?.toJSON().map((row) => row['text'])).toEqual(['Day', 'a film']);
  expect(columns).toMatchObject({ text: 'text', label: 'label' });
  expect(log.filter((line) => line.includes(' data: '))).toEqual([
    'info: evaluation data: 1 of 2 rows were cleaned',
    "info: training data: 1 of 5 rows were left out: values are missing ('text' in row 3)",
    'info: training data: 2 of 4 rows were cleaned',
    'info: training data: 1 of 4 rows were left out: the same text but for case and white space stands in an earlier row',
    'info: training data: 1 of 3 rows were left out: the same text stands in the data that the model is judged by',
  ]);
});

test('long training texts become windows; those that are judged stay whole', async () => {
  gatherLog();
  const folder = await temporaryFolder();
  await tinyTokenizer().savePretrained(folder);
  const text = toyTexts(4)
    .map((each) => each.text)
    .join(' ');
  const long = data([
    { text, label: 'a' },
    { text: 'good', label: 'b' },
  ]);
  const flags = parse('--long-texts', 'windows', '--window-stride', '2');
  const how = { ...context(), tokenizer: folder, maxLength: 10 };
  const { train, evaluation } = await prepareRows(flags, { train: long, evaluation: long }, how);
  expect(train?.length).toBeGreaterThan(3);
  expect(evaluation?.toJSON()).toEqual(long.toJSON());
});

test('an inspection is drawn within the width of the terminal', () => {
  const text = renderInspection(
    {
      columns: { texts: ['text'], label: 'label' },
      splits: [
        {
          name: 'train',
          rows: 1234,
          columns: [{ name: 'text', type: 'string', missing: 2, empty: 1, range: undefined }],
          duplicates: { exact: 1, normalized: 3 },
          labels: {
            column: 'label',
            counts: [
              { label: 'a'.repeat(60), count: 1000 },
              { label: 'b', count: 1 },
            ],
            distinct: 2,
            missing: 233,
          },
          lengths: { unit: 'tokens', mean: 5, percentiles: { 50: 4 }, max: 600, maxLength: 512, truncated: 7 },
        },
      ],
      findings: [
        {
          code: 'too-long',
          severity: 'note',
          split: 'train',
          column: undefined,
          count: 7,
          rows: [1],
          example: undefined,
          message: 'word '.repeat(40).trim(),
          advice: 'do it',
        },
      ],
    },
    80,
  );
  const lines = text.split('\n');
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  for (const part of [
    '1 234 rows',
    '2 missing, 1 empty',
    '233 without a label',
    '7 (0.6 %) have more than 512',
    '→ do it',
  ])
    expect(text).toContain(part);
  // The least label still shows.
  expect(lines.find((line) => /^ {2}b /.test(line))).toContain('▏');
});
