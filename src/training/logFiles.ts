import { appendBytes, ensureWritableDirectory, joinPath, writeAtomic } from '#platform/files';
import { type CallbackContext, TrainerCallback } from './callbacks.ts';
import { reportDirectory } from './reportDirectory.ts';
import type { LogEntry, TrainerControl, TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** A log that is one file: what it holds at the beginning, and what each line adds. */
abstract class LogFile extends TrainerCallback {
  readonly #given: string | undefined;
  readonly #fileName: string;
  protected path = '';

  constructor(fileName: string, path: string | undefined) {
    super();
    this.#fileName = fileName;
    this.#given = path;
  }

  /** Writes the file anew from the lines so far. */
  protected abstract begin(history: readonly LogEntry[]): Promise<void>;

  /** Adds a line. */
  protected abstract add(entry: LogEntry, history: readonly LogEntry[]): Promise<void>;

  override async onTrainBegin(args: TrainingArguments, state: TrainerState): Promise<void> {
    if (this.#given !== undefined) this.path = this.#given;
    else {
      const directory = reportDirectory(args);
      await ensureWritableDirectory(directory);
      this.path = joinPath(directory, this.#fileName);
    }
    // From the state, so that a resumed run has the log of one that was never stopped.
    await this.begin(state.logHistory);
  }

  override async onLog(
    _: TrainingArguments,
    state: TrainerState,
    __: TrainerControl,
    { logs = {} }: CallbackContext,
  ): Promise<void> {
    await this.add(logs, state.logHistory);
  }
}

/**
 * Writes the log as JSON Lines, an object each: the entries of `trainer.state.logHistory`. The argument `reportTo` with
 * `'jsonl'` makes one. What is no number in JSON is null.
 */
export class JsonLinesCallback extends LogFile {
  override readonly name = 'JsonLinesCallback';

  /** @param path default: `log.jsonl` in `loggingDir`, or in `outputDir/runs`. */
  constructor(path?: string) {
    super('log.jsonl', path);
  }

  protected override async begin(history: readonly LogEntry[]): Promise<void> {
    await writeAtomic(this.path, history.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }

  protected override async add(entry: LogEntry): Promise<void> {
    await appendBytes(this.path, new TextEncoder().encode(`${JSON.stringify(entry)}\n`));
  }
}

/**
 * Writes the log as CSV, a line for each of its entries, with `step` and `epoch` first and a column for every name that has
 * come; cells of others are empty. The argument `reportTo` with `'csv'` makes one.
 */
export class CsvCallback extends LogFile {
  override readonly name = 'CsvCallback';
  #columns: string[] = [];

  /** @param path default: `log.csv` in `loggingDir`, or in `outputDir/runs`. */
  constructor(path?: string) {
    super('log.csv', path);
  }

  protected override async begin(history: readonly LogEntry[]): Promise<void> {
    this.#columns = [...new Set(['step', 'epoch', ...history.flatMap((entry) => Object.keys(entry))])];
    await writeAtomic(
      this.path,
      [this.#columns.join(','), ...history.map((entry) => this.#line(entry)), ''].join('\n'),
    );
  }

  protected override async add(entry: LogEntry, history: readonly LogEntry[]): Promise<void> {
    // A name that is new needs a column in every line.
    if (Object.keys(entry).some((name) => !this.#columns.includes(name))) await this.begin(history);
    else await appendBytes(this.path, new TextEncoder().encode(`${this.#line(entry)}\n`));
  }

  #line(entry: LogEntry): string {
    return this.#columns.map((name) => entry[name] ?? '').join(',');
  }
}
