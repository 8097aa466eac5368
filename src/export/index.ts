export {
  checkQuantize,
  type ExportableModel,
  type ExportedFile,
  type ExportOptions,
  exportOnnx,
  type Quantization,
} from './exportOnnx.ts';
export { type CardDataset, type ModelCard, modelCard, writeModelCard } from './modelCard.ts';
export type { CardTask } from './modelCardUsage.ts';
