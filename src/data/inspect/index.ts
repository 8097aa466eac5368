export { type InspectOptions, inspectDataset } from './inspectDataset.ts';
export type {
  ColumnInspection,
  DatasetInspection,
  Finding,
  FindingCode,
  InspectedColumns,
  LabelInspection,
  LengthInspection,
  SplitInspection,
} from './inspection.ts';
