/** One event of a TensorBoard file, as far as scalars go. */
export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly version?: string;
  readonly scalars: Readonly<Record<string, number>>;
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
    if (field === 5) event = { ...event, scalars: Object.fromEntries(fieldsOf(value as Uint8Array).map(scalarOf)) };
  }
  return event;
}

function scalarOf({ value }: { value: Uint8Array | bigint }): [string, number] {
  const parts = new Map(fieldsOf(value as Uint8Array).map((part) => [part.field, part.value as Uint8Array]));
  const number = parts.get(2)!;
  return [text(parts.get(1)!), new DataView(number.buffer, number.byteOffset).getFloat32(0, true)];
}

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
