import { ArgumentError, didYouMean } from '../core/errors.ts';
import { countLayers, describeGroups, parameterGroups } from './parameterGroups.ts';

/**
 * Which parameters are meant: a path (`'bert.encoder.layer.0'` means all below it), a glob over names (`*` is any part of
 * one step, `**` any steps: `'bert.encoder.layer.{0,1}.**'`, `'**.bias'`), a RegExp, a function, or several of these.
 * A path that does not stand at the root means every place where it does: `'encoder'`, `'embeddings'`, `'layer.3'`,
 * `'LayerNorm'`, `'bias'`.
 */
export type ParameterPattern =
  | string
  | RegExp
  | ((name: string) => boolean)
  | readonly (string | RegExp | ((name: string) => boolean))[];

/** Parameters by depth: the embeddings and the lowest `layers` layers. */
interface LowestLayers {
  readonly layers: number;
}

/** What is left as it is when a model is made; see `model.freeze` and `model.trainOnly`. */
export interface FreezingOptions {
  /** Parameters that training leaves as they are: `'encoder'`, `'bert'`, `'**.LayerNorm.*'`. */
  readonly freeze?: ParameterPattern | undefined;
  /** Freezes the embeddings and as many of the lowest layers. */
  readonly freezeLayers?: number | undefined;
  /** The parameters that are trained besides the task's head; `'bias'` is BitFit. */
  readonly trainOnly?: ParameterPattern | undefined;
}

/** The names that a pattern means, in their order. @throws ArgumentError where a part of it means none, with what there is. */
export function selectParameters(names: Iterable<string>, pattern: ParameterPattern, owner: string): string[] {
  const all = [...names];
  const chosen = new Set<string>();
  for (const part of Array.isArray(pattern) ? pattern : [pattern]) {
    const found = all.filter(matcher(part as string | RegExp | ((name: string) => boolean), all));
    if (found.length === 0) {
      const near = typeof part === 'string' ? didYouMean(part, pathsIn(all)) : undefined;
      throw new ArgumentError('ERR_NO_PARAMETERS', {
        owner,
        what: 'the pattern means no parameter',
        got: String(part),
        expected: `a path or glob over ${describeGroups(all)}`,
        hint: near === undefined ? `names are like ${all.slice(0, 3).join(', ')}` : `did you mean '${near}'?`,
      });
    }
    for (const name of found) chosen.add(name);
  }
  return all.filter((name) => chosen.has(name));
}

/** What `model.freeze` takes: names by a pattern, or by depth. */
export type FreezingChoice = ParameterPattern | LowestLayers;

/**
 * The frozen names after some more are frozen.
 * @throws ArgumentError where the choice means none, or would leave none to train; what there is is listed.
 */
export function freezeMore(
  names: Iterable<string>,
  frozen: ReadonlySet<string>,
  choice: FreezingChoice,
  owner: string,
): ReadonlySet<string> {
  const all = [...names];
  const more =
    typeof choice === 'object' && 'layers' in choice
      ? lowestLayers(all, choice.layers, owner)
      : selectParameters(all, choice, owner);
  const after = new Set([...frozen, ...more]);
  if (all.some((name) => !after.has(name))) return after;
  throw new ArgumentError('ERR_ALL_FROZEN', {
    owner,
    what: 'that would leave no parameter to train',
    hint: `leave out some of ${describeGroups(all)}`,
  });
}

/**
 * The frozen names where only those of a pattern, and `always` those of some modules, are trained.
 * @throws ArgumentError where the pattern means none, or all.
 */
export function freezeAllBut(
  names: Iterable<string>,
  pattern: ParameterPattern,
  always: (name: string) => boolean,
  owner: string,
): ReadonlySet<string> {
  const all = [...names];
  const kept = new Set([...selectParameters(all, pattern, owner), ...all.filter(always)]);
  const frozen = all.filter((name) => !kept.has(name));
  if (frozen.length > 0) return new Set(frozen);
  throw new ArgumentError('ERR_NONE_FROZEN', {
    owner,
    what: 'the pattern means every parameter, so that nothing is frozen',
    hint: `name some of ${describeGroups(all)}`,
  });
}

/** The names of the embeddings and of as many of the lowest layers. @throws ArgumentError where there are not so many. */
function lowestLayers(names: readonly string[], layers: number, owner: string): string[] {
  const most = countLayers(names);
  if (!Number.isInteger(layers) || layers < 1 || layers > most) {
    throw new ArgumentError('ERR_LAYERS', {
      owner,
      what: 'that is no number of layers to freeze',
      got: layers,
      expected: `1 to ${most}`,
      hint: "for the embeddings alone freeze 'embeddings'",
    });
  }
  return parameterGroups(names)
    .filter(({ depth }) => depth <= layers)
    .flatMap((group) => group.names);
}

/** Every path that leads to a parameter, from the root and, as patterns may begin anywhere, from each step. */
function pathsIn(names: readonly string[]): Set<string> {
  const paths = new Set<string>();
  for (const name of names) {
    const steps = name.split('.');
    for (let end = 1; end <= steps.length; end++) paths.add(steps.slice(0, end).join('.'));
    for (const step of steps) if (!/^\d+$/.test(step)) paths.add(step);
  }
  return paths;
}

function matcher(
  pattern: string | RegExp | ((name: string) => boolean),
  names: readonly string[],
): (name: string) => boolean {
  if (typeof pattern === 'function') return pattern;
  if (pattern instanceof RegExp) return (name) => new RegExp(pattern.source, pattern.flags.replace('g', '')).test(name);
  if (!/[*{]/.test(pattern)) {
    const atRoot = (name: string) => name === pattern || name.startsWith(`${pattern}.`);
    return names.some(atRoot) ? atRoot : (name) => `.${name}.`.includes(`.${pattern}.`);
  }
  const source = pattern
    .replace(/[.+?^$()|[\]\\]/g, '\\$&')
    .replace(/\{([^}]*)\}/g, (_, choices: string) => `(?:${choices.replaceAll(',', '|')})`)
    .replace(/\*\*/g, '\0')
    .replaceAll('*', '[^.]*')
    .replaceAll('\0', '.*');
  const expression = new RegExp(`^${source}$`);
  return (name) => expression.test(name);
}
