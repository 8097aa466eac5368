import { expect, test } from 'vitest';
import { Dataset } from '../dataset.ts';
import { cleanText } from './cleanText.ts';
import { loadStopWords, removeStopWords } from './stopWords.ts';
import { transforms } from './transforms.ts';

const reviews = Dataset.fromRows(
  Array.from({ length: 40 }, (_, n) => ({
    n,
    text: n % 7 === 3 ? null : `<p>The room ${n} was  <b>clean</b></p> see www.example.org/${n}.`,
    title: `It is &eacute;${n}`,
  })),
).select(Array.from({ length: 40 }, (_, n) => 39 - n));

test('built-in transforms give the same rows here and on two workers', async () => {
  const stopWords = await loadStopWords('en');
  const clean = { html: true, urls: '[URL]', whitespace: true } as const;
  const onWorkers = { numProc: 2, batchSize: 11 };

  const cleaning = transforms.clean({ texts: ['text', 'title'], ...clean });
  const cleaned = reviews.map(cleaning);
  expect(cleaned.toJSON()).toEqual(
    reviews.toJSON().map(({ n, text, title }) => ({
      n,
      text: text === null ? null : cleanText(text, clean),
      title: cleanText(title, clean),
    })),
  );
  expect(cleaned.row(0)).toEqual({ n: 39, text: 'The room 39 was clean see [URL].', title: 'It is é39' });
  const cleanedThere = await reviews.map(cleaning, onWorkers);
  expect(cleanedThere.features).toEqual(cleaned.features);
  expect(cleanedThere.toJSON()).toEqual(cleaned.toJSON());

  const filling = transforms.fillMissing({ columns: 'text', value: 'nothing' });
  const filled = cleaned.map(filling);
  expect(filled.column('text').at(0)).toBe('The room 39 was clean see [URL].');
  expect(filled.filter(({ text }) => text === 'nothing').length).toBe(6);
  expect((await cleaned.map(filling, { numProc: 1 })).toJSON()).toEqual(filled.toJSON());

  const dropping = transforms.removeStopWords({ texts: 'title', stopWords });
  const dropped = cleaned.map(dropping);
  expect(dropped.column('title').toArray()).toEqual(
    cleaned
      .column('title')
      .toArray()
      .map((title) => removeStopWords(String(title), stopWords)),
  );
  expect(dropped.row(0)['title']).toBe('é39');
  expect((await cleaned.map(dropping, onWorkers)).toJSON()).toEqual(dropped.toJSON());
});

test('columns and options that do not fit are said before a worker starts', async () => {
  expect(() => transforms.clean({ texts: 'text', htlm: true } as never)).toThrow(/did you mean 'html'/);
  expect(() => reviews.map(transforms.clean({ texts: 'n' }))).toThrow(/only texts .*column 'n'/);
  await expect(reviews.map(transforms.clean({ texts: 'nn' }), { numProc: 2 })).rejects.toMatchObject({
    code: 'ERR_UNKNOWN_COLUMN',
  });
});
