export type { ColumnView } from './columnOperations.ts';
export { concatenateDatasets } from './concatenate.ts';
export type { DataFiles } from './dataFiles.ts';
export { type BatchFunction, type BatchOptions, Dataset, type DatasetInfo, type MapOptions } from './dataset.ts';
export {
  type DatasetDict,
  type DatasetDictMethods,
  datasetDict,
  type IterableDatasetDict,
} from './datasetDict.ts';
export type { ToCsvOptions } from './delimitedText.ts';
export {
  type Cell,
  type ClassLabel,
  classLabel,
  describeFeature,
  type Feature,
  type Features,
  isClassLabel,
  type ListFeature,
  listOf,
  type PlainRow,
  type Row,
  type RowOf,
  type ScalarType,
  type StructFeature,
  structOf,
} from './features.ts';
export { fingerprint, textBytes } from './fingerprint.ts';
export type { Format, ReadOptions } from './formats.ts';
export * from './inspect/index.ts';
export { IterableDataset, type IterableMapOptions, type IterableState } from './iterableDataset.ts';
export { type LoadDatasetOptions, loadDataset } from './loadDataset.ts';
export type { Transform } from './mapOnWorkers.ts';
export * from './preprocessing/index.ts';
export type { ConllOptions } from './readers/conll.ts';
export { type CsvOptions, parseCsv } from './readers/csv.ts';
export { type GlueTask, glueTasks } from './readers/glue.ts';
export type { JsonOptions } from './readers/json.ts';
export { type JsonLinesOptions, parseJsonLines } from './readers/jsonLines.ts';
export type { PlainTextOptions } from './readers/plainText.ts';
export type { CursorState } from './rowCursor.ts';
export type { ColumnBatch } from './rowStages.ts';
export {
  LengthGroupedSampler,
  RandomSampler,
  type Sampler,
  SequentialSampler,
  StratifiedSampler,
  type WeightedRandomOptions,
  WeightedRandomSampler,
} from './samplers.ts';
export type { TrainTestSplitOptions } from './split.ts';
export { takeSplit } from './takeSplit.ts';
