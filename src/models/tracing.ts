import type { Engine } from '../engine/engine.ts';
import { BatchLayout, type LayoutForm } from '../nn/layout.ts';
import type { PackOptions } from '../nn/packing.ts';
import type { Trace } from './compiledStep.ts';
import type { ModelParts } from './head.ts';
import { type LossFunction, withLoss } from './loss.ts';

/**
 * What traces a model, as it is now, on a graph.
 * @param labelled whether with the loss, which needs the rows of the labels.
 * @param loss in place of the head's own.
 */
export function tracer(
  { head, config, built }: ModelParts,
  form: LayoutForm,
  labelled: boolean,
  loss?: LossFunction | undefined,
): Trace {
  return (graph) => {
    const layout = new BatchLayout(graph, { form, reads: head.reads(labelled) });
    const traced = built.trace(layout, config, labelled);
    return loss === undefined ? traced : withLoss(traced, loss);
  };
}

/** How batches are laid out for a model's graphs, on the engine that runs them. */
export function packingFor(
  { head, config: { padTokenId } }: ModelParts,
  { shapeSteps: { tokens, longest } }: Engine,
): PackOptions {
  return { reads: head.reads(true), padTokenId, roundTokens: tokens, roundLongest: longest };
}
