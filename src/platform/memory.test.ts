import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runProgram } from '../../test/testing/programs.ts';
import { adviseHugePages } from './memory.node.ts';
import { addressOf } from './native.node.ts';

const smaps = '/proc/self/smaps';

/** Whether the mapping that holds an address carries the flag `hg` (huge pages advised; man 5 proc_pid_smaps). */
function isAdvised(address: bigint): boolean {
  let inside = false;
  for (const line of readFileSync(smaps, 'utf8').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range) inside = address >= BigInt(`0x${range[1]}`) && address < BigInt(`0x${range[2]}`);
    else if (inside && line.startsWith('VmFlags:')) return line.split(' ').includes('hg');
  }
  throw new Error('the address is in no mapping');
}

const hasHugePages = existsSync(smaps) && existsSync('/sys/kernel/mm/transparent_hugepage/enabled');

describe.skipIf(!hasHugePages)('adviseHugePages (skipped where Linux has none to give)', () => {
  test('marks the range asked for, no more, and leaves what is there', async () => {
    const { buffer } = new WebAssembly.Memory({ initial: 1024, maximum: 1024, shared: true });
    const bytes = new Uint8Array(buffer);
    bytes.fill(7);
    await adviseHugePages(buffer, 100, 33 * 2 ** 20);
    const at = (offset: number) => addressOf(bytes) + BigInt(offset);
    expect(isAdvised(at(2 ** 20))).toBe(true);
    expect(isAdvised(at(32 * 2 ** 20))).toBe(true);
    expect(isAdvised(at(40 * 2 ** 20))).toBe(false);
    expect(bytes.every((x) => x === 7)).toBe(true);
  });

  test('lets small ranges be', async () => {
    const { buffer } = new WebAssembly.Memory({ initial: 1024, maximum: 1024, shared: true });
    await adviseHugePages(buffer, 0, 2 ** 20);
    await adviseHugePages(buffer, 2 ** 20, 2 ** 20);
    // The library must be open before an address can be asked for.
    const { buffer: other } = new WebAssembly.Memory({ initial: 1024, maximum: 1024, shared: true });
    await adviseHugePages(other, 0, other.byteLength);
    expect(isAdvised(addressOf(new Uint8Array(other)))).toBe(true);
    expect(isAdvised(addressOf(new Uint8Array(buffer)))).toBe(false);
  });
});

const glibc =
  process.platform === 'linux' && 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

test.skipIf(!glibc)(
  'returnLargeBlocks: large blocks are mappings of their own, though one was freed before (skipped without glibc)',
  async () => {
    // In a process of its own: what was freed before it decides.
    const ended = await runProgram(`
      const { returnLargeBlocks } = await import('./src/platform/memory.node.ts');
      const { openLibrary } = await import('./src/platform/native.node.ts');
      const libc = await openLibrary('libc.so.6');
      const malloc = libc.func('size_t malloc(size_t)');
      const free = libc.func('void free(size_t)');
      // Whether a block of so many megabytes begins a mapping: behind malloc's 16 bytes at the beginning of a page.
      const isMapping = (megabytes) => {
        const address = BigInt(malloc(megabytes * 2 ** 20));
        free(address);
        return (address & 0xfffn) === 0x10n;
      };
      // A mapping that is freed raises the border to its size: the next smaller block is carved from the heap, and kept.
      console.log([20, 19].map(isMapping).join());
      console.log(await returnLargeBlocks());
      console.log([25, 24].map(isMapping).join());
    `);
    expect(ended).toMatchObject({ code: 0, output: 'true,false\ntrue\ntrue,true\n' });
  },
);
