import { EnvironmentError, FettleError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { connectionFailure, type HubContext, PassingFailure, statusFailure } from './failures.ts';

const redirects = new Set([301, 302, 303, 307, 308]);
const mostRedirects = 8;

/**
 * Ends a request that has gone silent: whoever gets something calls `beat`, and where nothing comes for as long as the
 * settings say, the signal aborts.
 */
export class Watch {
  readonly #controller = new AbortController();
  readonly #silence: number;
  readonly #outer: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silent = false;

  constructor(context: HubContext) {
    this.#silence = context.settings.patience;
    this.#outer = context.signal;
    this.#outer?.throwIfAborted();
    this.#outer?.addEventListener('abort', this.#stop);
    this.beat();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came: the count of silence begins anew. */
  beat(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#silent = true;
      this.#controller.abort();
    }, this.#silence * 1000);
  }

  /** Counts no silence until the next beat: for what the other side takes, which is not seen. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** The end of the request, good or bad. It also ends what is still under way. */
  close(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#stop);
    this.#controller.abort();
  }

  /** What an error under this watch means: the caller's abortion is thrown as it is. */
  explain(error: unknown, url: URL, context: HubContext): FettleError | PassingFailure {
    if (this.#outer?.aborted) throw this.#outer.reason;
    if (error instanceof FettleError || error instanceof PassingFailure) return error;
    if (!this.#silent) return connectionFailure(error, url, context);
    return new PassingFailure(
      new EnvironmentError('ERR_HUB_UNREACHABLE', {
        owner: context.owner,
        what: `${url.host} has sent nothing for ${this.#silence} s`,
        hint: 'try again; the variable HF_HUB_DOWNLOAD_TIMEOUT sets another time in seconds',
        cause: error,
      }),
    );
  }

  readonly #stop = () => this.#controller.abort();
}

/**
 * One request, redirects followed. The token goes to the Hub's own origin and never with a redirect to another, and no
 * redirect leads from https to http.
 *
 * @returns a good answer whose body is still to be read, and the address that it came from in the end.
 * @throws FettleError or PassingFailure for every other status.
 */
export async function send(
  address: string | URL,
  init: RequestInit,
  context: HubContext,
  watch: Watch,
  accept: (status: number) => boolean = (status) => status >= 200 && status < 300,
): Promise<{ response: Response; url: URL }> {
  const { settings } = context;
  const home = new URL(settings.endpoint).origin;
  let url = new URL(address);
  let { method = 'GET', body } = init;
  for (let hops = 0; hops <= mostRedirects; hops++) {
    const headers = new Headers(init.headers);
    headers.delete('authorization');
    if (settings.token !== undefined && url.origin === home) headers.set('authorization', `Bearer ${settings.token}`);
    if (body !== undefined && body !== null) watch.rest();
    const response = await fetch(url, {
      ...init,
      method,
      body: body ?? null,
      headers,
      redirect: 'manual',
      signal: watch.signal,
    });
    watch.beat();
    const location = response.headers.get('location');
    if (!redirects.has(response.status) || location === null) {
      if (accept(response.status)) return { response, url };
      throw await statusFailure(response, url, context);
    }
    await response.body?.cancel();
    const next = new URL(location, url);
    if (!/^https?:$/.test(next.protocol) || (url.protocol === 'https:' && next.protocol === 'http:')) {
      throw answerFailure(context, `it redirects to an address that is not followed (${next.protocol}//${next.host})`);
    }
    if (response.status === 303) {
      method = 'GET';
      body = null;
    }
    url = next;
  }
  throw answerFailure(context, `it redirects more than ${mostRedirects} times`);
}

/** An answer that a Hub would not give. */
export function answerFailure({ owner, settings }: HubContext, what: string): EnvironmentError {
  return new EnvironmentError('ERR_HUB_ANSWER', {
    owner,
    what: `${settings.endpoint} does not answer as the Hub does: ${what}`,
    hint: 'check HF_ENDPOINT, and whether a proxy or a login page stands between',
  });
}

/**
 * Calls `attempt` until it succeeds, fails for good, or has failed in passing as often as the rule allows. The waits grow
 * and are drawn at random, so that many clients do not come back together; `Retry-After` is honoured.
 *
 * @param progressed whether the last attempt brought something: then the count begins anew.
 */
export async function withRetries<T>(
  context: HubContext,
  attempt: () => Promise<T>,
  progressed: () => boolean = () => false,
): Promise<T> {
  const { retry, owner, signal } = context;
  for (let failed = 1; ; failed++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      if (progressed()) failed = 1;
      if (failed >= retry.attempts || (error.retryAfter ?? 0) > retry.longestAsked) throw error.error;
      const grown = Math.min(retry.longestDelay, retry.firstDelay * 2 ** (failed - 1));
      const seconds = error.retryAfter ?? grown * (0.5 + Math.random() / 2);
      log.info(
        `[${owner}] ${withoutOwner(error.error)}; trying again in ${seconds.toFixed(1)} s (${failed} of ${retry.attempts - 1})`,
      );
      await pause(seconds, signal);
    }
  }
}

function withoutOwner(error: FettleError): string {
  const text = error.message.slice(error.owner.length + 3);
  return error.hint === undefined ? text : text.slice(0, -error.hint.length - 2);
}

/** Waits; an abortion ends it at once, with the abortion's reason thrown. */
export function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener('abort', stop);
  });
}

/**
 * A `fetch` for `@huggingface/hub`: with our retries, redirects and errors. Answers are read whole before they are handed
 * on, so that a cut one is asked for again.
 */
export function hubFetch(context: HubContext): typeof fetch {
  return async (input, init = {}) => {
    const address = input instanceof Request ? input.url : input;
    const url = new URL(address);
    // Whether a commit was made cannot be known once the connection is cut: it is not sent twice.
    const once = init.method === 'POST' && /\/(commit\/[^/]+|repos\/create)$/.test(url.pathname);
    return withRetries(context, async () => {
      const watch = new Watch(context);
      try {
        const { response } = await send(address, { ...init, signal: null }, context, watch);
        const bytes = await readWhole(response, watch);
        return new Response(bytes, { status: response.status, headers: response.headers });
      } catch (error) {
        const explained = watch.explain(error, url, context);
        const unsure = once && explained instanceof PassingFailure && explained.error.code === 'ERR_HUB_UNREACHABLE';
        throw unsure ? explained.error : explained;
      } finally {
        watch.close();
      }
    });
  };
}

async function readWhole(response: Response, watch: Watch): Promise<Uint8Array<ArrayBuffer> | null> {
  if (response.body === null || response.status === 204) return null;
  const pieces: Uint8Array[] = [];
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    watch.beat();
    pieces.push(piece);
  }
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
