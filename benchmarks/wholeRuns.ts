import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repository, requirePython } from './python.ts';

/** The built command (npm run build). */
export const command = join(repository, 'dist', 'cli', 'bin.js');
const pythonTrainer = join(repository, 'benchmarks', 'python', 'mrpc_trainer.py');

/** What one side's run took. */
export interface RunCost {
  readonly peakMemoryMb: number;
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** What the program itself reports. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** `fettle train` in a process of its own, with its peak memory; what it writes is thrown away. */
export function runFettle(flags: readonly string[]): Promise<RunCost> {
  return inFolder(async (folder) => {
    const peaks = join(folder, 'peaks');
    const { seconds, stdout } = await runToEnd(process.execPath, trainArguments(flags, folder), {
      NODE_OPTIONS: `--import=${pathToFileURL(join(repository, 'benchmarks', 'recordPeakMemory.mjs')).href}`,
      FETTLE_PEAK_FILE: peaks,
    });
    // Where the command runs the training in a child, both were there at once.
    const peakMemoryMb = (await readFile(peaks, 'utf8'))
      .trim()
      .split('\n')
      .reduce((sum, line) => sum + Number(line), 0);
    // Written to a file that is committed: without the folder's name.
    const { outputDir: _, ...result } = JSON.parse(stdout) as Record<string, unknown>;
    return { peakMemoryMb, seconds, result };
  });
}

/** Python's Trainer (python/mrpc_trainer.py) in a process of its own. */
export function runPython(flags: readonly string[]): Promise<RunCost> {
  return inFolder(async (folder) => {
    const { seconds, stdout } = await runToEnd(requirePython(), [pythonTrainer, ...flags], { TMPDIR: folder });
    const result = JSON.parse(stdout) as Record<string, unknown>;
    return { peakMemoryMb: Number(result['peakMemoryMb']), seconds, result };
  });
}

/** Seconds from the start of a program until its first training step begins, and until it has ended. */
export interface FirstStep {
  readonly begins: number;
  readonly ends: number;
}

/** The first step of `fettle train`; the command is ended then. */
export function fettleFirstStep(flags: readonly string[]): Promise<FirstStep> {
  return inFolder(
    (folder) =>
      new Promise<FirstStep>((resolve, reject) => {
        const start = performance.now();
        let stderr = '';
        // A group of its own: the command may run the training in a child, which must end with it.
        const child = spawn(process.execPath, trainArguments([...flags, '--max-steps', '1'], folder), {
          detached: true,
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let begins: number | undefined;
        let ends: number | undefined;
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          stderr = (stderr + text).slice(-4000);
          const seconds = (performance.now() - start) / 1000;
          if (/^training \d/m.test(stderr)) begins ??= seconds;
          if (ends !== undefined || !/^1\/1, /m.test(stderr)) return;
          ends = seconds;
          process.kill(-child.pid!, 'SIGKILL');
        });
        child.on('error', reject);
        child.on('close', (code) => {
          if (begins !== undefined && ends !== undefined) resolve({ begins, ends });
          else reject(new Error(`[wholeRuns] fettle train ended with code ${code} before its first step\n${stderr}`));
        });
      }),
  );
}

/** The first step of Python's program, as it says itself: the interpreter's own start is not counted. */
export async function pythonFirstStep(flags: readonly string[]): Promise<FirstStep> {
  return inFolder(async (folder) => {
    const all = [pythonTrainer, ...flags, '--max-steps', '1', '--only-first-step'];
    const { stdout } = await runToEnd(requirePython(), all, { TMPDIR: folder });
    return JSON.parse(stdout) as FirstStep;
  });
}

function trainArguments(flags: readonly string[], folder: string): string[] {
  return [command, 'train', ...flags, '--output-dir', join(folder, 'out'), '--json'];
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-run-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a program. @throws Error with the end of its stderr where it fails. */
function runToEnd(program: string, args: readonly string[], environment: Record<string, string>) {
  return new Promise<{ seconds: number; stdout: string }>((resolve, reject) => {
    const start = performance.now();
    let stdout = '';
    let stderr = '';
    const child = spawn(program, args, {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-4000);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ seconds: (performance.now() - start) / 1000, stdout });
      else reject(new Error(`[wholeRuns] ${program} ended with ${signal ?? `code ${code}`}\n${stderr}`));
    });
  });
}
