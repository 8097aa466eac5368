import type { BertTokenizer } from '../../tokenizers/index.ts';
import type { Cell } from '../features.ts';
import type { LengthInspection } from './inspection.ts';

const percents = [5, 25, 50, 75, 90, 95, 99];

/** The number of words of a text, as white space parts them. */
function countWords(text: string): number {
  return text.match(/\S+/gu)?.length ?? 0;
}

/** A row's texts in words, all together. */
export function wordsOfRow(cells: readonly Cell[]): number {
  return cells.reduce(
    (sum: number, cell) => sum + (Array.isArray(cell) ? cell.length : typeof cell === 'string' ? countWords(cell) : 0),
    0,
  );
}

/**
 * Rows in tokens of a tokenizer, [CLS] and [SEP] among them: one text, a pair, or one text of words. Of more than two texts all are
 * taken as one.
 */
export function tokensOfRows(
  rows: readonly (readonly Cell[])[],
  tokenizer: BertTokenizer,
  maxLength: number,
): number[] {
  if (rows.length === 0) return [];
  const options = { truncation: false, maxLength } as const;
  const text = (cell: Cell) => (Array.isArray(cell) ? cell.join(' ') : typeof cell === 'string' ? cell : '');
  const words = rows[0].length === 1 && Array.isArray(rows[0][0]);
  const encoded = words
    ? tokenizer(
        rows.map(([cell]) => (Array.isArray(cell) ? cell.map(String) : [])),
        { ...options, isSplitIntoWords: true },
      )
    : rows[0].length === 2
      ? tokenizer(
          rows.map(([first]) => text(first)),
          rows.map(([, second]) => text(second)),
          options,
        )
      : tokenizer(
          rows.map((cells) => cells.map(text).join(' ')),
          options,
        );
  return encoded.encodings.map(({ length }) => length);
}

/** Lengths in short: mean, percentiles (the smallest length that so many percent of the rows do not exceed), and what is cut. */
export function summarizeLengths(
  lengths: readonly number[],
  unit: LengthInspection['unit'],
  maxLength: number | undefined,
): LengthInspection {
  const sorted = Float64Array.from(lengths).sort();
  const rank = (percent: number) => sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
  const max = sorted.at(-1) ?? 0;
  return {
    unit,
    mean: sorted.length === 0 ? 0 : sorted.reduce((sum, length) => sum + length, 0) / sorted.length,
    percentiles: Object.fromEntries(percents.map((percent) => [String(percent), rank(percent)])),
    max,
    maxLength,
    truncated:
      maxLength === undefined ? undefined : sorted.reduce((sum, length) => sum + (length > maxLength ? 1 : 0), 0),
  };
}
