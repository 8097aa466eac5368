import { DataError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type Dataset, describeFeature } from '../data/index.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';

/** How texts become rows of tokens. */
export interface ChunkOptions {
  /** The task's name, for messages. */
  readonly owner: string;
  /** The column with the texts. */
  readonly column: string;
  /** Tokens of a chunk. */
  readonly maxLength: number;
  /** A text a row, cut to `maxLength`; else texts are joined and cut into full chunks. */
  readonly lineByLine: boolean;
  /** For `lineByLine`: whether longer texts are cut; else they are an error. */
  readonly truncation: boolean;
}

/** Texts that are tokenized between two looks at the event loop. */
const textsAtOnce = 512;

/**
 * Texts as rows of tokens, with [CLS] and [SEP] around each text. Joined, they are cut into chunks of exactly `maxLength`
 * tokens, wherever that falls, and what fills no chunk at the end is left out (Hugging Face's `run_mlm`, which leaves out as
 * much after every thousand texts). Empty texts are left out. Both are said in the log.
 * @throws DataError, with the row, for a text that is missing, or too long where it may not be cut.
 */
export async function textChunks(
  dataset: Dataset,
  tokenizer: BertTokenizer,
  options: ChunkOptions,
): Promise<Int32Array[]> {
  const { maxLength, lineByLine } = options;
  const rows: Int32Array[] = [];
  let empty = 0;
  let cut = 0;
  const view = dataset.column(options.column);
  for (let start = 0; start < dataset.length; start += textsAtOnce) {
    const texts: string[] = [];
    const places: number[] = [];
    for (let index = start; index < Math.min(start + textsAtOnce, dataset.length); index++) {
      const text = textAt(view.at(index), index, options);
      if (text.trim() === '') empty++;
      else {
        texts.push(text);
        places.push(index);
      }
    }
    if (texts.length > 0) {
      // One token more than may stay tells the texts that are too long; with a length given, long texts are no surprise.
      const how = lineByLine ? { truncation: true, maxLength: maxLength + 1 } : { truncation: false, maxLength };
      const encoded = tokenizer(texts, how).encodings;
      encoded.forEach(({ ids }, i) => {
        if (lineByLine && ids.length > maxLength) {
          if (!options.truncation) throw tooLong(places[i], options);
          rows.push(tokenizer(texts[i], { truncation: true, maxLength }).encodings[0].ids);
          cut++;
        } else rows.push(ids);
      });
    }
    // Lets a progress bar, a signal or a page have their turn.
    await new Promise((resolve) => setTimeout(resolve));
  }
  if (empty > 0) log.info(`${empty} of ${dataset.length} texts are empty and were left out`);
  if (cut > 0) log.warn(`${cut} of ${dataset.length} texts had more than ${maxLength} tokens and were cut`);
  return lineByLine ? rows : joined(rows, options);
}

/**
 * Joins rows and cuts the whole into chunks of `length` tokens (`group_texts` of Hugging Face's `run_mlm`); the tokens behind
 * the last full chunk are left out.
 */
export function groupTexts(rows: readonly ArrayLike<number>[], length: number): Int32Array[] {
  const all = joinRows(rows);
  return Array.from({ length: Math.floor(all.length / length) }, (_, i) => all.slice(i * length, (i + 1) * length));
}

function joined(rows: readonly Int32Array[], { maxLength, owner }: ChunkOptions): Int32Array[] {
  const chunks = groupTexts(rows, maxLength);
  const tokens = rows.reduce((sum, row) => sum + row.length, 0);
  if (chunks.length === 0 && tokens > 0) {
    log.info(
      `[${owner}] all texts together have ${tokens} tokens, less than a chunk of ${maxLength}: they are one row`,
    );
    return [joinRows(rows)];
  }
  const left = tokens - chunks.length * maxLength;
  log.info(
    `${tokens} tokens in ${chunks.length} chunks of ${maxLength}${left > 0 ? `; the last ${left} tokens fill no chunk and are left out` : ''}`,
  );
  return chunks;
}

function joinRows(rows: readonly ArrayLike<number>[]): Int32Array {
  const all = new Int32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

/** The column that holds the texts: the one that is named, or the only one of strings. What was found is said in the log. */
export function findTextColumn(dataset: Dataset, named: string | undefined, owner: string): string {
  const columns = Object.keys(dataset.features);
  if (named !== undefined) {
    if (columns.includes(named)) return named;
    const near = didYouMean(named, columns);
    throw new DataError('ERR_UNKNOWN_COLUMN', {
      owner,
      what: `there is no column '${named}'`,
      expected: `one of ${columns.join(', ')}`,
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  }
  const texts = columns.filter((column) => dataset.features[column] === 'string');
  // A column that is named 'text' is meant, whatever stands beside it.
  const found = texts.length === 1 ? texts[0] : texts.find((column) => column === 'text');
  if (found === undefined) {
    throw new DataError('ERR_TEXT_COLUMNS', {
      owner,
      what: texts.length === 0 ? 'no column holds text' : `${texts.length} columns hold text`,
      got: columns.map((column) => `${column}: ${describeFeature(dataset.features[column])}`).join(', '),
      expected: 'one text column',
      hint: 'name it: columns: { text }, or --text-column',
    });
  }
  const unused = columns.filter((column) => column !== found);
  log.info(
    `columns: text '${found}'${unused.length > 0 ? `; not used: ${unused.map((column) => `'${column}'`).join(', ')}` : ''}`,
  );
  return found;
}

function textAt(text: unknown, index: number, { owner, column }: ChunkOptions): string {
  if (typeof text === 'string') return text;
  throw new DataError('ERR_MISSING_TEXT', {
    owner,
    what: text === null ? 'a text is missing' : 'a text is no string',
    got: text === null ? undefined : text,
    row: index + 1,
    column,
    hint: 'remove the row, or fill it in',
  });
}

function tooLong(index: number, { owner, maxLength, column }: ChunkOptions): DataError {
  return new DataError('ERR_TOO_LONG', {
    owner,
    what: `a text has more than ${maxLength} tokens`,
    row: index + 1,
    column,
    hint: 'allow truncation, shorten the text, or leave out lineByLine',
  });
}
