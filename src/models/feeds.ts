import type { Arena } from '../engine/arena.ts';
import type { Engine, EngineTensor } from '../engine/engine.ts';
import type { Graph } from '../graph/graph.ts';
import { requiredInputs } from '../graph/lowering.ts';
import type { Value } from '../graph/value.ts';

/** Where a program's parameters are and what runs it. */
export interface Runtime {
  readonly engine: Engine;
  readonly arena: Arena;
}

/** The parameters that `outputs` need, in place. */
export function weightFeeds(graph: Graph, outputs: readonly Value[], arena: Arena): Record<string, EngineTensor> {
  const parameters = new Set(graph.parameters.values());
  return Object.fromEntries(
    requiredInputs(graph, outputs)
      .filter((value) => parameters.has(value))
      .map(({ name, shape }) => [
        name!,
        { type: 'float32' as const, dims: shape as number[], data: arena.weight(name!) },
      ]),
  );
}

/** A float32 scalar as it is fed. */
export function scalar(value: number): EngineTensor {
  return { type: 'float32', dims: [], data: Float32Array.of(value) };
}

/** The named entries of a record. */
export function pick<T>(from: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}
