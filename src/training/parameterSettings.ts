import { ArgumentError } from '../core/errors.ts';
import { selectParameters } from '../nn/freezing.ts';
import { decays, type ParameterSettings, parameterGroups as partsOf } from '../nn/parameterGroups.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/**
 * How each parameter is trained: weight decay but for biases and LayerNorm; a learning rate that falls from the head down
 * by `layerwiseLearningRateDecay` (Howard and Ruder 2018; Clark et al. 2020: a layer learns at the rate of the one above it
 * times the decay, the embeddings slowest); and what the first of `parameterGroups` that a parameter is in says.
 * @param names all parameters of the model, frozen ones among them: they say how many layers there are.
 * @throws ArgumentError where a group's pattern means no parameter, or has a learning rate where `learningRate` is 0.
 */
export function parameterSettings(
  args: TrainingArguments,
  names: readonly string[],
): ReadonlyMap<string, ParameterSettings> {
  const { weightDecay, learningRate, layerwiseLearningRateDecay: falling, parameterGroups = [] } = args;
  const parts = partsOf(names);
  const top = parts.reduce((most, { depth }) => Math.max(most, depth), 0);
  const settings = new Map<string, ParameterSettings>();
  for (const part of parts) {
    const learningRateScale = falling ** (top - part.depth);
    for (const name of part.names)
      settings.set(name, { weightDecay: decays(name) ? weightDecay : 0, learningRateScale });
  }
  // From the last, so that the first has the last word.
  for (const group of [...parameterGroups].reverse()) {
    if (group.learningRate !== undefined && learningRate === 0) {
      throw new ArgumentError('ERR_PARAMETER_GROUPS', {
        owner: 'parameterGroups',
        what: "a group's learning rate follows the schedule of learningRate, which is 0",
        hint: 'set learningRate, and freeze what shall not learn',
      });
    }
    for (const name of selectParameters(names, group.params, 'parameterGroups')) {
      const before = settings.get(name)!;
      settings.set(name, {
        weightDecay: group.weightDecay ?? before.weightDecay,
        learningRateScale:
          group.learningRate === undefined ? before.learningRateScale : group.learningRate / learningRate,
      });
    }
  }
  return settings;
}
