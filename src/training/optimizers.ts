import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { adamW, type Optimizer, sgd } from '../engine/optimizers.ts';
import { trainingOptions } from './options.ts';
import type { ResolvedTrainingArguments } from './trainingArguments.ts';

/**
 * The optimizer that the arguments ask for.
 * @throws ArgumentError where its numbers do not fit together, or belong to the other one.
 */
export function optimizerFor(args: ResolvedTrainingArguments): Optimizer {
  const { momentum, dampening, nesterov } = args;
  if (args.optim === 'sgd') return sgd({ momentum, dampening, nesterov });
  if (momentum !== 0 || dampening !== 0 || nesterov) {
    throw new ArgumentError('ERR_OPTIMIZER', {
      owner: 'TrainingArguments',
      what: 'momentum, dampening and nesterov are numbers of SGD',
      got: `optim ${args.optim}`,
      hint: "set optim: 'sgd', or leave them out",
    });
  }
  return adamW({ beta1: args.adamBeta1, beta2: args.adamBeta2, epsilon: args.adamEpsilon });
}

const ofOptimizer = ['optim', 'adamBeta1', 'adamBeta2', 'adamEpsilon', 'momentum', 'dampening', 'nesterov'] as const;
const ofSchedule = ['lrSchedulerType', 'lrSchedulerKwargs'] as const;

/** Says which arguments have no effect since an optimizer or a schedule of one's own takes their place. */
export function warnOfReplaced(
  args: ResolvedTrainingArguments,
  { optimizer, schedule }: { readonly optimizer: boolean; readonly schedule: boolean },
): void {
  const replaced = [...(optimizer ? ofOptimizer : []), ...(schedule ? ofSchedule : [])];
  const set = replaced.filter((name) => args[name] !== trainingOptions[name].fallback);
  if (set.length > 0) log.warn(`optimizers replaces what these arguments say, which have no effect: ${set.join(', ')}`);
}
