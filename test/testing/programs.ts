import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { onTestFinished } from 'vitest';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

/**
 * Runs a program of its own, in the repository's root.
 * @param body the program; it imports modules by their place in the repository: `await import('./src/index.ts')`.
 * @param onOutput called with all the output so far, to send signals.
 */
export async function runProgram(
  body: string,
  options: {
    readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
    readonly environment?: Readonly<Record<string, string>>;
    readonly flags?: readonly string[];
  } = {},
): Promise<Ended> {
  return runNode([...(options.flags ?? []), await bundled(body)], options);
}

let command: Promise<string> | undefined;

/** The file that is the command `fettle`, as the source has it now; gone when the test ends. */
export function commandFile(): Promise<string> {
  if (command === undefined) {
    command = bundle({ entryPoints: ['src/cli/bin.ts'] });
    onTestFinished(() => {
      command = undefined;
    });
  }
  return command;
}

/** The file that is a program, written as {@link runProgram} takes it; gone when the test ends. */
export function bundled(body: string): Promise<string> {
  return bundle({ stdin: { contents: body, resolveDir: repository, sourcefile: 'program.mjs' } });
}

let programs = 0;

/**
 * Puts a program and all modules of the repository that it imports into one file. Node would take seconds to load the modules one by
 * one, and to take their types away.
 * @returns the file, as deep in the repository as the package's own: `../../` leads to what is no module.
 */
async function bundle(program: Pick<BuildOptions, 'entryPoints' | 'stdin'>): Promise<string> {
  const outfile = join(repository, '.cache', 'programs', `${process.pid}-${programs++}.js`);
  onTestFinished(() => rm(outfile, { force: true }));
  await build({
    ...program,
    absWorkingDir: repository,
    tsconfig: 'tsconfig.json',
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // As in the package (scripts/build.mjs).
    keepNames: true,
    packages: 'external',
    logLevel: 'warning',
  });
  return outfile;
}

/** Runs Node with these arguments in the repository's root. */
export function runNode(
  line: readonly string[],
  options: {
    readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
    /** The same for all that went to standard error so far. */
    readonly onErrors?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
    readonly environment?: Readonly<Record<string, string>>;
    readonly cwd?: string;
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, line, {
    cwd: options.cwd ?? repository,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk) => {
      output += chunk;
      options.onOutput?.(output, (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
      options.onErrors?.(errors, (signal) => child.kill(signal));
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output, errors }));
  });
}

/** `fettle train` with these flags. @param killAfter milliseconds after its training begins (what comes before is the same each time) until it is killed. */
export async function killableTraining(line: readonly string[], killAfter?: number): Promise<Ended> {
  let isTimed = killAfter === undefined;
  return runNode([await commandFile(), 'train', ...line], {
    onErrors: (errors, kill) => {
      if (isTimed || !errors.includes('training ')) return;
      isTimed = true;
      setTimeout(() => kill('SIGKILL'), killAfter);
    },
  });
}
