import { RandomStream } from '../../src/core/random.ts';

/** A file with a few bytes changed, cut out or put in, its end cut off, or a part of it doubled: a pure function of the seed. */
export function damaged(good: Uint8Array, seed: number): Uint8Array {
  const random = new RandomStream(seed, 'damage');
  let bytes = Uint8Array.from(good);
  const times = 1 + random.integer(4);
  for (let i = 0; i < times && bytes.length > 0; i++) {
    const at = random.integer(bytes.length);
    const size = 1 + random.integer(Math.min(64, bytes.length - at));
    switch (random.integer(6)) {
      case 0:
        bytes[at] = random.integer(256);
        break;
      case 1:
        bytes[at] ^= 1 << random.integer(8);
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(at + size));
        break;
      case 4:
        bytes = joined(bytes.subarray(0, at + size), bytes.subarray(at));
        break;
      default:
        // Signs that mean something in one format or another.
        bytes[at] = '",\n\r\t{}[]:\\\0'.charCodeAt(random.integer(12));
    }
  }
  return bytes;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
