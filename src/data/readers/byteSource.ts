import { openFile } from '#platform/files';
import { DataError } from '../../core/errors.ts';
import { badByteError, decoderFor, firstBadByte, lineOf, utf16Error } from './text.ts';

/** A data file's content as UTF-8, read in pieces and as often as wanted. */
export interface ByteSource {
  /** The name that messages show. */
  readonly file: string;
  /**
   * One pass over the content from byte `from` on (counted after unzipping, recoding and without a byte order mark), in
   * pieces that end between characters. A piece is valid only until the next one is asked for.
   *
   * @throws DataError ERR_ENCODING, ERR_NUL_BYTE with file and line; ERR_GZIP where a gzip file is cut or damaged.
   */
  pieces(from?: number): AsyncGenerator<Uint8Array>;
}

/** How a file's bytes become text. */
export interface SourceOptions {
  /** The file's encoding by its WHATWG name. Default UTF-8. */
  readonly encoding?: string | undefined;
}

const owner = 'loadDataset';
const pieceSize = 1 << 20;

/** The bytes of a file as they stand, unzipped where they are gzip (told by their first two bytes). No text is expected. */
export async function* rawPieces(path: string, from = 0): AsyncGenerator<Uint8Array> {
  if (!(await isGzip(path))) {
    yield* filePieces(path, from);
    return;
  }
  // A gzip file cannot be entered in its middle: what comes before is unzipped and dropped.
  yield* dropping(gunzipped(path), from);
}

/** A file of text that may be gzip and in another encoding, as UTF-8. */
export function textSource(path: string, options: SourceOptions = {}): ByteSource {
  const recoded = (from: number) =>
    isUtf8(options.encoding)
      ? rawPieces(path, from)
      : dropping(recode(rawPieces(path), path, options.encoding as string), from);
  return {
    file: path,
    async *pieces(from = 0) {
      const mark = await lengthOfMark(recoded(0));
      yield* checked(recoded(from + mark), path, from, () => recoded(mark));
    },
  };
}

/** Whether an encoding's name means UTF-8. */
function isUtf8(encoding: string | undefined): boolean {
  return encoding === undefined || /^utf-?8$/i.test(encoding);
}

/** Whether a file begins as gzip does (RFC 1952, section 2.3.1). */
export async function isGzip(path: string): Promise<boolean> {
  const file = await openFile(path);
  try {
    const magic = new Uint8Array(2);
    return (await file.readInto(magic, 0)) === 2 && magic[0] === 0x1f && magic[1] === 0x8b;
  } finally {
    await file.close();
  }
}

async function* filePieces(path: string, from = 0): AsyncGenerator<Uint8Array> {
  const file = await openFile(path);
  try {
    const buffer = new Uint8Array(Math.max(1, Math.min(pieceSize, file.size - from)));
    for (let at = from; ; ) {
      const read = await file.readInto(buffer, at);
      if (read > 0) yield buffer.subarray(0, read);
      at += read;
      if (read < buffer.length) return;
    }
  } finally {
    await file.close();
  }
}

async function* gunzipped(path: string): AsyncGenerator<Uint8Array> {
  const pieces = filePieces(path);
  const zipped = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value.slice());
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
  const reader = zipped.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((cause: unknown) => {
        throw new DataError('ERR_GZIP', {
          owner,
          what: 'the gzip file is cut off or damaged',
          file: path,
          hint: 'get it again',
          cause,
        });
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** All but the first `count` bytes. */
async function* dropping(pieces: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const piece of pieces) {
    if (piece.length > left) yield left === 0 ? piece : piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}

async function* recode(pieces: AsyncIterable<Uint8Array>, file: string, encoding: string): AsyncGenerator<Uint8Array> {
  const decoder = decoderFor(owner, encoding);
  const encoder = new TextEncoder();
  const decode = (piece?: Uint8Array): Uint8Array => {
    try {
      return encoder.encode(piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true }));
    } catch (cause) {
      throw new DataError('ERR_ENCODING', { owner, what: `the file is not valid ${encoding}`, file, cause });
    }
  };
  for await (const piece of pieces) yield decode(piece);
  yield decode();
}

async function lengthOfMark(pieces: AsyncGenerator<Uint8Array>): Promise<number> {
  const head: number[] = [];
  for await (const piece of pieces) {
    head.push(...piece.subarray(0, 3));
    if (head.length >= 3) break;
  }
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
}

/** The pieces, cut between characters and checked. `again` reads the content once more from its start, to count lines. */
async function* checked(
  pieces: AsyncIterable<Uint8Array>,
  file: string,
  from: number,
  again: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let carry = new Uint8Array(0);
  let position = from;
  for await (const piece of pieces) {
    const joined = carry.length === 0 ? piece : concatenated(carry, piece);
    const whole = joined.length - unfinishedBytes(joined);
    const text = joined.subarray(0, whole);
    const bad = firstBadByte(text);
    if (bad >= 0) throw await badByte(file, text, bad, position, again);
    carry = joined.slice(whole);
    position += whole;
    if (whole > 0) yield text;
  }
  if (carry.length > 0) throw await badByte(file, carry, 0, position, again);
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** How many bytes at the end begin a character whose rest is still to come. */
function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}

async function badByte(
  file: string,
  text: Uint8Array,
  at: number,
  position: number,
  again: () => AsyncIterable<Uint8Array>,
): Promise<DataError> {
  const pair = `${text[at]} ${text[at + 1]}`;
  if (position + at === 0 && (pair === '255 254' || pair === '254 255')) return utf16Error(owner, file, text[at]);
  return badByteError(owner, file, text[at], await lineAt(again(), position + at));
}

/** The line, from 1, in which a byte of the content stands. */
async function lineAt(pieces: AsyncIterable<Uint8Array>, position: number): Promise<number> {
  let line = 1;
  let passed = 0;
  let afterReturn = false;
  for await (const piece of pieces) {
    const wanted = Math.min(piece.length, position - passed);
    line += lineOf(piece, wanted) - 1;
    // `\r` at the end of a piece counted already; its `\n` in the next is the same line end.
    if (afterReturn && wanted > 0 && piece[0] === 10) line--;
    afterReturn = piece[piece.length - 1] === 13;
    passed += wanted;
    if (wanted < piece.length) break;
  }
  return line;
}
