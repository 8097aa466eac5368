import type { DType } from '../../src/core/dtypes.ts';
import { activations, geluTanh, silu } from '../../src/graph/ops/activations.ts';
import { add, div, mul, neg, sub } from '../../src/graph/ops/arithmetic.ts';
import * as elementwise from '../../src/graph/ops/elementwise.ts';
import { fromHeads, toHeads } from '../../src/graph/ops/heads.ts';
import { layerNorm, logSoftmax, softmax } from '../../src/graph/ops/normalization.ts';
import { linear, matmul } from '../../src/graph/ops/products.ts';
import { mean, sum } from '../../src/graph/ops/reductions.ts';
import { gatherRows, oneHot, pickColumns, scatterAddRows } from '../../src/graph/ops/rows.ts';
import { concat, expand, pad, reshape, slice, transpose } from '../../src/graph/ops/shaping.ts';
import type { Dim, Shape, Value } from '../../src/graph/value.ts';
import { type PackOptions, packBatch } from '../../src/nn/packing.ts';
import type { Lengths } from './arrays.ts';

/** One input of an op in the table, and what it is filled with. */
export interface OpInput {
  /** Names are symbolic lengths. */
  readonly shape: Shape;
  /** float32 by default. */
  readonly dtype?: DType;
  /** Random numbers are drawn from here; −2 to 2 by default. */
  readonly range?: readonly [low: number, high: number];
  /** Numbers nearer to 0 than this are moved away from it: where a derivative jumps, finite differences mean nothing. */
  readonly awayFromZero?: number;
  /** For ids: they are below this length. */
  readonly below?: Dim;
  /** Its elements, where they are not random. */
  readonly data?: ArrayLike<number | bigint>;
}

/** One row of the table: an op with attributes and shapes. */
export interface OpCase {
  /** The name under which src/graph/ops exports it. */
  readonly op: string;
  readonly title: string;
  readonly inputs: readonly OpInput[];
  readonly build: (...inputs: Value[]) => Value;
  /** The lengths at which derivatives are checked. */
  readonly lengths: readonly Lengths[];
  /** Whether it runs at these lengths only; else engines are tried at any from `least` to 4. */
  readonly onlyTheseLengths?: boolean;
  /** The smallest lengths that an engine is tried at; 0 by default. */
  readonly least?: Lengths;
  /** Numbers at which it must not break, fed as the elements of a `[n, 4]` first input. */
  readonly special?: readonly number[];
  /** Where an engine's float32 may differ by more than 1e-5 of the largest element. */
  readonly tolerance?: number;
  /** Why derivatives are not checked against finite differences. */
  readonly noDerivative?: string;
}

const none: readonly Lengths[] = [{}];
const extremes = [-1e4, -100, -30, -10, -1, -0, 0, 1e-8, 1, 10, 30, 100, 1e4];

/** An op of one input, element by element or row by row: at two shapes, one of them with a symbolic length. */
function unary(
  op: string,
  call: (x: Value) => Value,
  input: Omit<OpInput, 'shape'> = {},
  rest: Partial<OpCase> = {},
): OpCase[] {
  return [
    {
      op,
      title: `${op} [n, 4]`,
      inputs: [{ ...input, shape: ['n', 4] }],
      build: call,
      lengths: [{ n: 3 }, { n: 1 }, { n: 0 }],
      ...rest,
    },
    {
      op,
      title: `${op} [2, 1, m, 3]`,
      inputs: [{ ...input, shape: [2, 1, 'm', 3] }],
      build: call,
      lengths: [{ m: 2 }],
      ...rest,
      special: [],
    },
  ];
}

const broadcasts: readonly (readonly [Shape, Shape])[] = [
  [
    ['n', 3],
    ['n', 3],
  ],
  [['n', 3], [3]],
  [[3], ['n', 3]],
  [
    ['n', 1],
    [1, 'm'],
  ],
  [
    [2, 'n', 1, 3],
    ['n', 'm', 1],
  ],
  [['n', 3], []],
  [[], ['n', 3]],
  [
    [1, 1],
    ['n', 'm'],
  ],
  [
    [0, 2],
    [1, 2],
  ],
];

/** An op of two inputs that broadcast to each other. */
function binary(op: string, call: (x: Value, y: Value) => Value, second: Omit<OpInput, 'shape'> = {}): OpCase[] {
  const sameValue: OpCase = {
    op,
    title: `${op} of a value and itself`,
    inputs: [{ shape: ['n', 2], awayFromZero: 0.3 }],
    build: (x) => call(x, x),
    lengths: [{ n: 2 }],
  };
  return [
    ...broadcasts.map(([left, right]) => ({
      op,
      title: `${op} [${left}] and [${right}]`,
      inputs: [{ shape: left }, { ...second, shape: right }],
      build: call,
      lengths: [
        { n: 2, m: 3 },
        { n: 1, m: 1 },
        { n: 0, m: 2 },
      ],
    })),
    {
      op,
      title: `${op} of a value and a number`,
      inputs: [{ shape: ['n', 2] }],
      build: (x) => call(x, 1.7 as unknown as Value),
      lengths: [{ n: 2 }],
    },
    sameValue,
  ];
}

/** All four combinations of transposes, at several shapes of the axes before the matrices. */
function matmulCases(): OpCase[] {
  const batches: readonly (readonly [Shape, Shape])[] = [
    [[], []],
    [
      ['s', 2],
      ['s', 2],
    ],
    [['s', 1], [2]],
    [
      [1, 2],
      ['s', 1],
    ],
    [[], ['s']],
  ];
  return [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) =>
      batches.flatMap(([batchA, batchB], i) =>
        (i < 2 ? [1, 0.37] : [1]).map((scale) => ({
          op: 'matmul',
          title: `matmul [${batchA}] and [${batchB}]${transposeA ? ' aᵀ' : ''}${transposeB ? ' bᵀ' : ''}, scale ${scale}`,
          inputs: [
            { shape: [...batchA, ...(transposeA ? [3, 'r'] : ['r', 3])] },
            { shape: [...batchB, ...(transposeB ? ['c', 3] : [3, 'c'])] },
          ],
          build: (a: Value, b: Value) => matmul(a, b, { transposeA, transposeB, scale }),
          lengths: [
            { s: 2, r: 2, c: 4 },
            { s: 1, r: 1, c: 1 },
            { s: 3, r: 0, c: 2 },
          ],
          // Where a length is 0, ONNX Runtime's FusedMatMul gives what stood in the memory (see the op's comment).
          least: { s: 1, r: 1, c: 1 },
        })),
      ),
    ),
  );
}

/**
 * The moves between rows and heads, with layouts as a batch has them. Empty slots and filler rows are multiplied by 0, as
 * the rules' contract asks (src/graph/ops/heads.ts).
 */
function headCases(counts: readonly number[], options: PackOptions): OpCase[] {
  const batch = packBatch(
    counts.map((length) => ({ ids: new Int32Array(length) })),
    options,
  );
  const { sequences, longest, tokens } = batch.lengths;
  const lengths = [{ sequences, longest, tokens }];
  const integers = (name: string) => batch.feeds[name].data as BigInt64Array;
  const slots: OpInput = { shape: ['sequences', 'longest'], dtype: 'int64', data: integers('token_of_slot') };
  const rows: OpInput = { shape: ['tokens'], dtype: 'int64', data: integers('slot_of_token') };
  const slotIsReal = Array.from({ length: sequences * longest }, (_, slot) =>
    Number(slot % longest < (counts[Math.floor(slot / longest)] ?? 0)),
  );
  const rowIsReal = Array.from({ length: tokens }, (_, row) => Number(row < batch.tokens));
  const title = `of ${counts.join(' + ')} tokens in [${sequences}, ${longest}] slots and ${tokens} rows`;
  return [
    {
      op: 'toHeads',
      title: `toHeads ${title}`,
      inputs: [
        { shape: ['tokens', 4] },
        slots,
        rows,
        { shape: ['sequences', 1, 'longest', 1], data: slotIsReal, range: [0, 0] },
      ],
      build: (x, rowOfSlot, slotOfRow, real) => mul(toHeads(x, rowOfSlot, slotOfRow, { heads: 2 }), real),
      lengths,
      onlyTheseLengths: true,
    },
    {
      op: 'fromHeads',
      title: `fromHeads ${title}`,
      inputs: [
        { shape: ['sequences', 2, 'longest', 3] },
        slots,
        rows,
        { shape: ['tokens', 1], data: rowIsReal, range: [0, 0] },
      ],
      build: (y, rowOfSlot, slotOfRow, real) => mul(fromHeads(y, rowOfSlot, slotOfRow), real),
      lengths,
      onlyTheseLengths: true,
    },
  ];
}

const ids = (length: Dim, below: Dim, data?: readonly number[]): OpInput => ({
  shape: [length],
  dtype: 'int64',
  below,
  ...(data === undefined ? {} : { data }),
});

const positive = { range: [0.5, 2] as const };
const smooth = { special: extremes };

/** Every op of src/graph/ops, with what it is checked at. An op that is exported and has no row here fails a test. */
export const opTable: readonly OpCase[] = [
  ...binary('add', add),
  ...binary('sub', sub),
  ...binary('mul', mul),
  ...binary('div', div, { awayFromZero: 0.5 }),
  ...unary('neg', neg),

  ...unary('exp', elementwise.exp, {}, { special: [-1e4, -100, 0, 80] }),
  ...unary('log', elementwise.log, positive, { special: [1e-30, 1, 1e30] }),
  ...unary('sqrt', elementwise.sqrt, positive, { special: [1e-30, 1, 1e30] }),
  ...unary('square', elementwise.square, {}, smooth),
  ...unary('tanh', elementwise.tanh, {}, smooth),
  ...unary('sigmoid', elementwise.sigmoid, {}, smooth),
  ...unary('softplus', elementwise.softplus, {}, smooth),
  ...unary('erf', elementwise.erf, {}, smooth),
  ...unary('isPositive', elementwise.isPositive, { awayFromZero: 0.1 }, smooth),
  ...unary('abs', elementwise.abs, { awayFromZero: 0.1 }, smooth),
  ...unary('relu', elementwise.relu, { awayFromZero: 0.1 }, smooth),
  ...unary('gelu', elementwise.gelu, { range: [-4, 4] }, smooth),
  ...unary('geluTanh', geluTanh, { range: [-4, 4] }, { special: [-100, -10, -1, 0, 1, 10, 100] }),
  ...unary('silu', silu, { range: [-4, 4] }, smooth),
  ...Object.entries(activations).flatMap(([name, call]) =>
    unary('activations', call, { range: [-4, 4], awayFromZero: 0.1 }).map((row) => ({
      ...row,
      title: `${row.title}: ${name}`,
    })),
  ),
  {
    op: 'cast',
    title: 'cast float32 to float32',
    inputs: [{ shape: ['n', 2] }],
    build: (x) => elementwise.cast(x, { to: 'float32' }),
    lengths: [{ n: 2 }],
  },
  {
    op: 'cast',
    title: 'cast int64 to float32',
    inputs: [ids('n', 9)],
    build: (x) => elementwise.cast(x, { to: 'float32' }),
    lengths: [{ n: 2 }],
  },
  {
    op: 'cast',
    title: 'cast float32 to int64 and back',
    inputs: [{ shape: ['n', 2], awayFromZero: 0.2 }],
    build: (x) => elementwise.cast(elementwise.cast(x, { to: 'int64' }), { to: 'float32' }),
    lengths: [{ n: 2 }],
    noDerivative: 'whole numbers have none',
  },
  {
    op: 'cast',
    title: 'cast float32 to bool and back',
    inputs: [{ shape: ['n', 4] }],
    build: (x) => elementwise.cast(elementwise.cast(x, { to: 'bool' }), { to: 'float32' }),
    lengths: [{ n: 2 }],
    special: [-1, 0, 0.3, 2],
    noDerivative: 'truth values have none',
  },

  ...unary('softmax', softmax, {}, smooth),
  ...unary('logSoftmax', logSoftmax, {}, smooth),
  ...[1e-12, 1e-5].flatMap((epsilon) =>
    [['n', 4] as const, [2, 'n', 4] as const, [4] as const].map((shape) => ({
      op: 'layerNorm',
      title: `layerNorm [${shape}], epsilon ${epsilon}`,
      inputs: [{ shape }, { shape: [4] }, { shape: [4] }],
      build: (x: Value, weight: Value, bias: Value) => layerNorm(x, weight, bias, { epsilon }),
      lengths: [{ n: 3 }, { n: 1 }, { n: 0 }],
      tolerance: 1e-4,
    })),
  ),

  ...matmulCases(),
  {
    op: 'matmul',
    title: 'matmul over nothing: the inner length is 0',
    inputs: [{ shape: ['r', 'k'] }, { shape: ['k', 2] }],
    build: (a, b) => matmul(a, b),
    lengths: [
      { r: 2, k: 0 },
      { r: 1, k: 1 },
    ],
  },
  {
    op: 'linear',
    title: 'linear with bias',
    inputs: [{ shape: ['rows', 3] }, { shape: [2, 3] }, { shape: [2] }],
    build: (x, weight, bias) => linear(x, weight, bias),
    lengths: [{ rows: 4 }, { rows: 1 }, { rows: 0 }],
  },
  {
    op: 'linear',
    title: 'linear without bias',
    inputs: [{ shape: ['rows', 3] }, { shape: [1, 3] }],
    build: (x, weight) => linear(x, weight, undefined),
    lengths: [{ rows: 4 }, { rows: 1 }, { rows: 0 }],
  },

  ...[undefined, [0], [-1], [1, -1], [0, 1, 2], []].flatMap((axes) =>
    [false, true].map((keepDims) => ({
      op: 'sum',
      title: `sum over ${axes === undefined ? 'all axes' : `[${axes}]`}, keepDims ${keepDims}`,
      inputs: [{ shape: ['n', 2, 'm'] }],
      build: (x: Value) => sum(x, { ...(axes === undefined ? {} : { axes }), keepDims }),
      lengths: [
        { n: 2, m: 3 },
        { n: 1, m: 1 },
        { n: 0, m: 2 },
      ],
    })),
  ),
  {
    op: 'sum',
    title: 'sum of a scalar',
    inputs: [{ shape: [] }],
    build: (x) => sum(x),
    lengths: none,
  },
  ...[[1], [-1], [1, -1], []].flatMap((axes) =>
    [false, true].map((keepDims) => ({
      op: 'mean',
      title: `mean over [${axes}], keepDims ${keepDims}`,
      inputs: [{ shape: ['n', 2, 3] }],
      build: (x: Value) => mean(x, { axes, keepDims }),
      lengths: [{ n: 2 }, { n: 1 }, { n: 0 }],
    })),
  ),

  {
    op: 'gatherRows',
    title: 'gatherRows with ids that repeat',
    inputs: [{ shape: [5, 2] }, ids('n', 5, [3, 0, 3, 3, 4])],
    build: (table, at) => gatherRows(table, at),
    lengths: [{ n: 5 }],
    onlyTheseLengths: true,
  },
  {
    op: 'gatherRows',
    title: 'gatherRows of a vector',
    inputs: [{ shape: [3] }, ids('n', 3)],
    build: (table, at) => gatherRows(table, at),
    lengths: [{ n: 4 }, { n: 1 }, { n: 0 }],
  },
  {
    op: 'gatherRows',
    title: 'gatherRows of a symbolic number of rows of rank 2',
    inputs: [{ shape: ['rows', 2, 3] }, ids('n', 'rows')],
    build: (table, at) => gatherRows(table, at),
    lengths: [
      { rows: 3, n: 4 },
      { rows: 2, n: 0 },
    ],
    least: { rows: 1 },
  },
  {
    op: 'scatterAddRows',
    title: 'scatterAddRows with ids that repeat',
    inputs: [ids('n', 5, [3, 0, 3, 3, 4]), { shape: ['n', 2] }],
    build: (at, x) => scatterAddRows(at, x, { rows: 6 }),
    lengths: [{ n: 5 }],
    onlyTheseLengths: true,
  },
  {
    op: 'scatterAddRows',
    title: 'scatterAddRows of numbers',
    inputs: [ids('n', 3), { shape: ['n'] }],
    build: (at, x) => scatterAddRows(at, x, { rows: 3 }),
    lengths: [{ n: 4 }, { n: 1 }, { n: 0 }],
  },
  {
    op: 'scatterAddRows',
    title: 'scatterAddRows into a symbolic number of rows',
    inputs: [ids('n', 'rows'), { shape: ['n', 2] }, { shape: ['rows', 2] }],
    build: (at, x, y) => add(scatterAddRows(at, x, { rows: 'rows' }), y),
    lengths: [
      { rows: 3, n: 4 },
      { rows: 2, n: 0 },
    ],
    least: { rows: 1 },
  },
  {
    op: 'pickColumns',
    title: 'pickColumns',
    inputs: [{ shape: ['n', 3] }, ids('n', 3)],
    build: (x, at) => pickColumns(x, at),
    lengths: [{ n: 4 }, { n: 1 }, { n: 0 }],
  },
  {
    op: 'pickColumns',
    title: 'pickColumns among a symbolic number',
    inputs: [{ shape: ['n', 'classes'] }, ids('n', 'classes')],
    build: (x, at) => pickColumns(x, at),
    lengths: [{ n: 3, classes: 2 }],
    least: { classes: 1 },
  },
  {
    op: 'oneHot',
    title: 'oneHot',
    inputs: [ids('n', 3)],
    build: (at) => oneHot(at, { depth: 3 }),
    lengths: [{ n: 4 }, { n: 0 }],
  },
  {
    op: 'oneHot',
    title: 'oneHot of a symbolic depth',
    inputs: [ids('n', 'classes'), { shape: ['n', 'classes'] }],
    build: (at, x) => mul(oneHot(at, { depth: 'classes' }), x),
    lengths: [{ n: 2, classes: 3 }],
    least: { classes: 1 },
  },

  {
    op: 'reshape',
    title: 'reshape with one symbolic length',
    inputs: [{ shape: ['n', 2, 3] }],
    build: (x) => reshape(x, { shape: [3, 'n', 2] }),
    lengths: [{ n: 2 }, { n: 1 }, { n: 0 }],
  },
  {
    op: 'reshape',
    title: 'reshape with two symbolic lengths',
    inputs: [{ shape: [2, 'n', 'm'] }],
    build: (x) => reshape(x, { shape: ['m', 1, 'n', 2] }),
    lengths: [
      { n: 2, m: 3 },
      { n: 0, m: 2 },
    ],
  },
  {
    op: 'reshape',
    title: 'reshape to a scalar',
    inputs: [{ shape: [1, 1] }],
    build: (x) => reshape(x, { shape: [] }),
    lengths: none,
  },
  {
    op: 'reshape',
    title: 'reshape of nothing, to a shape with a fixed 0 and a symbolic length',
    inputs: [{ shape: [0, 'n'] }],
    build: (x) => reshape(x, { shape: ['n', 2, 0] }),
    lengths: [{ n: 2 }, { n: 0 }],
  },
  ...[
    [0, 1, 2],
    [2, 0, 1],
    [1, 0, 2],
    [2, 1, 0],
  ].map((order) => ({
    op: 'transpose',
    title: `transpose [${order}]`,
    inputs: [{ shape: ['n', 2, 'm'] }],
    build: (x: Value) => transpose(x, { order }),
    lengths: [
      { n: 3, m: 2 },
      { n: 0, m: 1 },
    ],
  })),
  ...(
    [
      [
        ['n', 1],
        ['n', 3],
      ],
      [
        [1, 'm'],
        [2, 'n', 'm'],
      ],
      [[], ['n', 2]],
      [
        ['n', 2],
        ['n', 2],
      ],
      [
        [2, 1],
        [2, 0],
      ],
    ] as readonly (readonly [Shape, Shape])[]
  ).map(([from, shape]) => ({
    op: 'expand',
    title: `expand [${from}] to [${shape}]`,
    inputs: [{ shape: from }, { shape }],
    build: (x: Value, y: Value) => add(expand(x, { shape }), y),
    lengths: [
      { n: 3, m: 2 },
      { n: 1, m: 1 },
      { n: 0, m: 2 },
    ],
  })),
  ...(
    [
      [0, 1, 3],
      [-1, 0, 2],
      [1, 2, 2],
      [-2, 0, 4],
    ] as const
  ).map(([axis, start, end]) => ({
    op: 'slice',
    title: `slice ${start} to ${end} of axis ${axis}`,
    inputs: [{ shape: axis === 0 ? [4, 'n'] : axis === -1 ? ['n', 3] : ['n', 4, 'm'] }],
    build: (x: Value) => slice(x, { axis, start, end }),
    lengths: [
      { n: 2, m: 3 },
      { n: 0, m: 1 },
    ],
  })),
  ...(
    [
      [0, 1, 2],
      [-1, 0, 1],
      [1, 2, 0],
    ] as const
  ).map(([axis, before, after]) => ({
    op: 'pad',
    title: `pad axis ${axis} by ${before} and ${after}`,
    inputs: [{ shape: axis === 0 ? [2, 'n'] : axis === -1 ? ['n', 3] : ['n', 0, 'm'] }],
    build: (x: Value) => pad(x, { axis, before, after }),
    lengths: [
      { n: 2, m: 3 },
      { n: 0, m: 1 },
    ],
  })),
  ...(
    [
      [0, [2, 'n'], [3, 'n']],
      [-1, ['n', 2], ['n', 1]],
      [1, ['n', 0, 2], ['n', 2, 2]],
    ] as readonly (readonly [number, Shape, Shape])[]
  ).map(([axis, left, right]) => ({
    op: 'concat',
    title: `concat [${left}] and [${right}] along ${axis}`,
    inputs: [{ shape: left }, { shape: right }],
    build: (x: Value, y: Value) => concat(x, y, { axis }),
    lengths: [{ n: 2 }, { n: 0 }],
  })),

  ...headCases([3, 3], {}),
  ...headCases([1], {}),
  ...headCases([2, 4, 1], {}),
  ...headCases([2, 3], { roundTokens: 4, roundLongest: 4, roundSequences: 3 }),
  ...headCases([4], { roundTokens: 8 }),
];
