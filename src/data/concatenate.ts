import { ArgumentError, DataError } from '../core/errors.ts';
import type { ColumnStorage } from './columns.ts';
import { Dataset } from './dataset.ts';
import { describeFeature, type Feature, featureOf, type Row, sameFeature } from './features.ts';
import { joinColumns } from './joinColumns.ts';

/**
 * The rows of several data sets one after another. All must have the same columns; their types too, but for whole numbers
 * beside float64, which become float64. The columns' order and `info` are the first one's.
 * Throws `ERR_CONCATENATE` with the column that differs.
 */
export function concatenateDatasets<R extends Row>(datasets: readonly Dataset<R>[]): Dataset<R> {
  if (datasets.length === 0) {
    throw new ArgumentError('ERR_CONCATENATE', {
      owner: 'concatenateDatasets',
      what: 'there is nothing to put together',
      got: 'no data set',
      expected: 'at least one',
    });
  }
  const [first, ...others] = datasets;
  if (others.length === 0) return first;
  const columns = new Map<string, ColumnStorage>();
  const storages = datasets.map((dataset) => dataset.storages());
  for (const name of first.columnNames) {
    const feature = commonFeature(name, datasets);
    const parts = storages.map((storage) => storage.get(name) as ColumnStorage);
    columns.set(name, joinColumns(parts.map((part) => part.withFeature(feature))));
  }
  for (const other of others) {
    const extra = other.columnNames.find((name) => !columns.has(name));
    if (extra !== undefined) throw mismatch(extra, 'it is not in the first data set');
  }
  return new Dataset<R>(columns, first.info);
}

function commonFeature<R extends Row>(name: string, datasets: readonly Dataset<R>[]): Feature {
  let common: Feature | undefined;
  for (const dataset of datasets) {
    const feature = featureOf(dataset.features, name);
    if (feature === undefined) throw mismatch(name, 'one of the data sets lacks it');
    if (common === undefined || sameFeature(common, feature)) common ??= feature;
    else if (isNumber(common) && isNumber(feature)) common = 'float64';
    else throw mismatch(name, `it is ${describeFeature(common)} in one and ${describeFeature(feature)} in another`);
  }
  return common as Feature;
}

function isNumber(feature: Feature): boolean {
  return feature === 'int64' || feature === 'float64';
}

function mismatch(column: string, why: string): DataError {
  return new DataError('ERR_CONCATENATE', {
    owner: 'concatenateDatasets',
    what: `the data sets have different columns: ${why}`,
    column,
    hint: 'use renameColumn, removeColumns or castColumn first',
  });
}
