/** What the goldens of question answering are made of (scripts/goldens/question_answering.py). */

/** A window in a golden file. */
export interface GoldenWindow {
  readonly row: number;
  /** In tokens. Where Python's walks on past the context (`walkedOn`) the last token, which is meant. */
  readonly start: number;
  readonly end: number;
}

/** An answer in a golden file, with offsets in code points. */
export interface GoldenAnswer {
  /** Start and end; empty where Python finds no candidate. */
  readonly answer: readonly number[];
  readonly text?: string;
  readonly difference?: number;
  /** How many options there are, and the first of them: start, end, both logits, probability. */
  readonly options: number;
  readonly best: readonly (readonly [number, number, number, number, number])[];
}

/** One way to make windows, and all that Python made of the rows. */
export interface GoldenCase<Window extends GoldenWindow> {
  readonly maxLength: number;
  readonly docStride: number;
  readonly features: readonly Window[];
  readonly v1: readonly GoldenAnswer[];
  readonly v2: readonly GoldenAnswer[];
}

/** The start and end logits of a window's tokens, side by side: the numbers that the goldens' program makes. */
export function goldenLogits(window: number, length: number): Float32Array {
  const logits = new Float32Array(2 * length);
  for (let token = 0; token < length; token++) {
    for (const which of [0, 1]) {
      let mixed = (Math.imul(window, 73856093) ^ Math.imul(token, 19349663) ^ Math.imul(which, 83492791)) >>> 0;
      mixed = Math.imul(mixed, 2654435761) >>> 0;
      mixed = Math.imul(mixed ^ (mixed >>> 15), 2246822519) >>> 0;
      logits[2 * token + which] = ((mixed >>> 8) / 2 ** 24) * 12 - 6 + (token === 0 ? (window % 3) * 4 : 0);
    }
  }
  return logits;
}

/** Positions as they should be: Python's are the wrong way round where one character is several tokens. */
export function goldenSpan({ start, end }: GoldenWindow): { start: number; end: number } {
  return { start: Math.min(start, end), end: Math.max(start, end) };
}

/** A span in code points as one in UTF-16 units. */
export function unitsOf(text: string, start: number, end: number): [start: number, end: number] {
  const characters = [...text];
  return [characters.slice(0, start).join('').length, characters.slice(0, end).join('').length];
}
