import type { BertTokenizer } from '../../tokenizers/index.ts';
import { Dataset } from '../dataset.ts';
import type { DatasetDict } from '../datasetDict.ts';
import { describeFeature } from '../features.ts';
import { isMissing } from '../preprocessing/missing.ts';
import { inspectedColumns } from './columns.ts';
import { findingsOf } from './findings.ts';
import type { ColumnInspection, DatasetInspection, InspectedColumns } from './inspection.ts';
import { areClasses, countLabels } from './labels.ts';
import { summarizeLengths, tokensOfRows, wordsOfRow } from './lengths.ts';
import {
  gatherConflicts,
  keysOf,
  type LabelConflict,
  type Leakage,
  overlap,
  reader,
  repeatedRows,
  type SplitKeys,
  textOfRow,
} from './repeats.ts';
import { around, rowsAtOnce, type SplitSigns, shownRows, TextSigns, turn } from './signs.ts';

/** What {@link inspectDataset} is told. */
export interface InspectOptions {
  /** The columns with texts. Default: found, by names and types. */
  readonly texts?: readonly string[] | undefined;
  /** The column with the labels. Default: found. */
  readonly label?: string | undefined;
  /** Counts lengths in its tokens; else in words. */
  readonly tokenizer?: BertTokenizer | undefined;
  /** Tokens that a row may have. Default: the tokenizer's, or else 512. */
  readonly maxLength?: number | undefined;
}

/**
 * What a careful person looks at before training, as plain data: columns and types, missing, empty and repeated texts, labels,
 * lengths, rows of one split that stand in another, equal texts with different labels, signs of a wrong encoding; and for each
 * finding what to do. Nothing is changed. A million short rows
 * take ten to twenty seconds on two cores; every distinct text is held in memory once.
 * @throws DataError ERR_UNKNOWN_COLUMN for a named column that is not there.
 *
 * @example
 * const { findings } = await inspectDataset(await loadDataset('reviews.csv'), { tokenizer });
 * for (const { message, advice } of findings) console.log(message, advice);
 */
export async function inspectDataset(
  dataset: DatasetDict | Dataset,
  options: InspectOptions = {},
): Promise<DatasetInspection> {
  const splits: Readonly<Record<string, Dataset>> =
    dataset instanceof Dataset ? { [dataset.info.split ?? 'train']: dataset } : { ...dataset };
  const entries = Object.entries(splits);
  const columns = inspectedColumns(entries[0]?.[1] ?? Dataset.fromRows([]), options);
  const earlier: SplitKeys[] = [];
  const seen: SplitSigns[] = [];
  const leaks: Leakage[] = [];
  const conflicts = new Map<string, LabelConflict>();
  for (const [name, data] of entries) {
    const own = columnsOf(columns, data);
    const keys = await keysOf(name, data, own.texts);
    seen.push(await lookAt(name, data, own, keys, options));
    if (own.texts.length > 0) {
      leaks.push(...earlier.flatMap((other) => overlap(other, keys)));
      if (own.label !== undefined && areClasses(data.features[own.label])) {
        gatherConflicts([...earlier, keys], own.label, conflicts);
      }
    }
    earlier.push(keys);
  }
  return {
    columns,
    splits: seen.map(({ inspection }) => inspection),
    findings: findingsOf(columns, seen, leaks, [...conflicts.values()]),
  };
}

/** A split may lack columns that others have: a test split without labels. */
function columnsOf({ texts, label }: InspectedColumns, data: Dataset): InspectedColumns {
  const has = (column: string) => data.columnNames.includes(column);
  return { texts: texts.every(has) ? texts : [], label: label !== undefined && has(label) ? label : undefined };
}

async function lookAt(
  name: string,
  data: Dataset,
  { texts, label }: InspectedColumns,
  { keys, first }: SplitKeys,
  { tokenizer, maxLength }: InspectOptions,
): Promise<SplitSigns> {
  const missing = new Map<string, readonly number[]>();
  const empty = new Map<string, readonly number[]>();
  const signs = new Map<string, TextSigns>();
  const columns: ColumnInspection[] = [];
  for (const column of data.columnNames) {
    const looked = await lookAtColumn(data, column, texts.includes(column));
    columns.push(looked.inspection);
    missing.set(column, looked.missing);
    empty.set(column, looked.empty);
    signs.set(column, looked.signs);
  }
  const longest = maxLength ?? (Number.isFinite(tokenizer?.modelMaxLength) ? tokenizer?.modelMaxLength : 512) ?? 512;
  const lengths = await lengthsOf(data, texts, tokenizer, longest);
  const limit = tokenizer === undefined ? undefined : longest;
  const longRows: number[] = [];
  lengths.forEach((length, row) => {
    if (limit !== undefined && length > limit && longRows.length < shownRows) longRows.push(row + 1);
  });
  const repeats = repeatedRows(data, texts, keys, first);
  return {
    inspection: {
      name,
      rows: data.length,
      columns,
      duplicates: texts.length === 0 ? undefined : { exact: repeats.exact, normalized: repeats.rows.length },
      labels: label === undefined ? undefined : countLabels(label, data.column(label)),
      lengths:
        texts.length === 0 ? undefined : summarizeLengths(lengths, tokenizer === undefined ? 'words' : 'tokens', limit),
    },
    missing,
    empty,
    signs,
    duplicateRows: repeats.rows,
    duplicateExample: repeats.rows.length === 0 ? undefined : around(textOfRow(data, texts, repeats.rows[0] - 1), 0),
    longRows,
  };
}

async function lookAtColumn(data: Dataset, column: string, isText: boolean) {
  const view = data.column(column);
  const { feature } = view;
  const missing: number[] = [];
  const empty: number[] = [];
  const signs = new TextSigns();
  let [min, max, sum, numbers] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  let row = 0;
  for (const cell of view) {
    if (row % rowsAtOnce === 0) await turn();
    row++;
    if (isMissing(cell, feature)) missing.push(row);
    else if (typeof cell === 'string') {
      if (cell.trim() === '') empty.push(row);
      if (isText) signs.look(cell, row);
    } else if (Array.isArray(cell)) {
      if (cell.length === 0) empty.push(row);
      if (isText) signs.look(cell.join(' '), row);
    } else if (typeof cell === 'number' && (feature === 'int64' || feature === 'float64')) {
      min = Math.min(min, cell);
      max = Math.max(max, cell);
      sum += cell;
      numbers++;
    }
  }
  const holdsTexts = feature === 'string' || (typeof feature === 'object' && feature.type === 'list');
  const inspection: ColumnInspection = {
    name: column,
    type: describeFeature(feature),
    missing: missing.length,
    empty: holdsTexts ? empty.length : undefined,
    range: numbers === 0 ? undefined : { min, max, mean: sum / numbers },
  };
  return { inspection, missing, empty, signs };
}

async function lengthsOf(
  data: Dataset,
  texts: readonly string[],
  tokenizer: BertTokenizer | undefined,
  maxLength: number,
): Promise<number[]> {
  const lengths: number[] = [];
  const cellsOf = reader(data, texts);
  for (let start = 0; texts.length > 0 && start < data.length; start += 512) {
    await turn();
    const rows = Array.from({ length: Math.min(512, data.length - start) }, (_, i) => cellsOf(start + i));
    const own = tokenizer === undefined ? rows.map(wordsOfRow) : tokensOfRows(rows, tokenizer, maxLength);
    for (const length of own) lengths.push(length);
  }
  return lengths;
}
