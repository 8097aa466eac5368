import { ArgumentError, DataError, didYouMean } from '../../core/errors.ts';
import type { Dataset } from '../dataset.ts';
import { describeFeature } from '../features.ts';
import { type Balance, balanceClasses } from './balance.ts';
import { type CleanTextOptions, cleanText } from './cleanText.ts';
import { dropDuplicates, dropOverlap, type Sameness } from './duplicates.ts';
import { headAndTail, type LengthOptions, splitIntoWindows, truncateText } from './longTexts.ts';
import { describeRows, missingCells, requireComplete } from './missing.ts';
import { removeStopWords, type StopWords } from './stopWords.ts';

/** What {@link preprocess} does; each left out is not done, but that missing values are an error. */
export interface PreprocessingOptions {
  /** The columns with texts. */
  readonly texts: readonly string[];
  /** The column with the labels; where it is left out, labels may be missing. */
  readonly label?: string | undefined;
  /** What becomes of rows that miss a text or label. `fill` is for texts; a label that is missing stays an error. Default 'error'. */
  readonly missing?: 'error' | 'drop' | { readonly fill: string } | undefined;
  readonly clean?: CleanTextOptions | undefined;
  /** Of {@link loadStopWords}, or words of one's own. */
  readonly stopWords?: StopWords | readonly string[] | undefined;
  /** Leaves out rows whose texts stand in an earlier row. */
  readonly duplicates?: Sameness | undefined;
  /** Leaves out rows whose texts stand in this data set, which the model is to be judged by. */
  readonly heldOut?: Dataset | undefined;
  readonly balance?: Balance | undefined;
  /** For `balance`. Default 42. */
  readonly seed?: number | undefined;
  readonly longTexts?: LongTexts | undefined;
}

/** What becomes of texts with more tokens than a row holds. */
export type LongTexts = LengthOptions &
  (
    | { readonly how: 'truncate' }
    | { readonly how: 'headAndTail'; readonly headTokens?: number | undefined }
    | { readonly how: 'windows'; readonly stride?: number | undefined }
  );

/** What one step did to a data set. */
export interface PreprocessingStep {
  readonly step: 'missing' | 'clean' | 'stopWords' | 'duplicates' | 'heldOut' | 'balance' | 'longTexts';
  /** Rows that were left out, added or changed. */
  readonly rows: number;
  /** The same in words. */
  readonly message: string;
}

const names = [
  'texts',
  'label',
  'missing',
  'clean',
  'stopWords',
  'duplicates',
  'heldOut',
  'balance',
  'seed',
  'longTexts',
];
const owner = 'preprocess';

/**
 * A data set as training wants it. The steps, in this order: missing values, cleaning, stop words, duplicates, rows held out,
 * balance, long texts. Nothing is changed unsaid: `steps` counts what each did.
 * @throws DataError ERR_MISSING_VALUES with the rows that miss a value, where these are an error;
 *   ERR_NO_ROWS where no row is left.
 *
 * @example
 * const { dataset, steps } = preprocess(reviews, { texts: ['text'], label: 'label', missing: 'drop', duplicates: 'normalized' });
 * for (const { message } of steps) console.log(message);
 */
export function preprocess(
  dataset: Dataset,
  options: PreprocessingOptions,
): { readonly dataset: Dataset; readonly steps: readonly PreprocessingStep[] } {
  checkOptions(dataset, options);
  const steps: PreprocessingStep[] = [];
  const done = (step: PreprocessingStep['step'], rows: number, message: string) => {
    if (rows > 0) steps.push({ step, rows, message });
  };
  let made = settleMissing(dataset, options, done);
  made = changeTexts(made, options, done);
  made = leaveOut(made, options, done);
  const { balance, label, seed } = options;
  if (balance !== undefined) {
    const before = made.length;
    made = balanceClasses(made, label ?? '', balance, seed);
    const rows = Math.abs(made.length - before);
    const way = balance === 'oversample' ? 'repeated' : 'left out';
    done(
      'balance',
      rows,
      `${rows} rows were ${way}, so that all classes have as many: ${made.length} rows in place of ${before}`,
    );
  }
  made = shorten(made, options, done);
  if (made.length === 0 && dataset.length > 0) {
    const { message } = steps.at(-1) ?? { message: 'nothing is left' };
    throw new DataError('ERR_NO_ROWS', {
      owner,
      what: `no row is left: ${message}`,
      hint: 'ask for less to be left out',
    });
  }
  return { dataset: made, steps };
}

type Done = (step: PreprocessingStep['step'], rows: number, message: string) => void;

function settleMissing(dataset: Dataset, options: PreprocessingOptions, done: Done): Dataset {
  const { texts, label, missing = 'error' } = options;
  const columns = label === undefined ? texts : [...texts, label];
  if (missing === 'error') {
    requireComplete(dataset, columns);
    return dataset;
  }
  if (missing === 'drop') {
    const found = missingCells(dataset, columns);
    const gone = new Set(found.flatMap(({ rows }) => rows));
    const where = found.map(({ column, rows }) => `'${column}' in ${describeRows(rows)}`).join(', ');
    done('missing', gone.size, `${gone.size} of ${dataset.length} rows were left out: values are missing (${where})`);
    return gone.size === 0 ? dataset : dataset.filter((_, index) => !gone.has(index + 1));
  }
  let filled = dataset;
  for (const { column, rows } of missingCells(dataset, texts)) {
    const cells = Array.from(dataset.column(column), (cell) => cell ?? missing.fill);
    filled = filled.addColumn(column, cells, 'string');
    done('missing', rows.length, `'${column}' was missing in ${describeRows(rows)} and is now '${missing.fill}'`);
  }
  if (label !== undefined) requireComplete(filled, [label]);
  return filled;
}

function changeTexts(dataset: Dataset, options: PreprocessingOptions, done: Done): Dataset {
  const { clean, stopWords, texts } = options;
  let made = dataset;
  if (clean !== undefined) {
    made = changeEach(
      made,
      texts,
      (text) => cleanText(text, clean),
      (rows) => done('clean', rows, `${rows} of ${dataset.length} rows were cleaned`),
    );
  }
  if (stopWords !== undefined) {
    const of = 'words' in stopWords && 'name' in stopWords ? ` (${stopWords.name})` : '';
    made = changeEach(
      made,
      texts,
      (text) => removeStopWords(text, stopWords),
      (rows) => done('stopWords', rows, `stop words${of} were taken out of ${rows} of ${dataset.length} rows`),
    );
  }
  if (made === dataset) return made;
  // What holds nothing any more is as good as missing.
  const emptied: number[] = [];
  const [before, after] = [dataset, made].map((each) => texts.map((column) => each.column(column)));
  for (let row = 0; row < made.length; row++) {
    if (after.some((view, k) => view.at(row) === '' && before[k].at(row) !== '')) emptied.push(row + 1);
  }
  if (options.missing !== 'drop') {
    done(
      'clean',
      emptied.length,
      `nothing is left of a text in ${describeRows(emptied)}; missing 'drop' leaves such rows out`,
    );
    return made;
  }
  done(
    'clean',
    emptied.length,
    `${emptied.length} of ${dataset.length} rows were left out: nothing was left of a text`,
  );
  const gone = new Set(emptied);
  return gone.size === 0 ? made : made.filter((_, index) => !gone.has(index + 1));
}

/** Changes each text of these columns; the data set itself where no text changes. */
function changeEach(
  dataset: Dataset,
  columns: readonly string[],
  change: (text: string) => string,
  report: (rows: number) => void,
): Dataset {
  const changed = new Set<number>();
  let made = dataset;
  for (const column of columns) {
    let own = 0;
    const cells = Array.from(dataset.column(column), (cell, row) => {
      if (typeof cell !== 'string') return cell;
      const text = change(cell);
      if (text !== cell) {
        changed.add(row);
        own++;
      }
      return text;
    });
    if (own > 0) made = made.addColumn(column, cells, 'string');
  }
  report(changed.size);
  return made;
}

function leaveOut(dataset: Dataset, options: PreprocessingOptions, done: Done): Dataset {
  const { duplicates, heldOut, texts } = options;
  let made = dataset;
  if (duplicates !== undefined) {
    made = dropDuplicates(dataset, texts, duplicates);
    const rows = dataset.length - made.length;
    const but = duplicates === 'exact' ? '' : ' but for case and white space';
    done(
      'duplicates',
      rows,
      `${rows} of ${dataset.length} rows were left out: the same text${but} stands in an earlier row`,
    );
  }
  if (heldOut === undefined) return made;
  const kept = dropOverlap(made, heldOut, texts, duplicates ?? 'normalized');
  const rows = made.length - kept.length;
  done(
    'heldOut',
    rows,
    `${rows} of ${made.length} rows were left out: the same text stands in the data that the model is judged by`,
  );
  return kept;
}

function shorten(dataset: Dataset, { longTexts, texts }: PreprocessingOptions, done: Done): Dataset {
  if (longTexts === undefined) return dataset;
  const [column] = texts;
  const { maxLength, how } = longTexts;
  if (how !== 'windows') {
    const shortened = (text: string) =>
      how === 'truncate' ? truncateText(text, longTexts) : headAndTail(text, longTexts);
    const kept = how === 'truncate' ? 'beginning' : 'beginning and end';
    return changeEach(dataset, [column], shortened, (rows) =>
      done(
        'longTexts',
        rows,
        `${rows} of ${dataset.length} texts had more than ${maxLength} tokens; their ${kept} stayed`,
      ),
    );
  }
  const rows: number[] = [];
  const windows: string[] = [];
  let long = 0;
  let row = 0;
  for (const text of dataset.column(column)) {
    const parts = splitIntoWindows(text as string, longTexts);
    if (parts.length > 1) long++;
    for (const part of parts) {
      rows.push(row);
      windows.push(part);
    }
    row++;
  }
  done(
    'longTexts',
    long,
    `${long} of ${dataset.length} texts had more than ${maxLength} tokens and became ${rows.length - dataset.length + long} windows, a row each with the text's label`,
  );
  return long === 0 ? dataset : dataset.select(rows).addColumn(column, windows, 'string');
}

/** What can be refused before anything is changed. */
function checkOptions(dataset: Dataset, options: PreprocessingOptions): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = didYouMean(name, names);
    throw new ArgumentError('ERR_UNKNOWN_OPTION', {
      owner,
      what: `there is no option '${name}'`,
      hint: near === undefined ? `the options are ${names.join(', ')}` : `did you mean '${near}'?`,
    });
  }
  const { texts, clean, stopWords, longTexts, balance, label } = options;
  const features = dataset.features;
  const unknown = [...texts, ...(label === undefined ? [] : [label])].find((column) => !(column in features));
  // The data set's own error names the columns that there are.
  if (unknown !== undefined) dataset.column(unknown);
  const changes = clean !== undefined || stopWords !== undefined || longTexts !== undefined;
  const odd = texts.find((column) => features[column] !== 'string');
  if (changes && odd !== undefined) {
    throw new DataError('ERR_TEXT_COLUMNS', {
      owner,
      what: 'only texts can be cleaned, freed of stop words or shortened',
      got: describeFeature(features[odd]),
      expected: 'string',
      column: odd,
    });
  }
  if (longTexts !== undefined && texts.length !== 1) {
    throw new ArgumentError('ERR_LONG_PAIRS', {
      owner,
      what: 'long texts are shortened where a row has one text',
      got: texts.join(' and '),
      hint: 'leave longTexts out: the tokenizer cuts the longer of two texts',
    });
  }
  if (balance !== undefined && label === undefined) {
    throw new ArgumentError('ERR_BALANCE', {
      owner,
      what: 'without labels there are no classes to balance',
      hint: 'pass label',
    });
  }
}
