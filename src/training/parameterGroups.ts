import { camelCase } from './optionRules.ts';
import { parsedJson } from './optionValues.ts';

/** Parameters that learn in a way of their own (PyTorch's parameter groups, by name). */
export interface ParameterGroup {
  /**
   * Which: a path (`'classifier'` means all below it), a glob over names (`'**.bias'`) or a regular expression; in files,
   * where there is none, as `'/…/'`.
   */
  readonly params: string | RegExp | readonly (string | RegExp)[];
  /** Their learning rate at its highest, in place of `learningRate` and of the layers' decay; the schedule is the same. */
  readonly learningRate?: number | undefined;
  /** Their weight decay, in place of `weightDecay`, biases and LayerNorm among them. */
  readonly weightDecay?: number | undefined;
}

const names: readonly string[] = ['params', 'learningRate', 'weightDecay'];

/** Parameter groups from a value or its JSON; undefined where it is none. */
export function readParameterGroups(value: unknown): readonly ParameterGroup[] | undefined {
  const given = typeof value === 'string' ? parsedJson(value) : value;
  if (!Array.isArray(given)) return undefined;
  const groups = given.map(readGroup);
  return groups.every((group) => group !== undefined) ? groups : undefined;
}

function readGroup(value: unknown): ParameterGroup | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined && each !== null)
    .map(([name, each]) => [camelCase(name), each as unknown] as const);
  if (!entries.every(([name]) => names.includes(name))) return undefined;
  const group = Object.fromEntries(entries);
  const { learningRate, weightDecay } = group;
  if (![learningRate, weightDecay].every((rate) => rate === undefined || isRate(rate))) return undefined;
  const given = group['params'];
  const patterns = (Array.isArray(given) ? given : [given]).map(readPattern);
  if (patterns.length === 0 || !patterns.every((pattern) => pattern !== undefined)) return undefined;
  return {
    params: patterns.length === 1 ? patterns[0] : patterns,
    ...(learningRate === undefined ? {} : { learningRate: learningRate as number }),
    ...(weightDecay === undefined ? {} : { weightDecay: weightDecay as number }),
  };
}

function readPattern(value: unknown): string | RegExp | undefined {
  if (value instanceof RegExp) return value;
  if (typeof value !== 'string' || value === '') return undefined;
  const [, source, flags] = /^\/(.+)\/([a-z]*)$/.exec(value) ?? [];
  if (source === undefined) return value;
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}

function isRate(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
