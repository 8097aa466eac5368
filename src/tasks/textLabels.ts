import { DataError } from '../core/errors.ts';
import { type Dataset, isClassLabel } from '../data/index.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { defaultLabels, type ProblemType } from '../models/bert/configuration.ts';

/** The label of a row by its index, as the model takes it; undefined where the row has none. */
export type Labels = (index: number) => number | readonly number[] | undefined;

const owner = 'text-classification';

/** What a data set says of its labels. */
interface LabelsOfData {
  readonly names: readonly string[];
  readonly problemType?: ProblemType;
}

/**
 * The labels as the data has them, or undefined where the model's own are to be kept: strings that are all among the
 * model's names, and numbers, which say nothing of names. Where nobody has said yet how many labels there are
 * (`model.labelsOpen`), numbers say that: 0, 1, 2 are three classes, fractions are a regression.
 */
export function labelsOfData(
  dataset: Dataset,
  column: string,
  model: BertForSequenceClassification,
): LabelsOfData | undefined {
  const current = model.config.id2label;
  const feature = dataset.features[column];
  if (isClassLabel(feature)) return { names: feature.names };
  if (feature === 'string') {
    const found = dataset.unique(column).filter((name) => name !== null && name !== '') as string[];
    if (found.every((name) => current.includes(name))) return undefined;
    return { names: [...found].sort() };
  }
  if (feature === 'bool') return { names: ['false', 'true'] };
  if (typeof feature === 'object' && feature.type === 'list') {
    // Hugging Face's guess: a row of numbers is a yes or no for each label.
    if (model.config.problemType !== null) return undefined;
    const width = (dataset.unique(column).find((row) => row !== null) as readonly unknown[] | undefined)?.length ?? 0;
    const names = width === current.length ? current : defaultLabels(width);
    return { names, problemType: 'multi_label_classification' };
  }
  // Names that the checkpoint's configuration has are somebody's word on their number too.
  const unnamed = current.join() === defaultLabels(current.length).join();
  if (!model.labelsOpen || !unnamed) return undefined;
  if (feature === 'float64') return { names: defaultLabels(1), problemType: 'regression' };
  const numbers = dataset.unique(column).filter((value) => value !== null) as number[];
  const gapless = numbers.every((value) => value >= 0 && value < numbers.length);
  return feature === 'int64' && gapless && numbers.length > 1 ? { names: defaultLabels(numbers.length) } : undefined;
}

/**
 * Reads a data set's labels for a model.
 * @throws DataError, with the row, for a label that is missing where it is required, or outside the model's range.
 */
export function labelsOf(
  dataset: Dataset,
  column: string | undefined,
  model: BertForSequenceClassification,
  need: 'required' | 'optional',
): Labels {
  if (column === undefined) {
    if (need === 'optional') return () => undefined;
    throw new DataError('ERR_NO_LABELS', {
      owner,
      what: 'the data has no label column',
      got: Object.keys(dataset.features).join(', '),
      expected: "a column 'label'",
      hint: 'name it: columns: { label }, or --label-column',
    });
  }
  const view = dataset.column(column);
  const feature = dataset.features[column];
  const { problemType, numLabels, config } = model;
  const refuse = (index: number, what: string, got: unknown, expected?: string): never => {
    const hint =
      got === undefined
        ? 'remove the row, or fill it in'
        : 'correct it, or load the model with as many labels as the data has';
    throw new DataError('ERR_LABEL', { owner, what, got, expected, hint, row: index + 1, column });
  };
  const byName = new Map(config.id2label.map((name, id) => [name, id]));
  return (index) => {
    const value = view.at(index);
    const absent = value === null || value === '' || (isClassLabel(feature) && value === -1);
    if (absent)
      return need === 'required' ? refuse(index, 'a label is missing', undefined, 'a label in every row') : undefined;
    if (problemType === 'multi_label_classification' || (problemType === 'regression' && numLabels > 1)) {
      const values = value as readonly number[];
      if (!Array.isArray(value) || values.length !== numLabels || values.some((each) => typeof each !== 'number')) {
        refuse(
          index,
          'a label does not fit the model',
          value,
          `a list of ${numLabels} numbers, as the model has labels`,
        );
      }
      return values;
    }
    if (problemType === 'regression') {
      return typeof value === 'number' && Number.isFinite(value)
        ? value
        : refuse(index, 'a label is no number', value, 'a finite number');
    }
    const id = typeof value === 'string' ? byName.get(value) : Number(value);
    if (id === undefined || !Number.isInteger(id) || id < 0 || id >= numLabels) {
      const expected =
        typeof value === 'string'
          ? `one of ${config.id2label.join(', ')}`
          : `a whole number from 0 to ${numLabels - 1}`;
      return refuse(index, "a label is outside the model's range", value, expected);
    }
    return id;
  };
}
