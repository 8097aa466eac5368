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

/** A text, shown as Markdown. */
export interface TextSummary {
  readonly tag: string;
  readonly text: string;
}

/** How numbers are distributed: `counts[i]` of them are at most `limits[i]` and more than `limits[i − 1]`. */
export interface HistogramSummary {
  readonly tag: string;
  readonly min: number;
  readonly max: number;
  /** How many numbers there are, their sum and the sum of their squares. */
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/** A chart with several curves: those whose tags fit one of the regular expressions. */
export interface ChartLayout {
  readonly title: string;
  readonly tags: readonly string[];
}

/**
 * One record of a TensorBoard event file (`Event` with `Summary`, event.proto and summary.proto).
 * @param wallTime seconds since 1970.
 */
export function encodeScalars(scalars: readonly ScalarSummary[], step: number, wallTime: number): Uint8Array {
  return encodeSummary(scalars, step, wallTime, (entry, { tag, value }) => entry.string(1, tag).float(2, value));
}

/** One record with histograms (`HistogramProto` of summary.proto). */
export function encodeHistograms(histograms: readonly HistogramSummary[], step: number, wallTime: number): Uint8Array {
  return encodeSummary(histograms, step, wallTime, (entry, own) =>
    entry
      .string(1, own.tag)
      .message(5, (histogram) =>
        histogram
          .double(1, own.min)
          .double(2, own.max)
          .double(3, own.count)
          .double(4, own.sum)
          .double(5, own.sumOfSquares)
          .bytes(6, packedDoubles(own.limits))
          .bytes(7, packedDoubles(own.counts)),
      ),
  );
}

/** One record with texts, for TensorBoard's tab "Text". */
export function encodeTexts(texts: readonly TextSummary[], step: number, wallTime: number): Uint8Array {
  const encoder = new TextEncoder();
  return encodeSummary(texts, step, wallTime, (entry, { tag, text }) =>
    pluginString(entry.string(1, tag), 'text', encoder.encode(text)),
  );
}

/** One record that has TensorBoard draw curves of several tags in one chart, in its tab "Custom scalars" (layout.proto of that plugin). */
export function encodeCharts(category: string, charts: readonly ChartLayout[], wallTime: number): Uint8Array {
  const layout = new ProtobufWriter().message(2, (own) => {
    own.string(1, category);
    for (const { title, tags } of charts) {
      own.message(2, (chart) =>
        chart.string(1, title).message(2, (lines) => {
          for (const tag of tags) lines.string(1, tag);
        }),
      );
    }
  });
  return encodeSummary([layout.finish()], 0, wallTime, (entry, bytes) =>
    pluginString(entry.string(1, 'custom_scalars__config__'), 'custom_scalars', bytes),
  );
}

function encodeSummary<Value>(
  values: readonly Value[],
  step: number,
  wallTime: number,
  write: (entry: ProtobufWriter, value: Value) => void,
): Uint8Array {
  const event = new ProtobufWriter()
    .double(1, wallTime)
    .integer(2, step)
    .message(5, (summary) => {
      for (const value of values) summary.message(1, (entry) => write(entry, value));
    });
  return frameRecord(event.finish());
}

/** A value for a plugin: `SummaryMetadata` with its name, and a `TensorProto` of one string (type 7 of types.proto). */
function pluginString(entry: ProtobufWriter, plugin: string, bytes: Uint8Array): void {
  entry
    .message(9, (metadata) => metadata.message(1, (data) => data.string(1, plugin)))
    .message(8, (tensor) =>
      tensor
        .integer(1, 7)
        .message(2, (shape) => shape.message(2, (dimension) => dimension.integer(1, 1)))
        .bytes(8, bytes),
    );
}

function packedDoubles(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setFloat64(8 * i, value, true);
  return bytes;
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
