import { DataError } from '../../core/errors.ts';
import { StringBuilder } from '../columnBuilder.ts';
import { Dataset } from '../dataset.ts';
import type { Row } from '../features.ts';
import type { RowBatch, RowStream, StreamPosition } from '../rowStream.ts';
import type { ByteSource } from './byteSource.ts';
import { cellText } from './cellColumn.ts';
import { LineScanner } from './lineScanner.ts';

/** How a file of plain text is read. */
export interface PlainTextOptions {
  /**
   * What a row is: a `'line'` (blank lines too), a `'paragraph'` (lines between blank ones, joined by line feeds), or the
   * whole `'document'`. Default `'line'`. The names are those of Hugging Face's `sample_by`.
   */
  readonly sampleBy?: 'line' | 'paragraph' | 'document' | undefined;
}

const owner = 'loadDataset';

/** Puts lines together to rows. */
class Samples {
  readonly #by: NonNullable<PlainTextOptions['sampleBy']>;
  readonly #take: (text: string) => void;
  #lines: string[] = [];

  constructor(by: PlainTextOptions['sampleBy'], take: (text: string) => void) {
    this.#by = by ?? 'line';
    this.#take = take;
  }

  line(text: string): void {
    if (this.#by === 'line') this.#take(text);
    else if (this.#by === 'document' || text.trim() !== '') this.#lines.push(text);
    else this.end();
  }

  end(): void {
    if (this.#lines.length > 0) this.#take(this.#lines.join('\n'));
    this.#lines = [];
  }

  /** Whether the next line begins a row. */
  get isBetween(): boolean {
    return this.#lines.length === 0;
  }
}

/** Reads plain text as one column, `text`. Throws `ERR_EMPTY_FILE`, `ERR_ENCODING`, `ERR_NUL_BYTE` with file and line. */
export async function readPlainText(source: ByteSource, options: PlainTextOptions = {}): Promise<Dataset> {
  const { file } = source;
  const builder = new StringBuilder({ owner, file, column: 'text' });
  const samples = new Samples(options.sampleBy, (text) => builder.push(text));
  const byLine = (options.sampleBy ?? 'line') === 'line';
  const scanner = new LineScanner(file, (bytes, start, end) => {
    if (byLine) builder.pushUtf8(bytes, start, end);
    else samples.line(cellText(bytes, start, end));
  });
  for await (const piece of source.pieces()) scanner.push(piece, false);
  scanner.push(new Uint8Array(0), true);
  samples.end();
  const text = builder.finish();
  if (text.length === 0) throw emptyFile(file);
  return new Dataset(new Map([['text', text]]), { name: file });
}

/** As {@link readPlainText}, row by row; a document is held whole. */
export async function openPlainText(source: ByteSource, options: PlainTextOptions = {}): Promise<RowStream> {
  return { features: { text: 'string' }, batches: (from) => textBatches(source, options, from) };
}

async function* textBatches(
  source: ByteSource,
  options: PlainTextOptions,
  from: StreamPosition = { offset: 0, line: 1 },
): AsyncGenerator<RowBatch> {
  let rows: Row[] = [];
  const samples = new Samples(options.sampleBy, (text) => rows.push({ text }));
  const scanner = new LineScanner(
    source.file,
    (bytes, start, end) => samples.line(cellText(bytes, start, end)),
    from.line,
  );
  let position = from;
  let isEmpty = from.offset === 0;
  for await (const piece of source.pieces(from.offset)) {
    scanner.push(piece, false);
    if (rows.length === 0 || !samples.isBetween) continue;
    yield { rows, position };
    isEmpty = false;
    rows = [];
    position = { offset: from.offset + scanner.consumed, line: scanner.nextLine };
  }
  scanner.push(new Uint8Array(0), true);
  samples.end();
  if (rows.length > 0) yield { rows, position };
  else if (isEmpty) throw emptyFile(source.file);
}

function emptyFile(file: string): DataError {
  return new DataError('ERR_EMPTY_FILE', { owner, what: 'the file is empty', file });
}
