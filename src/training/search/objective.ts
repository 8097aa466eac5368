import { ArgumentError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import type { Metrics } from '../../tasks/task.ts';
import { findBestMetric } from '../bestMetric.ts';
import type { TrainingArguments } from '../trainingArguments.ts';
import type { HyperparameterSearchOptions } from './searchOptions.ts';
import { overridden } from './trainingSpace.ts';
import type { Direction } from './trial.ts';

/** What is sought. */
export interface Objective {
  readonly direction: Direction;
  /** In words: `eval_loss`. */
  readonly name: string;
  readonly compute: (metrics: Metrics) => number;
}

const owner = 'hyperparameterSearch';

/**
 * What is sought. The default is `metricForBestModel`; Hugging Face's is the sum of all metrics where there are some, and is
 * made small unless told otherwise.
 *
 * @throws ArgumentError where a direction is asked for in which the metric gets worse.
 */
export function objectiveOf(
  args: TrainingArguments,
  { computeObjective, direction }: Pick<HyperparameterSearchOptions, 'computeObjective' | 'direction'>,
): Objective {
  if (computeObjective !== undefined) {
    if (direction === undefined) log.info('computeObjective without a direction: the objective is minimized');
    return { direction: direction ?? 'minimize', name: 'objective', compute: computeObjective };
  }
  const asked = args.metricForBestModel ?? 'loss';
  const { greaterIsBetter } = findBestMetric(overridden(args, { metricForBestModel: asked }), [asked]);
  const own = greaterIsBetter ? 'maximize' : 'minimize';
  if (direction !== undefined && direction !== own) {
    throw new ArgumentError('ERR_DIRECTION', {
      owner,
      what: `the objective is ${asked.replace(/^(eval_)?/, 'eval_')}, which is better the ${greaterIsBetter ? 'greater' : 'smaller'} it is`,
      got: `direction '${direction}'`,
      hint:
        args.metricForBestModel === undefined
          ? "set metricForBestModel (to 'accuracy', 'f1', …), or give computeObjective"
          : 'leave direction out, set greaterIsBetter, or give computeObjective',
    });
  }
  return {
    direction: own,
    name: asked.replace(/^(eval_)?/, 'eval_'),
    compute: (metrics: Metrics) => metrics[findBestMetric(args, Object.keys(metrics)).name],
  };
}
