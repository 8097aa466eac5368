import type { EngineTensor } from '../engine/engine.ts';
import type { Graph } from '../graph/graph.ts';
import { reachableNodes } from '../graph/graph.ts';
import { toOnnx } from '../graph/lowering.ts';
import type { Value } from '../graph/value.ts';
import { pick, type Runtime } from './feeds.ts';

/** Where NaN or infinity first shows in a step. */
export interface NotFinite {
  /** A layer's path (`bert.encoder.layer.0.attention.self`) or a parameter's name. */
  readonly name: string;
  readonly where: 'the weight' | 'the output of the layer' | 'the loss' | 'the gradient of the parameter';
}

/** Whether all numbers are finite. */
export function allFinite(values: ArrayLike<number>): boolean {
  // 0 × anything finite is 0; a sum of NaN stays NaN.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  return sum === 0;
}

/**
 * Runs a graph forward once more and looks at what each layer makes, in order.
 * @param feeds everything the graph's session is fed.
 * @returns the first layer whose last output holds NaN or infinity; undefined where all are finite.
 */
export async function firstNotFiniteLayer(
  runtime: Runtime,
  graph: Graph,
  loss: Value,
  feeds: Readonly<Record<string, EngineTensor>>,
): Promise<NotFinite | undefined> {
  // Layers in the order in which they end, each with what its last node makes.
  const last = new Map<string, Value>();
  for (const { layer, outputs } of reachableNodes(graph, [loss])) {
    const [value] = outputs;
    if (value.dtype !== 'float32') continue;
    last.delete(layer);
    last.set(layer, value);
  }
  const layers = [...last];
  const named = Object.fromEntries(layers.map(([, value], i) => [`layer.${i}`, value]));
  const session = await runtime.engine.createSession(toOnnx(graph, named, 'diagnosis'));
  try {
    const results = await session.run(
      pick(feeds, session.inputNames),
      Object.fromEntries(session.outputNames.map((name) => [name, 'allocate' as const])),
    );
    const found = layers.findIndex((_, i) => !allFinite(results[`layer.${i}`].data as Float32Array));
    if (found < 0) return undefined;
    const [name] = layers[found];
    return name === '' ? { name: 'loss', where: 'the loss' } : { name, where: 'the output of the layer' };
  } finally {
    await session.dispose();
  }
}
