/** Where bad input stands, as far as it is known; rows and columns are counted as a person reads the file (from 1). */
export interface ErrorPlace {
  readonly file?: string | undefined;
  readonly row?: number | undefined;
  readonly column?: string | undefined;
}

/** What a {@link FettleError} says, part by part; the message is built from them: `[owner] what, got X, expected Y; do Z`. */
export interface ErrorParts extends ErrorPlace {
  /** The function or class that refuses, as the user wrote it: `loadDataset`, `Trainer`. */
  readonly owner: string;
  /** What is wrong, a clause without a full stop. */
  readonly what: string;
  readonly got?: unknown;
  readonly expected?: string | undefined;
  /** What the user can do about it, an imperative without a full stop. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** The base of every error this library throws on purpose. `code` is stable; the message is for people. */
export abstract class FettleError extends Error {
  /** The command's exit code for this family (design: 1 run, 2 usage, 3 data or model files, 4 environment). */
  abstract readonly exitCode: 1 | 2 | 3 | 4;
  readonly code: string;
  readonly owner: string;
  readonly hint: string | undefined;
  readonly file: string | undefined;
  readonly row: number | undefined;
  readonly column: string | undefined;
  readonly #parts: ErrorParts;

  constructor(code: string, parts: ErrorParts) {
    super(composeMessage(parts), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = new.target.name;
    this.code = code;
    this.owner = parts.owner;
    this.hint = parts.hint;
    this.file = parts.file;
    this.row = parts.row;
    this.column = parts.column;
    this.#parts = parts;
  }

  /** The same error of another row: that of a part of the data as the whole counts it. */
  atRow(row: number): FettleError {
    const family = this.constructor as new (code: string, parts: ErrorParts) => FettleError;
    return new family(this.code, { ...this.#parts, row });
  }
}

/** A wrong option, argument or call. */
export class ArgumentError extends FettleError {
  override readonly exitCode = 2;
}

/** Rows, columns, labels or data files that cannot be used. */
export class DataError extends FettleError {
  override readonly exitCode = 3;
}

/** A model directory, checkpoint, vocabulary or configuration that cannot be used. */
export class ModelError extends FettleError {
  override readonly exitCode = 3;
}

/** A missing or unfit native library, too little memory or disk, no network where it is needed. */
export class EnvironmentError extends FettleError {
  override readonly exitCode = 4;
}

/** A graph that is not well formed: shapes that do not fit, an op without a gradient. */
export class GraphError extends FettleError {
  override readonly exitCode = 1;
}

/** A run that failed while it ran. */
export class RunError extends FettleError {
  override readonly exitCode = 1;
}

function composeMessage(parts: ErrorParts): string {
  const place = [
    parts.file,
    parts.row === undefined ? undefined : `row ${parts.row}`,
    parts.column === undefined ? undefined : `column '${parts.column}'`,
  ].filter((part) => part !== undefined);
  let message = `[${parts.owner}] ${parts.what}`;
  if (place.length > 0) message += ` (${place.join(', ')})`;
  if ('got' in parts && parts.got !== undefined) message += `, got ${quote(parts.got)}`;
  if (parts.expected !== undefined) message += `, expected ${parts.expected}`;
  if (parts.hint !== undefined) message += `; ${parts.hint}`;
  return message;
}

/** A value as an error message shows it: strings quoted, long ones cut. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : typeof value === 'object' ? safeJson(value) : String(value);
  return text.length > 200 ? `${text.slice(0, 197)}…` : text;
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** The candidate that a mistyped name most likely meant, or undefined where none is near (Levenshtein distance). */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}
