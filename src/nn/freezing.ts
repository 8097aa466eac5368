import { ArgumentError, didYouMean } from '../core/errors.ts';

/**
 * Which parameters are meant: a path (`'bert.encoder.layer.0'` means all below it), a glob over names (`*` is any part of
 * one step, `**` any steps: `'bert.encoder.layer.{0,1}.**'`, `'**.bias'`), a RegExp, a function, or several of these.
 */
export type ParameterPattern =
  | string
  | RegExp
  | ((name: string) => boolean)
  | readonly (string | RegExp | ((name: string) => boolean))[];

/** The names that a pattern means, in their order. @throws ArgumentError where a part of it means none. */
export function selectParameters(names: Iterable<string>, pattern: ParameterPattern, owner: string): string[] {
  const all = [...names];
  const chosen = new Set<string>();
  for (const part of Array.isArray(pattern) ? pattern : [pattern]) {
    const matches = matcher(part as string | RegExp | ((name: string) => boolean));
    const found = all.filter(matches);
    if (found.length === 0) {
      const paths = new Set(
        all.flatMap((name) => name.split('.').map((_, i, steps) => steps.slice(0, i + 1).join('.'))),
      );
      const near = typeof part === 'string' ? didYouMean(part, paths) : undefined;
      throw new ArgumentError('ERR_NO_PARAMETERS', {
        owner,
        what: 'the pattern means no parameter',
        got: String(part),
        hint: near === undefined ? `names are like ${all.slice(0, 3).join(', ')}` : `did you mean '${near}'?`,
      });
    }
    for (const name of found) chosen.add(name);
  }
  return all.filter((name) => chosen.has(name));
}

function matcher(pattern: string | RegExp | ((name: string) => boolean)): (name: string) => boolean {
  if (typeof pattern === 'function') return pattern;
  if (pattern instanceof RegExp) return (name) => new RegExp(pattern.source, pattern.flags.replace('g', '')).test(name);
  if (!/[*{]/.test(pattern)) return (name) => name === pattern || name.startsWith(`${pattern}.`);
  const source = pattern
    .replace(/[.+?^$()|[\]\\]/g, '\\$&')
    .replace(/\{([^}]*)\}/g, (_, choices: string) => `(?:${choices.replaceAll(',', '|')})`)
    .replace(/\*\*/g, '\0')
    .replaceAll('*', '[^.]*')
    .replaceAll('\0', '.*');
  const expression = new RegExp(`^${source}$`);
  return (name) => expression.test(name);
}
