import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type Cell, type Dataset, describeFeature, type Feature } from '../data/index.ts';
import type { ColumnNames } from './textColumns.ts';

/** The columns that question answering reads. */
export interface QuestionAnsweringColumns {
  /** undefined where rows are known by their number. */
  readonly id: string | undefined;
  readonly question: string;
  readonly context: string;
  /** undefined where the data has no answers. */
  readonly answers: string | undefined;
}

/** The true answers to a question: any of them is right, and a model learns the first. Empty where there is none. */
export interface TrueAnswers {
  readonly text: readonly string[];
  /** Where each begins in the context, counted in code points, as SQuAD's files and Python do. */
  readonly answerStart: readonly number[];
}

const owner = 'question-answering';
const kinds = ['id', 'question', 'context', 'answers'] as const;

/**
 * Finds the columns by SQuAD's names, or by those that the caller gave. What is not used is said in the log.
 * @throws DataError where a column is missing, or holds something else.
 */
export function findQuestionAnsweringColumns(dataset: Dataset, named: ColumnNames = {}): QuestionAnsweringColumns {
  const columns = Object.keys(dataset.features);
  for (const [kind, name] of Object.entries(named)) {
    if (name === undefined) continue;
    if (!(kinds as readonly string[]).includes(kind)) throw foreignColumn(kind);
    if (!columns.includes(name)) throw missingColumn(kind, name, columns);
  }
  const find = (kind: (typeof kinds)[number]) => named[kind] ?? (columns.includes(kind) ? kind : undefined);
  const question = find('question');
  const context = find('context');
  if (question === undefined) throw missingColumn('question', 'question', columns);
  if (context === undefined) throw missingColumn('context', 'context', columns);
  const found = { id: find('id'), question, context, answers: find('answers') };
  for (const column of [question, context]) requireKind(dataset, column, isText, 'texts');
  if (found.answers !== undefined)
    requireKind(dataset, found.answers, isAnswers, '{ text: [...], answer_start: [...] }');
  const used: readonly (string | undefined)[] = Object.values(found);
  const unused = columns.filter((column) => !used.includes(column));
  // A caller who named what there is need not be told.
  if (named.question !== undefined && named.context !== undefined && unused.length === 0) return found;
  log.info(
    `columns: question '${question}', context '${context}', ${found.answers === undefined ? 'no answers' : `answers '${found.answers}'`}` +
      `${unused.length > 0 ? `; not used: ${unused.map((column) => `'${column}'`).join(', ')}` : ''}`,
  );
  return found;
}

/** Whether a data set's columns are those of questions about texts. */
export function hasQuestionAnsweringColumns(features: Readonly<Record<string, Feature>>): boolean {
  return isText(features['question']) && isText(features['context']);
}

/** The true answers in a cell, in either form; undefined where it is missing. */
export function answersIn(cell: Cell | undefined): TrueAnswers | undefined {
  if (cell === undefined || cell === null || typeof cell !== 'object') return undefined;
  if (isList(cell)) {
    const items = cell as readonly { readonly text: string; readonly answer_start: number }[];
    return { text: items.map(({ text }) => text), answerStart: items.map(({ answer_start }) => answer_start) };
  }
  const { text, answer_start } = cell as Readonly<Record<string, Cell>>;
  if (!isList(text) || !isList(answer_start)) return undefined;
  return { text: text as readonly string[], answerStart: answer_start as readonly number[] };
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isText(feature: Feature | undefined): boolean {
  return feature === 'string';
}

/** `{ text: [...], answer_start: [...] }`, as in Hugging Face's data sets, or a list of objects, as in SQuAD's files. */
function isAnswers(feature: Feature | undefined): boolean {
  if (typeof feature !== 'object') return false;
  const within = feature.type === 'list' ? feature.feature : feature;
  if (typeof within !== 'object' || within.type !== 'struct') return false;
  const { text, answer_start } = within.fields;
  const item = (field: Feature | undefined) => {
    if (feature.type === 'list') return field;
    return typeof field === 'object' && field.type === 'list' ? field.feature : undefined;
  };
  // Where no row has an answer, nothing said what starts are.
  return isText(item(text)) && (item(answer_start) === 'int64' || item(answer_start) === 'string');
}

function requireKind(
  dataset: Dataset,
  column: string,
  fits: (feature: Feature | undefined) => boolean,
  expected: string,
): void {
  const feature = dataset.features[column];
  if (fits(feature)) return;
  throw new DataError('ERR_COLUMN_TYPE', {
    owner,
    what: `the column '${column}' does not hold what is needed`,
    got: describeFeature(feature),
    expected,
    column,
  });
}

function missingColumn(kind: string, name: string, columns: readonly string[]): DataError {
  const near = didYouMean(name, columns);
  return new DataError('ERR_UNKNOWN_COLUMN', {
    owner,
    what: `there is no column '${name}'`,
    expected: `one of ${columns.join(', ')}`,
    hint: near === undefined ? `name it: columns: { ${kind} }, or --${kind}-column` : `did you mean '${near}'?`,
  });
}

function foreignColumn(kind: string): ArgumentError {
  return new ArgumentError('ERR_UNKNOWN_COLUMN', {
    owner,
    what: `question answering reads no column for '${kind}'`,
    expected: kinds.join(', '),
  });
}
