import { ignoredLabel } from '../models/labels.ts';
import type { BertTokenizer, Encoding } from '../tokenizers/index.ts';

/** Some of a row's word pieces, as many as a model takes at once, between [CLS] and [SEP]. */
export interface Window {
  readonly ids: Int32Array;
  /** For each token the word it is a piece of; −1 for [CLS] and [SEP]. */
  readonly words: Int32Array;
  /** Where the first pieces of those words stand whose answers are taken from this window: of each word in one window. */
  readonly firsts: readonly number[];
}

/** The window that holds a whole row. */
export function wholeWindow(encoding: Encoding): Window {
  const words = Int32Array.from(encoding.wordIds, (word) => word ?? -1);
  return { ids: encoding.ids, words, firsts: firstPieces(words, 0, words.length) };
}

/**
 * Cuts a row that is too long into windows of `length` tokens which overlap by a quarter. A word's answer is taken from the
 * window in which its first piece has most text on either side.
 */
export function cutWindows(row: Window, length: number, tokenizer: BertTokenizer): Window[] {
  const pieces = row.ids.length - 2;
  const room = length - 2;
  const step = Math.max(1, room - Math.floor(room / 4));
  const spans: { readonly start: number; readonly end: number; readonly firsts: number[] }[] = [];
  for (let start = 0; ; start += step) {
    const end = Math.min(start + room, pieces);
    // The last window is full, too: more text on the left costs nothing.
    spans.push({ start: end === pieces ? Math.max(0, pieces - room) : start, end, firsts: [] });
    if (end === pieces) break;
  }
  for (const first of row.firsts) {
    const piece = first - 1;
    const context = ({ start, end }: { start: number; end: number }) => Math.min(piece - start, end - 1 - piece);
    const best = spans.reduce((found, span) => (context(span) > context(found) ? span : found));
    best.firsts.push(piece - best.start + 1);
  }
  return spans.map(({ start, end, firsts }) => ({
    ids: Int32Array.from([tokenizer.clsTokenId, ...row.ids.subarray(start + 1, end + 1), tokenizer.sepTokenId]),
    words: Int32Array.from([-1, ...row.words.subarray(start + 1, end + 1), -1]),
    firsts,
  }));
}

/**
 * Labels of a window's tokens from those of the row's words: a word's first piece has its label, all else −100
 * (Hugging Face's `run_ner`).
 * @param inside gives every other piece the label that this makes of its word's.
 */
export function pieceLabels(
  { words, firsts }: Window,
  labels: readonly number[],
  inside?: (label: number) => number,
): Int32Array {
  const aligned = new Int32Array(words.length).fill(ignoredLabel);
  for (const at of firsts) {
    const label = labels[words[at]];
    aligned[at] = label;
    if (inside === undefined || label === ignoredLabel) continue;
    for (let next = at + 1; words[next] === words[at]; next++) aligned[next] = inside(label);
  }
  return aligned;
}

/** For each label the one of an entity's further pieces: `I-PER` for `B-PER`, where there is such a label. */
export function insideLabels(id2label: readonly string[]): (label: number) => number {
  const inside = id2label.map((name, id) => {
    const found = name.startsWith('B-') ? id2label.indexOf(`I-${name.slice(2)}`) : -1;
    return found < 0 ? id : found;
  });
  return (label) => inside[label];
}

function firstPieces(words: Int32Array, start: number, end: number): number[] {
  const firsts: number[] = [];
  for (let at = start; at < end; at++) if (words[at] >= 0 && words[at] !== words[at - 1]) firsts.push(at);
  return firsts;
}
