import type { DType } from '../core/dtypes.ts';
import type { Graph } from './graph.ts';
import type { Op } from './op.ts';

/** One axis of a symbolic shape: a fixed length, or a name for a length that is known when the graph runs (`'tokens'`). */
export type Dim = number | string;

/** The shape of a {@link Value}; equal names are equal lengths. */
export type Shape = readonly Dim[];

/** A step of a graph: an op, what it is applied to, and what it gives. */
export interface Node {
  readonly op: Op;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: object;
  /** The layer in whose `forward` the node was made (`bert.encoder.layer.0.attention.self`), for errors and profiles. */
  readonly layer: string;
}

/** A symbolic tensor: it has a type and a shape but no elements, and belongs to one graph. */
export class Value {
  readonly graph: Graph;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The node that makes it, or undefined for an input of the graph. */
  readonly node: Node | undefined;
  /** The input's name, or undefined for what a node makes. */
  readonly name: string | undefined;

  constructor(graph: Graph, dtype: DType, shape: Shape, origin: { node: Node } | { name: string }) {
    this.graph = graph;
    this.dtype = dtype;
    this.shape = shape;
    this.node = 'node' in origin ? origin.node : undefined;
    this.name = 'name' in origin ? origin.name : undefined;
  }

  /** For error messages: `float32[tokens, 768]`. */
  toString(): string {
    return `${this.dtype}${formatShape(this.shape)}`;
  }
}

/** `[tokens, 768]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two shapes are the same, axis by axis. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
