import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Precision } from '../engine/engine.ts';
import type { Optimizer } from '../engine/optimizers.ts';
import { selectEngine } from '../engine/select.ts';
import type { LayoutForm } from '../nn/layout.ts';
import { decays, type ParameterSettings } from '../nn/parameterGroups.ts';
import type { ModelParts } from './head.ts';
import type { LossFunction } from './loss.ts';
import { TrainingProgram } from './programs.ts';
import { packingFor, tracer } from './tracing.ts';

/** How parameters are trained. */
export interface TrainingOptions {
  /** What updates the weights; AdamW with PyTorch's defaults by default. */
  readonly optimizer?: Optimizer | undefined;
  /** Weight decay; 0 by default. Biases and LayerNorm have none, as in Hugging Face's Trainer. */
  readonly weightDecay?: number;
  /** How single parameters are trained, by name, in place of what `weightDecay` says. */
  readonly parameters?: ReadonlyMap<string, ParameterSettings> | undefined;
  /** The loss, in place of the head's own. */
  readonly loss?: LossFunction | undefined;
  /** Whether several batches may go into one update; false by default. */
  readonly accumulate?: boolean;
  /** What the step is computed in; weights and moments are float32 in any case. Default: what the model answers in. */
  readonly precision?: Precision;
  /** The native library of the engine for that precision, where it shall not be looked for. */
  readonly libraryPath?: string | undefined;
  /** Whether what frozen parameters give is computed once a row and kept; true by default. */
  readonly cacheFrozenFeatures?: boolean;
}

/** @throws ArgumentError where a model answers from 8-bit weights, which no gradient reaches. */
export function requireTrainable({ head, quantize }: ModelParts): void {
  if (quantize === undefined) return;
  throw new ArgumentError('ERR_QUANTIZED', {
    owner: head.className,
    what: `a model that was loaded with quantize: '${quantize}' cannot be trained`,
    hint: 'load it without',
  });
}

/**
 * A compiled training step for a model, on an engine of the precision that is asked for.
 * @param names the parameters that are trained, in the model's order.
 */
export async function makeTrainingProgram(
  parts: ModelParts,
  names: readonly string[],
  options: TrainingOptions,
  form: LayoutForm,
): Promise<TrainingProgram> {
  const { built, engine: answering } = parts;
  const trained = new Map(
    names.map((name) => [
      built.parameters.get(name)!,
      options.parameters?.get(name) ?? {
        weightDecay: decays(name) ? (options.weightDecay ?? 0) : 0,
        learningRateScale: 1,
      },
    ]),
  );
  const { precision = answering.precision } = options;
  const engine =
    precision === answering.precision
      ? answering
      : await selectEngine({ precision, threads: answering.threads, libraryPath: options.libraryPath });
  if (engine !== answering) log.info(`training in ${precision} on ${engine.name} ${engine.version}`);
  return await TrainingProgram.create(
    { engine, arena: built.arena },
    tracer(parts, form, true, options.loss),
    trained,
    { ...options, packing: { ...packingFor(parts, engine), form } },
  );
}
