import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { fettle } from '../../test/testing/commandLine.ts';
import { pipelineTexts, writePipelineModels } from '../../test/testing/pipelineModels.ts';
import { temporaryFolder } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { loadDataset, type Row } from '../data/index.ts';
import { squad } from '../metrics/index.ts';

beforeEach(() => configureLog({ level: 'silent' }));

const read = async (path: string): Promise<Row[]> => [...(await loadDataset(path, { split: 'train' }))];

/** A folder with a model for each task, a way to write rows there, and the command. */
async function workplace() {
  const folder = await temporaryFolder();
  await writePipelineModels(folder);
  const inFolder = (name: string) => join(folder, name);
  const write = (name: string, rows: readonly object[]) =>
    writeFile(inFolder(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const ask = async (command: 'predict' | 'evaluate', rows: string, model: string, ...flags: string[]) => {
    const { code, output, errors } = await fettle(command, inFolder(rows), '--model', inFolder(model), ...flags);
    expect(code, errors).toBe(0);
    return output;
  };
  return { inFolder, write, ask };
}

describe('answers to the questions of a file', () => {
  const contexts = pipelineTexts(12, 'contexts', 30);
  const questions = contexts.map((context, i) => ({ id: `q${i}`, question: 'Who wrote the first program?', context }));

  test('stand beside the rows, with their places, and are judged as evaluate judges them', async () => {
    const { inFolder, write, ask } = await workplace();
    await write('questions.jsonl', questions);
    await ask('predict', 'questions.jsonl', 'questions', '--output', inFolder('said.jsonl'));
    const said = await read(inFolder('said.jsonl'));
    expect(Object.keys(said[0])).toEqual([
      'id',
      'question',
      'context',
      'predicted_answer',
      'answer_start',
      'answer_end',
      'confidence',
    ]);
    for (const { context, predicted_answer: answer, answer_start: start, answer_end: end, confidence } of said) {
      expect(answer).toBe(String(context).slice(Number(start), Number(end)));
      expect(answer).not.toBe('');
      expect(confidence).toBeGreaterThan(0);
      expect(confidence).toBeLessThanOrEqual(1);
    }
    expect(new Set(said.map(({ predicted_answer: answer }) => answer)).size).toBeGreaterThan(3);

    // Half of the answers are right.
    const isRight = (i: number) => i % 2 === 0;
    const truths = said.map(({ context, predicted_answer: answer }, i) =>
      isRight(i) ? String(answer) : String(context).split(' ').slice(0, 2).join(' '),
    );
    await write(
      'judged.jsonl',
      questions.map((row, i) => ({
        ...row,
        answers: { text: [truths[i]], answer_start: [isRight(i) ? said[i]['answer_start'] : 0] },
      })),
    );
    const flags = ['--output', inFolder('judged.out.jsonl'), '--errors', inFolder('errors.jsonl'), '--json'];
    const summary = JSON.parse(await ask('predict', 'judged.jsonl', 'questions', ...flags)) as Record<string, number>;
    const judged = await read(inFolder('judged.out.jsonl'));
    judged.forEach(({ predicted_answer: answer, exact_match: exact, f1 }, i) => {
      expect(answer).toBe(said[i]['predicted_answer']);
      const alone = squad.compute([{ predictionText: String(answer) }], [{ answers: { text: [truths[i]] } }]);
      expect([exact, f1]).toEqual([alone.exact_match, Number(alone.f1.toFixed(6))]);
    });
    const wrong = judged.filter(({ exact_match: exact }) => exact === 0);
    expect(wrong.length).toBeGreaterThan(0);
    expect(wrong.length).toBeLessThan(judged.length);
    expect(summary).toMatchObject({ rows: 12, labelled: 12, wrong: wrong.length });
    const errors = await read(inFolder('errors.jsonl'));
    expect(errors.map(({ id }) => id).sort()).toEqual(wrong.map(({ id }) => id).sort());

    const evaluated = ['--errors', inFolder('again.jsonl'), '--json'];
    const metrics = JSON.parse(await ask('evaluate', 'judged.jsonl', 'questions', ...evaluated)) as Record<
      string,
      number
    >;
    expect(summary['exactMatch']).toBeCloseTo(metrics['eval_exact_match'], 6);
    expect(summary['f1']).toBeCloseTo(metrics['eval_f1'], 6);
    expect(await read(inFolder('again.jsonl'))).toEqual(errors);
  });

  test('where all are right, a file of errors has its columns alone', async () => {
    const { inFolder, write, ask } = await workplace();
    await write('questions.jsonl', questions);
    await ask('predict', 'questions.jsonl', 'questions', '--output', inFolder('said.jsonl'));
    const right = (await read(inFolder('said.jsonl'))).map((row, i) => ({
      ...questions[i],
      answers: { text: [row['predicted_answer']], answer_start: [row['answer_start']] },
    }));
    await write('right.jsonl', right);
    for (const kind of ['csv', 'jsonl', 'parquet']) {
      const summary = await ask(
        'predict',
        'right.jsonl',
        'questions',
        '--errors',
        inFolder(`e.${kind}`),
        '--output',
        inFolder('a.csv'),
      );
      expect(summary).toContain('12 of 12 right (exact match 100.0, f1 100.0); 0 in ');
    }
    expect(await readFile(inFolder('e.csv'), 'utf8')).toBe(
      'id,question,context,answers,predicted_answer,answer_start,answer_end,confidence,exact_match,f1\n',
    );
    expect(await readFile(inFolder('e.jsonl'), 'utf8')).toBe('');
    expect((await loadDataset(inFolder('e.parquet'), { split: 'train' })).columnNames).toContain('exact_match');
  });

  test('for people: the answer, the truth where that is another, and the question', async () => {
    const { write, ask } = await workplace();
    const [first] = contexts[0].split(' ');
    await write('one.jsonl', [{ ...questions[0], answers: { text: [first], answer_start: [0] } }]);
    const [said, confidence, mark, question, ...rest] = (await ask('predict', 'one.jsonl', 'questions')).split(
      /[\t\n]/,
    );
    expect(said).not.toBe(first);
    expect(Number(confidence)).toBeGreaterThan(0);
    expect([mark, question, ...rest]).toEqual([`not ${first}`, 'Who wrote the first program?', '']);
  });
});

describe('tags of the words of a file', () => {
  const sentences = pipelineTexts(10, 'sentences', 20).map((text) => text.split(' '));

  test('stand beside the rows, one a word, and are judged as evaluate judges them', async () => {
    const { inFolder, write, ask } = await workplace();
    await write(
      'sentences.jsonl',
      sentences.map((tokens, id) => ({ id, tokens })),
    );
    await ask('predict', 'sentences.jsonl', 'tokens', '--output', inFolder('said.jsonl'));
    const said = await read(inFolder('said.jsonl'));
    const tagsOf = (row: Row) => row['predicted_tags'] as (string | null)[];
    expect(Object.keys(said[0])).toEqual(['id', 'tokens', 'predicted_tags', 'confidence']);
    expect(said.map((row) => tagsOf(row).length)).toEqual(sentences.map((words) => words.length));
    expect(said.flatMap(tagsOf)).not.toContain(null);

    // Every third word has another tag than is said.
    const truths = said.map((row) => tagsOf(row).map((tag, i) => (i % 3 === 2 ? (tag === 'O' ? 'B-LOC' : 'O') : tag)));
    await write(
      'judged.jsonl',
      sentences.map((tokens, id) => ({ id, tokens, ner_tags: truths[id] })),
    );
    const flags = ['--output', inFolder('judged.out.jsonl'), '--json'];
    const summary = JSON.parse(await ask('predict', 'judged.jsonl', 'tokens', ...flags)) as Record<string, number>;
    const judged = await read(inFolder('judged.out.jsonl'));
    judged.forEach((row, i) => {
      expect(row['true_tags']).toEqual(truths[i]);
      expect(row['correct']).toBe(truths[i].length < 3);
    });
    const metrics = JSON.parse(await ask('evaluate', 'judged.jsonl', 'tokens', '--json')) as Record<string, number>;
    expect(summary['tagAccuracy']).toBeCloseTo(metrics['eval_accuracy'], 6);
    expect(summary['tagAccuracy']).toBeLessThan(1);
  });

  test('the column that is named has the words, whatever else is there', async () => {
    const { inFolder, write, ask } = await workplace();
    const [first, second] = sentences;
    const rows = [{ tokens: ['one'], sentence: first, ner_tags: first.map(() => 'O') }];
    await write('named.jsonl', [...rows, { tokens: ['two'], sentence: second, ner_tags: second.map(() => 'O') }]);
    const flags = ['--text-column', 'sentence', '--label-column', 'ner_tags', '--output', inFolder('said.jsonl')];
    await ask('predict', 'named.jsonl', 'tokens', ...flags);
    const said = await read(inFolder('said.jsonl'));
    expect(said.map((row) => (row['predicted_tags'] as string[]).length)).toEqual([first.length, second.length]);
    expect(said[1]['true_tags']).toEqual(second.map(() => 'O'));
  });

  test('words that are not read have none', async () => {
    const { inFolder, write, ask } = await workplace();
    const tokens = Array.from({ length: 30 }, () => 'program');
    await write('long.jsonl', [{ tokens, ner_tags: tokens.map(() => 'O') }]);
    await ask('predict', 'long.jsonl', 'tokens', '--max-length', '12', '--output', inFolder('said.jsonl'));
    const [{ predicted_tags: cut, correct }] = await read(inFolder('said.jsonl'));
    expect(cut).toHaveLength(30);
    expect((cut as (string | null)[]).slice(10)).toEqual(Array(20).fill(null));
    expect((cut as (string | null)[]).slice(0, 2)).not.toContain(null);
    expect(correct).toBe((cut as (string | null)[]).slice(0, 10).every((tag) => tag === 'O' || tag === null));
    await ask('predict', 'long.jsonl', 'tokens', '--max-length', '12', '--windows', '--output', inFolder('all.jsonl'));
    const [{ predicted_tags: whole }] = await read(inFolder('all.jsonl'));
    expect(whole).not.toContain(null);
  });
});

test('models that hide words have no answers for the rows of a file', async () => {
  const { inFolder, write } = await workplace();
  await write('texts.jsonl', [{ text: 'Ada' }]);
  const { code, errors } = await fettle('predict', inFolder('texts.jsonl'), '--model', inFolder('masks'));
  expect(code).toBe(2);
  expect(errors).toContain('data sets are not predicted with models for fill-mask; pass single texts');
});
