import { ProtobufWriter } from './protobuf.ts';

/** A number to be plotted over steps. */
export interface ScalarSummary {
  readonly tag: string;
  readonly value: number;
}

/** The first record of an event file, which says what format it has (tensorflow/core/util/event.proto). */
export function encodeFileVersion(wallTime: number): Uint8Array {
  return frameRecord(new ProtobufWriter().double(1, wallTime).string(3, 'brain.Event:2').finish());
}

/**
 * One record of a TensorBoard event file (`Event` with `Summary`, event.proto and summary.proto).
 * @param wallTime seconds since 1970.
 */
export function encodeScalars(scalars: readonly ScalarSummary[], step: number, wallTime: number): Uint8Array {
  const event = new ProtobufWriter()
    .double(1, wallTime)
    .integer(2, step)
    .message(5, (summary) => {
      for (const { tag, value } of scalars) {
        summary.message(1, (entry) => entry.string(1, tag).float(2, value));
      }
    });
  return frameRecord(event.finish());
}

/** TFRecord framing: length, its checksum, the data, their checksum (tensorflow.org/tutorials/load_data/tfrecord). */
function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), bit by bit: the records are small. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
