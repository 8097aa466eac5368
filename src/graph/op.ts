import type { DType } from '../core/dtypes.ts';
import { GraphError } from '../core/errors.ts';
import type { Graph } from './graph.ts';
import type { Lowering } from './lowering.ts';
import type { NdArray } from './ndarray.ts';
import { Parameter } from './parameter.ts';
import { type Node, type Shape, Value } from './value.ts';

/** What an op may be applied to: a value, a model's parameter, or a number (a scalar constant). */
export type Operand = Value | Parameter | number;

/** One entry per input of an op; an input whose name ends in `?` may be undefined. */
type PerInput<Names extends readonly string[], T> = {
  -readonly [K in keyof Names]: Names[K] extends `${string}?` ? T | undefined : T;
};

/** What a gradient rule is given. */
export interface GradientContext<Names extends readonly string[], Attributes> {
  readonly inputs: PerInput<Names, Value>;
  readonly outputs: readonly Value[];
  /** d loss / d output, for each output; undefined where the loss does not depend on it (never for the first output). */
  readonly cotangents: readonly [Value, ...(Value | undefined)[]];
  readonly attributes: Attributes;
}

/** All that is to be known about an op, in one place. */
export interface OpRules<Names extends readonly string[], Attributes extends object> {
  /** The inputs' names, for errors; a name that ends in `?` is optional. */
  readonly inputs: Names;
  /** Those of them that are row or column numbers: int64. All others are of one type. */
  readonly indices?: readonly Names[number][];
  /** The first output's shape, or every output's where there are several. Throws a GraphError where the inputs do not fit. */
  readonly shape: (inputs: PerInput<Names, Value>, attributes: Attributes) => Shape | readonly Shape[];
  /** The outputs' type; the first input's where absent. */
  readonly dtype?: (inputs: PerInput<Names, Value>, attributes: Attributes) => DType;
  /**
   * d loss / d input, for each input, as nodes of the same graph; undefined where there is none (integer inputs).
   * A cotangent of broadcast shape is summed to the input's shape by the walker. `null`: the op has no gradient.
   */
  readonly gradient: ((context: GradientContext<Names, Attributes>) => readonly (Value | undefined)[]) | null;
  /** The ONNX form: emits nodes and returns the outputs' names. */
  readonly lower: (
    onnx: Lowering,
    inputs: PerInput<Names, string>,
    attributes: Attributes,
    values: { readonly inputs: PerInput<Names, Value>; readonly outputs: readonly Value[] },
  ) => string | readonly string[];
  /** The op in plain float64. `dims` gives the lengths of symbolic dimensions. */
  readonly reference: (
    inputs: PerInput<Names, NdArray>,
    attributes: Attributes,
    dims: (shape: Shape) => number[],
  ) => NdArray | readonly NdArray[];
}

/** An op's rules with its name, as nodes hold it: no type parameters, so that the walkers treat all ops alike. */
export interface Op {
  readonly name: string;
  readonly rules: OpRules<readonly string[], object>;
}

/** How an op is called: its inputs, then its attributes. */
export type OpCall<Names extends readonly string[], Attributes extends object> = (
  ...operands: [
    ...PerInput<Names, Operand>,
    ...(Record<never, never> extends Attributes ? [attributes?: Attributes] : [attributes: Attributes]),
  ]
) => Value;

/** A defined op: a function on values that carries its rules. Ops whose gradients use themselves need their type written out. */
export type DefinedOp<Names extends readonly string[], Attributes extends object = Record<never, never>> = OpCall<
  Names,
  Attributes
> &
  Op;

/**
 * Defines an op: the function returned appends a node to the graph of its operands and gives the node's first output
 * (gradient rules see all of them).
 */
export function defineOp<const Names extends readonly string[], Attributes extends object = Record<never, never>>(
  name: string,
  rules: OpRules<Names, Attributes>,
): DefinedOp<Names, Attributes> {
  const op: Op = { name, rules: rules as unknown as OpRules<readonly string[], object> };
  const call = (...parameters: unknown[]): Value => {
    const operands = parameters.slice(0, rules.inputs.length) as (Operand | undefined)[];
    return applyOp(op, operands, (parameters[rules.inputs.length] as object | undefined) ?? {});
  };
  Object.defineProperty(call, 'name', { value: name });
  return Object.assign(call, { rules: op.rules }) as unknown as DefinedOp<Names, Attributes>;
}

function applyOp(op: Op, operands: readonly (Operand | undefined)[], attributes: object): Value {
  const graph = operands.find((operand): operand is Value => operand instanceof Value)?.graph;
  if (graph === undefined) {
    throw new GraphError('ERR_OP_OPERANDS', {
      owner: op.name,
      what: 'no operand is a value of a graph',
      hint: 'call it inside a traced forward, on at least one Value',
    });
  }
  const inputs = op.rules.inputs.map((name, i) => toValue(op, graph, name, operands[i]));
  const layer = graph.layer;
  const { shapes, dtype } = inContext(op, layer, inputs, () => outputTypes(op, inputs, attributes));
  const outputs: Value[] = [];
  const node: Node = { op, inputs, outputs, attributes, layer };
  for (const shape of shapes) outputs.push(new Value(graph, dtype, shape, { node }));
  graph.nodes.push(node);
  return outputs[0];
}

/**
 * What an op's rules say its outputs are.
 * @throws GraphError where the inputs do not fit, in shape or in type.
 */
export function outputTypes(
  op: Op,
  inputs: readonly (Value | undefined)[],
  attributes: object,
): { readonly shapes: readonly Shape[]; readonly dtype: DType } {
  const { rules } = op;
  let first: Value | undefined;
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    if (input === undefined) continue;
    if (rules.indices?.includes(rules.inputs[i])) {
      if (input.dtype !== 'int64') throw shapeError(`'${rules.inputs[i]}' must be int64`);
    } else {
      first ??= input;
      if (input.dtype !== first.dtype) {
        throw shapeError(`inputs of types ${first.dtype} and ${input.dtype} do not go together`);
      }
    }
  }
  const rule = rules.shape(inputs as Value[], attributes);
  return {
    shapes: rule.length > 0 && Array.isArray(rule[0]) ? (rule as readonly Shape[]) : [rule as Shape],
    dtype: rules.dtype?.(inputs as Value[], attributes) ?? (first ?? inputs[0])!.dtype,
  };
}

/** Runs a rule of an op; where it refuses its inputs ({@link shapeError}) the error says which op, layer and shapes. */
export function inContext<T>(op: Op, layer: string, inputs: readonly (Value | undefined)[], rule: () => T): T {
  try {
    return rule();
  } catch (error) {
    if (!(error instanceof GraphError) || error.code !== 'ERR_SHAPES') throw error;
    throw new GraphError('ERR_OP_SHAPES', {
      owner: op.name,
      what: `${error.message.replace(/^\[[^\]]*\] /, '')}${layer === '' ? '' : ` (in ${layer})`}`,
      got: inputs.map((input) => `${input ?? '–'}`).join(', '),
    });
  }
}

function toValue(op: Op, graph: Graph, name: string, operand: Operand | undefined): Value | undefined {
  if (operand instanceof Value) {
    if (operand.graph === graph) return operand;
    throw new GraphError('ERR_OP_OPERANDS', { owner: op.name, what: `'${name}' belongs to another graph` });
  }
  if (operand instanceof Parameter) return graph.parameter(operand);
  if (typeof operand === 'number') return constant(graph, operand);
  if (name.endsWith('?')) return undefined;
  throw new GraphError('ERR_OP_OPERANDS', {
    owner: op.name,
    what: `'${name}' is not an operand`,
    got: operand,
    expected: 'a Value, a Parameter or a number',
  });
}

const constantOp: Op = {
  name: 'Constant',
  rules: {
    inputs: [],
    shape: () => [],
    dtype: () => 'float32',
    gradient: () => [],
    lower: (onnx, _, attributes) => onnx.scalar((attributes as { value: number }).value),
    reference: (_, attributes) => ({ shape: [], data: Float64Array.of((attributes as { value: number }).value) }),
  },
};

/** A float32 scalar that is part of the graph. */
export function constant(graph: Graph, value: number): Value {
  const outputs: Value[] = [];
  const node: Node = { op: constantOp, inputs: [], outputs, attributes: { value }, layer: graph.layer };
  outputs.push(new Value(graph, 'float32', [], { node }));
  graph.nodes.push(node);
  return outputs[0];
}

/** The error of a rule whose inputs do not fit; the op's name, layer and input shapes are added by {@link inContext}. */
export function shapeError(what: string): GraphError {
  return new GraphError('ERR_SHAPES', { owner: 'shape', what });
}
