import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PlatformWorker } from './workers.browser.ts';

export type { PlatformWorker } from './workers.browser.ts';

/**
 * Imports a module in a worker. One in TypeScript, as this library's own source is, goes through tsx where that is installed
 * beside the module; without it Node from 22.18 on reads types by itself.
 */
const loadModule = `
const load = async (url) => {
  if (/\\.[cm]?tsx?$/.test(url)) {
    try {
      // Its CommonJS twin does not find its own files.
      const tsx = require('node:module').createRequire(url).resolve('tsx/esm/api').replace(/cjs$/, 'mjs');
      (await import(require('node:url').pathToFileURL(tsx).href)).register();
    } catch {}
  }
  return import(url);
};`;

/**
 * Starts a worker thread that runs `source`.
 * @param source plain JavaScript, the body of a function of `data`, `send(message)`, `receive(handler)` and `load(url)`, which
 *   imports a module.
 * @param data what the worker is given at its start, cloned (memory that can be shared is shared).
 */
export function createWorker(source: string, data: unknown): PlatformWorker {
  const prelude =
    "const { parentPort: port, workerData } = require('node:worker_threads');" +
    "const send = (message) => port.postMessage(message), receive = (handler) => port.on('message', handler);" +
    loadModule;
  // No execArgv: loaders and preloads of this process have no business in the worker and cost it its start.
  const worker = new Worker(
    `${prelude}(function (data, send, receive, load) {${source}\n})(workerData, send, receive, load);`,
    {
      eval: true,
      execArgv: [],
      workerData: data,
    },
  );
  let ended = false;
  return {
    postMessage: (message) => worker.postMessage(message),
    onMessage: (handler) => {
      worker.on('message', handler);
    },
    onFailure: (handler) => {
      worker.on('error', (error) => handler(error));
      worker.on('messageerror', (error) => handler(error));
      worker.on('exit', (code) => {
        if (!ended) handler(new Error(`the worker ended by itself with code ${code}`));
      });
    },
    ref: () => worker.ref(),
    unref: () => worker.unref(),
    terminate: async () => {
      ended = true;
      await worker.terminate();
    },
  };
}

/**
 * Threads this process may run at once: the processors it is bound to, and no more than its container's share of
 * processor time (`cpu.max` of cgroup v2, `cpu.cfs_quota_us` of v1), rounded down but at least one.
 */
export function availableThreads(): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism(), cgroupProcessors(readIfThere))));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * The processors' worth of time that Linux control groups leave this process; Infinity where nothing limits it.
 * A group is bound by every group above it, so the smallest quota on the way to the root counts.
 * @param read a file's text, or undefined where there is none.
 */
export function cgroupProcessors(read: (path: string) => string | undefined): number {
  let processors = Number.POSITIVE_INFINITY;
  // Lines of /proc/self/cgroup: `0::/path` is version 2, `4:cpu,cpuacct:/path` version 1 (man 7 cgroups).
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) continue;
    const unified = controllers === '';
    if (!unified && !controllers.split(',').includes('cpu')) continue;
    const roots = unified
      ? ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']
      : ['/sys/fs/cgroup/cpu', `/sys/fs/cgroup/${controllers}`];
    for (const root of roots) {
      // Inside a container the path may be the host's, absent here: then only the root is found.
      for (let path = group.replace(/\/+$/, ''); ; path = path.slice(0, path.lastIndexOf('/'))) {
        const [quota, period] = unified
          ? (read(`${root}${path}/cpu.max`) ?? '').trim().split(' ').map(Number)
          : [Number(read(`${root}${path}/cpu.cfs_quota_us`) ?? -1), Number(read(`${root}${path}/cpu.cfs_period_us`))];
        // No limit is written `max` (NaN here) or −1.
        if (quota > 0 && period > 0) processors = Math.min(processors, quota / period);
        if (path === '') break;
      }
    }
  }
  return processors;
}
