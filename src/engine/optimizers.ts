import { ArgumentError } from '../core/errors.ts';
import { adamw as adamwCall, adamwTable, type GradientType, sgd as sgdCall, sgdTable } from '../kernels/calls.ts';
import type { KernelCall } from '../kernels/kernels.ts';

/** Where one parameter's arrays lie, in bytes; of `first` and `second` an optimizer uses as many as it has state. */
interface Arrays {
  readonly memory: WebAssembly.Memory;
  readonly weight: number;
  readonly gradient: number;
  readonly first: number;
  readonly second: number;
}

/** A parameter whose gradient comes whole. */
export interface DenseParameter extends Arrays {
  readonly count: number;
  readonly gradientType: GradientType;
}

/** A parameter whose gradient comes as rows of a table. */
export interface TableParameter extends Arrays {
  /** A byte a row: whether it has state (1) and a gradient (2). */
  readonly flags: number;
  readonly rows: number;
  readonly width: number;
}

/** One parameter's share of a step. */
export interface ParameterStep {
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Every gradient is multiplied by this first: the clip factor. */
  readonly gradientScale: number;
  /** Which step this is, from 1. */
  readonly step: number;
}

/** An optimizer: the state it keeps beside each weight, all zero before the first step, and the update of one parameter. */
export interface Optimizer {
  /** Hugging Face's name: `adamw_torch`, `sgd`. */
  readonly name: string;
  /** PyTorch's names of the arrays that it keeps, each as large as the weight; two at most. */
  readonly state: readonly string[];
  /** One update, in a pass of a kernel of its own. */
  update(parameter: DenseParameter, step: ParameterStep): KernelCall;
  /** The same bits for a table whose gradient touched few rows, which the kernel zeroes. */
  updateTable(parameter: TableParameter, step: ParameterStep): KernelCall;
}

/** AdamW's numbers; PyTorch's and Hugging Face's defaults. */
export interface AdamWOptions {
  /** The decay of the first moment, 0.9 by default. */
  readonly beta1?: number | undefined;
  /** The decay of the second moment, 0.999 by default. */
  readonly beta2?: number | undefined;
  /** 1e-8 by default. */
  readonly epsilon?: number | undefined;
}

/**
 * AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch's `torch.optim.AdamW`.
 * @throws ArgumentError for a β outside [0, 1) or an ε that is not above 0.
 */
export function adamW({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions = {}): Optimizer {
  check('adamW', 'beta1', beta1, beta1 >= 0 && beta1 < 1, 'a number of at least 0 and below 1');
  check('adamW', 'beta2', beta2, beta2 >= 0 && beta2 < 1, 'a number of at least 0 and below 1');
  check('adamW', 'epsilon', epsilon, epsilon > 0, 'a number above 0');
  const coefficients = ({ step, ...rest }: ParameterStep) => ({
    ...rest,
    beta1,
    beta2,
    epsilon,
    biasCorrection1: 1 - beta1 ** step,
    biasCorrection2: 1 - beta2 ** step,
  });
  return {
    name: 'adamw_torch',
    state: ['exp_avg', 'exp_avg_sq'],
    update: (parameter, step) => adamwCall(parameter.memory, parameter, coefficients(step)),
    updateTable: (parameter, step) => adamwTable(parameter.memory, parameter, coefficients(step)),
  };
}

/** Stochastic gradient descent's numbers; PyTorch's defaults. */
export interface SgdOptions {
  /** How much of the last step goes into the next; 0 by default. */
  readonly momentum?: number | undefined;
  /** How much less of the gradient goes into the momentum after the first step; 0 by default. */
  readonly dampening?: number | undefined;
  /** Looks ahead by the momentum (Nesterov); false by default. */
  readonly nesterov?: boolean | undefined;
}

/**
 * Stochastic gradient descent with momentum (Sutskever et al. 2013), as PyTorch's `torch.optim.SGD`; weight decay is added
 * to the gradient.
 * @throws ArgumentError for numbers outside [0, 1], and for Nesterov's form without momentum or with dampening.
 */
export function sgd({ momentum = 0, dampening = 0, nesterov = false }: SgdOptions = {}): Optimizer {
  check('sgd', 'momentum', momentum, momentum >= 0 && momentum <= 1, 'a number from 0 to 1');
  check('sgd', 'dampening', dampening, dampening >= 0 && dampening <= 1, 'a number from 0 to 1');
  check(
    'sgd',
    'nesterov',
    nesterov,
    !nesterov || (momentum > 0 && dampening === 0),
    'momentum above 0 and no dampening',
  );
  const coefficients = ({ step, ...rest }: ParameterStep) => ({
    ...rest,
    // The first gradient is the momentum: PyTorch begins without one.
    momentum: step === 1 ? 0 : momentum,
    rate: step === 1 ? 1 : 1 - dampening,
    lookAhead: nesterov ? momentum : 0,
  });
  const bufferOf = (first: number) => (momentum === 0 ? 0 : first);
  return {
    name: 'sgd',
    state: momentum === 0 ? [] : ['momentum_buffer'],
    update: ({ first, ...parameter }, step) =>
      sgdCall(parameter.memory, { ...parameter, buffer: bufferOf(first) }, coefficients(step)),
    updateTable: ({ first, ...parameter }, step) =>
      sgdTable(parameter.memory, { ...parameter, buffer: bufferOf(first) }, coefficients(step)),
  };
}

function check(owner: string, name: string, got: unknown, fits: boolean, expected: string): void {
  if (!fits) throw new ArgumentError('ERR_OPTIMIZER', { owner, what: `${name} does not fit`, got, expected });
}
