import { ArgumentError, type ErrorParts, type FettleError } from '../core/errors.ts';

/** What a server does not answer, and with which status it says so. */
export class Refusal extends ArgumentError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    parts: Omit<ErrorParts, 'owner'>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, { owner: 'predict', ...parts });
    this.status = status;
    this.headers = headers;
  }
}

/** A value's kind, for messages: what a stranger sent is not repeated to him in full. */
export function kindOfValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a string' : `a ${typeof value}`;
}

/** JSON that no cache keeps and no browser takes for something else. */
export function jsonResponse(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  });
}

/** An error in the form of the command's `--json`: `{"error": {"code", "message", "hint", "row"}}`. */
export function errorResponse(error: FettleError): Response {
  const { code, message, hint, row } = error;
  const { status, headers } = error instanceof Refusal ? error : { status: 422, headers: {} };
  return jsonResponse({ error: { code, message, hint, row } }, status, headers);
}
