import { resolveObjectURL } from 'node:buffer';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createWorker as createBrowserWorker } from './workers.browser.ts';
import { availableThreads, cgroupProcessors, createWorker } from './workers.node.ts';

describe('cgroupProcessors', () => {
  const read = (files: Record<string, string>) => (path: string) => files[path];
  const cases: [string, Record<string, string>, number][] = [
    ['no control groups', {}, Number.POSITIVE_INFINITY],
    [
      'version 2, no limit',
      { '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/cpu.max': 'max 100000\n' },
      Number.POSITIVE_INFINITY,
    ],
    ['version 2', { '/proc/self/cgroup': '0::/a/b\n', '/sys/fs/cgroup/a/b/cpu.max': '250000 100000\n' }, 2.5],
    [
      'version 2, a group above is tighter',
      {
        '/proc/self/cgroup': '0::/a/b\n',
        '/sys/fs/cgroup/a/b/cpu.max': '400000 100000\n',
        '/sys/fs/cgroup/a/cpu.max': '150000 100000\n',
      },
      1.5,
    ],
    [
      'version 2, seen from a container',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' },
      0.5,
    ],
    [
      'version 1 under the host’s path',
      {
        '/proc/self/cgroup': '12:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n',
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '300000\n',
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      3,
    ],
    [
      'version 1, no limit',
      {
        '/proc/self/cgroup': '4:cpu,cpuacct:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      Number.POSITIVE_INFINITY,
    ],
    [
      'a controller that only sounds like it',
      { '/proc/self/cgroup': '3:cpuset:/\n', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000' },
      Number.POSITIVE_INFINITY,
    ],
  ];
  test.each(cases)('%s', (_, files, expected) => {
    expect(cgroupProcessors(read(files))).toBe(expected);
  });
});

test('availableThreads is at least one and at most what the process is bound to', () => {
  expect(availableThreads()).toBeGreaterThanOrEqual(1);
  expect(availableThreads()).toBeLessThanOrEqual(availableParallelism());
  expect(Number.isInteger(availableThreads())).toBe(true);
});

describe('createWorker', () => {
  test('gives the program its data, messages both ways, and shares memory', async () => {
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const worker = createWorker('receive((x) => { Atomics.add(data.shared, 0, x); send(data.name); });', {
      shared,
      name: 'hello',
    });
    const answer = new Promise((resolve) => worker.onMessage(resolve));
    worker.postMessage(5);
    expect(await answer).toBe('hello');
    expect(shared[0]).toBe(5);
    await worker.terminate();
  });

  test.each([
    ['throws', "throw new Error('a fault')", 'a fault'],
    ['ends by itself', 'process.exit(3)', 'ended by itself with code 3'],
  ])('says when the program %s', async (_, source, message) => {
    const worker = createWorker(`receive(() => { ${source} });`, undefined);
    const failure = new Promise<Error>((resolve) => worker.onFailure(resolve));
    worker.postMessage(0);
    expect((await failure).message).toContain(message);
    await worker.terminate();
  });
});

/** As much of a browser's Worker as the program uses, on a Node thread: `self` with postMessage and onmessage. */
class StandInWorker {
  onmessage: ((event: { data: unknown }) => void) | undefined;
  onerror: ((event: { message: string }) => void) | undefined;
  readonly #thread: Promise<Worker>;

  constructor(url: string) {
    this.#thread = this.#start(url);
  }

  async #start(url: string): Promise<Worker> {
    const prelude =
      "const port = require('node:worker_threads').parentPort;" +
      'const self = { postMessage: (message) => port.postMessage(message) };' +
      "port.on('message', (data) => self.onmessage({ data }));";
    const worker = new Worker(prelude + (await resolveObjectURL(url)!.text()), { eval: true, execArgv: [] });
    worker.on('message', (data) => this.onmessage?.({ data }));
    worker.on('error', (error) => this.onerror?.({ message: error.message }));
    return worker;
  }

  postMessage(message: unknown): void {
    void this.#thread.then((worker) => worker.postMessage(message));
  }

  terminate(): void {
    void this.#thread.then((worker) => worker.terminate());
  }
}

describe('createWorker of the browser, with a stand-in for its Worker', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('gives the program its data, and messages both ways, in order', async () => {
    vi.stubGlobal('Worker', StandInWorker);
    const worker = createBrowserWorker('receive((x) => send([data.name, x]));', { name: 'hello' });
    const answers: unknown[] = [];
    const both = new Promise<void>((resolve) => {
      worker.onMessage((message) => {
        if (answers.push(message) === 2) resolve();
      });
    });
    worker.postMessage(5);
    worker.postMessage(6);
    await both;
    expect(answers).toEqual([
      ['hello', 5],
      ['hello', 6],
    ]);
    await worker.terminate();
  });

  test('says when the program throws', async () => {
    vi.stubGlobal('Worker', StandInWorker);
    const worker = createBrowserWorker("receive(() => { throw new Error('a fault'); });", undefined);
    const failure = new Promise<Error>((resolve) => worker.onFailure(resolve));
    worker.postMessage(0);
    expect((await failure).message).toContain('a fault');
    await worker.terminate();
  });
});
