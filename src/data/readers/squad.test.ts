import { describe, expect, test } from 'vitest';
import { gatherLog } from '../../../test/testing/tiny.ts';
import { isSquad, parseSquad, squadDataset } from './squad.ts';

const answers = (...texts: [string, number][]) => texts.map(([text, answer_start]) => ({ text, answer_start }));

/** A file of one article with one paragraph. */
function file(...qas: object[]) {
  return { version: '1.1', data: [{ title: 'Ada', paragraphs: [{ context: 'Ada 😀 wrote it.', qas }] }] };
}

const who = { id: 'a', question: 'Who?', answers: answers(['Ada', 0], ['it', 12]) };

describe("SQuAD's form", () => {
  test("becomes the columns of Hugging Face's squad, a row a question", () => {
    const dataset = squadDataset(file(who, { ...who, id: 7, question: 'Which?', answers: [] }), 'dev.json');
    expect(dataset.features).toEqual({
      id: 'string',
      title: 'string',
      context: 'string',
      question: 'string',
      answers: {
        type: 'struct',
        fields: { text: { type: 'list', feature: 'string' }, answer_start: { type: 'list', feature: 'int64' } },
      },
    });
    expect(dataset.toJSON()).toEqual([
      {
        id: 'a',
        title: 'Ada',
        context: 'Ada 😀 wrote it.',
        question: 'Who?',
        answers: { text: ['Ada', 'it'], answer_start: [0, 12] },
      },
      {
        id: '7',
        title: 'Ada',
        context: 'Ada 😀 wrote it.',
        question: 'Which?',
        answers: { text: [], answer_start: [] },
      },
    ]);
  });

  test('of version 2.0: questions without an answer, whose plausible ones are left aside and said to be', () => {
    const log = gatherLog();
    const dataset = squadDataset(
      file({ id: 'b', question: 'When?', is_impossible: true, answers: [], plausible_answers: answers(['it', 12]) }),
      'dev.json',
    );
    expect(dataset.toJSON()[0]['answers']).toEqual({ text: [], answer_start: [] });
    expect(log).toEqual([
      'info: [loadDataset] dev.json: the plausible answers to 1 questions without one are left aside',
    ]);
  });

  test('without answers, as of a hidden test set: no such column', () => {
    const dataset = squadDataset(file({ id: 'b', question: 'When?' }), 'test.json');
    expect(Object.keys(dataset.features)).toEqual(['id', 'title', 'context', 'question']);
  });

  test('is told from other JSON', () => {
    expect(isSquad(file())).toBe(true);
    for (const other of [[], {}, null, { data: [] }, { data: [{ text: 'a' }] }, { data: 3 }])
      expect(isSquad(other)).toBe(false);
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(parseSquad(bytes(JSON.stringify(file(who))), 'a.json').length).toBe(1);
    expect(() => parseSquad(bytes('[1]'), 'a.json')).toThrow(/JSON files are read where they have the form of SQuAD/);
    expect(() => parseSquad(bytes('{'), 'a.json')).toThrow(/the file is not JSON/);
  });

  test('names the place of what is missing or of another kind', () => {
    const refused = (...qas: object[]) => expect(() => squadDataset(file(...qas), 'dev.json'));
    refused(who, { id: 'b' }).toThrow(/data\[0\]\.paragraphs\[0\]\.qas\[1\]\.question is missing/);
    refused({ ...who, answers: answers(['Ada', 0.5]) }).toThrow(
      /qas\[0\]\.answers\[0\]\.answer_start is of another kind.*got 0.5, expected a whole number/,
    );
    refused({ ...who, answers: [{ answer_start: 1 }] }).toThrow(/answers\[0\]\.text is missing/);
    refused({ ...who, answers: { text: [] } }).toThrow(/qas\[0\]\.answers is of another kind/);
    expect(() => squadDataset({ data: [{ paragraphs: [{ qas: [who] }] }] }, 'dev.json')).toThrow(
      /data\[0\]\.paragraphs\[0\]\.context is missing/,
    );
    expect(() => squadDataset({ data: [{ paragraphs: [] }, {}] }, 'dev.json')).toThrow(
      /data\[1\]\.paragraphs is missing/,
    );
    expect(() => squadDataset(file(), 'dev.json')).toThrow(/the file holds no questions/);
  });
});
