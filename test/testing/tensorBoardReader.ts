/** A histogram as it is read. */
export interface ReadHistogram {
  readonly numbers: readonly number[];
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/** One event of a TensorBoard file: scalars, and strings for plugins and histograms where there are any. */
export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly version?: string;
  readonly scalars: Readonly<Record<string, number>>;
  readonly strings?: Readonly<Record<string, { readonly plugin: string; readonly bytes: Uint8Array }>>;
  /** `numbers`: min, max, how many, their sum, the sum of their squares. */
  readonly histograms?: Readonly<Record<string, ReadHistogram>>;
}

/** Reads a TensorBoard event file (TFRecord frames of `Event` messages), all checksums checked. Written apart from the writer. */
export function readEvents(bytes: Uint8Array): ReadEvent[] {
  const events: ReadEvent[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    if (view.getUint32(at + 8, true) !== masked(bytes.subarray(at, at + 8)))
      throw new Error('a wrong checksum of a length');
    if (at + length + 16 > bytes.length) throw new Error('a record is cut off');
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (view.getUint32(at + 12 + length, true) !== masked(data)) throw new Error('a wrong checksum of a record');
    events.push(readEvent(data));
    at += length + 16;
  }
  return events;
}

/** crc32c from its table of 256 remainders, masked as TFRecord does. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  return remainder;
});

function masked(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function readEvent(data: Uint8Array): ReadEvent {
  let event: ReadEvent = { wallTime: 0, step: 0, scalars: {} };
  for (const { field, value } of fieldsOf(data)) {
    if (field === 1) event = { ...event, wallTime: float64(value as Uint8Array) };
    if (field === 2) event = { ...event, step: Number(value) };
    if (field === 3) event = { ...event, version: text(value as Uint8Array) };
    if (field === 5) event = { ...event, ...summaryOf(value as Uint8Array) };
  }
  return event;
}

function summaryOf(summary: Uint8Array): Pick<ReadEvent, 'scalars' | 'strings' | 'histograms'> {
  const scalars: Record<string, number> = {};
  const strings: Record<string, { plugin: string; bytes: Uint8Array }> = {};
  const histograms: Record<string, ReadHistogram> = {};
  for (const { value } of fieldsOf(summary)) {
    const parts = partsOf(value as Uint8Array);
    const tag = text(parts.get(1)!);
    if (parts.has(2)) {
      const number = parts.get(2)!;
      scalars[tag] = new DataView(number.buffer, number.byteOffset).getFloat32(0, true);
    }
    if (parts.has(5)) {
      const own = partsOf(parts.get(5)!);
      const numbers = [1, 2, 3, 4, 5].map((field) => float64(own.get(field)!));
      histograms[tag] = { numbers, limits: doubles(own.get(6)!), counts: doubles(own.get(7)!) };
    }
    if (parts.has(8)) {
      const plugin = text(partsOf(partsOf(parts.get(9)!).get(1)!).get(1)!);
      strings[tag] = { plugin, bytes: partsOf(parts.get(8)!).get(8)! };
    }
  }
  return {
    scalars,
    ...(Object.keys(strings).length === 0 ? {} : { strings }),
    ...(Object.keys(histograms).length === 0 ? {} : { histograms }),
  };
}

const partsOf = (data: Uint8Array) =>
  new Map(fieldsOf(data).map((part) => [part.field, part.value as Uint8Array] as const));

const doubles = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / 8 }, (_, i) =>
    new DataView(bytes.buffer, bytes.byteOffset).getFloat64(8 * i, true),
  );

/** Protocol buffers' wire format: varints, 64 and 32 bits, and what has a length. */
function fieldsOf(data: Uint8Array): { field: number; value: Uint8Array | bigint }[] {
  const fields: { field: number; value: Uint8Array | bigint }[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = data[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < data.length) {
    const key = Number(varint());
    const wire = key & 7;
    if (wire === 0) {
      fields.push({ field: key >> 3, value: varint() });
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
    fields.push({ field: key >> 3, value: data.subarray(at, at + length) });
    at += length;
  }
  return fields;
}

const float64 = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
