import type { Engine } from '../../src/engine/engine.ts';
import { differentiate } from '../../src/graph/differentiate.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { toOnnx } from '../../src/graph/lowering.ts';
import type { NdArray } from '../../src/graph/ndarray.ts';
import type { Value } from '../../src/graph/value.ts';
import { engineTensor, fromEngineTensor, type Lengths, largestDifference } from './arrays.ts';
import { feedCase, traceCase } from './opCases.ts';
import type { OpCase } from './opTable.ts';

/** A row of the table compiled for an engine: its result and the gradients of its inputs. */
export interface CompiledCase {
  /** How far the engine's outputs are from the reference's at these lengths; a number for each output by name. */
  differences(lengths: Lengths, first?: NdArray): Promise<Record<string, number>>;
  dispose(): Promise<void>;
}

export async function compileCase(engine: Engine, row: OpCase): Promise<CompiledCase> {
  const { graph, result, loss, trainable } = traceCase(row);
  const outputs: Record<string, Value> = { result };
  if (row.noDerivative === undefined) {
    for (const [i, gradient] of differentiate(loss, trainable).entries()) {
      if (gradient !== undefined) outputs[`gradient ${i}`] = gradient;
    }
  }
  const compared = await compile(engine, graph, outputs);
  return {
    differences: (lengths, first) => {
      const feeds = feedCase(row, graph, lengths);
      if (first !== undefined) feeds.set(graph.inputs.get('x0')!, first);
      return compared.differences(feeds);
    },
    dispose: compared.dispose,
  };
}

/** Compiles outputs of a graph and holds the engine's numbers against the reference's. */
export async function compile(engine: Engine, graph: Graph, outputs: Readonly<Record<string, Value>>) {
  const session = await engine.createSession(toOnnx(graph, outputs));
  return {
    async differences(feeds: ReadonlyMap<Value, NdArray>): Promise<Record<string, number>> {
      const expected = interpret(graph, Object.values(outputs), feeds);
      const byName = new Map([...feeds].map(([value, array]) => [value.name!, engineTensor(value.dtype, array)]));
      const results = await session.run(
        Object.fromEntries(session.inputNames.map((name) => [name, byName.get(name)!])),
        Object.fromEntries(session.outputNames.map((name) => [name, 'allocate' as const])),
      );
      return Object.fromEntries(
        Object.keys(outputs).map((name, i) => [name, largestDifference(fromEngineTensor(results[name]), expected[i])]),
      );
    },
    dispose: () => session.dispose(),
  };
}
