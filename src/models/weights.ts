import { forEachConcurrently } from '../core/concurrency.ts';
import { ModelError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { RandomStream } from '../core/random.ts';
import type { Arena } from '../engine/arena.ts';
import type { Checkpoint } from '../formats/safetensors-checkpoint.ts';
import type { Parameter } from '../graph/parameter.ts';

/** A checkpoint's tensors as they go into a model's parameters. */
interface Assignment {
  /** Parameter name → tensor name. */
  readonly sources: ReadonlyMap<string, string>;
  /** Parameters of a head that the checkpoint does not have. */
  readonly fresh: readonly string[];
  /** Tensors of another head, which this model does not have. */
  readonly dropped: readonly string[];
}

/** How a checkpoint is read into a model. */
export interface LoadOptions {
  /** The name of the base model's field, which headless checkpoints leave out: `bert`. */
  readonly basePrefix: string;
  /** Tensors that may be there besides the parameter that they are tied to: passed over. */
  readonly tied: readonly string[];
  /** Whether head tensors of another shape are replaced by new ones instead of being an error. */
  readonly ignoreMismatchedSizes: boolean;
  /** Whether a parameter's elements come from elsewhere, an adapter's files; then they are neither missing nor misshapen here. */
  readonly elsewhere?: ((name: string) => boolean) | undefined;
}

/**
 * Decides which tensor goes into which parameter. Strict: every parameter of the base model must be there with its shape,
 * and every tensor must be one of the model's or of another head's. Names are taken with and without the base model's
 * prefix, with TensorFlow's `gamma` and `beta`, and `position_ids`, which is no parameter, is passed over.
 *
 * @throws ModelError that lists all that is missing, unexpected, or of another shape.
 */
export function assignWeights(
  parameters: ReadonlyMap<string, Parameter>,
  checkpoint: Checkpoint,
  options: LoadOptions,
): Assignment {
  const prefix = `${options.basePrefix}.`;
  const prefixed = [...checkpoint.tensors.keys()].some((name) => name.startsWith(prefix));
  const sources = new Map<string, string>();
  const fresh: string[] = [];
  const dropped: string[] = [];
  const missing: string[] = [];
  const unexpected: string[] = [];
  const misshapen: string[] = [];

  for (const name of checkpoint.tensors.keys()) {
    if (name.endsWith('position_ids') || options.tied.includes(name)) continue;
    const modern = name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
    const own = prefixed || parameters.has(modern) ? modern : `${prefix}${modern}`;
    if (!parameters.has(own)) {
      // The pooler is part of the base model, but only some heads have it.
      const ofHead = !own.startsWith(prefix) || own.startsWith(`${prefix}pooler.`);
      (ofHead ? dropped : unexpected).push(name);
      continue;
    }
    if (options.elsewhere?.(own) !== true) sources.set(own, name);
  }
  for (const [name, { shape }] of parameters) {
    if (options.elsewhere?.(name) === true) continue;
    const ofHead = !name.startsWith(prefix) || name.startsWith(`${prefix}pooler.`);
    const source = sources.get(name);
    if (source === undefined) {
      (ofHead ? fresh : missing).push(name);
      continue;
    }
    const found = checkpoint.tensors.get(source)!.shape;
    if (found.join() === shape.join()) continue;
    if (ofHead && options.ignoreMismatchedSizes) {
      sources.delete(name);
      fresh.push(name);
    } else misshapen.push(`${name}: [${found.join(', ')}] in the file, [${shape.join(', ')}] in the model`);
  }
  const faults = [
    missing.length > 0 && `missing: ${missing.join(', ')}`,
    unexpected.length > 0 && `unexpected: ${unexpected.join(', ')}`,
    misshapen.length > 0 && `of another shape: ${misshapen.join('; ')}`,
  ].filter((fault) => fault !== false);
  if (faults.length > 0) {
    const headOnly = missing.length + unexpected.length === 0 && misshapen.every((fault) => !fault.startsWith(prefix));
    throw new ModelError('ERR_WEIGHTS', {
      owner: 'fromPretrained',
      what: `the weights do not fit the model; ${faults.join('; ')}`,
      file: checkpoint.file,
      hint: headOnly
        ? 'for a new head of another size pass ignoreMismatchedSizes: true, or leave out numLabels to keep the old head'
        : "check that config.json belongs to these weights, and that they are BERT's",
    });
  }
  return { sources, fresh, dropped };
}

/** Reads a checkpoint's weights into the arena; what it does not have is initialised anew, from the seed. */
export async function loadWeights(
  parameters: ReadonlyMap<string, Parameter>,
  arena: Arena,
  checkpoint: Checkpoint,
  options: LoadOptions & { readonly seed: number },
): Promise<Assignment> {
  const assignment = assignWeights(parameters, checkpoint, options);
  await readSources(assignment.sources, arena, checkpoint);
  initializeWeights(parameters, arena, assignment.fresh, options.seed);
  if (assignment.fresh.length > 0) {
    log.info(
      `new, and to be trained: ${assignment.fresh.join(', ')} (not in ${checkpoint.file}; seed ${options.seed})`,
    );
  }
  if (assignment.dropped.length > 0) {
    log.info(`left out, as this model has no such head: ${assignment.dropped.join(', ')}`);
  }
  return assignment;
}

/** Reads tensors into parameters: a few at once, as many as the disk and finding the memory's pages keep busy. */
export function readSources(sources: Assignment['sources'], arena: Arena, checkpoint: Checkpoint): Promise<void> {
  return forEachConcurrently(sources, 4, ([name, source]) => checkpoint.readInto(source, arena.weight(name)));
}

/** Draws the named parameters' elements; each is a pure function of the seed and its name. */
export function initializeWeights(
  parameters: ReadonlyMap<string, Parameter>,
  arena: Arena,
  names: Iterable<string>,
  seed: number,
): void {
  for (const name of names)
    parameters.get(name)!.initializer(arena.weight(name), new RandomStream(seed, `initialise/${name}`));
}
