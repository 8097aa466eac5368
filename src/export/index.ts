export {
  type ExportableModel,
  type ExportedFile,
  type ExportOptions,
  exportOnnx,
  type Quantization,
} from './exportOnnx.ts';
