import { ArgumentError, DataError } from '../core/errors.ts';
import { compareCells } from './columnOperations.ts';
import type { Dataset, MapOptions } from './dataset.ts';
import { type Cell, classLabel, type Feature, isClassLabel, type Row } from './features.ts';
import type { IterableDataset } from './iterableDataset.ts';

/** Streams by split name. */
export interface IterableDatasetDict<R extends Row = Row> {
  readonly [split: string]: IterableDataset<R>;
}

/** What a {@link DatasetDict} does with all its splits at once; each method gives a new one. */
export interface DatasetDictMethods<R extends Row = Row> {
  /** As `Dataset.map`, on every split. */
  map<O extends Row>(transform: (row: R, index: number) => O, options?: MapOptions): DatasetDict<Row & O>;
  /** As `Dataset.mapBatches`, on every split. */
  mapBatches(...args: Parameters<Dataset<R>['mapBatches']>): DatasetDict;
  /** As `Dataset.filter`, on every split. */
  filter(keep: (row: R, index: number) => boolean): DatasetDict<R>;
  /** As `Dataset.shuffle`, on every split with the same seed. */
  shuffle(seed: number): DatasetDict<R>;
  /** As `Dataset.sort`, on every split. */
  sort(column: keyof R & string, options?: { descending?: boolean }): DatasetDict<R>;
  renameColumn(from: keyof R & string, to: string): DatasetDict;
  renameColumns(names: Readonly<Record<string, string>>): DatasetDict;
  removeColumns(names: string | readonly string[]): DatasetDict;
  selectColumns(names: string | readonly string[]): DatasetDict;
  castColumn(name: keyof R & string, feature: Feature): DatasetDict;
  /**
   * A column as class labels with the same names in every split: those of all splits together, in the order of
   * `Dataset.classEncodeColumn`.
   */
  classEncodeColumn(name: keyof R & string): DatasetDict;
  /** A column's distinct cells by split. */
  unique<C extends keyof R & string>(name: C): Record<string, R[C][]>;
  /** Rows by split. */
  toJSON(): Record<string, R[]>;
}

/**
 * Data sets by split name: `dataset['train']`, `dataset.validation`. Its own keys are the splits, in order; its methods do
 * the same to every split.
 */
export type DatasetDict<R extends Row = Row> = DatasetDictMethods<R> & { readonly [split: string]: Dataset<R> };

/**
 * Splits put together. @throws ArgumentError ERR_SPLIT where a split is called as one of the methods.
 *
 * @example
 * const dataset = datasetDict({ train, validation }).classEncodeColumn('label');
 */
export function datasetDict<R extends Row, S extends string = string>(
  splits: Readonly<Record<S, Dataset<R>>>,
): DatasetDict<R> & { readonly [split in S]: Dataset<R> } {
  for (const split of Object.keys(splits)) {
    if (split in Splits.prototype || split === '__proto__') {
      throw new ArgumentError('ERR_SPLIT', {
        owner: 'datasetDict',
        what: 'a split cannot have the name of a method',
        got: split,
        hint: 'rename it with dataFiles: { name: files }',
      });
    }
  }
  return new Splits(splits) as unknown as DatasetDict<R> & { readonly [split in S]: Dataset<R> };
}

class Splits {
  constructor(splits: Readonly<Record<string, Dataset>>) {
    Object.assign(this, splits);
  }

  #each(change: (dataset: Dataset) => Dataset): DatasetDict {
    return datasetDict(Object.fromEntries(this.#entries().map(([split, dataset]) => [split, change(dataset)])));
  }

  #entries(): [string, Dataset][] {
    return Object.entries(this) as [string, Dataset][];
  }

  map(transform: (row: Row, index: number) => Row, options?: MapOptions): DatasetDict {
    return this.#each((dataset) => dataset.map(transform, options));
  }

  mapBatches(...args: Parameters<Dataset['mapBatches']>): DatasetDict {
    return this.#each((dataset) => dataset.mapBatches(...args));
  }

  filter(keep: (row: Row, index: number) => boolean): DatasetDict {
    return this.#each((dataset) => dataset.filter(keep));
  }

  shuffle(seed: number): DatasetDict {
    return this.#each((dataset) => dataset.shuffle(seed));
  }

  sort(column: string, options?: { descending?: boolean }): DatasetDict {
    return this.#each((dataset) => dataset.sort(column, options));
  }

  renameColumn(from: string, to: string): DatasetDict {
    return this.#each((dataset) => dataset.renameColumn(from, to));
  }

  renameColumns(names: Readonly<Record<string, string>>): DatasetDict {
    return this.#each((dataset) => dataset.renameColumns(names));
  }

  removeColumns(names: string | readonly string[]): DatasetDict {
    return this.#each((dataset) => dataset.removeColumns(names));
  }

  selectColumns(names: string | readonly string[]): DatasetDict {
    return this.#each((dataset) => dataset.selectColumns(names));
  }

  castColumn(name: string, feature: Feature): DatasetDict {
    return this.#each((dataset) => dataset.castColumn(name, feature));
  }

  classEncodeColumn(name: string): DatasetDict {
    const entries = this.#entries();
    if (entries.every(([, dataset]) => isClassLabel(dataset.features[name]))) return this.#each((dataset) => dataset);
    const distinct = new Set<Cell>();
    for (const [split, dataset] of entries) {
      if (!['string', 'int64', 'bool'].includes(String(dataset.features[name]))) {
        throw new DataError('ERR_CLASS_ENCODE', {
          owner: 'classEncodeColumn',
          what: `this column of split '${split}' cannot be class labels`,
          got: dataset.features[name],
          expected: 'string, int64 or bool',
          column: name,
        });
      }
      for (const cell of dataset.unique(name)) if (cell !== null) distinct.add(cell);
    }
    const feature = classLabel([...distinct].sort(compareCells).map(String));
    return this.#each((dataset) => dataset.castColumn(name, feature));
  }

  unique(name: string): Record<string, Cell[]> {
    return Object.fromEntries(this.#entries().map(([split, dataset]) => [split, dataset.unique(name)]));
  }

  toJSON(): Record<string, Row[]> {
    return Object.fromEntries(this.#entries().map(([split, dataset]) => [split, dataset.toJSON()]));
  }
}
