import { Callable } from '../core/callable.ts';
import { GraphError } from '../core/errors.ts';
import type { Graph } from '../graph/graph.ts';
import { Parameter } from '../graph/parameter.ts';
import { Value } from '../graph/value.ts';

/** What every module has besides being callable. */
export interface ModuleBase {
  /** Where it stands in the model (`bert.encoder.layer.0`); given by {@link nameParameters}. */
  path: string;
}

class TracedModule extends Callable<(...parameters: unknown[]) => unknown> {
  path = '';

  constructor() {
    super('trace');
  }

  /** `this.query(hidden)` is `this.query.forward(hidden)`, traced under the layer's path. */
  trace(...parameters: unknown[]): unknown {
    const run = () => (this as unknown as { forward(...p: unknown[]): unknown }).forward(...parameters);
    const graph = graphOf(parameters);
    return graph === undefined ? run() : graph.inLayer(this.path, run);
  }
}

function graphOf(parameters: readonly unknown[]): Graph | undefined {
  for (const parameter of parameters) {
    if (parameter instanceof Value) return parameter.graph;
    const graph = (parameter as { graph?: Graph } | undefined)?.graph;
    if (graph !== undefined) return graph;
  }
  return undefined;
}

/**
 * The base of layers and models. A subclass has parameters and modules as fields and a `forward` over symbolic values;
 * an instance is called like a function, which runs `forward`:
 *
 * ```ts
 * class Scorer extends Module<(x: Value) => Value> {
 *   readonly dense = new Linear(16, 1);
 *   forward(x: Value): Value {
 *     return this.dense(x);
 *   }
 * }
 * ```
 * Parameters are named by the path of fields that leads to them, in snake_case as in Hugging Face's files
 * (`wordEmbeddings.weight` → `word_embeddings.weight`; a field that begins with a capital or has an underscore keeps its
 * name: `LayerNorm`, `lora_A`).
 */
export const Module = TracedModule as unknown as new <F extends (...parameters: never[]) => unknown>() => ModuleBase &
  F;

/**
 * Gives every module below `root` its path and every parameter its name. A parameter found twice (tied weights) keeps its
 * first name, a module found twice its first path.
 * @param prefix the path of `root` itself.
 * @returns the parameters by name, in the order of the fields.
 * @throws GraphError where there is no parameter.
 */
export function nameParameters(root: object, prefix = ''): Map<string, Parameter> {
  const parameters = new Map<string, Parameter>();
  const seen = new Set<object>();
  const visit = (item: unknown, path: string): void => {
    if (item instanceof Parameter || isModule(item)) {
      if (seen.has(item)) return;
      seen.add(item);
    }
    if (item instanceof Parameter) {
      item.name = path;
      parameters.set(path, item);
    } else if (Array.isArray(item)) {
      item.forEach((child, i) => {
        visit(child, join(path, `${i}`));
      });
    } else if (isModule(item)) {
      (item as ModuleBase).path = path;
      for (const [field, child] of Object.entries(item))
        if (field !== 'path') visit(child, join(path, snakeCase(field)));
    }
  };
  visit(root, prefix);
  if (parameters.size === 0) {
    throw new GraphError('ERR_NO_PARAMETERS', { owner: 'nameParameters', what: 'the module has no parameters' });
  }
  return parameters;
}

/** A module below another, and the field or array that holds it. */
interface HeldModule {
  readonly path: string;
  readonly module: object;
  /** Puts another module in its place. */
  replace(other: object): void;
}

/** Every module below `root`, each once, with its path (PyTorch's `named_modules`). */
export function namedModules(root: object, prefix = ''): HeldModule[] {
  const found: HeldModule[] = [];
  const seen = new Set<object>();
  const visit = (holder: object, path: string): void => {
    for (const [field, child] of Object.entries(holder)) {
      const own = join(path, Array.isArray(holder) ? field : snakeCase(field));
      if (Array.isArray(child)) visit(child, own);
      if (!isModule(child) || seen.has(child)) continue;
      seen.add(child);
      const replace = (other: object) => {
        (holder as Record<string, unknown>)[field] = other;
      };
      found.push({ path: own, module: child, replace });
      visit(child, own);
    }
  };
  visit(root, prefix);
  return found;
}

function isModule(item: unknown): item is object {
  return typeof item === 'function' && Object.hasOwn(item, 'path');
}

function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

function snakeCase(field: string): string {
  return /^[A-Z]|_/.test(field) ? field : field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
