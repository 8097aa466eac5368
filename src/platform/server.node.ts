import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EnvironmentError } from '../core/errors.ts';

/** A server that listens. */
export interface ListeningServer {
  /** The one that was asked for, or the free one that was found for 0. */
  readonly port: number;
  /** Takes no further connections, lets those under way finish, and settles when they have. */
  close(): Promise<void>;
}

/** How a server listens. */
export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Milliseconds within which a whole request must have come: who sends slower holds a place that others need. */
const requestTimeout = 30_000;
/** Bytes that are read and thrown away of a body that nobody wanted, so that its sender comes to read the answer. */
const dumpedBytes = 8 << 20;

/**
 * Serves HTTP with a handler as `fetch` has them. Each request's signal is aborted when its client goes away; a handler
 * that rejects is answered for with 500.
 * @throws EnvironmentError ERR_PORT_IN_USE, ERR_PORT where it may not be used, ERR_HOST where the host is not this machine's.
 */
export function listen(
  handler: (request: Request) => Promise<Response>,
  { host, port }: ListenOptions,
): Promise<ListeningServer> {
  const underWay = new Set<Promise<void>>();
  const server = createServer({ requestTimeout, headersTimeout: requestTimeout }, (incoming, outgoing) => {
    // A server that is ending keeps no connection for the next request.
    const answered = answer(handler, incoming, outgoing, () => !server.listening);
    underWay.add(answered);
    void answered.finally(() => underWay.delete(answered));
  });
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    await Promise.all(underWay);
    // Those that never sent a request.
    server.closeAllConnections();
    await closed;
  };
  return new Promise((resolve, reject) => {
    // Kept for later faults of single connections, which are no reason to end.
    server.on('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
    server.listen({ host, port }, () => resolve({ port: (server.address() as AddressInfo).port, close }));
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): EnvironmentError {
  const refuse = (code: string, what: string, hint: string) =>
    new EnvironmentError(code, { owner: 'listen', what, got: `${host}:${port}`, hint, cause: error });
  if (error.code === 'EADDRINUSE')
    return refuse('ERR_PORT_IN_USE', 'another program listens there', 'choose another port, or 0 for any free one');
  if (error.code === 'EACCES') return refuse('ERR_PORT', 'this user may not listen there', 'choose a port above 1023');
  return refuse(
    'ERR_HOST',
    `this machine cannot listen there (${error.message})`,
    'give an address of this machine: 127.0.0.1, or 0.0.0.0 for all',
  );
}

async function answer(
  handler: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  isEnding: () => boolean,
): Promise<void> {
  const gone = new AbortController();
  const sent = new Promise<void>((resolve) => {
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) gone.abort(new DOMException('The client went away', 'AbortError'));
      resolve();
    });
  });
  try {
    const request = requestOf(incoming, gone.signal);
    const response = request === undefined ? new Response('bad request\n', { status: 400 }) : await handler(request);
    const body = new Uint8Array(await response.arrayBuffer());
    if (gone.signal.aborted) return;
    outgoing.statusCode = response.status;
    for (const [name, value] of response.headers) outgoing.setHeader(name, value);
    if (isEnding()) outgoing.setHeader('connection', 'close');
    if (response.status !== 204) outgoing.setHeader('content-length', body.byteLength);
    outgoing.end(incoming.method === 'HEAD' ? undefined : body);
    if (!incoming.complete) dump(incoming);
  } catch {
    if (!outgoing.headersSent) outgoing.writeHead(500);
    outgoing.end();
  }
  await sent;
}

/** A request as `fetch` has them; undefined where its first lines are none that a browser or a client sends. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { method = 'GET', url = '', headers } = incoming;
  // A name or address and a port, and nothing that a URL would read as something else.
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?$/i.test(headers.host ?? '') || !url.startsWith('/')) return undefined;
  const list: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    for (const each of Array.isArray(value) ? value : [value ?? '']) list.push([name, each]);
  }
  try {
    const bodyless = method === 'GET' || method === 'HEAD';
    return new Request(`http://${headers.host}${url}`, {
      method,
      headers: list,
      signal,
      ...(bodyless ? {} : { body: bodyOf(incoming), duplex: 'half' }),
    } as RequestInit);
  } catch {
    return undefined;
  }
}

/** The body as a stream that is read only as fast as it is asked for. Giving it up leaves the connection open for the answer. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let ended = false;
  return new ReadableStream({
    start(controller) {
      incoming.pause();
      incoming.on('data', (chunk: Buffer) => {
        if (ended) return;
        controller.enqueue(new Uint8Array(chunk));
        if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
      });
      const end = (error?: Error) => {
        if (ended) return;
        ended = true;
        if (error === undefined) controller.close();
        else controller.error(error);
      };
      incoming.on('end', () => end());
      incoming.on('error', end);
      incoming.on('close', () => end(new Error('the request ended before its body')));
    },
    pull() {
      incoming.resume();
    },
    cancel() {
      ended = true;
    },
  });
}

function dump(incoming: IncomingMessage): void {
  let bytes = 0;
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > dumpedBytes) incoming.destroy();
  });
  incoming.resume();
}
