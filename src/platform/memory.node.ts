import { addressOf, type NativeFunction, openLibrary } from './native.node.ts';

/** MADV_HUGEPAGE of Linux's <sys/mman.h>. */
const madviseHugePage = 14;

/** M_MMAP_THRESHOLD of glibc's <malloc.h>. */
const mmapThreshold = -3;

let returning: Promise<boolean> | undefined;

/**
 * Has the C library give blocks of 256 KiB and more back to the system when they are freed, instead of keeping them for
 * later (glibc raises that border to 32 MiB as a program goes on). A native library that takes other sizes at each call
 * otherwise fills the process with holes. Holds for the whole process, from then on; where MALLOC_MMAP_THRESHOLD_ or
 * GLIBC_TUNABLES says something of it, that stays.
 * @returns whether the C library agreed: false where there is no glibc.
 */
export function returnLargeBlocks(): Promise<boolean> {
  returning ??= setReturning();
  return returning;
}

async function setReturning(): Promise<boolean> {
  const { MALLOC_MMAP_THRESHOLD_: own, GLIBC_TUNABLES: tunables = '' } = process.env;
  if (process.platform !== 'linux' || own !== undefined || tunables.includes('mmap_threshold')) return false;
  try {
    const mallopt = (await openLibrary('libc.so.6')).func('int mallopt(int, int)');
    return mallopt(mmapThreshold, 256 * 1024) === 1;
  } catch {
    return false; // musl, or no koffi for this platform
  }
}

let madvise: Promise<NativeFunction | undefined> | undefined;

/**
 * Asks Linux to back bytes `from` to `to` of a large buffer with huge pages, before they are first written: a model's
 * arrays are then touched for the first time some ten times faster and read a little faster ever after. A wish only:
 * nothing happens on other systems, or where the system does not grant it.
 */
export async function adviseHugePages(buffer: ArrayBufferLike, from: number, to: number): Promise<void> {
  // The call wants whole pages, which are 4 to 64 KiB; huge ones are mostly 2 MiB, so less is not worth it.
  const start = Math.ceil(from / 65_536) * 65_536;
  if (process.platform !== 'linux' || to - start < 4 * 2 ** 20) return;
  madvise ??= openLibrary('libc.so.6').then(
    (library) => library.func('int madvise(void *, size_t, int)'),
    () => undefined, // musl, or no koffi for this platform: the pages stay small
  );
  (await madvise)?.(addressOf(new Uint8Array(buffer, start)), to - start, madviseHugePage);
}
