import type { Features, Row } from './features.ts';

/** A place in a file at which a row begins; plain data. What it counts is the reader's business. */
export interface StreamPosition {
  /** Bytes of text before it; for Parquet, row groups. */
  readonly offset: number;
  /** The line on which it stands, from 1; for Parquet 1. */
  readonly line: number;
}

/** Some rows that follow one another. */
export interface RowBatch {
  /** At least one. */
  readonly rows: readonly Row[];
  /** Where the first of them begins: reading from there gives these rows again. */
  readonly position: StreamPosition;
}

/** A data file whose rows are read as they are asked for. */
export interface RowStream {
  readonly features: Features;
  /** One pass over the rows, from the start or from the position of a batch. */
  batches(from?: StreamPosition): AsyncGenerator<RowBatch>;
}

/** Rows in memory that can be cut, as a data set can. */
interface Sliceable {
  readonly features: Features;
  readonly length: number;
  slice(start: number, stop: number): { toJSON(): readonly Row[] };
}

/** A data set in memory as a stream. */
export function wholeStream(dataset: Sliceable, batchRows = 1000): RowStream {
  return {
    features: dataset.features,
    async *batches(from = { offset: 0, line: 1 }) {
      for (let at = from.offset; at < dataset.length; at += batchRows) {
        yield { rows: dataset.slice(at, at + batchRows).toJSON(), position: { offset: at, line: 1 } };
      }
    },
  };
}
