import { createIfAbsent, entryAt, isProcessAlive, moveTo, processId, touch } from '#platform/blobs';
import { hostName, readText, remove } from '#platform/files';
import { log } from '../core/log.ts';
import { pause } from './request.ts';

/** The holder shows that it lives this often, in seconds. */
const beatSeconds = 5;
/** After this long without a sign the holder counts as dead, in seconds. */
const deadSeconds = 60;

/** How a lock is waited for. */
export interface LockOptions {
  readonly owner: string;
  /** What is waited for, in words. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` while no other process, and no other call in this one, holds the lock at `path`. A lock is a file that names
 * its holder and is touched every few seconds. One whose holder is gone (its process on this machine has ended, or it was
 * not touched for a minute) is taken over, so a killed process blocks nobody.
 *
 * It saves double work; it is not what keeps the cache sound: files get their names only after their checksum is right.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const mine = JSON.stringify({ pid: processId(), host: hostName(), key: Math.random().toString(36).slice(2) });
  await acquire(path, mine, options);
  const timer = setInterval(() => void touch(path).catch(() => undefined), beatSeconds * 1000);
  (timer as { unref?: () => void }).unref?.();
  try {
    return await work();
  } finally {
    clearInterval(timer);
    // One that was taken over meanwhile (this machine slept for long) is another's now.
    if ((await holderOf(path)) === mine) await remove(path);
  }
}

/** Whether a living process, or another call in this one, holds the lock at `path`. */
export async function isLocked(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  return holder !== undefined && !(await isDead(path, holder));
}

async function acquire(path: string, mine: string, { owner, what, signal }: LockOptions): Promise<void> {
  const started = performance.now();
  let said = false;
  for (let delay = 0.02; ; delay = Math.min(0.5, delay * 1.5)) {
    signal?.throwIfAborted();
    if (await createIfAbsent(path, mine)) return;
    const holder = await holderOf(path);
    if (holder !== undefined && (await isDead(path, holder))) {
      await takeAway(path, holder);
      continue;
    }
    if (!said && performance.now() - started > 2000) {
      said = true;
      log.info(`[${owner}] waiting for another process (${describe(holder)}) that is getting ${what}`);
    }
    await pause(delay, signal);
  }
}

async function holderOf(path: string): Promise<string | undefined> {
  return readText(path).catch(() => undefined);
}

async function isDead(path: string, holder: string): Promise<boolean> {
  const entry = await entryAt(path);
  if (entry === undefined) return false;
  if (Date.now() - entry.modified > deadSeconds * 1000) return true;
  const { pid, host } = parse(holder);
  return pid !== undefined && host === hostName() && !isProcessAlive(pid);
}

/** Two may find the same lock dead: it goes only if it is still the one that was looked at. */
async function takeAway(path: string, holder: string): Promise<void> {
  const aside = `${path}.${processId()}.${Math.random().toString(36).slice(2)}.dead`;
  try {
    await moveTo(path, aside);
  } catch {
    return;
  }
  const taken = await holderOf(aside);
  if (taken !== undefined && taken !== holder) await createIfAbsent(path, taken);
  await remove(aside);
}

function parse(holder: string | undefined): { pid?: number; host?: string } {
  try {
    const { pid, host } = JSON.parse(holder ?? '') as { pid?: unknown; host?: unknown };
    return typeof pid === 'number' && typeof host === 'string' ? { pid, host } : {};
  } catch {
    return {};
  }
}

function describe(holder: string | undefined): string {
  const { pid, host } = parse(holder);
  return pid === undefined ? 'unknown' : `${pid} on ${host}`;
}
