import type { OnnxModel } from '../formats/onnx.ts';
import type { OnnxWeights } from '../formats/onnxInt8.ts';
import { Graph } from '../graph/graph.ts';
import { lowerGraph } from '../graph/lowering.ts';
import type { LayoutForm } from '../nn/layout.ts';
import { weightFeeds } from './feeds.ts';
import type { ModelParts } from './head.ts';
import { tracer } from './tracing.ts';

/** A model's answers as an ONNX graph, and all that a folder for other programs is made of. */
export interface LoweredModel {
  /** The class's name, here and in Python's transformers. */
  readonly className: string;
  /** The graph, with the weights as inputs. */
  readonly onnx: OnnxModel;
  /** Their elements, in place: read them before the model is trained further or disposed of. */
  readonly weights: OnnxWeights;
  /** The content of a config.json. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** What of a model is lowered. */
export interface LowerOptions {
  /** Which of the answers are wanted; all by default. */
  readonly outputs?: ((name: string) => boolean) | undefined;
  /** Whether ONNX's own ops alone may be used; true by default, for engines that are not ours. */
  readonly portable?: boolean | undefined;
}

/** A model's answers as one ONNX graph, and its weights; see `model.lower`. */
export function lowerModel(
  parts: ModelParts,
  form: LayoutForm,
  { outputs: wanted, portable = true }: LowerOptions,
): LoweredModel {
  const { adapter, built } = parts;
  const graph = new Graph();
  const trace = () => tracer(parts, form, false)(graph);
  const { outputs } = adapter === undefined ? trace() : adapter.traceMerged(trace);
  const named = Object.fromEntries(Object.entries(outputs).filter(([name]) => wanted?.(name) ?? true));
  const merged = adapter?.mergedWeights(built.arena);
  const weights = new Map(
    Object.entries(weightFeeds(graph, Object.values(named), built.arena)).map(([name, { dims, data }]) => [
      name,
      { dims, data: merged?.get(name) ?? (data as Float32Array) },
    ]),
  );
  const { architecture, className } = parts.head;
  const config = architecture.writeConfig(parts.config, className);
  return { className, onnx: lowerGraph(graph, named, className, { portable }), weights, config };
}
