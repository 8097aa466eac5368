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
