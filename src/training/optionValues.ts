import { camelCase } from './optionRules.ts';

/**
 * Names with values, as Hugging Face writes them: an object, its JSON, or `name=value,name=value`. Names come out in camelCase.
 * @returns undefined where it is none of these.
 */
export function readNamedValues(value: unknown): Readonly<Record<string, number | string | boolean>> | undefined {
  const given = typeof value === 'string' ? fromText(value) : value;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const entries = Object.entries(given).filter(([, each]) => each !== null && each !== undefined);
  if (!entries.every(([, each]) => ['number', 'string', 'boolean'].includes(typeof each))) return undefined;
  return Object.fromEntries(entries.map(([name, each]) => [camelCase(name), each as number | string | boolean]));
}

function fromText(text: string): unknown {
  if (text.trim().startsWith('{')) return parsedJson(text);
  const pairs = text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(part));
  if (!pairs.every((pair) => pair !== null)) return undefined;
  return Object.fromEntries(pairs.map(([, name, word]) => [name, valueOfWord(word)]));
}

function valueOfWord(word: string): string | number | boolean {
  if (/^(true|false)$/i.test(word)) return word.toLowerCase() === 'true';
  return word !== '' && Number.isFinite(Number(word)) ? Number(word) : word;
}

/** JSON's value, or undefined where it is none. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How much classes count: one number a label id, numbers by label name, or what balances them. */
export type ClassWeights = 'balanced' | readonly number[] | Readonly<Record<string, number>>;

/** Class weights from a value or a flag's text (`balanced`, `1,3`, `no=1,yes=3` or JSON); undefined where it is none. */
export function readClassWeights(value: unknown): ClassWeights | undefined {
  if (typeof value === 'string') {
    const text = value.trim();
    if (text === 'balanced') return text;
    if (/^[[{]/.test(text)) return readClassWeights(parsedJson(text));
    if (text.includes('=')) return namedWeights(fromText(text));
    const numbers = text.split(',').map((word) => (word.trim() === '' ? Number.NaN : Number(word)));
    return numbers.every(isWeight) ? numbers : undefined;
  }
  if (Array.isArray(value)) return value.length > 0 && value.every(isWeight) ? (value as number[]) : undefined;
  return namedWeights(value);
}

function namedWeights(value: unknown): Readonly<Record<string, number>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const weights = Object.values(value);
  return weights.length > 0 && weights.every(isWeight) ? (value as Record<string, number>) : undefined;
}

function isWeight(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
