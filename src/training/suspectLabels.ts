import { ArgumentError, DataError } from '../core/errors.ts';
import { filterLog, log } from '../core/log.ts';
import { RandomStream } from '../core/random.ts';
import { type Cell, type Dataset, isClassLabel } from '../data/index.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { type ColumnNames, findTextColumns } from '../tasks/textColumns.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { suspectLabels } from './confidentLearning.ts';
import type { TrainingEvent } from './events.ts';
import { Trainer } from './trainer.ts';
import type { TrainingArgumentsOptions } from './trainingArguments.ts';

/** What {@link findSuspectLabels} takes. */
export interface SuspectLabelsOptions {
  /** Makes a fresh model with a new head, for each fold; it is disposed of afterwards. */
  readonly modelInit: () => BertForSequenceClassification | Promise<BertForSequenceClassification>;
  /** Texts with classes. */
  readonly dataset: Dataset;
  /** How each fold's model is trained. Nothing is saved or evaluated in between. */
  readonly args?: TrainingArgumentsOptions | undefined;
  /** Default: the tokenizer that stands where the model came from. */
  readonly tokenizer?: BertTokenizer | undefined;
  readonly columns?: ColumnNames | undefined;
  /** Into how many parts the rows are dealt; as many models are trained, each on all parts but one. Default 5. */
  readonly folds?: number | undefined;
  /** Of the dealing. Default 42. */
  readonly seed?: number | undefined;
  /** Called with each fold's training events; folds are counted from 1. */
  readonly onEvent?: ((event: TrainingEvent, fold: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A suspect by names. */
export interface SuspectLabel {
  /** Its number in the data set, from 0. */
  readonly row: number;
  readonly givenLabel: string;
  readonly givenProbability: number;
  readonly suggestedLabel: string;
  readonly suggestedProbability: number;
}

/** What {@link findSuspectLabels} gives. */
export interface SuspectLabels {
  /** Those that the models disagree with most come first. */
  readonly suspects: readonly SuspectLabel[];
  /** How many rows were judged: all that have a label. */
  readonly rows: number;
  /** How often models agree with the given labels of rows that they did not learn from. */
  readonly accuracy: number;
}

/**
 * Finds rows whose label is likely wrong: models are trained on all parts of the data but one, each judges the part that it did
 * not see, and what they confidently disagree with is suspect (`suspectLabels` says how). Takes as long as `folds` trainings.
 * Each class is dealt evenly over the parts.
 * @throws DataError for labels that are no classes, and where a class has too few rows to be in every part's training rows.
 */
export async function findSuspectLabels(options: SuspectLabelsOptions): Promise<SuspectLabels> {
  const { folds = 5, seed = 42, onEvent } = options;
  if (!Number.isInteger(folds) || folds < 2) {
    throw new ArgumentError('ERR_FOLDS', {
      owner: 'findSuspectLabels',
      what: 'folds is wrong',
      got: folds,
      expected: 'a whole number from 2; 5 is usual',
    });
  }
  const { dataset, label, names, classes } = readClasses(options);
  const parts = dealRows(classes, folds, seed);
  // Every training says the same: warnings are enough, once.
  const said = new Set<string>();
  const once = (level: string, message: string) => level === 'warn' && said.size < said.add(message).size;
  const probabilities = new Array<Float64Array>(classes.length);
  for (const [part, held] of parts.entries()) {
    const learned = parts.flatMap((rows, other) => (other === part ? [] : rows)).sort((a, b) => a - b);
    log.info(`part ${part + 1} of ${folds}: learning from ${learned.length} rows, judging ${held.length}`);
    const restore = filterLog(once);
    const judged = await judge(options, dataset.select(learned), dataset.select(held), label, (event) =>
      onEvent?.(event, part + 1),
    ).finally(restore);
    held.forEach((row, i) => {
      probabilities[row] = judged[i];
    });
  }
  // Only rows with a label were dealt.
  const rows = classes.flatMap((own, row) => (own < 0 ? [] : [row]));
  const given = rows.map((row) => classes[row]);
  const known = rows.map((row) => probabilities[row]);
  const right = known.filter((own, i) => own.every((value) => value <= own[given[i]])).length;
  return {
    suspects: suspectLabels(known, given).map(({ row, given: said, suggested, ...found }) => ({
      row: rows[row],
      givenLabel: names[said],
      givenProbability: found.givenProbability,
      suggestedLabel: names[suggested],
      suggestedProbability: found.suggestedProbability,
    })),
    rows: rows.length,
    accuracy: right / rows.length,
  };
}

/** Trains on some rows, and gives the probabilities of others. */
async function judge(
  { modelInit, args, tokenizer, columns, signal }: SuspectLabelsOptions,
  trainDataset: Dataset,
  held: Dataset,
  label: string,
  onEvent: (event: TrainingEvent) => void,
): Promise<Float64Array[]> {
  const model = await modelInit();
  try {
    const trainer = new Trainer({
      model,
      tokenizer,
      trainDataset,
      columns: { ...columns, label },
      args: { ...args, saveStrategy: 'no', evalStrategy: 'no' },
      onEvent,
    });
    await trainer.train({ signal });
    const { predictions } = await trainer.predict(held, { signal });
    const [rows, width] = predictions.dims;
    const scores = predictions.softmax().data;
    return Array.from({ length: rows }, (_, row) => Float64Array.from(scores.subarray(row * width, (row + 1) * width)));
  } finally {
    await model.dispose();
  }
}

/** The data with its labels as named classes, the same in every part; a row without a label has class −1. */
function readClasses({ dataset, columns }: SuspectLabelsOptions) {
  const { label } = findTextColumns(dataset, columns);
  const feature = label === undefined ? undefined : dataset.features[label];
  if (
    label === undefined ||
    !(isClassLabel(feature) || feature === 'string' || feature === 'int64' || feature === 'bool')
  ) {
    throw new DataError('ERR_NO_LABELS', {
      owner: 'findSuspectLabels',
      what: label === undefined ? 'the data has no label column' : "the data's labels are no classes",
      got: label === undefined ? dataset.columnNames.join(', ') : JSON.stringify(feature),
      expected: 'a column of words or whole numbers, one class a row',
      column: label,
      hint: label === undefined ? 'name it: columns: { label }, or --label-column' : undefined,
    });
  }
  const encoded = dataset.classEncodeColumn(label);
  const own = encoded.features[label];
  const names = isClassLabel(own) ? own.names : [];
  const classes = Array.from(encoded.column(label), (cell: Cell) => (typeof cell === 'number' ? cell : -1));
  const missing = classes.filter((each) => each < 0).length;
  if (missing > 0) log.warn(`${missing} of ${classes.length} rows have no label and are left out`);
  return { dataset: encoded, label, names, classes };
}

/** Row numbers in parts, each class dealt evenly over them: a pure function of the seed. */
export function dealRows(classes: readonly number[], folds: number, seed: number): number[][] {
  const random = new RandomStream(seed, 'training/suspectLabels');
  const members = new Map<number, number[]>();
  classes.forEach((each, row) => {
    if (each < 0) return;
    const known = members.get(each);
    if (known === undefined) members.set(each, [row]);
    else known.push(row);
  });
  const parts = Array.from({ length: folds }, () => [] as number[]);
  let next = 0;
  for (const [each, rows] of [...members].sort(([a], [b]) => a - b)) {
    if (rows.length < 2) {
      throw new DataError('ERR_CLASS_TOO_SMALL', {
        owner: 'findSuspectLabels',
        what: `class ${each} has a single row, which no other can speak of`,
        row: rows[0] + 1,
        hint: 'leave it out, or give the class more rows',
      });
    }
    for (const row of random.shuffle(Uint32Array.from(rows))) parts[next++ % folds].push(row);
  }
  return parts.map((part) => part.sort((a, b) => a - b));
}
