export { type GridSamplerOptions, gridSampler } from './gridSampler.ts';
export type { BestRun } from './hyperparameterSearch.ts';
export type { Importance } from './importance.ts';
export { type AshaPrunerOptions, ashaPruner, type MedianPrunerOptions, medianPruner, type Pruner } from './pruners.ts';
export { randomSampler, type Sampler as SearchSampler, type SamplingContext } from './samplers.ts';
export type { HyperparameterSearchOptions } from './searchOptions.ts';
export type { ModelInitTrial } from './searchTrial.ts';
export {
  type Choice,
  choice,
  type Distribution,
  type Integer,
  integer,
  logInteger,
  logUniform,
  type Parameters as TrialParameters,
  type ParameterValue,
  type SearchSpace,
  type Uniform,
  uniform,
} from './space.ts';
export type { SuggestingTrial } from './suggest.ts';
export type { SearchSummary } from './summary.ts';
export { type TpeSamplerOptions, tpeSampler } from './tpeSampler.ts';
export { defaultHpSpace, type TrainingSpace, type TrainingSpaceFunction } from './trainingSpace.ts';
export type { Direction, Trial, TrialReport, TrialState } from './trial.ts';
