import { ArgumentError, DataError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import { type ColumnBuilder, makeBuilder } from '../columnBuilder.ts';
import { Dataset } from '../dataset.ts';
import { listOf } from '../features.ts';
import { GrowingArray } from '../growingArray.ts';
import type { ByteSource } from './byteSource.ts';
import { cellText } from './cellColumn.ts';
import { LineScanner } from './lineScanner.ts';

/** How a file of words in columns is read. */
export interface ConllOptions {
  /** What stands between columns. Default: a tab where the first line of words has one, or else spaces. */
  readonly delimiter?: string | undefined;
  /**
   * Names of the columns. Default: `tokens` and `ner_tags`; of three, `pos_tags` stands between them, of four (CoNLL-2003)
   * `pos_tags` and `chunk_tags`.
   */
  readonly columnNames?: readonly string[] | undefined;
}

const owner = 'loadDataset';

/**
 * Reads words with tags: a line a word, a column a tag, a blank line between sentences (Tjong Kim Sang and De Meulder 2003).
 * A row is a sentence, each column a list of strings. Lines that begin with `-DOCSTART-` end a sentence and give no row. A
 * line that begins with `#` and has not as many columns as the others is a comment. Both are counted in the log.
 *
 * Throws DataError with file and line: `ERR_CONLL_COLUMNS` where a line has another number of columns than the first,
 * `ERR_CONLL_EMPTY` where a word or tag is empty, `ERR_EMPTY_FILE`, `ERR_ENCODING`, `ERR_NUL_BYTE`; ArgumentError
 * `ERR_COLUMN_NAMES` where `columnNames` are not as many as the columns.
 */
export async function readConll(source: ByteSource, options: ConllOptions = {}): Promise<Dataset> {
  const sentences = new Sentences(source.file, options);
  const scanner = new LineScanner(source.file, (bytes, start, end, line) =>
    sentences.line(cellText(bytes, start, end), line),
  );
  for await (const piece of source.pieces()) scanner.push(piece, false);
  scanner.push(new Uint8Array(0), true);
  return sentences.finish();
}

/** What is known once a line of words was seen. */
interface Form {
  readonly delimiter: string | RegExp;
  readonly width: number;
}

/** Puts lines together to sentences. */
class Sentences {
  readonly #file: string;
  readonly #options: ConllOptions;
  /** Lines before the first that surely is one of words: comments, or words that begin with `#`. */
  #waiting: { readonly text: string; readonly line: number }[] = [];
  #form: Form | undefined;
  #builders: readonly { readonly name: string; readonly builder: ColumnBuilder }[] = [];
  /** The words of the sentence under way, a list a column. */
  #lists: string[][] = [];
  #started = 0;
  readonly #lines = new GrowingArray((length) => new Uint32Array(length));
  #comments = 0;
  #documents = 0;

  constructor(file: string, options: ConllOptions) {
    this.#file = file;
    this.#options = options;
  }

  line(text: string, line: number): void {
    if (this.#form === undefined) {
      if (isBlank(text) || text.startsWith('#') || text.startsWith('-DOCSTART-')) {
        this.#waiting.push({ text, line });
        return;
      }
      this.#begin(text, line);
    }
    this.#take(text, line, this.#form!);
  }

  #begin(text: string, line: number): void {
    const delimiter = this.#options.delimiter ?? (text.includes('\t') ? '\t' : / +/);
    const width = fieldsOf(text, delimiter).length;
    if (width < 2) {
      throw new DataError('ERR_CONLL_COLUMNS', {
        owner,
        what: 'a line has a single column',
        got: text,
        expected: 'a word and its tag, with a tab or spaces between them',
        file: this.#file,
        row: line,
        hint: 'give delimiter, if something else stands between them',
      });
    }
    const names = this.#options.columnNames ?? defaultNames(width);
    if (names.length !== width) {
      throw new ArgumentError('ERR_COLUMN_NAMES', {
        owner,
        what: 'columnNames are not as many as the columns',
        got: names.join(', '),
        expected: `${width} names`,
        file: this.#file,
      });
    }
    const row = (position: number) => this.#lines.take()[position] ?? this.#started;
    this.#builders = names.map((name) => ({
      name,
      builder: makeBuilder({ owner, file: this.#file, column: name, row }, listOf('string')),
    }));
    this.#lists = names.map(() => []);
    this.#form = { delimiter, width };
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const earlier of waiting) this.#take(earlier.text, earlier.line, this.#form);
  }

  #take(text: string, line: number, { delimiter, width }: Form): void {
    if (isBlank(text)) {
      this.#endSentence();
      return;
    }
    const fields = fieldsOf(text, delimiter);
    if (fields[0] === '-DOCSTART-') {
      this.#endSentence();
      this.#documents++;
      return;
    }
    if (fields.length !== width) {
      if (text.startsWith('#')) {
        this.#comments++;
        return;
      }
      throw new DataError('ERR_CONLL_COLUMNS', {
        owner,
        what: 'a line has another number of columns than the first',
        got: text,
        expected: `${width} columns`,
        file: this.#file,
        row: line,
      });
    }
    const empty = fields.indexOf('');
    if (empty >= 0) {
      throw new DataError('ERR_CONLL_EMPTY', {
        owner,
        what: empty === 0 ? 'a word is empty' : 'a word has no tag',
        got: text,
        file: this.#file,
        row: line,
        column: this.#builders[empty].name,
      });
    }
    if (this.#lists[0].length === 0) this.#started = line;
    fields.forEach((field, i) => {
      this.#lists[i].push(field);
    });
  }

  #endSentence(): void {
    if (this.#lists.length === 0 || this.#lists[0].length === 0) return;
    this.#lines.push(this.#started);
    this.#builders.forEach(({ builder }, i) => {
      builder.push(this.#lists[i]);
    });
    this.#lists = this.#builders.map(() => []);
  }

  finish(): Dataset {
    // A file whose every line begins with # is one of words, if there are tags.
    const first = this.#waiting.find(({ text }) => /^#\S+[\t ]+\S/.test(text));
    if (this.#form === undefined && first !== undefined) this.#begin(first.text, first.line);
    this.#endSentence();
    if (this.#lines.length === 0) {
      throw new DataError('ERR_EMPTY_FILE', { owner, what: 'the file holds no words', file: this.#file });
    }
    const left = [
      ...(this.#documents > 0 ? [`${this.#documents} lines -DOCSTART-`] : []),
      ...(this.#comments > 0 ? [`${this.#comments} comments`] : []),
    ];
    if (left.length > 0) log.info(`[${owner}] ${this.#file}: ${left.join(' and ')} left out`);
    return new Dataset(new Map(this.#builders.map(({ name, builder }) => [name, builder.finish()])), {
      name: this.#file,
    });
  }
}

/** Blank lines may hold tabs and spaces; a word may be a space of another kind. */
function isBlank(text: string): boolean {
  return /^[\t ]*$/.test(text);
}

function fieldsOf(text: string, delimiter: string | RegExp): string[] {
  // Spaces at the ends of a line or tag are never meant.
  return text
    .replace(/^ +| +$/g, '')
    .split(delimiter)
    .map((field) => field.replace(/^ +| +$/g, ''));
}

function defaultNames(width: number): string[] {
  if (width === 2) return ['tokens', 'ner_tags'];
  if (width === 3) return ['tokens', 'pos_tags', 'ner_tags'];
  if (width === 4) return ['tokens', 'pos_tags', 'chunk_tags', 'ner_tags'];
  return ['tokens', ...Array.from({ length: width - 2 }, (_, i) => `column_${i + 2}`), 'ner_tags'];
}
