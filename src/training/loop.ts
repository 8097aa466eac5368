import { RunError } from '../core/errors.ts';
import { RandomSampler } from '../data/index.ts';
import type { TrainingProgram } from '../models/programs.ts';
import type { Metrics, Task } from '../tasks/task.ts';
import type { TrainingEvent } from './events.ts';
import type { TrainingPlan } from './plan.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** What the loop works on. */
export interface LoopContext<Feature> {
  readonly args: TrainingArguments;
  readonly plan: TrainingPlan;
  readonly task: Task<Feature>;
  readonly features: readonly Feature[];
  readonly program: TrainingProgram;
  /** undefined where there is nothing to evaluate on. */
  readonly evaluate: (() => Promise<Metrics>) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The loss since the last log, and over all steps. */
class LossMeter {
  #sum = 0;
  #steps = 0;
  #total = 0;
  #allSteps = 0;

  add(loss: number): void {
    this.#sum += loss;
    this.#steps++;
    this.#total += loss;
    this.#allSteps++;
  }

  takeMean(): number {
    const mean = this.#sum / this.#steps;
    this.#sum = 0;
    this.#steps = 0;
    return mean;
  }

  get overall(): number {
    return this.#total / this.#allSteps;
  }
}

/**
 * The training loop: epochs of shuffled batches, micro-batches into steps, and an event for all that happens. Everything
 * random in it is a function of the seed, the epoch and the step.
 */
export async function* trainingLoop<Feature>(context: LoopContext<Feature>): AsyncGenerator<TrainingEvent> {
  const { args, plan, features } = context;
  const sampler = new RandomSampler(features.length, args.dataSeed ?? args.seed);
  const meter = new LossMeter();
  const started = performance.now();
  let step = 0;
  let lastLogged = 0;
  let lastEvaluated = 0;
  for (let epoch = 0; step < plan.totalSteps; epoch++) {
    const order = sampler.order(epoch);
    for (
      let first = 0;
      first < plan.batchesPerEpoch && step < plan.totalSteps;
      first += args.gradientAccumulationSteps
    ) {
      context.signal?.throwIfAborted();
      step++;
      const passed = await trainStep(context, { epoch, order, first, step });
      const place = {
        step,
        epoch: epoch + Math.min(1, (first + args.gradientAccumulationSteps) / plan.batchesPerEpoch),
      };
      meter.add(passed.loss);
      yield { type: 'step', ...place, totalSteps: plan.totalSteps, ...passed };
      if (isDue(args.loggingStrategy, plan.loggingSteps, step) || (args.loggingFirstStep && step === 1)) {
        lastLogged = step;
        yield { type: 'log', ...place, ...passed, loss: meter.takeMean() };
      }
      if (context.evaluate !== undefined && isDue(args.evalStrategy, plan.evalSteps, step)) {
        lastEvaluated = step;
        yield { type: 'evaluation', ...place, metrics: await context.evaluate() };
      }
      if (first + args.gradientAccumulationSteps < plan.batchesPerEpoch && step < plan.totalSteps) continue;
      if (args.loggingStrategy === 'epoch' && lastLogged < step) {
        lastLogged = step;
        yield { type: 'log', ...place, ...passed, loss: meter.takeMean() };
      }
      if (context.evaluate !== undefined && args.evalStrategy === 'epoch' && lastEvaluated < step) {
        lastEvaluated = step;
        yield { type: 'evaluation', ...place, metrics: await context.evaluate() };
      }
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const rows = Math.min(features.length, plan.batchesPerEpoch * args.perDeviceTrainBatchSize);
  const epochs = step / plan.stepsPerEpoch;
  const metrics = {
    train_runtime: seconds,
    train_samples_per_second: (rows * epochs) / seconds,
    train_steps_per_second: step / seconds,
    train_loss: meter.overall,
    epoch: epochs,
  };
  yield { type: 'end', result: { globalStep: step, trainingLoss: meter.overall, metrics } };
}

function isDue(strategy: string, every: number, step: number): boolean {
  return strategy === 'steps' && step % every === 0;
}

/** A step's place in training. */
interface StepPlace {
  readonly epoch: number;
  /** The epoch's row numbers. */
  readonly order: Uint32Array;
  /** The step's first batch in the epoch. */
  readonly first: number;
  /** From 1. */
  readonly step: number;
}

/** One optimizer step over the epoch's batches from `first` on. */
async function trainStep<Feature>(context: LoopContext<Feature>, place: StepPlace) {
  const { epoch, order, first, step } = place;
  const { args, plan, task, features, program } = context;
  const size = args.perDeviceTrainBatchSize;
  const last = Math.min(first + args.gradientAccumulationSteps, plan.batchesPerEpoch);
  const batches = [];
  let rows = 0;
  for (let batch = first; batch < last; batch++) {
    const picked = Array.from(order.subarray(batch * size, (batch + 1) * size), (row) => features[row]);
    batches.push(task.batch(picked, { seed: args.seed, epoch, firstSample: rows }));
    rows += picked.length;
  }
  // What the loss averages over is known only of all batches together; so accumulation equals one large batch.
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  let loss = 0;
  let tokens = 0;
  for (const batch of batches) {
    const outputs = await program.accumulate(batch, { seed: args.seed, step, lossScale: 1 / count });
    loss += Number(outputs['loss'].data[0]);
    tokens += batch.packed.tokens;
  }
  const learningRate = plan.learningRate(step);
  // A loss that is no number may still have a finite gradient: of such a step nothing is applied either.
  const { gradientNorm } = Number.isFinite(loss)
    ? await program.update({
        learningRate,
        beta1: args.adamBeta1,
        beta2: args.adamBeta2,
        epsilon: args.adamEpsilon,
        maxGradNorm: args.maxGradNorm,
        step,
      })
    : { gradientNorm: Number.NaN };
  if (!Number.isFinite(gradientNorm)) {
    const places = Array.from(order.subarray(first * size, last * size), (row) => row + 1);
    throw new RunError('ERR_NOT_FINITE', {
      owner: 'Trainer',
      what: `step ${step} gave ${Number.isFinite(loss) ? `a gradient norm of ${gradientNorm}` : `a loss of ${loss}`}; the weights are those of step ${step - 1}`,
      hint: `lower learningRate, or look at the rows of the batch: ${places.join(', ')}`,
    });
  }
  return { loss, gradientNorm, learningRate, tokens };
}
