/**
 * Walks over run-length and bit-packed runs (parquet-format, Encodings.md, "RLE/Bit-Packing Hybrid") without decoding
 * them: no run may hold more values than are still to come. The decoder writes as many as a run's header names, whatever
 * there is room for. Ends where the bytes end. Throws an Error.
 * @param width bits of a value. @param count values that the page holds at most.
 */
export function checkRuns(bytes: Uint8Array, start: number, end: number, width: number, count: number): void {
  if (width > 32 || start > end || end > bytes.length) throw new Error('runs of values do not lie in their page');
  let at = start;
  for (let seen = 0; seen < count && at < end; ) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end || shift > 28) throw new Error('a run of values begins wrongly');
      const byte = bytes[at++];
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const isPacked = header % 2 === 1;
    const size = Math.floor(header / 2) * (isPacked ? 8 : 1);
    // Packed runs are filled up to eight values, and some writers leave room for more.
    if (size === 0 || size > count - seen + (isPacked ? 511 : 0))
      throw new Error('a run of values has an impossible length');
    at += isPacked ? (size / 8) * width : Math.ceil(width / 8);
    seen += size;
  }
}

/** The largest levels of a column: how deep its values may be repeated or missing. */
export interface Levels {
  readonly repetition: number;
  readonly definition: number;
}

/** What a data page says of itself. */
export interface PageLayout {
  readonly values: number;
  /** parquet-format's number of the values' encoding. */
  readonly encoding: number;
  readonly levels: Levels;
}

/** Checks the values of a page where they are run-length encoded: words of a dictionary, and booleans. */
export function checkValueRuns(bytes: Uint8Array, start: number, { values, encoding }: PageLayout): void {
  // 2 and 8 are dictionaries: a byte says the width. 3 is run-length: its size in bytes comes first.
  if ((encoding === 2 || encoding === 8) && start < bytes.length) {
    checkRuns(bytes, start + 1, bytes.length, bytes[start], values);
  } else if (encoding === 3 && start + 4 <= bytes.length) {
    checkRuns(bytes, start + 4, bytes.length, 1, values);
  }
}

/** Checks an unpacked data page of the first version: its levels, each with its size in four bytes before, and its values. */
export function checkFirstVersion(bytes: Uint8Array, layout: PageLayout): void {
  let at = 0;
  for (const level of [layout.levels.repetition, layout.levels.definition]) {
    if (level === 0) continue;
    if (at + 4 > bytes.length) throw new Error('a page ends inside its levels');
    const size = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
    checkRuns(bytes, at + 4, at + 4 + size, bitsOf(level), layout.values);
    at += 4 + size;
  }
  checkValueRuns(bytes, at, layout);
}

/** How many bits hold the numbers from 0 to `largest`. */
export function bitsOf(largest: number): number {
  return 32 - Math.clz32(largest);
}
