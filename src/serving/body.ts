import { kindOfValue, Refusal } from './refusal.ts';

/**
 * The JSON of a request's body. The body is read as a stream and given up where it grows beyond `maxBytes`, whatever its
 * `Content-Length` says.
 * @throws Refusal 415 for another type or a compressed body, 413 for one too long, 400 for what is no JSON in UTF-8.
 */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  checkType(request.headers);
  const declared = request.headers.get('content-length');
  if (declared !== null && Number(declared) > maxBytes) throw tooLong(maxBytes);
  const bytes = await readBounded(request, maxBytes);
  if (bytes.byteLength === 0) throw notJson('the request has no body');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notJson('the body is no UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notJson(`the body is no JSON (${(error as Error).message.slice(0, 120)})`);
  }
}

/** @throws Refusal 422 where the JSON is no object. */
export function requireObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Refusal(422, 'ERR_BODY', {
    what: `the body is ${kindOfValue(value)}`,
    expected: 'an object: {"inputs": …}',
  });
}

/** JSON alone is taken: other types reach a server from any web page without its leave. */
function checkType(headers: Headers): void {
  const given = headers.get('content-type');
  const [type, ...parameters] = (given ?? '').split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters.find((part) => part.startsWith('charset='))?.slice('charset='.length);
  const isUtf8 = charset === undefined || /^"?utf-?8"?$/.test(charset);
  if (type !== 'application/json' || !isUtf8) {
    throw new Refusal(415, 'ERR_CONTENT_TYPE', {
      what: given === null ? 'the request does not say what its body is' : 'the body is of another type',
      got: given ?? undefined,
      expected: 'Content-Type: application/json',
    });
  }
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new Refusal(415, 'ERR_CONTENT_ENCODING', {
      what: 'the body is compressed',
      got: encoding,
      hint: 'send it as it is',
    });
  }
}

async function readBounded(request: Request, maxBytes: number): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const stop = () => void reader.cancel(request.signal.reason).catch(() => undefined);
  request.signal.addEventListener('abort', stop);
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      request.signal.throwIfAborted();
      if (done) break;
      length += value.byteLength;
      if (length > maxBytes) {
        await reader.cancel();
        throw tooLong(maxBytes);
      }
      parts.push(value);
    }
  } finally {
    request.signal.removeEventListener('abort', stop);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

function tooLong(maxBytes: number): Refusal {
  return new Refusal(413, 'ERR_BODY_TOO_LONG', {
    what: `the body has more than ${maxBytes} bytes`,
    hint: 'send fewer or shorter texts at a time',
  });
}

function notJson(what: string): Refusal {
  return new Refusal(400, 'ERR_JSON', { what, expected: '{"inputs": "a text"}' });
}
