import { encodingTrouble } from './encodingTrouble.ts';
import type { FindingCode, SplitInspection } from './inspection.ts';

/** Rows of a column that show one sign of trouble. */
export interface Sightings {
  count: number;
  /** The first, from 1. */
  readonly rows: number[];
  example: string | undefined;
}

/** Signs of trouble that one text by itself can show. */
export type TextSign = Extract<FindingCode, 'replacement-characters' | 'mojibake' | 'nul-characters' | 'html'>;

/** How many row numbers of a finding are kept. */
export const shownRows = 5;

/** Rows that are looked at between two looks at the event loop. */
export const rowsAtOnce = 2048;

/** HTML's most common elements and references. */
const html =
  /<\/?(?:p|br|b|i|a|div|span|em|strong|li|ul|td|tr|table|h[1-6]|img)(?:\s[^<>]*)?\/?>|&(?:amp|lt|gt|quot|nbsp|#\d{2,5});/i;

/** Counts signs of trouble as texts pass by. */
export class TextSigns {
  readonly seen = new Map<TextSign, Sightings>();

  /** @param row from 1. */
  look(text: string, row: number): void {
    // Most texts have none of these, and one look tells.
    if (/\P{ASCII}/u.test(text) || text.includes('\0')) {
      const { replacement, mojibake, nul } = encodingTrouble(text);
      if (replacement) this.#add('replacement-characters', row, around(text, text.indexOf('\ufffd')));
      if (mojibake !== undefined) this.#add('mojibake', row, around(text, text.indexOf(mojibake)));
      if (nul) this.#add('nul-characters', row, around(text.replaceAll('\0', '␀'), text.indexOf('\0')));
    }
    const found = html.exec(text);
    if (found !== null) this.#add('html', row, around(text, found.index));
  }

  #add(sign: TextSign, row: number, example: string): void {
    const sightings = this.seen.get(sign) ?? { count: 0, rows: [], example };
    sightings.count++;
    if (sightings.rows.length < shownRows) sightings.rows.push(row);
    this.seen.set(sign, sightings);
  }
}

/** Some of a text around a place, on one line. */
export function around(text: string, at: number, width = 60): string {
  const start = Math.max(0, at - Math.floor(width / 3));
  const cut = text.slice(start, start + width);
  return `${start > 0 ? '…' : ''}${cut.replace(/[\s\p{Cc}]+/gu, ' ').trim()}${start + width < text.length ? '…' : ''}`;
}

/** What was seen of a split, besides what the inspection tells. */
export interface SplitSigns {
  readonly inspection: SplitInspection;
  readonly missing: ReadonlyMap<string, readonly number[]>;
  readonly empty: ReadonlyMap<string, readonly number[]>;
  readonly signs: ReadonlyMap<string, TextSigns>;
  readonly duplicateRows: readonly number[];
  readonly duplicateExample: string | undefined;
  readonly longRows: readonly number[];
}

/** Lets a progress bar, a signal or a page have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
