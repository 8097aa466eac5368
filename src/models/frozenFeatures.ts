import { log } from '../core/log.ts';
import type { EngineTensor, Session } from '../engine/engine.ts';
import { countProducts, cutGraph, fixedFrontier } from '../graph/cut.ts';
import type { Graph } from '../graph/graph.ts';
import { type NamedOutputs, requiredInputs, toOnnx } from '../graph/lowering.ts';
import type { Value } from '../graph/value.ts';
import { type PackedBatch, type PackOptions, packBatch, type TokenSequence } from '../nn/packing.ts';
import { pick, type Runtime, weightFeeds } from './feeds.ts';

/** A value at the border: a row for each token or sequence. */
interface KeptValue {
  readonly name: string;
  /** The name of its first dimension. */
  readonly rows: string;
  readonly width: number;
}

/** Tokens of a batch in which features are computed ahead of training. */
const tokensAtOnce = 2048;

/** Features beyond this are not kept. */
const mostBytes = 2 ** 30;

/**
 * What the frozen part of a model makes of each row, computed once: it is the same at every step, so that training runs on
 * what is kept. Rows are told apart by identity: the same object is the same row.
 */
export class FrozenFeatures {
  readonly #session: Session;
  readonly #weights: Readonly<Record<string, EngineTensor>>;
  readonly #values: readonly KeptValue[];
  readonly #kept = new Map<TokenSequence, readonly Float32Array[]>();
  #bytes = 0;

  private constructor(session: Session, weights: Readonly<Record<string, EngineTensor>>, values: readonly KeptValue[]) {
    this.#session = session;
    this.#weights = weights;
    this.#values = values;
  }

  /**
   * Cuts a graph at the border of its frozen part, or as near below it as rows cross it, where that pays: where more
   * products of matrices lie below than values cross.
   * @returns the graph above the border with its outputs, and what feeds it; undefined where there is nothing to be kept.
   */
  static async split(
    runtime: Runtime,
    graph: Graph,
    outputs: NamedOutputs,
    trained: ReadonlySet<Value>,
  ): Promise<{ graph: Graph; outputs: NamedOutputs; features: FrozenFeatures } | undefined> {
    const parameters = new Set(graph.parameters.values());
    const byText = packBatch([{ ids: [0] }], { reads: 'all' }).feeds;
    // Which rows are read ('reads') goes by a batch's labels; what is kept goes by the text alone.
    const isRows = (value: Value) =>
      value.dtype === 'float32' &&
      value.shape.length === 2 &&
      /^(tokens|sequences)$/.test(String(value.shape[0])) &&
      requiredInputs(graph, [value]).every((input) => parameters.has(input) || input.name! in byText);
    const frontier = fixedFrontier(graph, Object.values(outputs), trained, isRows);
    // What crosses the border must be fetched at every step: the less of it, and the more below it, the better.
    if (countProducts(graph, frontier) <= frontier.length) return undefined;
    const values = frontier.map((value, i) => ({
      name: `frozen.${i}`,
      rows: String(value.shape[0]),
      width: Number(value.shape[1]),
    }));
    const named = Object.fromEntries(frontier.map((value, i) => [values[i].name, value]));
    const session = await runtime.engine.createSession(toOnnx(graph, named, 'frozen'));
    const features = new FrozenFeatures(session, weightFeeds(graph, frontier, runtime.arena), values);
    return { ...cutGraph(graph, outputs, new Map(frontier.map((value, i) => [value, values[i].name]))), features };
  }

  /**
   * Computes the features of rows that have none yet, and keeps them as far as there is room. Always in the same batches for
   * the same rows, whatever the order in which training comes to them, so that a resumed run has the same bits.
   */
  async compute(sequences: readonly TokenSequence[], packing: PackOptions): Promise<void> {
    const missing = [...new Set(sequences)].filter((sequence) => !this.#kept.has(sequence));
    missing.sort((a, b) => a.ids.length - b.ids.length);
    let kept = 0;
    for (let start = 0; start < missing.length && this.#bytes < mostBytes; ) {
      let end = start + 1;
      // Sorted: the last of a batch is its longest.
      while (end < missing.length && (end + 1 - start) * missing[end].ids.length <= tokensAtOnce) end++;
      const batch = missing.slice(start, end);
      for (const [sequence, values] of await this.#computeBatch(batch, packing)) {
        this.#kept.set(sequence, values);
        for (const { byteLength } of values) this.#bytes += byteLength;
      }
      kept += batch.length;
      start = end;
    }
    if (kept > 0)
      log.info(`the frozen part was computed once for ${kept} rows (${Math.ceil(this.#bytes / 2 ** 20)} MB)`);
    if (kept < missing.length) {
      log.info(
        `${missing.length - kept} rows more would take over ${mostBytes / 2 ** 30} GB: theirs is computed at every step`,
      );
    }
  }

  async #computeBatch(
    sequences: readonly TokenSequence[],
    packing: PackOptions,
  ): Promise<Map<TokenSequence, readonly Float32Array[]>> {
    const packed = packBatch(sequences, { ...packing, reads: 'all', firstSample: 0 });
    const feeds: Record<string, EngineTensor> = { ...packed.feeds, ...this.#weights };
    const results = await this.#session.run(
      pick(feeds, this.#session.inputNames),
      Object.fromEntries(this.#values.map(({ name }) => [name, 'allocate' as const])),
    );
    const rows = new Map(sequences.map((sequence) => [sequence, [] as Float32Array[]]));
    for (const { name, rows: kind, width } of this.#values) {
      const data = results[name].data as Float32Array;
      forEachSequence(packed, kind, (sequence, from, count) => {
        rows.get(sequence)!.push(data.slice(from * width, (from + count) * width));
      });
    }
    return rows;
  }

  /** The features of a batch, laid out as its rows are; filler rows are 0. Those that are not kept are computed for it. */
  async feeds(packed: PackedBatch, packing: PackOptions): Promise<Record<string, EngineTensor>> {
    const missing = packed.rows.filter((sequence) => !this.#kept.has(sequence));
    const computed = missing.length === 0 ? undefined : await this.#computeBatch([...new Set(missing)], packing);
    return Object.fromEntries(
      this.#values.map(({ name, rows: kind, width }, i) => {
        const rows = packed.lengths[kind];
        const data = new Float32Array(rows * width);
        forEachSequence(packed, kind, (sequence, from) => {
          data.set((this.#kept.get(sequence) ?? computed!.get(sequence)!)[i], from * width);
        });
        return [name, { type: 'float32' as const, dims: [rows, width], data }];
      }),
    );
  }

  dispose(): Promise<void> {
    this.#kept.clear();
    return this.#session.dispose();
  }
}

/** Calls back with each real sequence's rows: where they begin and how many there are. They stand one after the other. */
function forEachSequence(
  packed: PackedBatch,
  kind: string,
  visit: (sequence: TokenSequence, from: number, count: number) => void,
): void {
  let from = 0;
  packed.rows.forEach((sequence) => {
    const count = kind === 'tokens' ? sequence.ids.length : 1;
    visit(sequence, from, count);
    from += count;
  });
}
