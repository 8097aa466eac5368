import { Refusal } from './refusal.ts';

/** Who may ask. */
export interface OriginRules {
  /** Origins of web pages that may ask, '*' for any. */
  readonly cors: readonly string[];
  /** Names under which the server is asked; undefined: any. */
  readonly allowedHosts: readonly string[] | undefined;
}

/** The names of this machine for itself: what a server that only this machine reaches is asked by. */
export const loopbackHosts: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Where only some hosts are allowed, refuses requests by another name, which a foreign page's own name server can point
 * here (DNS rebinding), and requests of pages from elsewhere.
 * @throws Refusal 403.
 */
export function checkOrigin(request: Request, { cors, allowedHosts }: OriginRules): void {
  if (allowedHosts === undefined) return;
  const { hostname, host } = new URL(request.url);
  if (!allowedHosts.includes(hostname)) {
    throw new Refusal(403, 'ERR_HOST_NOT_ALLOWED', {
      what: 'the server is not asked by this name',
      got: hostname,
      expected: allowedHosts.join(', '),
      hint: 'add the name to allowedHosts (--allowed-host)',
    });
  }
  const origin = request.headers.get('origin');
  if (origin === null || allowsOrigin(cors, origin) || hostOf(origin) === host) return;
  throw new Refusal(403, 'ERR_ORIGIN_NOT_ALLOWED', {
    what: 'pages of this origin may not ask',
    got: origin,
    hint: 'add the origin to cors (--cors)',
  });
}

/** The headers that let a web page read the answer; none where its origin may not. */
export function corsHeaders(request: Request, cors: readonly string[]): Record<string, string> {
  if (cors.length === 0) return {};
  const origin = request.headers.get('origin');
  if (cors.includes('*')) return { 'access-control-allow-origin': '*' };
  // A cache must not give one origin's answer to another.
  return origin !== null && allowsOrigin(cors, origin)
    ? { 'access-control-allow-origin': origin, vary: 'Origin' }
    : { vary: 'Origin' };
}

/** The answer to a browser that asks whether a page may ask. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, HEAD, POST',
  'access-control-allow-headers': 'content-type',
  'access-control-max-age': '600',
};

function allowsOrigin(cors: readonly string[], origin: string): boolean {
  return cors.includes('*') || cors.includes(origin);
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
