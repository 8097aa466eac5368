import { LengthGroupedSampler, RandomSampler, type Sampler, SequentialSampler } from '../data/index.ts';
import type { Task } from '../tasks/task.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/**
 * The order in which training visits rows, as `trainSamplingStrategy` says: a pure function of `dataSeed` (or `seed`), the
 * rows and the epoch.
 */
export function trainingSampler<Feature>(
  args: TrainingArguments,
  task: Task<Feature>,
  features: readonly Feature[],
): Sampler {
  const seed = args.dataSeed ?? args.seed;
  if (args.trainSamplingStrategy === 'sequential') return new SequentialSampler(features.length);
  if (args.trainSamplingStrategy === 'random') return new RandomSampler(features.length, seed);
  // A row may be several sequences: a question with each of its answers.
  const tokensOf = (feature: Feature) => task.sequences([feature]).reduce((sum, { ids }) => sum + ids.length, 0);
  return new LengthGroupedSampler(
    features.map(tokensOf),
    args.perDeviceTrainBatchSize * args.gradientAccumulationSteps,
    seed,
  );
}
