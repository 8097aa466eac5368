import { DataError, FettleError } from '../core/errors.ts';
import { filterLog, type LogLevel, log } from '../core/log.ts';
import { Dataset, type Features, type IterableDataset, type IterableState, type Row } from '../data/index.ts';
import type { PrepareOptions, RowsBefore, Task } from '../tasks/task.ts';

/** Rows that are read and made into features at once: as many as Hugging Face's `map` takes. */
export const rowsAtOnce = 1000;

/** Where a part of a stream begins. */
export interface PartPlace extends RowsBefore {
  /** The data set's state there. */
  readonly state: IterableState;
}

/** Features of some rows that follow one another. */
export interface StreamPart<Feature> {
  readonly place: PartPlace;
  readonly features: readonly Feature[];
}

/** How a {@link FeatureStream} is read. */
export interface FeatureStreamOptions {
  readonly labels: PrepareOptions['labels'];
  /** What the columns hold, where the data set does not know. */
  readonly features: Features;
  /** Rows of a part. Default {@link rowsAtOnce}. */
  readonly rowsAtOnce?: number | undefined;
}

/**
 * A task's features of a stream, made as its rows are read: never more than one part of them is in memory. Passes are
 * independent of one another, and of what else the data set is read for.
 */
export class FeatureStream<Feature = unknown> {
  readonly #task: Task<Feature>;
  readonly #dataset: IterableDataset;
  readonly #options: FeatureStreamOptions;
  /** What was said already, but for its numbers. */
  readonly #said = new Set<string>();

  constructor(task: Task<Feature>, dataset: IterableDataset, options: FeatureStreamOptions) {
    this.#task = task;
    this.#dataset = dataset;
    this.#options = options;
  }

  /**
   * One pass, part by part; parts without features (rows that all are left out) are passed over.
   * @param epoch what a shuffle's order depends on besides its seed. @param from the place of an earlier pass's part: it comes first.
   * @throws DataError that names the row by its number in the stream, from 1.
   */
  async *parts(epoch: number, from?: PartPlace | undefined): AsyncGenerator<StreamPart<Feature>> {
    // A data set over the same rows with a pass of its own.
    const own = this.#dataset.withInfo({});
    if (from === undefined) own.setEpoch(epoch);
    else own.loadStateDict(from.state);
    let place: PartPlace = from ?? { state: own.stateDict(), rows: 0, features: 0 };
    let rows: Row[] = [];
    for await (const row of own) {
      rows.push(row);
      if (rows.length < (this.#options.rowsAtOnce ?? rowsAtOnce)) continue;
      const features = await this.#featuresOf(rows, place);
      const next = {
        state: own.stateDict(),
        rows: place.rows + rows.length,
        features: place.features + features.length,
      };
      if (features.length > 0) yield { place, features };
      place = next;
      rows = [];
    }
    const features = await this.#featuresOf(rows, place);
    if (features.length > 0) yield { place, features };
  }

  /** One pass in batches of `size` features, the last perhaps smaller. Rows come in the order of the first epoch. */
  async *batches(size: number): AsyncGenerator<readonly Feature[]> {
    let left: readonly Feature[] = [];
    for await (const { features } of this.parts(0)) {
      const all = left.length === 0 ? features : [...left, ...features];
      const whole = all.length - (all.length % size);
      for (let start = 0; start < whole; start += size) yield all.slice(start, start + size);
      left = all.slice(whole);
    }
    if (left.length > 0) yield left;
  }

  async #featuresOf(rows: readonly Row[], place: PartPlace): Promise<readonly Feature[]> {
    if (rows.length === 0) return [];
    const { labels, features } = this.#options;
    const before = { rows: place.rows, features: place.features };
    const lines: (readonly [Exclude<LogLevel, 'silent'>, string])[] = [];
    const endFilter = filterLog((level, message) => lines.push([level, message]) === 0);
    try {
      const { info } = this.#dataset;
      const part = Dataset.fromRows(rows, { features, info });
      return await this.#task.prepare(part, { labels, before });
    } catch (error) {
      // A part of which no row is of use is none of a stream that has others.
      if (error instanceof DataError && error.code === 'ERR_NO_ROWS') return [];
      throw error instanceof FettleError && error.row !== undefined ? error.atRow(place.rows + error.row) : error;
    } finally {
      endFilter();
      for (const [level, message] of lines) this.#sayOnce(level, message, place.rows, rows.length);
    }
  }

  /** What a task says of a data set it would say of every part: once is enough, with the rows that it is of. */
  #sayOnce(level: Exclude<LogLevel, 'silent'>, message: string, before: number, rows: number): void {
    const kind = message.replace(/\d+/g, '0');
    if (this.#said.has(kind)) return;
    this.#said.add(kind);
    log[level](`rows ${before + 1} to ${before + rows} of the stream: ${message}`);
  }
}
