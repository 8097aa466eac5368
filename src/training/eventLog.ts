import { log } from '../core/log.ts';
import type { Metrics } from '../tasks/task.ts';
import { formatBytes } from './checkpointFiles.ts';
import type { TrainingEvent } from './events.ts';

/** Writes a run's events to the log, a line each; single steps are left out. */
export function logEvent(event: TrainingEvent): void {
  const line = describeEvent(event);
  if (line !== undefined) log.info(line);
}

/** An event in one line; undefined for single steps. */
export function describeEvent(event: TrainingEvent): string | undefined {
  switch (event.type) {
    case 'begin':
      return (
        `training ${describeParameters(event.trainedParameters, event.parameters)} on ${event.examples === undefined ? 'a stream' : `${event.examples} rows`}: ${event.totalSteps} steps of ${event.batchSize} rows` +
        `${event.warmupSteps > 0 ? `, ${event.warmupSteps} of them warm-up` : ''}` +
        `${event.resumedFrom === undefined ? '' : `; going on after step ${event.resumedFrom}`}`
      );
    case 'step':
      return undefined;
    case 'log':
      return `step ${event.step}, epoch ${event.epoch.toFixed(2)}: loss ${event.loss.toFixed(4)}, gradient norm ${event.gradientNorm.toPrecision(3)}, learning rate ${event.learningRate.toPrecision(3)}${event.tokensSeen === undefined ? '' : `, ${event.tokensSeen} tokens so far`}`;
    case 'evaluation':
      return `step ${event.step}, epoch ${event.epoch.toFixed(2)}: ${describeMetrics({ ...(event.trainingLoss === undefined ? {} : { train_loss: event.trainingLoss }), ...event.metrics })}`;
    case 'save':
      return (
        `step ${event.step}, epoch ${event.epoch.toFixed(2)}: saved ${event.directory}, ${formatBytes(event.bytes)}` +
        `${event.checkpoints > 1 ? ` (${event.checkpoints} checkpoints, ${formatBytes(event.bytesOfAll)})` : ''}` +
        `${event.reason === 'interrupted' ? ', as the run was interrupted' : event.reason === 'failed' ? ', the last good state' : ''}`
      );
    case 'end':
      return `trained ${event.result.globalStep} steps: ${describeMetrics(event.result.metrics)}`;
  }
}

/** `eval_loss 0.4878, eval_accuracy 0.7794` */
export function describeMetrics(metrics: Metrics): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${describeNumber(value)}`)
    .join(', ');
}

function describeNumber(value: number): string {
  if (Number.isInteger(value)) return `${value}`;
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}

function describeParameters(trained: number, all: number): string {
  return trained === all
    ? `${formatCount(all)} parameters`
    : `${formatCount(trained)} of ${formatCount(all)} parameters`;
}

function formatCount(count: number): string {
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} million` : `${count}`;
}
