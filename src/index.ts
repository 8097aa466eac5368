export {
  ArgumentError,
  DataError,
  EnvironmentError,
  FettleError,
  GraphError,
  ModelError,
  RunError,
} from './core/errors.ts';
export { configureLog, type LogLevel, type LogSink } from './core/log.ts';
export { Tensor } from './core/tensor.ts';
export * from './data/index.ts';
export { type AdamWOptions, adamW, type Optimizer, type SgdOptions, sgd } from './engine/optimizers.ts';
export {
  type ExportableModel,
  type ExportedFile,
  type ExportOptions,
  exportOnnx,
  type Quantization,
} from './export/exportOnnx.ts';
export { type CardDataset, type ModelCard, modelCard, writeModelCard } from './export/modelCard.ts';
export { smallBert } from './hub/bundled.ts';
export { type DownloadListener, type DownloadProgress, onDownload } from './hub/progress.ts';
export {
  listRepositoryFiles,
  obtainSnapshot,
  type RepositoryListing,
  type ResolveOptions,
  type SnapshotOptions,
} from './hub/resolve.ts';
export { type PushedCommit, type PushOptions, type UploadOptions, uploadFolder } from './hub/upload.ts';
export { BertForMaskedLM, type MaskedLMOutput } from './models/bert/bertForMaskedLM.ts';
export { BertForMultipleChoice, type MultipleChoiceModelOutput } from './models/bert/bertForMultipleChoice.ts';
export {
  BertForNextSentencePrediction,
  type NextSentencePredictorOutput,
} from './models/bert/bertForNextSentencePrediction.ts';
export {
  BertForPreTraining,
  type PreTrainingBatchOptions,
  type PreTrainingLabels,
  type PreTrainingOutput,
} from './models/bert/bertForPreTraining.ts';
export {
  type AnswerSpan,
  BertForQuestionAnswering,
  type QuestionAnsweringOutput,
} from './models/bert/bertForQuestionAnswering.ts';
export {
  BertForSequenceClassification,
  type LabelOptions,
  type SequenceClassifierOutput,
} from './models/bert/bertForSequenceClassification.ts';
export { BertForTokenClassification, type TokenClassifierOutput } from './models/bert/bertForTokenClassification.ts';
export { type BaseModelOutput, BertModel } from './models/bert/bertModel.ts';
export { type BertConfig, bertConfig, type ProblemType } from './models/bert/configuration.ts';
export type { LabelNames } from './models/bert/labelledModel.ts';
export { Bert } from './models/bert/model.ts';
export type { ModelInputs } from './models/inputs.ts';
export type { BatchOptions } from './models/labels.ts';
export type { ModelOptions, PretrainedOptions } from './models/loading.ts';
export { LoraConfig, type LoraOptions } from './models/loraConfig.ts';
export type { LossContext, LossFunction } from './models/loss.ts';
export type { FreezingChoice, FreezingOptions, ParameterPattern } from './nn/freezing.ts';
export * from './pipelines/index.ts';
export { createPredictHandler, type PredictHandler, type PredictHandlerOptions } from './serving/predictHandler.ts';
export {
  type CollatedBatch,
  type CollatedFeature,
  DataCollatorForTokenClassification,
  DataCollatorWithPadding,
  type PaddingOptions,
} from './tasks/collators.ts';
export {
  DataCollatorForLanguageModeling,
  DataCollatorForWholeWordMask,
  type MaskedTokens,
  type MaskingOptions,
  type MaskPlace,
} from './tasks/masking.ts';
export type { QuestionAnsweringOptions } from './tasks/questionAnsweringOptions.ts';
export type { AnswerOption, QuestionAnswer } from './tasks/questionAnswers.ts';
export type { EvalPrediction, Metrics, TaskSettings } from './tasks/task.ts';
export type { ColumnNames } from './tasks/textColumns.ts';
export * from './tokenizers/index.ts';
export { type CallbackContext, TrainerCallback } from './training/callbacks.ts';
export { type LabelSuspect, suspectLabels } from './training/confidentLearning.ts';
export { EarlyStoppingCallback, type EarlyStoppingOptions } from './training/earlyStopping.ts';
export type { SaveReason, TrainingEvent, TrainingRun, TrainOutput } from './training/events.ts';
export { GradualUnfreezing, type GradualUnfreezingOptions } from './training/gradualUnfreezing.ts';
export { CsvCallback, JsonLinesCallback } from './training/logFiles.ts';
export { type PlotOptions, plotLosses } from './training/lossPlot.ts';
export { type OverfittingAdvice, type OverfittingContext, overfittingAdvice } from './training/overfitting.ts';
export type { ParameterGroup } from './training/parameterGroups.ts';
export type { Schedule, ScheduleContext } from './training/schedules.ts';
export * from './training/search/index.ts';
export {
  findSuspectLabels,
  type SuspectLabel,
  type SuspectLabels,
  type SuspectLabelsOptions,
} from './training/suspectLabels.ts';
export { TensorBoardCallback } from './training/tensorBoardCallback.ts';
export {
  type EvalDataset,
  type PredictionOutput,
  Trainer,
  type TrainerDataset,
  type TrainerOptions,
} from './training/trainer.ts';
export type { JsonObject, LogEntry, TrainerControl, TrainerState } from './training/trainerState.ts';
export { TrainingArguments, type TrainingArgumentsOptions } from './training/trainingArguments.ts';
