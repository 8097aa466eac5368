import { DataError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import { makeBuilder } from '../columnBuilder.ts';
import { Dataset } from '../dataset.ts';
import { classLabel, type Feature } from '../features.ts';
import { decodeFile, linesOf } from './text.ts';

/** One of GLUE's tasks: how its published folder becomes the columns of Hugging Face's `glue` configuration. */
export interface GlueTask {
  /** Hugging Face's configuration name. */
  readonly config: string;
  /** The folder in GLUE's published archive. */
  readonly folder: string;
  /** Text columns in order: Hugging Face's name, then the file's. */
  readonly texts: readonly (readonly [column: string, inFile: string])[];
  readonly labelInFile: string;
  /** Names of the classes; undefined for STS-B, whose label is a score from 0 to 5. */
  readonly classes?: readonly string[];
  /** Files by split name. */
  readonly files: Readonly<Record<string, string>>;
  /** Whether the training file's header tells this task from any other data, without the folder's name. */
  readonly knownByHeader?: boolean;
}

const threeFiles = { train: 'train.tsv', validation: 'dev.tsv', test: 'test.tsv' };
const sentences = [
  ['sentence1', 'sentence1'],
  ['sentence2', 'sentence2'],
] as const;
const mnli = {
  folder: 'MNLI',
  texts: [
    ['premise', 'sentence1'],
    ['hypothesis', 'sentence2'],
  ],
  labelInFile: 'gold_label',
  classes: ['entailment', 'neutral', 'contradiction'],
} as const;

/** Columns, labels and splits as in Hugging Face's `nyu-mll/glue` (its glue.py). */
const tasks: readonly GlueTask[] = [
  {
    config: 'cola',
    folder: 'CoLA',
    texts: [['sentence', 'sentence']],
    labelInFile: 'is_acceptable',
    classes: ['unacceptable', 'acceptable'],
    files: threeFiles,
    knownByHeader: true,
  },
  {
    config: 'sst2',
    folder: 'SST-2',
    texts: [['sentence', 'sentence']],
    labelInFile: 'label',
    classes: ['negative', 'positive'],
    files: threeFiles,
  },
  {
    config: 'mrpc',
    folder: 'MRPC',
    texts: [
      ['sentence1', '#1 String'],
      ['sentence2', '#2 String'],
    ],
    labelInFile: 'Quality',
    classes: ['not_equivalent', 'equivalent'],
    files: threeFiles,
    knownByHeader: true,
  },
  {
    config: 'qqp',
    folder: 'QQP',
    texts: [
      ['question1', 'question1'],
      ['question2', 'question2'],
    ],
    labelInFile: 'is_duplicate',
    classes: ['not_duplicate', 'duplicate'],
    files: threeFiles,
  },
  {
    config: 'stsb',
    folder: 'STS-B',
    texts: sentences,
    labelInFile: 'score',
    files: threeFiles,
    knownByHeader: true,
  },
  {
    config: 'mnli',
    ...mnli,
    files: {
      train: 'train.tsv',
      validation_matched: 'dev_matched.tsv',
      validation_mismatched: 'dev_mismatched.tsv',
      test_matched: 'test_matched.tsv',
      test_mismatched: 'test_mismatched.tsv',
    },
    knownByHeader: true,
  },
  { config: 'mnli_matched', ...mnli, files: { validation: 'dev_matched.tsv', test: 'test_matched.tsv' } },
  { config: 'mnli_mismatched', ...mnli, files: { validation: 'dev_mismatched.tsv', test: 'test_mismatched.tsv' } },
  {
    config: 'qnli',
    folder: 'QNLI',
    texts: [
      ['question', 'question'],
      ['sentence', 'sentence'],
    ],
    labelInFile: 'label',
    classes: ['entailment', 'not_entailment'],
    files: threeFiles,
  },
  {
    config: 'rte',
    folder: 'RTE',
    texts: sentences,
    labelInFile: 'label',
    classes: ['entailment', 'not_entailment'],
    files: threeFiles,
  },
  {
    config: 'wnli',
    folder: 'WNLI',
    texts: sentences,
    labelInFile: 'label',
    classes: ['not_entailment', 'entailment'],
    files: threeFiles,
  },
];

/** GLUE's tasks by Hugging Face's configuration name. */
export const glueTasks: ReadonlyMap<string, GlueTask> = new Map(tasks.map((task) => [task.config, task]));

/** A folder's name without case and punctuation: `SST-2` and `sst2` are one. */
export function folderKey(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

const headers: Readonly<Record<string, readonly string[]>> = {
  mrpc: ['Quality', '#1 ID', '#2 ID', '#1 String', '#2 String'],
  stsb: ['index', 'genre', 'filename', 'year', 'old_index', 'source1', 'source2', 'sentence1', 'sentence2', 'score'],
};

/**
 * Which of GLUE's tasks a folder holds, or undefined. MRPC, STS-B, MNLI and CoLA show in the first line of `train.tsv`
 * alone; the others (`sentence` and `label` are anyone's columns) need the folder's name as well.
 */
export function recogniseGlue(folderName: string, trainBytes: Uint8Array): GlueTask | undefined {
  const [first] = linesOf(trainBytes);
  const cells = new TextDecoder()
    .decode(first?.line)
    .split('\t')
    .map((cell) => cell.replace(/^\ufeff/, ''));
  return tasks.find((task) => {
    if (task.files.train !== 'train.tsv') return false;
    if (task.knownByHeader !== true && folderKey(folderName) !== folderKey(task.folder)) return false;
    if (task.config === 'cola') return looksLikeCola(cells);
    const header = headers[task.config];
    if (header !== undefined) return header.join('\t') === cells.join('\t');
    const wanted = [...task.texts.map(([, inFile]) => inFile), task.labelInFile];
    return wanted.every((name) => cells.includes(name));
  });
}

/** CoLA's training file has no header: source, 0 or 1, the author's mark (`*` or nothing), sentence. */
function looksLikeCola(cells: readonly string[]): boolean {
  return cells.length === 4 && (cells[1] === '0' || cells[1] === '1') && (cells[2] === '' || cells[2] === '*');
}

/**
 * Reads one of GLUE's files: tab-separated, a quote is a plain character. The columns are the task's texts, `label`
 * (−1 where the file has none, as in Hugging Face's test splits) and `idx`, the row's number in this file.
 * (For MRPC, Hugging Face's `idx` counts in the original release, of which GLUE's train and dev files are parts.)
 *
 * Throws `ERR_RAGGED_ROW`, `ERR_GLUE_HEADER`, `ERR_LABEL`, `ERR_EMPTY_FILE`, `ERR_HEADER_ALONE` with file and line. QQP's
 * published files have broken rows: there they are left out, as Hugging Face does, and counted in a warning.
 */
export function parseGlue(bytes: Uint8Array, file: string, task: GlueTask, split: string): Dataset {
  const text = decodeFile(owner, file, bytes);
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  let header =
    task.config === 'cola' && split !== 'test' ? ['source', task.labelInFile, 'mark', 'sentence'] : undefined;
  const labelFeature: Feature = task.classes === undefined ? 'float64' : classLabel(task.classes);
  const context = (column: string) => ({ owner, file, column });
  const texts = task.texts.map(([column]) => makeBuilder(context(column), 'string'));
  const label = makeBuilder(context('label'), labelFeature);
  const idx = makeBuilder(context('idx'), 'int64');
  let positions: number[] = [];
  let labelAt = -1;
  let row = 0;
  let broken = 0;
  for (const { line, number } of linesOf(text)) {
    if (line.length === 0) continue;
    const cells = utf8.decode(line).split('\t');
    if (positions.length === 0) {
      const names = header ?? cells;
      positions = task.texts.map(([, inFile]) => columnAt(names, inFile, task, file, number));
      labelAt = names.indexOf(task.labelInFile);
      if (header === undefined) {
        header = cells;
        continue;
      }
    }
    if (cells.length !== header?.length) {
      if (task.config !== 'qqp') throw ragged(header ?? [], cells, file, number);
      broken++;
      row++;
      continue;
    }
    texts.forEach((builder, k) => {
      builder.push(cells[positions[k]]);
    });
    label.push(labelAt < 0 ? -1 : readLabel(cells[labelAt], task, file, number));
    idx.push(row++);
  }
  if (header === undefined) throw new DataError('ERR_EMPTY_FILE', { owner, what: 'the file is empty', file });
  if (row === 0) throw new DataError('ERR_HEADER_ALONE', { owner, what: 'the file holds no rows', file });
  if (broken > 0) log.warn(`[${owner}] ${file}: ${broken} broken row(s) left out`);
  const columns = task.texts.map(([column], k) => [column, texts[k].finish()] as const);
  return new Dataset(new Map([...columns, ['label', label.finish()], ['idx', idx.finish()]]), {
    name: 'glue',
    config: task.config,
    split,
  });
}

const owner = 'loadDataset';

function columnAt(names: readonly string[], wanted: string, task: GlueTask, file: string, row: number): number {
  const at = names.indexOf(wanted);
  if (at >= 0) return at;
  throw new DataError('ERR_GLUE_HEADER', {
    owner,
    what: `this is not GLUE's ${task.folder}: its header lacks a column`,
    got: names.join(', '),
    expected: task.texts.map(([, inFile]) => inFile).join(', '),
    file,
    row,
    column: wanted,
    hint: 'check the configuration name, or leave it out to read the files as they are',
  });
}

function readLabel(cell: string, task: GlueTask, file: string, row: number): number {
  const named = task.classes?.indexOf(cell) ?? -1;
  if (named >= 0) return named;
  const value = cell.trim() === '' ? Number.NaN : Number(cell);
  const fits =
    task.classes === undefined
      ? Number.isFinite(value)
      : Number.isInteger(value) && value >= 0 && value < task.classes.length;
  if (fits) return value;
  throw new DataError('ERR_LABEL', {
    owner,
    what: 'this is no label of the task',
    got: cell,
    expected:
      task.classes === undefined ? 'a number' : `${task.classes.map((name, k) => `${k} (${name})`).join(' or ')}`,
    file,
    row,
    column: task.labelInFile,
  });
}

function ragged(header: readonly string[], cells: readonly string[], file: string, row: number): DataError {
  return new DataError('ERR_RAGGED_ROW', {
    owner,
    what: 'a row has another number of cells than there are columns',
    got: cells.length,
    expected: `${header.length} (${header.join(', ')})`,
    file,
    row,
    column: header[cells.length],
  });
}
