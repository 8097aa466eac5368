import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
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
