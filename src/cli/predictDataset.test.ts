import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { fettle } from '../../test/testing/commandLine.ts';
import { temporaryFolder, toyTexts, writeTinyModel } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { loadDataset, type Row } from '../data/index.ts';

beforeEach(() => configureLog({ level: 'silent' }));

/** A folder with a random model of two labels, and rows in `rows.csv` that a comma asks to be quoted. */
async function workplace(options: { labelled?: boolean; rows?: number } = {}) {
  const folder = await temporaryFolder();
  await writeTinyModel(folder, { id2label: ['bad', 'good'] });
  const rows = toyTexts(options.rows ?? 12).map(({ text, label }, i) => ({
    id: i + 1,
    text: `"${text}, so"`,
    ...(options.labelled === false ? {} : { label: ['bad', 'good'][label] }),
  }));
  const names = Object.keys(rows[0]);
  const lines = [names.join(','), ...rows.map((row) => Object.values(row).join(','))];
  await writeFile(join(folder, 'rows.csv'), `${lines.join('\n')}\n`);
  const inFolder = (name: string) => join(folder, name);
  const predict = (...flags: string[]) => fettle('predict', inFolder('rows.csv'), '--model', folder, ...flags);
  return { folder, inFolder, predict };
}

const read = async (path: string): Promise<Row[]> => [...(await loadDataset(path, { split: 'train' }))];

describe('fettle predict of a data set', () => {
  test('writes the columns of the data, labels by name, a probability for each, and what is true', async () => {
    const { inFolder, predict } = await workplace();
    const { code, output } = await predict('--output', inFolder('answers.csv'));
    expect(code).toBe(0);
    const rows = await read(inFolder('answers.csv'));
    expect(Object.keys(rows[0])).toEqual([
      'id',
      'text',
      'label',
      'predicted_label',
      'confidence',
      'probability_bad',
      'probability_good',
      'true_label',
      'correct',
    ]);
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    for (const row of rows) {
      const [bad, good] = [Number(row['probability_bad']), Number(row['probability_good'])];
      expect(bad + good).toBeCloseTo(1, 5);
      expect(row['predicted_label']).toBe(bad > good ? 'bad' : 'good');
      expect(row['confidence']).toBe(Math.max(bad, good));
      expect(row['true_label']).toBe(row['label']);
      expect(row['correct']).toBe(row['label'] === row['predicted_label']);
    }
    const right = rows.filter(({ correct }) => correct).length;
    expect(output).toContain(`12 rows in ${inFolder('answers.csv')}; ${right} of 12 right (accuracy `);
  });

  test('the same in JSON Lines, in Parquet and on standard output', async () => {
    const { inFolder, predict } = await workplace();
    for (const kind of ['csv', 'jsonl', 'parquet']) {
      const { output } = await predict('--json', '--output', inFolder(`answers.${kind}`));
      expect(JSON.parse(output)).toMatchObject({ rows: 12, labelled: 12, output: inFolder(`answers.${kind}`) });
    }
    const rows = await read(inFolder('answers.csv'));
    expect(await read(inFolder('answers.jsonl'))).toEqual(rows);
    expect(await read(inFolder('answers.parquet'))).toEqual(rows);
    const { output } = await predict('--json');
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Row),
    ).toEqual(rows);
    expect((await predict()).output.split('\n')[0]).toBe(
      `${rows[0]['predicted_label']}\t${rows[0]['confidence']}\t${rows[0]['correct'] ? '' : `not ${rows[0]['label']}`}\t${rows[0]['text']} | ${rows[0]['label']}`,
    );
  });

  test('the wrong ones, those it is surest of first', async () => {
    const { inFolder, predict } = await workplace();
    await predict('--output', inFolder('answers.csv'), '--errors', inFolder('errors.csv'));
    const wrong = (await read(inFolder('answers.csv'))).filter(({ correct }) => correct === false);
    const errors = await read(inFolder('errors.csv'));
    expect(errors.length).toBeGreaterThan(1);
    expect(errors.map(({ id }) => id).sort()).toEqual(wrong.map(({ id }) => id).sort());
    const sure = errors.map(({ confidence }) => Number(confidence));
    expect(sure).toEqual([...sure].sort((a, b) => b - a));
  });

  test('a regression is judged by its errors', async () => {
    const { folder, inFolder } = await workplace();
    await writeTinyModel(folder, { id2label: ['score'], problemType: 'regression' });
    await writeFile(inFolder('scores.csv'), 'text,label\nthe day was good,1.5\nthe night was bad,-2.25\n');
    const flags = ['--model', folder, '--output', inFolder('a.csv'), '--errors', inFolder('e.csv'), '--json'];
    const { output } = await fettle('predict', inFolder('scores.csv'), ...flags);
    const errors = (await read(inFolder('e.csv'))).map((row) => Number(row['absolute_error']));
    expect(errors).toHaveLength(2);
    expect(errors[0]).toBeGreaterThan(errors[1]);
    const { meanAbsoluteError, accuracy } = JSON.parse(output);
    expect(meanAbsoluteError).toBeCloseTo((errors[0] + errors[1]) / 2, 6);
    expect(accuracy).toBeUndefined();
  });

  test('without labels there is nothing to be right about', async () => {
    const { inFolder, predict } = await workplace({ labelled: false });
    const { output } = await predict('--output', inFolder('answers.csv'));
    expect(output).toBe(`12 rows in ${inFolder('answers.csv')}\n`);
    expect(Object.keys((await read(inFolder('answers.csv')))[0])).not.toContain('correct');
    const refused = await predict('--output', inFolder('answers.csv'), '--errors', inFolder('errors.csv'));
    expect(refused.code).toBe(3);
    expect(refused.errors).toContain('without labels nobody knows which answers are wrong');
  });

  test('a part of a split', async () => {
    const { predict } = await workplace();
    const { output } = await predict('--split', 'train[2:5]', '--json');
    expect(
      output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).toEqual([3, 4, 5]);
  });

  test('with weights of 8 bits the answers are nearly the same, and not the very same', async () => {
    const { inFolder, predict } = await workplace();
    await predict('--output', inFolder('whole.csv'));
    await predict('--output', inFolder('eight.csv'), '--quantize', 'int8');
    const goods = async (name: string) => (await read(inFolder(name))).map((row) => Number(row['probability_good']));
    const [whole, eight] = [await goods('whole.csv'), await goods('eight.csv')];
    expect(eight).not.toEqual(whole);
    eight.forEach((value, i) => {
      expect(Math.abs(value - whole[i])).toBeLessThan(0.05);
    });
  });

  test('more rows than are asked about at once', async () => {
    const { inFolder, predict } = await workplace({ rows: 1030 });
    await predict('--output', inFolder('answers.csv'), '--batch-size', '256');
    const text = await readFile(inFolder('answers.csv'), 'utf8');
    expect(text.match(/predicted_label/g)).toHaveLength(1);
    expect((await read(inFolder('answers.csv'))).map(({ id }) => id)).toEqual(
      Array.from({ length: 1030 }, (_, i) => i + 1),
    );
  });

  test.each([
    [['--output', 'answers.xlsx'], /--output does not say by its ending what to write, got 'answers\.xlsx'/],
    [['--text', 'a'], /there is a data set and --text; leave one of them out/],
    [['--split', 'tain'], /there is no such split, got 'tain', expected one of train; did you mean 'train'\?/, 3],
    [['--batch-size', '-3'], /--batch-size has a wrong value, got '?-3'?, expected a whole number of at least 1/],
    [['--max-length', '2'], /--max-length has a wrong value, got '?2'?, expected a whole number of at least 3/],
    [['--split', 'constructor'], /there is no such split, got 'constructor'/, 3],
  ])('refused: %j', async (flags, message, expected = 2) => {
    const { predict } = await workplace();
    const { code, errors } = await predict(...flags);
    expect(code).toBe(expected);
    expect(errors).toMatch(message);
  });
});
