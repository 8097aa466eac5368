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
  const little = (bytes: number): number => {
    if (at + bytes > input.length) throw new Error('a Snappy page ends too early');
    let value = 0;
    for (let i = 0; i < bytes; i++) value += input[at++] * 2 ** (8 * i);
    return value;
  };
  while (at < input.length) {
    const tag = input[at++];
    const upper = tag >>> 2;
    const kind = tag & 3;
    if (kind === 0) {
      const size = 1 + (upper < 60 ? upper : little(upper - 59));
      at += size;
      written += size;
      if (at > input.length) throw new Error('a Snappy page ends too early');
    } else {
      const offset = kind === 1 ? (tag >>> 5) * 256 + little(1) : little(kind === 2 ? 2 : 4);
      if (offset === 0 || offset > written) throw new Error('a Snappy page copies from nowhere');
      written += kind === 1 ? (upper & 7) + 4 : upper + 1;
    }
    if (written > outputLength) throw new Error('a Snappy page is longer than its header says');
  }
  if (written !== outputLength) throw new Error('a Snappy page is shorter than its header says');
}
