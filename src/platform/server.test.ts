import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { listen as browserListen } from './server.browser.ts';
import { type ListeningServer, listen } from './server.node.ts';

async function serve(handler: (request: Request) => Promise<Response>): Promise<ListeningServer & { url: string }> {
  const server = await listen(handler, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return { ...server, url: `http://127.0.0.1:${server.port}` };
}

/** Sends bytes and gathers what comes back until the server ends the connection. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

test('requests arrive as fetch has them, and answers go back whole', async () => {
  const { url } = await serve(async (request) => {
    const { method, headers } = request;
    const path = new URL(request.url).pathname;
    return Response.json(
      { method, path, kind: headers.get('content-type'), body: await request.text() },
      { status: 201, headers: { 'x-own': 'yes' } },
    );
  });
  const body = 'ü'.repeat(300_000);
  const answer = await fetch(`${url}/a%20b?c`, { method: 'POST', headers: { 'content-type': 'text/x' }, body });
  expect(answer.status).toBe(201);
  expect(answer.headers.get('x-own')).toBe('yes');
  expect(await answer.json()).toEqual({ method: 'POST', path: '/a%20b', kind: 'text/x', body });
  const head = await fetch(url, { method: 'HEAD' });
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(10);
});

test('a body that is not wanted keeps nobody from reading the answer', async () => {
  const { url } = await serve(async (request) => {
    await request.body?.cancel();
    return new Response('no', { status: 413 });
  });
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(url, { method: 'POST', body: new Uint8Array(3 << 20) });
    expect([answer.status, await answer.text()]).toEqual([413, 'no']);
  }
});

test('a client that goes away aborts its request', async () => {
  const aborted = new Promise<string>((resolve) => {
    void serve(async ({ signal }) => {
      signal.addEventListener('abort', () => resolve((signal.reason as Error).name));
      gone.abort();
      await new Promise((later) => setTimeout(later, 20));
      return new Response('late');
    }).then(({ url }) => fetch(url, { signal: gone.signal }).catch(() => undefined));
  });
  const gone = new AbortController();
  expect(await aborted).toBe('AbortError');
});

test('hosts and addresses that a URL would read as something else are refused', async () => {
  const seen: string[] = [];
  const { port } = await serve(async ({ url }) => {
    seen.push(url);
    return new Response('ok');
  });
  const end = 'Connection: close\r\n\r\n';
  for (const host of ['evil@localhost', 'a/b', 'a b', '']) {
    expect(await raw(port, `GET / HTTP/1.1\r\nHost: ${host}\r\n${end}`)).toContain('HTTP/1.1 400');
  }
  expect(await raw(port, `GET http://localhost/ HTTP/1.1\r\nHost: evil\r\n${end}`)).toContain('HTTP/1.1 400');
  expect(await raw(port, `TRACE / HTTP/1.1\r\nHost: a\r\n${end}`)).toContain('HTTP/1.1 400');
  expect(seen).toEqual([]);
  await raw(port, `GET //evil/x HTTP/1.1\r\nHost: localhost:1\r\n${end}`);
  expect(seen).toEqual(['http://localhost:1//evil/x']);
});

test('a handler that fails is 500; closing waits for what is under way', async () => {
  let started = () => {};
  const begun = new Promise<void>((resolve) => {
    started = resolve;
  });
  const server = await serve(async (request) => {
    if (request.url.endsWith('/fail')) throw new Error('secret');
    started();
    await new Promise((later) => setTimeout(later, 30));
    return new Response('done');
  });
  const failed = await fetch(`${server.url}/fail`);
  expect([failed.status, await failed.text()]).toEqual([500, '']);
  // A connection that never asks does not hold it up.
  const idle = connect(server.port, '127.0.0.1');
  const slow = fetch(server.url);
  await begun;
  await server.close();
  expect(await (await slow).text()).toBe('done');
  idle.destroy();
  await expect(fetch(server.url)).rejects.toThrow();
});

test('what cannot be listened on is said', async () => {
  const { port } = await serve(async () => new Response());
  await expect(listen(async () => new Response(), { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'ERR_PORT_IN_USE',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
  await expect(listen(async () => new Response(), { host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
    code: 'ERR_HOST',
  });
  await expect(browserListen(async () => new Response(), { host: '', port: 0 })).rejects.toMatchObject({
    code: 'ERR_NO_SERVER',
  });
});
