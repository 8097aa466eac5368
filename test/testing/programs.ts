import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

/**
 * Runs a program of its own, TypeScript and all, in the repository's root.
 * @param body the program; `source('training/trainer.ts')` is the address of a module of `src/`.
 * @param onOutput called with all the output so far, to send signals.
 */
export function runProgram(
  body: string,
  options: {
    readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
    readonly environment?: Readonly<Record<string, string>>;
    readonly flags?: readonly string[];
  } = {},
): Promise<Ended> {
  const root = new URL('../../src/', import.meta.url).href;
  const program = `const source = (path) => '${root}' + path;\n${body}`;
  return runNode([...(options.flags ?? []), '--import', 'tsx', '--input-type=module', '--eval', program], options);
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
export function killableTraining(line: readonly string[], killAfter?: number): Promise<Ended> {
  let isTimed = killAfter === undefined;
  return runNode(['--import', 'tsx', 'src/cli/bin.ts', 'train', ...line], {
    onErrors: (errors, kill) => {
      if (isTimed || !errors.includes('training ')) return;
      isTimed = true;
      setTimeout(() => kill('SIGKILL'), killAfter);
    },
  });
}
