import { remembered } from '../core/concurrency.ts';
import type { Engine } from '../engine/engine.ts';
import { encodeOnnx } from '../formats/onnx.ts';

const known = new WeakMap<Engine, Promise<boolean>>();

/**
 * Whether an engine multiplies 8-bit numbers exactly, whatever they are. On x86 processors without VNNI it may not: their fast
 * instruction (`vpmaddubsw`) adds two products of an unsigned and a signed number in 16 bits, where 255 · 127 twice does not
 * fit, and gives the largest number that does. Where one of them is of 7 bits, it always fits.
 */
export function hasExactInt8Products(engine: Engine): Promise<boolean> {
  return remembered(known, engine, () => multiply(engine));
}

/** The largest numbers, in a product as large as those of models are. */
async function multiply(engine: Engine): Promise<boolean> {
  const [rows, depth, columns] = [8, 64, 64];
  const model = encodeOnnx({
    graphName: 'int8',
    nodes: [{ type: 'MatMulInteger', domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {}, name: 'product' }],
    inputs: [{ name: 'x', dtype: 'uint8', shape: ['rows', depth] }],
    outputs: [{ name: 'y', dtype: 'int32', shape: ['rows', columns] }],
    initializers: [
      { name: 'w', dtype: 'int8', dims: [depth, columns], data: new Int8Array(depth * columns).fill(127) },
    ],
  });
  const session = await engine.createSession(model);
  try {
    const x = { type: 'uint8', dims: [rows, depth], data: new Uint8Array(rows * depth).fill(255) } as const;
    const { y } = await session.run({ x }, { y: 'allocate' });
    return Array.from(y.data, Number).every((sum) => sum === depth * 255 * 127);
  } finally {
    await session.dispose();
  }
}
