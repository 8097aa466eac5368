import { configureLog } from '../core/log.ts';
import { type Dataset, type DatasetDict, isClassLabel } from '../data/index.ts';
import { findQuestionAnsweringColumns } from '../tasks/questionAnsweringColumns.ts';
import { type TaskName, taskOfColumns } from '../tasks/taskFor.ts';
import { findTextColumn } from '../tasks/textChunks.ts';
import { findTextColumns } from '../tasks/textColumns.ts';
import { findTokenColumns } from '../tasks/tokenColumns.ts';

/** Different values that a column of labels has at most, where its name does not say what it is. */
const mostLabels = 30;
/** Rows below which none are held back: too few would be left on either side. */
const fewestToHoldBack = 20;

/** Columns as the configuration names them; those that are found by their usual names are left out. */
export interface InitColumns {
  readonly text?: string;
  readonly textPair?: string;
  readonly label?: string;
}

/** Which rows a configuration judges the model by. */
export interface HeldBack {
  /** Expressions for `train_split` and `eval_split`; undefined: as the data set is. */
  readonly trainSplit?: string;
  readonly evalSplit?: string;
  readonly evaluated: boolean;
  /** Why it is so, for a comment. */
  readonly note: string;
}

/** The split to train on: `train`, or the only one. */
export function trainingSplit(splits: DatasetDict): { readonly name: string; readonly rows: Dataset } {
  const name = Object.hasOwn(splits, 'train') ? 'train' : Object.keys(splits)[0];
  return { name, rows: splits[name] };
}

/** What the data is most likely for: texts with nothing that could be a label are there to be read. */
export function likelyTask(rows: Dataset): TaskName {
  const task = taskOfColumns(rows.features);
  if (task !== 'text-classification') return task;
  const { label } = quietly(() => tryTextColumns(rows)) ?? {};
  return label === undefined && labelCandidates(rows).length === 0 ? 'fill-mask' : task;
}

/** Columns that could hold labels: few different values, each of them several times. */
export function labelCandidates(rows: Dataset): string[] {
  return Object.entries(rows.features)
    .filter(([name, feature]) => {
      if (isClassLabel(feature)) return true;
      if (feature !== 'string' && feature !== 'bool' && feature !== 'int64') return false;
      const values = rows.unique(name).filter((value) => value !== null && value !== '');
      return values.length >= 2 && values.length <= Math.min(mostLabels, rows.length / 2);
    })
    .map(([name]) => name);
}

/** Columns of text other than the label's. */
export function textCandidates(rows: Dataset, label: string | undefined): string[] {
  return Object.keys(rows.features).filter((name) => name !== label && rows.features[name] === 'string');
}

/**
 * The columns that the data shows by itself for a task, or as they are named.
 * @returns what was found; `text` or `label` is left out where it has to be asked for.
 * @throws DataError where a column that is named is not there, or the data is not what the task needs.
 */
export function findColumns(rows: Dataset, task: TaskName, named: InitColumns): InitColumns {
  return quietly(() => {
    if (task === 'question-answering') {
      findQuestionAnsweringColumns(rows, named);
      return {};
    }
    if (task === 'token-classification') {
      const { tokens, tags } = findTokenColumns(rows, named);
      return { text: tokens, ...(tags === undefined ? {} : { label: tags }) };
    }
    if (task === 'fill-mask') {
      const texts = textCandidates(rows, undefined);
      if (named.text === undefined && texts.length > 1 && !texts.includes('text')) return {};
      return { text: findTextColumn(rows, named.text, 'fettle init') };
    }
    // Checked before anything is guessed: a name that is wrong is said.
    if (named.text !== undefined || named.label !== undefined) tryTextColumns(rows, named);
    const candidates = labelCandidates(rows);
    const label = tryTextColumns(rows, named)?.label ?? (candidates.length === 1 ? candidates[0] : undefined);
    if (label === undefined) return { ...named };
    const found = tryTextColumns(rows, { ...named, label });
    if (found === undefined) return { ...named, label };
    const { text, textPair } = found;
    // Two columns of text may be a pair, or a text and something else: that is guessed only where the data set is known.
    if (textPair !== undefined && named.text === undefined && rows.info.name !== 'glue') return { label };
    return { text, label, ...(textPair === undefined ? {} : { textPair }) };
  });
}

/** The columns of texts and labels; undefined where they cannot be told. @throws DataError for a name that is wrong. */
function tryTextColumns(rows: Dataset, named: InitColumns = {}) {
  try {
    return findTextColumns(rows, named);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ERR_TEXT_COLUMNS') return undefined;
    throw error;
  }
}

/**
 * Which rows to judge by: the data's own split for that, or the last fifth of the rows, unless the file is in order of its
 * labels, where the last fifth would be of one kind.
 */
export function holdBack(splits: DatasetDict, split: string, label: string | undefined): HeldBack {
  const own = ['validation', 'validation_matched', 'test'].find(
    (name) => name !== split && Object.hasOwn(splits, name),
  );
  const trainSplit = split === 'train' ? {} : { trainSplit: split };
  if (own !== undefined) {
    return { ...trainSplit, evaluated: true, note: `judged by the split '${own}', ${splits[own].length} rows` };
  }
  const rows = splits[split];
  if (rows.length < fewestToHoldBack) {
    return {
      ...trainSplit,
      evaluated: false,
      note: `too few rows to hold some back: all ${rows.length} are learned from`,
    };
  }
  if (label !== undefined && inOrderOf(rows, label)) {
    return {
      ...trainSplit,
      evaluated: false,
      note: `the rows stand in order of '${label}': shuffle them, and a part can be held back to judge by (train[:80%], train[80%:])`,
    };
  }
  return {
    trainSplit: `${split}[:80%]`,
    evalSplit: `${split}[80%:]`,
    evaluated: true,
    note: 'the last fifth is held back to judge by',
  };
}

/** Whether the last fifth of the rows has other labels than the rest: a share that differs by more than chance explains. */
function inOrderOf(rows: Dataset, label: string): boolean {
  const values = [...rows.column(label)].map(String);
  const border = Math.floor(values.length * 0.8);
  const [head, tail] = [values.slice(0, border), values.slice(border)];
  const share = (part: readonly string[], value: string) => part.filter((each) => each === value).length / part.length;
  // A column of numbers to predict has no kinds.
  const kinds = new Set(values);
  if (kinds.size > mostLabels) return false;
  return [...kinds].some((value) => {
    const p = share(values, value);
    // Three standard errors of the difference of two shares.
    const chance = 3 * Math.sqrt(p * (1 - p) * (1 / head.length + 1 / tail.length));
    return share(head, value) === 0 || Math.abs(share(head, value) - share(tail, value)) > chance;
  });
}

/** The columns that are found are said by who asks, once. */
function quietly<T>(look: () => T): T {
  const restore = configureLog({ level: 'warn' });
  try {
    return look();
  } finally {
    restore();
  }
}
