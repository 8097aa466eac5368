import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The checkout's folder, also for the built form of this file (dist/benchmarks). */
export const repository = findRepository(dirname(fileURLToPath(import.meta.url)));

function findRepository(folder: string): string {
  const file = join(folder, 'package.json');
  if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'fettle') return folder;
  if (dirname(folder) === folder) throw new Error('[benchmarks] this file is outside the checkout of fettle');
  return findRepository(dirname(folder));
}

/**
 * The Python interpreter that has PyTorch and transformers: FETTLE_PYTHON where that is set, else the one that
 * `npm run bench:setup` makes; undefined where there is none.
 * @throws Error where FETTLE_PYTHON names a file that does not exist.
 */
export function findPython(): string | undefined {
  const named = process.env['FETTLE_PYTHON'];
  if (named !== undefined && named !== '') {
    if (!existsSync(named)) {
      throw new Error(
        `[findPython] FETTLE_PYTHON names no file, got '${named}'; give the path of an interpreter or unset it`,
      );
    }
    return named;
  }
  const made = join(repository, 'benchmarks', '.python', ...(process.platform === 'win32' ? windows : posix));
  return existsSync(made) ? made : undefined;
}

const posix = ['bin', 'python'];
const windows = ['Scripts', 'python.exe'];

/** {@link findPython}, or an error that says how to get one. */
export function requirePython(): string {
  const python = findPython();
  if (python === undefined) {
    throw new Error('[findPython] there is no Python to compare with; run npm run bench:setup, or set FETTLE_PYTHON');
  }
  return python;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A program that answers requests, one JSON object a line (benchmarks/python/protocol.py); Python, or what `program` names. */
export class PythonProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #pending: Pending[] = [];
  readonly #ended: Promise<void>;
  #errors = '';

  /**
   * Starts `script` (a path from the checkout's root). Nothing is written to the terminal.
   * @param options.program what runs it, with its own arguments first.
   */
  constructor(
    script: string,
    {
      program = [requirePython(), '-u'],
      environment = {},
    }: { program?: readonly string[]; environment?: Readonly<Record<string, string>> } = {},
  ) {
    const [file, ...first] = program;
    this.#child = spawn(file, [...first, join(repository, script)], {
      env: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONPATH: join(repository, 'benchmarks', 'python'),
        ...environment,
      },
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answer(line));
    // A request written to a process that has just died; its end is reported below.
    this.#child.stdin.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        for (const { reject } of this.#pending.splice(0)) reject(new Error(`[${script}] it ${how}\n${this.#errors}`));
        resolve();
      };
      this.#child.on('error', (error) => end(`could not be started: ${error.message}`));
      this.#child.on('close', (code, signal) => end(`ended with ${signal ?? `code ${code}`}`));
    });
  }

  /** What the program wrote to stderr, the last 4,000 characters. */
  get errors(): string {
    return this.#errors;
  }

  /** Asks for `op`. @throws Error with Python's traceback where it failed, or ended. */
  request<Result>(op: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Result> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      return Promise.reject(new Error(`[PythonProcess] the program has ended\n${this.#errors}`));
    }
    return new Promise<Result>((resolve, reject) => {
      this.#pending.push({ resolve: resolve as (result: unknown) => void, reject });
      this.#child.stdin.write(`${JSON.stringify({ op, ...fields })}\n`);
    });
  }

  /** Lets the program end and waits for it. Safe to call twice. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  #answer(line: string): void {
    const { resolve, reject } = this.#pending.shift()!;
    const { result, error } = JSON.parse(line) as { result?: unknown; error?: string };
    if (error === undefined) resolve(result);
    else reject(new Error(`the program failed:\n${error}`));
  }
}
