import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type Dataset, describeFeature, glueTasks } from '../data/index.ts';

/** Which columns hold what; those left out are found. */
export interface ColumnNames {
  /** The text, or the first of two. */
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  /** Question answering. */
  readonly question?: string | undefined;
  readonly context?: string | undefined;
  readonly answers?: string | undefined;
  readonly id?: string | undefined;
}

/** The columns that a text classifier reads. */
export interface TextColumns {
  readonly text: string;
  readonly textPair: string | undefined;
  /** undefined where the data has no labels. */
  readonly label: string | undefined;
}

const labelNames = ['label', 'labels', 'target', 'class', 'category'];

/**
 * Finds the text columns of a data set: those that the caller named, GLUE's known ones, or the one or two that hold text;
 * among more than two the one called `text`.
 * What was found is said in the log.
 * @throws DataError where a named column is missing, or where it cannot be told which columns hold the texts.
 */
export function findTextColumns(dataset: Dataset, named: ColumnNames = {}): TextColumns {
  const columns = Object.keys(dataset.features);
  for (const name of [named.text, named.textPair, named.label]) {
    if (name !== undefined && !columns.includes(name)) throw missingColumn(name, columns);
  }
  if (named.textPair !== undefined && named.text === undefined) {
    throw new ArgumentError('ERR_TEXT_COLUMNS', {
      owner: 'text-classification',
      what: 'the second text column is named, the first is not',
      got: named.textPair,
      hint: 'name both: columns: { text, textPair }, or --text-column and --text-pair-column',
    });
  }
  const label = named.label ?? labelNames.find((name) => columns.includes(name));
  const glue = dataset.info.name === 'glue' ? glueTasks.get(dataset.info.config ?? '') : undefined;
  const known = glue?.texts.map(([column]) => column).filter((column) => columns.includes(column));
  let texts: readonly string[];
  if (named.text !== undefined) texts = [named.text, ...(named.textPair === undefined ? [] : [named.textPair])];
  else if (known !== undefined && known.length > 0) texts = known;
  else {
    const holding = columns.filter((column) => column !== label && dataset.features[column] === 'string');
    // Among many, Hugging Face's own name tells which is meant; two may be a pair.
    texts = holding.length > 2 && holding.includes('text') ? ['text'] : holding;
  }
  if (texts.length === 0 || texts.length > 2) {
    throw new DataError('ERR_TEXT_COLUMNS', {
      owner: 'text-classification',
      what: texts.length === 0 ? 'no column holds text' : `${texts.length} columns hold text`,
      got: columns.map((column) => `${column}: ${describeFeature(dataset.features[column])}`).join(', '),
      expected: 'one text column, or two for pairs',
      hint: 'name them: columns: { text, textPair, label }, or --text-column, --text-pair-column and --label-column',
    });
  }
  const found = { text: texts[0], textPair: texts[1], label };
  if (named.text === undefined || named.label === undefined) {
    const unused = columns.filter((column) => column !== label && !texts.includes(column));
    log.info(
      `columns: text ${texts.map((text) => `'${text}'`).join(' and ')}, ${label === undefined ? 'no label' : `label '${label}'`}` +
        `${unused.length > 0 ? `; not used: ${unused.map((column) => `'${column}'`).join(', ')}` : ''}`,
    );
  }
  return found;
}

function missingColumn(name: string, columns: readonly string[]): DataError {
  const near = didYouMean(name, columns);
  return new DataError('ERR_UNKNOWN_COLUMN', {
    owner: 'text-classification',
    what: `there is no column '${name}'`,
    expected: `one of ${columns.join(', ')}`,
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}
