export type { ColumnView } from './columnOperations.ts';
export { concatenateDatasets } from './concatenate.ts';
export { Dataset, type DatasetDict, type DatasetInfo, type MapOptions } from './dataset.ts';
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
export { type LoadDatasetOptions, loadDataset } from './loadDataset.ts';
export { type CsvOptions, parseCsv } from './readers/csv.ts';
export { type GlueTask, glueTasks } from './readers/glue.ts';
export { type JsonLinesOptions, parseJsonLines } from './readers/jsonLines.ts';
export { LengthGroupedSampler, RandomSampler, type Sampler, SequentialSampler } from './samplers.ts';
export type { TrainTestSplitOptions } from './split.ts';
