import { addressOf, copyFrom, type Pointer, readString } from '#platform/native';
import type { RunProfile } from '../engine.ts';
import type { OpenVinoApi } from './api.ts';
import { check } from './status.ts';

/** `ov_profiling_info_t`: a status, two times in microseconds, and three texts (name, kernel, type), eight bytes each. */
const fields = 6;
const executed = 2n;

/** Keeps what each run of a compiled model took. */
export class RunTimes {
  readonly runs: RunProfile[] = [];
  /** All that each node has taken so far, by name. */
  #totals = new Map<string, number>();

  /** Takes down the run that just ended. */
  add(api: OpenVinoApi, request: Pointer, microseconds: number): void {
    const count = this.runs.length + 1;
    // What OpenVINO tells is the mean over all runs of the model.
    const totals = readMeans(api, request).map((node) => ({ ...node, total: node.mean * count }));
    const nodes = totals.map(({ name, type, kernel, total }) => ({
      name,
      type,
      kernel,
      microseconds: Math.max(0, total - (this.#totals.get(name) ?? 0)),
    }));
    this.#totals = new Map(totals.map(({ name, total }) => [name, total]));
    this.runs.push({ microseconds, nodes });
  }
}

/** What the nodes of a request took at the mean; those that did not run are left out. Needs `PERF_COUNT`. */
function readMeans(api: OpenVinoApi, request: Pointer): { name: string; type: string; kernel: string; mean: number }[] {
  const list = new BigUint64Array(2);
  check(api, api.infer_request_get_profiling_info(request, addressOf(list)), 'reading what nodes took');
  const [address, size] = list;
  try {
    const infos = new BigUint64Array(Number(size) * fields);
    copyFrom(address, infos);
    return Array.from({ length: Number(size) }, (_, i) => infos.subarray(i * fields, (i + 1) * fields))
      .filter(([status]) => (status & 0xffffffffn) === executed)
      .map(([, realTime, , name, kernel, type]) => ({
        name: readString(name),
        type: readString(type),
        kernel: readString(kernel),
        mean: Number(realTime),
      }));
  } finally {
    api.profiling_info_list_free(addressOf(list));
  }
}
