import type { Graph } from '../graph/graph.ts';
import { fromHeads, toHeads } from '../graph/ops/heads.ts';
import { gatherRows } from '../graph/ops/rows.ts';
import { reshape, transpose } from '../graph/ops/shaping.ts';
import type { Dim, Value } from '../graph/value.ts';

/** How the rows of a batch stand in the graph: only the real tokens (`packed`), or every cell of the padded rectangle. */
export type LayoutForm = 'packed' | 'padded';

/**
 * Which rows the last layer computes: all tokens (`'all'`), the first of each sequence (`'first'`, a classifier's), or
 * any others, unevenly many a sequence (`'some'`, the masked ones of a language model).
 */
export type Reads = 'all' | 'first' | 'some';

/** A set of rows and the way between them and the attention core's layout. */
export interface Rows {
  /** The name of their number. */
  readonly length: Dim;
  /** These rows of all tokens' hidden states `[tokens, width]`. */
  select(hidden: Value): Value;
  /** `[rows, heads · headSize]` → `[sequences, heads, longest of these rows, headSize]` */
  toHeads(x: Value, heads: number): Value;
  /** `[sequences, heads, longest of these rows, headSize]` → `[rows, heads · headSize]` */
  fromHeads(y: Value): Value;
}

/**
 * A batch as a model's `forward` sees it: symbolic token ids and the layout of its rows. One model code serves both forms
 * and all reads; which inputs the graph gets for it, and so what `packBatch` must fill, follows from these two.
 */
export class BatchLayout {
  readonly graph: Graph;
  readonly form: LayoutForm;
  /** All tokens: what every layer but the last computes. */
  readonly tokens: Rows;
  /** What the last layer computes and the head reads. */
  readonly reads: Rows;

  constructor(graph: Graph, options: { readonly form?: LayoutForm; readonly reads?: Reads } = {}) {
    this.graph = graph;
    this.form = options.form ?? 'packed';
    this.tokens = this.form === 'packed' ? indexedRows(graph, 'token') : gridRows('tokens', 'longest');
    const reads = options.reads ?? 'all';
    if (reads === 'all') this.reads = this.tokens;
    else if (reads === 'first')
      this.reads = { ...gridRows('sequences', 1), select: (hidden) => selected(graph, hidden, 'sequences') };
    else this.reads = { ...indexedRows(graph, 'read'), select: (hidden) => selected(graph, hidden, 'reads') };
  }

  /** int64 `[tokens]` */
  get inputIds(): Value {
    return this.graph.input('input_ids', 'int64', ['tokens']);
  }

  /** int64 `[tokens]` */
  get tokenTypeIds(): Value {
    return this.graph.input('token_type_ids', 'int64', ['tokens']);
  }

  /** int64 `[tokens]` */
  get positionIds(): Value {
    return this.graph.input('position_ids', 'int64', ['tokens']);
  }

  /** float32 `[sequences, 1, 1, longest]`: 0 where a key is a real token, −1e9 where it is none: finite, and e^(−1e9) is 0. */
  get attentionBias(): Value {
    return this.graph.input('attention_bias', 'float32', ['sequences', 1, 1, 'longest']);
  }

  /** int64 `[sequences]`: the row of each sequence's first token ([CLS]). */
  get firstTokens(): Value {
    return this.graph.input('first_tokens', 'int64', ['sequences']);
  }
}

function selected(graph: Graph, hidden: Value, length: 'sequences' | 'reads'): Value {
  return gatherRows(hidden, graph.input(length === 'reads' ? 'read_tokens' : 'first_tokens', 'int64', [length]));
}

/** Rows that stand one after the other, with indices that say in which slot each stands. */
function indexedRows(graph: Graph, kind: 'token' | 'read'): Rows {
  const length = `${kind}s`;
  const longest = kind === 'token' ? 'longest' : 'longest_reads';
  const rowOfSlot = () => graph.input(`${kind}_of_slot`, 'int64', ['sequences', longest]);
  const slotOfRow = () => graph.input(`slot_of_${kind}`, 'int64', [length]);
  return {
    length,
    select: (hidden) => hidden,
    toHeads: (x, heads) => toHeads(x, rowOfSlot(), slotOfRow(), { heads }),
    fromHeads: (y) => fromHeads(y, rowOfSlot(), slotOfRow()),
  };
}

/** Rows that fill a rectangle of `[sequences, perSequence]`, sequence by sequence. */
function gridRows(length: 'tokens' | 'sequences', perSequence: Dim): Rows {
  return {
    length,
    select: (hidden) => hidden,
    toHeads: (x, heads) => {
      const headSize = (x.shape[1] as number) / heads;
      return transpose(reshape(x, { shape: ['sequences', perSequence, heads, headSize] }), { order: [0, 2, 1, 3] });
    },
    fromHeads: (y) => {
      const width = (y.shape[1] as number) * (y.shape[3] as number);
      return reshape(transpose(y, { order: [0, 2, 1, 3] }), { shape: [length, width] });
    },
  };
}
