export type { AggregationStrategy, EntityGroup, TokenEntity } from './entities.ts';
export type { FeatureExtractionOptions, FeatureExtractionPipeline } from './featureExtraction.ts';
export type { FilledMask, FillMaskAnswer, FillMaskOptions, FillMaskPipeline } from './fillMask.ts';
export type { PipelineOptions } from './parts.ts';
export { type PipelineTask, pipeline } from './pipeline.ts';
export type {
  Answer,
  QuestionAndContext,
  QuestionAnsweringOptions,
  QuestionAnsweringPipeline,
} from './questionAnswering.ts';
export type {
  LabelScore,
  TextClassificationOptions,
  TextClassificationPipeline,
  TextOrPair,
} from './textClassification.ts';
export type { TokenClassificationOptions, TokenClassificationPipeline } from './tokenClassification.ts';
