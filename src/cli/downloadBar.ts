import { terminalWidth, writeError } from '#platform/process';
import { configureLog } from '../core/log.ts';
import { type DownloadProgress, formatBytes, onDownload } from '../hub/progress.ts';
import { isDumb } from './terminal.ts';

/** Between two drawings, in seconds. */
const drawSeconds = 0.1;

/**
 * Shows downloads as a bar on the terminal; where there is none, the log says how far they are.
 * Returns a function that ends it.
 */
export function showDownloads(): () => void {
  const width = isDumb() ? undefined : terminalWidth();
  if (width === undefined) return () => undefined;
  const started = new Map<string, { at: number; bytes: number }>();
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) writeError('\r\x1b[2K');
    drawn = 0;
  };
  const restore = onDownload((progress) => {
    const { type, name, receivedBytes } = progress;
    if (type === 'end' || type === 'failed') {
      started.delete(name);
      clear();
      return;
    }
    const now = performance.now();
    const first = started.get(name);
    if (first === undefined || type === 'begin') started.set(name, { at: now, bytes: receivedBytes });
    if (drawn > 0 && (now - drawn) / 1000 < drawSeconds) return;
    drawn = now;
    const seconds = (now - (first?.at ?? now)) / 1000;
    const rate = seconds > 0 ? (receivedBytes - (first?.bytes ?? 0)) / seconds : 0;
    writeError(`\r\x1b[2K${barLine(progress, rate, width)}`);
  });
  const restoreLog = configureLog({
    sink: (level, message) => {
      clear();
      writeError(`${level === 'warn' ? 'warning: ' : ''}${message}\n`);
    },
  });
  return () => {
    clear();
    restore();
    restoreLog();
  };
}

/** `████░░ org/name · 120 of 440 MB · 12 MB/s · 2/5 files`, cut to the terminal's width. */
export function barLine(progress: DownloadProgress, bytesPerSecond: number, width: number): string {
  const { name, receivedBytes, totalBytes, filesDone, files } = progress;
  const facts = [
    name,
    `${formatBytes(receivedBytes)} of ${formatBytes(totalBytes)}`,
    bytesPerSecond > 0 ? `${formatBytes(bytesPerSecond)}/s` : undefined,
    `${filesDone}/${files} files`,
  ]
    .filter((fact) => fact !== undefined)
    .join(' · ');
  const room = Math.min(30, width - facts.length - 3);
  const share = totalBytes === 0 ? 1 : Math.min(1, receivedBytes / totalBytes);
  const filled = Math.round(room * share);
  const bar = room < 5 ? '' : `${'█'.repeat(filled)}${'░'.repeat(room - filled)} `;
  return (bar + facts).slice(0, Math.max(0, width - 1));
}
