/** What a schedule knows: the step (from 0), and where warm-up and training end. */
export interface ScheduleContext {
  readonly warmupSteps: number;
  readonly totalSteps: number;
  /** The learning rate at its highest. */
  readonly learningRate: number;
}

/** The factor of the learning rate at a step: a pure function (transformers' optimization.py). */
export type Schedule = (step: number, context: ScheduleContext) => number;

/** Rises from 0 during the warm-up, then goes as `after` says of the share of the remaining steps. */
function afterWarmup(after: (progress: number, context: ScheduleContext, step: number) => number): Schedule {
  return (step, context) => {
    const { warmupSteps, totalSteps } = context;
    if (step < warmupSteps) return step / Math.max(1, warmupSteps);
    return after((step - warmupSteps) / Math.max(1, totalSteps - warmupSteps), context, step);
  };
}

/** Hugging Face's schedules by their names (`lr_scheduler_type`), with its default parameters. */
export const schedules = {
  linear: afterWarmup((progress) => Math.max(0, 1 - progress)),
  constant: () => 1,
  constant_with_warmup: afterWarmup(() => 1),
  // Half a period of the cosine
  cosine: afterWarmup((progress) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)))),
  cosine_with_restarts: afterWarmup((progress) =>
    progress >= 1 ? 0 : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (progress % 1)))),
  ),
  // To 1e-7, with power 1
  polynomial: afterWarmup((progress, { learningRate }) => {
    const end = 1e-7;
    return progress >= 1 ? end / learningRate : ((learningRate - end) * (1 - progress) + end) / learningRate;
  }),
  inverse_sqrt: (step, { warmupSteps }) => {
    const timescale = warmupSteps === 0 ? 10_000 : warmupSteps;
    return step < warmupSteps
      ? step / Math.max(1, warmupSteps)
      : 1 / Math.sqrt((step + timescale - warmupSteps) / timescale);
  },
} as const satisfies Readonly<Record<string, Schedule>>;

/** The name of a schedule. */
export type ScheduleName = keyof typeof schedules;
