import { expect, test } from 'vitest';
import { configureLog } from '../../core/log.ts';
import { classLabel } from '../features.ts';
import { type GlueTask, glueTasks, parseGlue, recogniseGlue } from './glue.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const task = (name: string) => glueTasks.get(name) as GlueTask;
const mrpcHeader = 'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String';

test('MRPC: a byte order mark, Windows line ends, quotes as plain characters', () => {
  const file = `\ufeff${mrpcHeader}\r\n1\t7\t8\t" He said\tso "\r\n0\t9\t10\ta\tb`;
  const dataset = parseGlue(bytes(file), 'train.tsv', task('mrpc'), 'train');
  expect(dataset.features).toEqual({
    sentence1: 'string',
    sentence2: 'string',
    label: classLabel(['not_equivalent', 'equivalent']),
    idx: 'int64',
  });
  expect(dataset.toJSON()).toEqual([
    { sentence1: '" He said', sentence2: 'so "', label: 1, idx: 0 },
    { sentence1: 'a', sentence2: 'b', label: 0, idx: 1 },
  ]);
  expect(dataset.info).toEqual({ name: 'glue', config: 'mrpc', split: 'train' });
});

test('a file without labels gives −1', () => {
  const file = 'index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t7\t8\ta\tb';
  expect(parseGlue(bytes(file), 'test.tsv', task('mrpc'), 'test').row(0)['label']).toBe(-1);
});

test('CoLA has no header but in its test file', () => {
  const train = parseGlue(bytes('gj04\t0\t*\tbad one.\n'), 'train.tsv', task('cola'), 'train');
  expect(train.toJSON()).toEqual([{ sentence: 'bad one.', label: 0, idx: 0 }]);
  const tested = parseGlue(bytes('index\tsentence\n0\tWhat?'), 'test.tsv', task('cola'), 'test');
  expect(tested.toJSON()).toEqual([{ sentence: 'What?', label: -1, idx: 0 }]);
});

test('labels may be names or numbers, or scores', () => {
  const rte = parseGlue(
    bytes('index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment'),
    'f',
    task('rte'),
    'train',
  );
  expect(rte.row(0)).toEqual({ sentence1: 'a', sentence2: 'b', label: 1, idx: 0 });
  const mnli = parseGlue(bytes('sentence1\tsentence2\tgold_label\na\tb\tneutral'), 'f', task('mnli'), 'train');
  expect(mnli.row(0)).toEqual({ premise: 'a', hypothesis: 'b', label: 1, idx: 0 });
  const stsb = parseGlue(bytes('sentence1\tsentence2\tscore\na\tb\t3.800'), 'f', task('stsb'), 'train');
  expect(stsb.row(0)['label']).toBe(3.8);
});

test('bad rows name file, line and column', () => {
  const read = (rows: string) => parseGlue(bytes(`${mrpcHeader}\n${rows}`), 'm.tsv', task('mrpc'), 'train');
  expect(() => read('1\t7\t8\ta')).toThrow(/another number of cells.*\(m\.tsv, row 2, column '#2 String'\), got 4/);
  expect(() => read('1\t7\t8\ta\tb\n2\t7\t8\ta\tb')).toThrow(
    /no label of the task \(m\.tsv, row 3, column 'Quality'\), got '2', expected 0 \(not_equivalent\) or 1 \(equivalent\)/,
  );
  expect(() => read('\t7\t8\ta\tb')).toThrow(/no label of the task/);
  expect(() => read('')).toThrow(/holds no rows/);
  expect(() => parseGlue(bytes(''), 'm.tsv', task('mrpc'), 'train')).toThrow(/empty/);
  expect(() => parseGlue(bytes('sentence\tlabel\na\t1'), 'm.tsv', task('mrpc'), 'train')).toThrow(
    /not GLUE's MRPC.*row 1, column '#1 String'/,
  );
});

test("QQP's broken rows are left out, counted, and keep their numbers", () => {
  const said: string[] = [];
  const restore = configureLog({ sink: (_, message) => said.push(message) });
  const file = 'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\ta\tb\t1\n4\t5\tbroken\n6\t7\t8\tc\td\t0';
  const dataset = parseGlue(bytes(file), 'q.tsv', task('qqp'), 'train');
  restore();
  expect(dataset.column('idx').toArray()).toEqual([0, 2]);
  expect(said).toEqual(['[loadDataset] q.tsv: 1 broken row(s) left out']);
});

test('folders are recognised by header, and by name where the header is anyone’s', () => {
  const found = (folder: string, first: string) => recogniseGlue(folder, bytes(`${first}\n…`))?.config;
  expect(found('anything', `\ufeff${mrpcHeader}`)).toBe('mrpc');
  expect(found('x', 'gj04\t1\t\tA sentence.')).toBe('cola');
  expect(found('SST-2', 'sentence\tlabel')).toBe('sst2');
  expect(found('my-reviews', 'sentence\tlabel')).toBeUndefined();
  expect(found('RTE', 'index\tsentence1\tsentence2\tlabel')).toBe('rte');
  expect(found('wnli', 'index\tsentence1\tsentence2\tlabel')).toBe('wnli');
  expect(found('x', 'index\tpromptID\tsentence1\tsentence2\tlabel1\tgold_label')).toBe('mnli');
  expect(found('x', 'text\tlabel')).toBeUndefined();
});
