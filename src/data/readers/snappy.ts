/**
 * Walks over a Snappy stream (google/snappy, format_description.txt) without unpacking it: every element must lie inside,
 * copy only what was written before, and all together make exactly `outputLength` bytes. The decoder that unpacks it
 * takes all that on trust, and may never end where it does not hold. Throws an Error that says what is wrong.
 */
export function checkSnappy(input: Uint8Array, outputLength: number): void {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    if (at >= input.length || shift > 28) throw new Error('a Snappy page begins wrongly');
    const byte = input[at++];
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (length !== outputLength) throw new Error('a Snappy page has another size than its header says');
  let written = 0;
  const end = input.length;
  while (at < end) {
    const tag = input[at++];
    const upper = tag >>> 2;
    const kind = tag & 3;
    if (kind === 0) {
      let size = upper;
      if (upper >= 60) {
        const bytes = upper - 59;
        size = littleEndian(input, at, bytes);
        at += bytes;
      }
      at += size + 1;
      written += size + 1;
    } else {
      // Copies: with 11, 16 or 32 bits of offset.
      const bytes = kind === 3 ? 4 : kind;
      let offset: number;
      if (kind === 1) offset = ((tag >>> 5) << 8) | input[at];
      else if (kind === 2) offset = input[at] | (input[at + 1] << 8);
      else offset = littleEndian(input, at, 4);
      at += bytes;
      if (offset === 0 || offset > written) throw new Error('a Snappy page copies from nowhere');
      written += kind === 1 ? (upper & 7) + 4 : upper + 1;
    }
    if (at > end) throw new Error('a Snappy page ends too early');
    if (written > outputLength) throw new Error('a Snappy page is longer than its header says');
  }
  if (written !== outputLength) throw new Error('a Snappy page is shorter than its header says');
}

function littleEndian(input: Uint8Array, at: number, bytes: number): number {
  let value = 0;
  for (let i = 0; i < bytes; i++) value += (input[at + i] ?? 0) * 2 ** (8 * i);
  return value;
}
