import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gatherLog, temporaryFolder } from '../../../test/testing/tiny.ts';
import { loadDataset } from '../loadDataset.ts';
import { textSource } from './byteSource.ts';
import { type ConllOptions, readConll } from './conll.ts';

async function read(text: string, options?: ConllOptions) {
  const file = join(await temporaryFolder(), 'words.conll');
  await writeFile(file, text);
  return readConll(textSource(file), options);
}

const wnut = 'Empire\tB-location\nState\tI-location\n#nyc\tO\n\t\n\nwow\tO\n';

test('a line is a word, a blank line ends a sentence, and a word may begin with #', async () => {
  const dataset = await read(wnut);
  expect(dataset.features).toEqual({
    tokens: { type: 'list', feature: 'string' },
    ner_tags: { type: 'list', feature: 'string' },
  });
  expect(dataset.toJSON()).toEqual([
    { tokens: ['Empire', 'State', '#nyc'], ner_tags: ['B-location', 'I-location', 'O'] },
    { tokens: ['wow'], ner_tags: ['O'] },
  ]);
});

test('CoNLL-2003: four columns with spaces between them, documents, comments', async () => {
  const lines = gatherLog();
  const dataset = await read(
    '-DOCSTART- -X- -X- O\n\n# newdoc\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O \n-DOCSTART- -X- -X- O\n# , I-NP O\n',
  );
  expect(dataset.toJSON()).toEqual([
    { tokens: ['EU', 'rejects'], pos_tags: ['NNP', 'VBZ'], chunk_tags: ['B-NP', 'B-VP'], ner_tags: ['B-ORG', 'O'] },
    { tokens: ['#'], pos_tags: [','], chunk_tags: ['I-NP'], ner_tags: ['O'] },
  ]);
  expect(lines.join()).toMatch(/words\.conll: 2 lines -DOCSTART- and 1 comments left out/);
});

test('columns have the names and the separator that are given', async () => {
  const dataset = await read('1|Wien|B-LOC|O\n2|liegt|O|O\n', {
    delimiter: '|',
    columnNames: ['id', 'words', 'tags', 'inner'],
  });
  expect(dataset.toJSON()).toEqual([
    { id: ['1', '2'], words: ['Wien', 'liegt'], tags: ['B-LOC', 'O'], inner: ['O', 'O'] },
  ]);
});

test('a file whose every word begins with # is read', async () => {
  expect((await read('#a\tO\n#b\tB-x')).toJSON()).toEqual([{ tokens: ['#a', '#b'], ner_tags: ['O', 'B-x'] }]);
});

describe('refused, with the line, is', () => {
  test.each([
    ['a single column', 'one\ntwo\n', 'ERR_CONLL_COLUMNS', 1],
    ['another number of columns', 'one\tO\n\ntwo\tB-x\tO\n', 'ERR_CONLL_COLUMNS', 3],
    ['a word without a tag', 'one\tO\ntwo\t\n', 'ERR_CONLL_EMPTY', 2],
    ['a tag without a word', 'one\tO\n\tO\n', 'ERR_CONLL_EMPTY', 2],
  ])('%s', async (_, text, code, row) => {
    await expect(read(text)).rejects.toMatchObject({ code, row });
  });

  test.each([
    ['nothing', ''],
    ['no word', '# comment\n-DOCSTART- O\n\n'],
  ])('%s', async (_, text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'ERR_EMPTY_FILE' });
  });

  test('names that are not as many as the columns', async () => {
    await expect(read(wnut, { columnNames: ['a', 'b', 'c'] })).rejects.toMatchObject({ code: 'ERR_COLUMN_NAMES' });
  });
});

test('what is written is read, whatever the words and line ends', async () => {
  const word = fc.stringMatching(/^[a-zA-Zäß😀\u00a0'"-]{1,6}$/u).filter((text) => text !== '-DOCSTART-');
  const sentence = fc.array(fc.tuple(word, fc.constantFrom('O', 'B-a', 'I-a')), { minLength: 1, maxLength: 5 });
  const file = join(await temporaryFolder(), 'words.conll');
  await fc.assert(
    fc.asyncProperty(
      fc.array(sentence, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('\n', '\r\n'),
      async (sentences, end) => {
        await writeFile(file, sentences.map((words) => words.map((pair) => pair.join('\t')).join(end)).join(end + end));
        expect((await readConll(textSource(file))).toJSON()).toEqual(
          sentences.map((words) => ({ tokens: words.map(([token]) => token), ner_tags: words.map(([, tag]) => tag) })),
        );
      },
    ),
    { numRuns: 40 },
  );
});

test('loadDataset knows the files by their names', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'train.conll'), wnut);
  await writeFile(join(folder, 'dev.bio'), 'wow\tO\n');
  const dataset = await loadDataset(folder);
  expect(Object.entries(dataset).map(([split, rows]) => [split, rows.length])).toEqual([
    ['train', 2],
    ['validation', 1],
  ]);
});
