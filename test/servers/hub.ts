/**
 * A small server that speaks the Hugging Face Hub's protocol, for tests: what a model or data set is (info, tree with pages),
 * its files (`resolve`, with the Hub's headers; large files by a redirect to a "CDN" on another port, with ranges), and what
 * uploads need (create, preupload, the LFS batch, commit). It misbehaves on demand: see {@link Fault}.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong with a request. */
export type Fault =
  /** The connection is cut after so many bytes of the body (0: before the head). */
  | { readonly do: 'cut'; readonly after: number }
  /** The body is shorter than the file, and the head says so: everything looks in order. */
  | { readonly do: 'short'; readonly by: number }
  /** The body is longer than the file, with no length announced. */
  | { readonly do: 'long' }
  /** One byte is another one. */
  | { readonly do: 'corrupt' }
  | {
      readonly do: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** So many bytes at a time, so many milliseconds apart. */
  | { readonly do: 'drip'; readonly bytes: number; readonly every: number }
  /** Nothing ever comes. */
  | { readonly do: 'silence' }
  /** The answer ignores `Range` and is whole. */
  | { readonly do: 'whole' }
  | { readonly do: 'redirect'; readonly to: string };

interface PlannedFault {
  readonly fits: (request: SeenRequest) => boolean;
  readonly fault: Fault;
  left: number;
}

/** A request as it came. */
export interface SeenRequest {
  readonly server: 'hub' | 'cdn';
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

interface StoredFile {
  readonly bytes: Buffer;
  /** Large files lie at the CDN. */
  readonly large: boolean;
}

interface Commit {
  readonly files: ReadonlyMap<string, StoredFile>;
  readonly message: string;
}

interface Repository {
  readonly kind: 'model' | 'dataset';
  readonly name: string;
  private: boolean;
  gated: boolean;
  readonly commits: Map<string, Commit>;
  readonly branches: Map<string, string>;
}

export const gitBlobId = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export class HubServer {
  /** The token that may read what is private and write. */
  readonly token = 'hf_right';
  readonly requests: SeenRequest[] = [];
  /** Entries in a page of a tree. */
  pageSize = 1000;
  readonly #repositories = new Map<string, Repository>();
  readonly #renamed = new Map<string, string>();
  /** Large contents by their SHA-256. */
  readonly #large = new Map<string, Buffer>();
  readonly #faults: PlannedFault[] = [];
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor() {
    this.#hub = createServer((request, response) => void this.#answer('hub', request, response));
    this.#cdn = createServer((request, response) => void this.#answer('cdn', request, response));
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    for (const part of [server.#hub, server.#cdn]) {
      await new Promise<void>((resolve) => part.listen(0, '127.0.0.1', resolve));
    }
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get cdn(): string {
    return `http://127.0.0.1:${(this.#cdn.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const part of [this.#hub, this.#cdn]) {
      part.closeAllConnections();
      await new Promise((resolve) => part.close(resolve));
    }
  }

  /** Forgets requests, faults and repositories. */
  reset(): void {
    this.requests.length = 0;
    this.#faults.length = 0;
    this.#repositories.clear();
    this.#renamed.clear();
    this.#large.clear();
    this.pageSize = 1000;
  }

  /** The next `times` requests whose address has `part` in it go wrong. */
  misbehave(part: string | RegExp, fault: Fault, times = 1): void {
    const fits = (request: SeenRequest) =>
      typeof part === 'string'
        ? request.url.includes(part)
        : part.test(`${request.server} ${request.method} ${request.url}`);
    this.#faults.push({ fits, fault, left: times });
  }

  /** Old name → new name: the Hub redirects. */
  rename(kind: 'model' | 'dataset', from: string, to: string): void {
    this.#renamed.set(`${kind}s/${from}`, to);
  }

  /** Adds a commit to a branch of a repository, which is made where there is none. Returns the commit's hash. */
  add(
    kind: 'model' | 'dataset',
    name: string,
    files: Readonly<Record<string, string | Uint8Array>>,
    options: { branch?: string; private?: boolean; gated?: boolean } = {},
  ): string {
    const repository = this.#make(kind, name);
    repository.private = options.private ?? repository.private;
    repository.gated = options.gated ?? repository.gated;
    const stored = new Map<string, StoredFile>();
    for (const [path, content] of Object.entries(files)) {
      const bytes = Buffer.from(content as Uint8Array);
      const large = /\.(safetensors|bin|parquet)$/.test(path);
      if (large) this.#large.set(sha256(bytes), bytes);
      stored.set(path, { bytes, large });
    }
    return this.#commit(repository, options.branch ?? 'main', stored, 'files');
  }

  /** What stands in a branch: paths and contents. */
  filesOf(kind: 'model' | 'dataset', name: string, branch = 'main'): Record<string, Buffer> {
    const repository = this.#repositories.get(`${kind}s/${name}`);
    const commit = repository?.commits.get(repository.branches.get(branch) ?? '');
    return Object.fromEntries([...(commit?.files ?? [])].map(([path, { bytes }]) => [path, bytes]));
  }

  lastMessage(kind: 'model' | 'dataset', name: string, branch = 'main'): string | undefined {
    const repository = this.#repositories.get(`${kind}s/${name}`);
    return repository?.commits.get(repository.branches.get(branch) ?? '')?.message;
  }

  isPrivate(kind: 'model' | 'dataset', name: string): boolean | undefined {
    return this.#repositories.get(`${kind}s/${name}`)?.private;
  }

  #make(kind: 'model' | 'dataset', name: string): Repository {
    const key = `${kind}s/${name}`;
    const found = this.#repositories.get(key);
    if (found !== undefined) return found;
    const made = { kind, name, private: false, gated: false, commits: new Map(), branches: new Map() };
    this.#repositories.set(key, made);
    return made;
  }

  #commit(repository: Repository, branch: string, files: Map<string, StoredFile>, message: string): string {
    const content = [...files].map(([path, { bytes }]) => `${path} ${sha256(bytes)}`).join('\n');
    const hash = createHash('sha1')
      .update(`${repository.name} ${branch} ${repository.commits.size}\n${content}`)
      .digest('hex');
    repository.commits.set(hash, { files, message });
    repository.branches.set(branch, hash);
    return hash;
  }

  async #answer(server: 'hub' | 'cdn', request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen: SeenRequest = {
      server,
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      authorization: request.headers.authorization,
      range: request.headers.range,
    };
    this.requests.push(seen);
    const planned = this.#faults.find(({ fits, left }) => left > 0 && fits(seen));
    if (planned !== undefined) planned.left--;
    const fault = planned?.fault;
    try {
      if (fault?.do === 'silence') return;
      if (fault?.do === 'cut' && fault.after === 0) {
        request.socket.destroy();
        return;
      }
      if (fault?.do === 'status') {
        response
          .writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
          .end(fault.body ?? '{}');
        return;
      }
      if (fault?.do === 'redirect') {
        response.writeHead(302, { location: fault.to }).end();
        return;
      }
      const body = await readBody(request);
      const url = new URL(seen.url, 'http://localhost');
      if (server === 'cdn') this.#answerCdn(seen, url, body, response, fault);
      else this.#answerHub(seen, url, body, response, fault);
    } catch (error) {
      if (!response.headersSent) response.writeHead(500).end(String(error));
    }
  }

  #answerCdn(seen: SeenRequest, url: URL, body: Buffer, response: ServerResponse, fault: Fault | undefined): void {
    // Storage that is addressed by signed links refuses a request that brings another authorization.
    if (seen.authorization !== undefined) {
      response.writeHead(400).end('only one authorization is allowed');
      return;
    }
    const oid = url.pathname.slice('/lfs/'.length);
    if (seen.method === 'PUT') {
      if (sha256(body) !== oid) response.writeHead(400).end('the checksum is wrong');
      else {
        this.#large.set(oid, body);
        response.writeHead(200).end();
      }
      return;
    }
    const bytes = this.#large.get(oid);
    if (bytes === undefined) response.writeHead(404).end();
    else void sendBytes(response, bytes, { etag: `"${oid}"` }, seen, fault);
  }

  #answerHub(seen: SeenRequest, url: URL, body: Buffer, response: ServerResponse, fault: Fault | undefined): void {
    const known = seen.authorization === `Bearer ${this.token}`;
    if (seen.authorization !== undefined && !known) {
      refuse(response, 401, '', 'Invalid credentials in Authorization header');
      return;
    }
    const path = decodeURIComponent(url.pathname);
    if (path === '/api/repos/create') {
      this.#create(known, body, response);
      return;
    }
    if (path === '/api/whoami-v2') {
      if (known) json(response, { type: 'user', id: '1', name: 'me', auth: { type: 'access_token' } });
      else refuse(response, 401, '', 'Invalid username or password.');
      return;
    }
    const api = /^\/api\/(model|dataset)s\/(.+?)\/(revision|tree|preupload|commit)\/(.+)$/.exec(path);
    const batch = /^\/(datasets\/)?(.+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
    const file = /^\/(datasets\/)?([^/]+(?:\/[^/]+)?)\/resolve\/([^/]+|refs\/pr\/\d+)\/(.+)$/.exec(path);
    const kind = (api?.[1] ?? ((batch ?? file)?.[1] === undefined ? 'model' : 'dataset')) as 'model' | 'dataset';
    const name = (api ?? batch ?? file)?.[2];
    if (name === undefined) {
      refuse(response, 404, '', 'not found');
      return;
    }
    const renamed = this.#renamed.get(`${kind}s/${name}`);
    if (renamed !== undefined) {
      response.writeHead(307, { location: seen.url.replace(name, renamed) }).end();
      return;
    }
    const repository = this.#repositories.get(`${kind}s/${name}`);
    if (repository === undefined || (repository.private && !known)) {
      refuse(
        response,
        known ? 404 : 401,
        'RepoNotFound',
        known ? 'Repository not found' : 'Invalid username or password.',
      );
      return;
    }
    if (batch !== null) {
      this.#lfsBatch(known, body, response);
      return;
    }
    if (api?.[3] === 'preupload') {
      const { files } = JSON.parse(body.toString()) as { files: { path: string }[] };
      json(response, {
        files: files.map((one) => ({
          path: one.path,
          uploadMode: /\.(safetensors|bin|parquet)$/.test(one.path) ? 'lfs' : 'regular',
          shouldIgnore: false,
        })),
      });
      return;
    }
    if (api?.[3] === 'commit') {
      this.#takeCommit(known, repository, api[4], body, response);
      return;
    }
    const [revision] = api === null ? [file?.[3] ?? ''] : api[3] === 'tree' ? [api[4].split('/')[0]] : [api[4]];
    const hash = repository.branches.get(revision) ?? revision;
    const commit = repository.commits.get(hash);
    if (commit === undefined) {
      refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
      return;
    }
    if (api?.[3] === 'revision') {
      const siblings = [...commit.files.keys()].map((rfilename) => ({ rfilename }));
      json(response, {
        _id: '1',
        id: name,
        sha: hash,
        private: repository.private,
        gated: repository.gated,
        siblings,
        lastModified: '2026-01-01T00:00:00.000Z',
      });
      return;
    }
    if (api?.[3] === 'tree') {
      this.#sendTree(url, commit, response, fault);
      return;
    }
    if (repository.gated && !known) {
      refuse(response, 403, 'GatedRepo', `Access to model ${name} is restricted.`, hash);
      return;
    }
    const stored = commit.files.get(file?.[4] ?? '');
    if (stored === undefined) {
      refuse(response, 404, 'EntryNotFound', 'Entry not found', hash);
      return;
    }
    const { bytes, large } = stored;
    if (!large) {
      void sendBytes(response, bytes, { etag: `"${gitBlobId(bytes)}"`, 'x-repo-commit': hash }, seen, fault);
      return;
    }
    const oid = sha256(bytes);
    response
      .writeHead(302, {
        location: `${this.cdn}/lfs/${oid}?signature=1`,
        'x-repo-commit': hash,
        'x-linked-etag': `"${oid}"`,
        'x-linked-size': String(bytes.byteLength),
        etag: `"${gitBlobId(pointerOf(bytes))}"`,
      })
      .end();
  }

  #sendTree(url: URL, commit: Commit, response: ServerResponse, fault: Fault | undefined): void {
    const folders = new Set<string>();
    for (const path of commit.files.keys()) {
      const parts = path.split('/').slice(0, -1);
      parts.forEach((_, i) => void folders.add(parts.slice(0, i + 1).join('/')));
    }
    const entries: object[] = [...folders].map((path) => ({ type: 'directory', oid: '0'.repeat(40), size: 0, path }));
    for (const [path, { bytes, large }] of commit.files) {
      const oid = gitBlobId(large ? pointerOf(bytes) : bytes);
      const lfs = { oid: sha256(bytes), size: bytes.byteLength, pointerSize: pointerOf(bytes).byteLength };
      entries.push({ type: 'file', oid, size: bytes.byteLength, path, ...(large ? { lfs } : {}) });
    }
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const next = new URL(url.href);
    next.searchParams.set('cursor', String(from + this.pageSize));
    const more = from + this.pageSize < entries.length;
    const headers = more ? { link: `<${this.endpoint}${next.pathname}${next.search}>; rel="next"` } : {};
    const text = Buffer.from(JSON.stringify(entries.slice(from, from + this.pageSize)));
    void sendBytes(response, text, { 'content-type': 'application/json', ...headers }, undefined, fault);
  }

  #create(known: boolean, body: Buffer, response: ServerResponse): void {
    if (!known) {
      refuse(response, 401, '', 'Invalid username or password.');
      return;
    }
    const asked = JSON.parse(body.toString()) as {
      name: string;
      organization: string;
      type?: 'model' | 'dataset';
      visibility?: string;
    };
    // Python leaves out what is usual.
    const { type = 'model' } = asked;
    const name = `${asked.organization}/${asked.name}`;
    if (this.#repositories.has(`${type}s/${name}`)) {
      json(response, { error: 'You already created this model repo', url: `${this.endpoint}/${name}` }, 409);
      return;
    }
    const repository = this.#make(type, name);
    repository.private = asked.visibility === 'private';
    this.#commit(repository, 'main', new Map(), 'initial commit');
    json(response, { url: `${this.endpoint}/${name}`, id: '1', name });
  }

  #lfsBatch(known: boolean, body: Buffer, response: ServerResponse): void {
    if (!known) {
      refuse(response, 403, '', 'Write access is needed');
      return;
    }
    const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
    const answers = objects.map(({ oid, size }) => ({
      oid,
      size,
      ...(this.#large.has(oid) ? {} : { actions: { upload: { href: `${this.cdn}/lfs/${oid}` } } }),
    }));
    json(response, { transfer: 'basic', objects: answers });
  }

  #takeCommit(known: boolean, repository: Repository, branch: string, body: Buffer, response: ServerResponse): void {
    if (!known) {
      refuse(response, 403, '', 'Write access is needed');
      return;
    }
    const before = repository.commits.get(repository.branches.get(branch) ?? '');
    const files = new Map(before?.files);
    let message = '';
    for (const line of body.toString().split('\n').filter(Boolean)) {
      const { key, value } = JSON.parse(line) as { key: string; value: Record<string, string> };
      if (key === 'header') message = value['summary'];
      if (key === 'file') files.set(value['path'], { bytes: Buffer.from(value['content'], 'base64'), large: false });
      if (key === 'deletedFile') files.delete(value['path']);
      if (key !== 'lfsFile') continue;
      const bytes = this.#large.get(value['oid']);
      if (bytes === undefined) {
        json(response, { error: `the content of ${value['path']} was not uploaded` }, 400);
        return;
      }
      files.set(value['path'], { bytes, large: true });
    }
    const commitOid = this.#commit(repository, branch, files, message);
    json(response, { commitOid, commitUrl: `${this.endpoint}/${repository.name}/commit/${commitOid}`, hookOutput: '' });
  }
}

/** What Git holds in place of a large file. */
function pointerOf(bytes: Buffer): Buffer {
  return Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(bytes)}\nsize ${bytes.byteLength}\n`,
  );
}

function json(response: ServerResponse, value: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string, message: string, commit?: string): void {
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      ...(code === '' ? {} : { 'x-error-code': code }),
      ...(commit === undefined ? {} : { 'x-repo-commit': commit }),
      'x-error-message': message,
    })
    .end(JSON.stringify({ error: message }));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

async function sendBytes(
  response: ServerResponse,
  all: Buffer,
  headers: Readonly<Record<string, string>>,
  seen: SeenRequest | undefined,
  fault: Fault | undefined,
): Promise<void> {
  let bytes = all;
  let status = 200;
  const more: Record<string, string> = { 'accept-ranges': 'bytes' };
  const from = fault?.do === 'whole' ? undefined : /^bytes=(\d+)-$/.exec(seen?.range ?? '')?.[1];
  if (from !== undefined) {
    if (Number(from) >= all.byteLength) {
      response.writeHead(416, { 'content-range': `bytes */${all.byteLength}` }).end();
      return;
    }
    status = 206;
    bytes = all.subarray(Number(from));
    more['content-range'] = `bytes ${from}-${all.byteLength - 1}/${all.byteLength}`;
  }
  if (fault?.do === 'corrupt') {
    bytes = Buffer.from(bytes);
    bytes[bytes.byteLength >> 1] ^= 1;
  }
  if (fault?.do === 'short') bytes = bytes.subarray(0, bytes.byteLength - fault.by);
  if (fault?.do !== 'long') more['content-length'] = String(bytes.byteLength);
  response.writeHead(status, { 'content-type': 'application/octet-stream', ...headers, ...more });
  if (fault?.do === 'long') response.end(Buffer.concat([bytes, Buffer.from('more')]));
  else if (fault?.do === 'cut') {
    response.write(bytes.subarray(0, fault.after), () => setTimeout(() => response.socket?.destroy(), 5));
  } else if (fault?.do === 'drip') {
    for (let at = 0; at < bytes.byteLength && !response.destroyed; at += fault.bytes) {
      response.write(bytes.subarray(at, at + fault.bytes));
      await new Promise((resolve) => setTimeout(resolve, fault.every));
    }
    response.end();
  } else response.end(bytes);
}
