import type { KernelCall } from './kernels.ts';

/** Elements of one partial sum of a norm; fixed, since it decides the bits. */
export const normBlock = 4096;

/** Columns that one unit of `scatterAddRows` covers: a cache line of float32. */
const scatterColumns = 16;

/** Elements one worker takes at a time: some tens of microseconds of work. */
const grain = 65_536;

/** What the elements of a dense gradient are: float32 (the default here), or its upper half. */
export type GradientType = 'float32' | 'bfloat16';

const isBfloat16 = (type: GradientType = 'float32') => Number(type === 'bfloat16');

const rowGrain = (width: number) => Math.max(1, Math.ceil(grain / width));

/** target += source, `count` float32 each. */
export function accumulate(
  memory: WebAssembly.Memory,
  { target, source, count }: { target: number; source: number; count: number },
): KernelCall {
  return { kernel: 'accumulate', memory, length: count, grain, args: [target, source] };
}

/** target *= factor. */
export function scale(
  memory: WebAssembly.Memory,
  { target, factor, count }: { target: number; factor: number; count: number },
): KernelCall {
  return { kernel: 'scale', memory, length: count, grain, args: [target, factor] };
}

/** target = 0. */
export function zero(memory: WebAssembly.Memory, { target, count }: { target: number; count: number }): KernelCall {
  return { kernel: 'zero', memory, length: count, grain, args: [target] };
}

/** Has the system find the pages of `bytes` bytes before they are needed; what stands there stays, and may be written meanwhile. */
export function touch(memory: WebAssembly.Memory, { target, bytes }: { target: number; bytes: number }): KernelCall {
  // 2 MiB, a huge page, in a slice.
  return { kernel: 'touch', memory, length: Math.ceil(bytes / 4096), grain: 512, args: [target] };
}

/**
 * Sums of squares, one float64 for every {@link normBlock} elements, written to `partials` (8-byte aligned). Their sum
 * in order is the squared norm, with the same bits whatever the number of threads; NaN or infinite where an element is.
 */
export function squaredNorm(
  memory: WebAssembly.Memory,
  { values, type, count, partials }: { values: number; type?: GradientType; count: number; partials: number },
): KernelCall {
  return {
    kernel: 'squaredNorm',
    memory,
    length: Math.ceil(count / normBlock),
    grain: grain / normBlock,
    args: [values, isBfloat16(type), count, partials],
  };
}

/** Sums of squares of the rows `ids` (uint32) of a table, one float64 a row. */
export function squaredNormRows(
  memory: WebAssembly.Memory,
  { table, ids, rowCount, width, partials }: RowsCall & { partials: number },
): KernelCall {
  return {
    kernel: 'squaredNormRows',
    memory,
    length: rowCount,
    grain: rowGrain(width),
    args: [table, ids, width, partials],
  };
}

interface RowsCall {
  table: number;
  ids: number;
  rowCount: number;
  width: number;
}

/** table[ids[i]] += rows[i], in the order of i. `ids` are uint32 and must be rows of the table: they are not checked. */
export function scatterAddRows(
  memory: WebAssembly.Memory,
  { table, rows, ids, rowCount, width }: RowsCall & { rows: number },
): KernelCall {
  return {
    kernel: 'scatterAddRows',
    memory,
    length: Math.ceil(width / scatterColumns),
    // A slice walks all ids, so slices are few; below 100,000 numbers a thread's message costs more than it saves.
    grain: Math.max(8, Math.ceil(100_000 / (scatterColumns * Math.max(1, rowCount)))),
    args: [table, rows, ids, rowCount, width],
  };
}

/** table[ids[i]] = 0. */
export function zeroRows(memory: WebAssembly.Memory, { table, ids, rowCount, width }: RowsCall): KernelCall {
  return { kernel: 'zeroRows', memory, length: rowCount, grain: rowGrain(width), args: [table, ids, width] };
}

/** What one AdamW update does, apart from where. */
export interface AdamWCoefficients {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** 1 − β1ᵗ and 1 − β2ᵗ at step t, counted from 1. */
  readonly biasCorrection1: number;
  readonly biasCorrection2: number;
  /** Every gradient is multiplied by this first: the clip factor. */
  readonly gradientScale: number;
}

/** Computed in float64 and rounded once, as PyTorch does with its Python scalars. */
function adamwScalars(c: AdamWCoefficients): number[] {
  return [
    1 - c.learningRate * c.weightDecay,
    c.gradientScale,
    1 - c.beta1,
    c.beta2,
    1 - c.beta2,
    c.learningRate / c.biasCorrection1,
    1 / Math.sqrt(c.biasCorrection2),
    c.epsilon,
  ];
}

/** An array whose gradient comes whole. */
interface DensePlace {
  count: number;
  gradientType?: GradientType;
}

interface AdamWPlace {
  weight: number;
  gradient: number;
  first: number;
  second: number;
}

/** One AdamW update (Loshchilov and Hutter 2019) of `count` float32, with clip and decoupled decay in the same pass. */
export function adamw(
  memory: WebAssembly.Memory,
  { weight, gradient, gradientType, first, second, count }: AdamWPlace & DensePlace,
  coefficients: AdamWCoefficients,
): KernelCall {
  return {
    kernel: 'adamw',
    memory,
    length: count,
    grain,
    args: [weight, gradient, first, second, isBfloat16(gradientType), ...adamwScalars(coefficients)],
  };
}

/**
 * The same update of a table of `rows` rows whose gradient touched few: bytes at `flags` say of each row whether it has
 * moments (1) and a gradient (2), which is zeroed after use. Rows without either only decay. Same bits as {@link adamw}.
 */
export function adamwTable(
  memory: WebAssembly.Memory,
  { weight, gradient, first, second, flags, rows, width }: AdamWPlace & { flags: number; rows: number; width: number },
  coefficients: AdamWCoefficients,
): KernelCall {
  return {
    kernel: 'adamwTable',
    memory,
    length: rows,
    grain: rowGrain(width),
    args: [weight, gradient, first, second, flags, width, ...adamwScalars(coefficients)],
  };
}

/** What one update of stochastic gradient descent does, apart from where. */
export interface SgdCoefficients {
  readonly learningRate: number;
  readonly weightDecay: number;
  /** What stays of the momentum. */
  readonly momentum: number;
  /** How much of the gradient is added to it: 1 − dampening, but 1 at the first step. */
  readonly rate: number;
  /** Nesterov: the momentum, which is looked ahead by; 0: the step is the momentum as it is. */
  readonly lookAhead: number;
  /** Every gradient is multiplied by this first: the clip factor. */
  readonly gradientScale: number;
}

function sgdScalars(c: SgdCoefficients): number[] {
  return [c.gradientScale, c.weightDecay, c.learningRate, c.momentum, c.rate, c.lookAhead];
}

/** Addresses; `buffer` is the momentum's, or 0 where there is none. */
interface SgdPlace {
  weight: number;
  gradient: number;
  buffer: number;
}

/**
 * One update of stochastic gradient descent with momentum (PyTorch's `torch.optim.SGD`) of `count` float32, with clip and
 * weight decay in the same pass.
 */
export function sgd(
  memory: WebAssembly.Memory,
  { weight, gradient, gradientType, buffer, count }: SgdPlace & DensePlace,
  coefficients: SgdCoefficients,
): KernelCall {
  return {
    kernel: 'sgd',
    memory,
    length: count,
    grain,
    args: [weight, gradient, buffer, isBfloat16(gradientType), ...sgdScalars(coefficients)],
  };
}

/** The same update of a table whose gradient touched few rows; `flags` as in {@link adamwTable}. Same bits as {@link sgd}. */
export function sgdTable(
  memory: WebAssembly.Memory,
  { weight, gradient, buffer, flags, rows, width }: SgdPlace & { flags: number; rows: number; width: number },
  coefficients: SgdCoefficients,
): KernelCall {
  return {
    kernel: 'sgdTable',
    memory,
    length: rows,
    grain: rowGrain(width),
    args: [weight, gradient, buffer, flags, width, ...sgdScalars(coefficients)],
  };
}
