import { readText, remove } from '#platform/files';
import { addressOf, cStrings, nativePlatform, type Pointer, readString } from '#platform/native';
import type { RunProfile } from '../engine.ts';
import type { OrtEnvironment } from './environment.ts';
import { check } from './status.ts';

/** Has sessions that are made with these options write what their nodes take into a file whose name begins so. */
export async function enableProfiling({ api }: OrtEnvironment, options: Pointer, prefix: string): Promise<void> {
  // ORTCHAR_T: Windows' paths are UTF-16.
  const path =
    nativePlatform().os === 'win32'
      ? Uint16Array.from([...prefix, '\0'].join(''), (unit) => unit.charCodeAt(0))
      : cStrings([prefix]).memory;
  check(api, await api.EnableProfiling.async(path, options, addressOf(path)), 'EnableProfiling');
}

/** Ends a session's profile: what each of its runs took, in order. The file that it was kept in is removed. */
export async function endProfiling({ api, allocator }: OrtEnvironment, session: Pointer): Promise<RunProfile[]> {
  const out = new BigUint64Array(1);
  check(api, await api.SessionEndProfiling.async(out, session, allocator, addressOf(out)), 'SessionEndProfiling');
  const file = readString(out[0]);
  check(api, api.AllocatorFree(allocator, out[0]), 'AllocatorFree');
  const events = JSON.parse(await readText(file)) as TraceEvent[];
  await remove(file);
  return runProfiles(events);
}

/** What is used of an event in Chrome's trace format; times in microseconds. */
export interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

/** The runs of ONNX Runtime's profile: `model_run` events, and the kernels' within each. */
export function runProfiles(events: readonly TraceEvent[]): RunProfile[] {
  const suffix = '_kernel_time';
  const kernels = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith(suffix));
  return events
    .filter(({ cat, name }) => cat === 'Session' && name === 'model_run')
    .sort((a, b) => a.ts - b.ts)
    .map(({ ts, dur }) => ({
      microseconds: dur,
      nodes: kernels
        .filter((kernel) => kernel.ts >= ts && kernel.ts <= ts + dur)
        .map(({ name, dur, args }) => ({
          name: name.slice(0, -suffix.length),
          type: args.op_name ?? '',
          microseconds: dur,
        })),
    }));
}
