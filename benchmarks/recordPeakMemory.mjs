// Preloaded into a Node process (`node --import`): as it ends, appends the most memory it ever had resident, in MB
// (10^6 bytes), to the file that FETTLE_PEAK_FILE names. A line for each process, children too where NODE_OPTIONS hands
// the preload on.
import { appendFileSync, readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.on('exit', () => appendFileSync(process.env.FETTLE_PEAK_FILE, `${peakMb()}\n`));
}

/** Linux's VmHWM where there is one: the resource usage of a process starts from that of the process it was forked from. */
function peakMb() {
  try {
    return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024) / 1e6;
  } catch {
    return (process.resourceUsage().maxRSS * 1024) / 1e6;
  }
}
