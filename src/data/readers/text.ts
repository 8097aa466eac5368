import { ArgumentError, DataError } from '../../core/errors.ts';

const newline = 10;
const carriageReturn = 13;

/**
 * A data file's bytes as UTF-8 without a byte order mark, checked: invalid UTF-8 and NUL bytes are errors that name the line.
 * @param encoding the file's own encoding by its WHATWG name (`'windows-1252'`, `'utf-16le'`, `'shift_jis'`); default UTF-8.
 */
export function decodeFile(owner: string, file: string, bytes: Uint8Array, encoding?: string): Uint8Array {
  const utf8 = encoding === undefined || /^utf-?8$/i.test(encoding) ? bytes : recode(owner, file, bytes, encoding);
  const text = startsWith(utf8, [0xef, 0xbb, 0xbf]) ? utf8.subarray(3) : utf8;
  if (startsWith(text, [0xff, 0xfe]) || startsWith(text, [0xfe, 0xff])) throw utf16Error(owner, file, text[0]);
  const bad = firstBadByte(text);
  if (bad >= 0) throw badByteError(owner, file, text[bad], lineOf(text, bad));
  return text;
}

function recode(owner: string, file: string, bytes: Uint8Array, encoding: string): Uint8Array {
  const decoder = decoderFor(owner, encoding);
  try {
    return new TextEncoder().encode(decoder.decode(bytes));
  } catch (cause) {
    throw new DataError('ERR_ENCODING', { owner, what: `the file is not valid ${encoding}`, file, cause });
  }
}

/** A decoder that refuses what is not in its encoding. @throws ArgumentError ERR_UNKNOWN_ENCODING. */
export function decoderFor(owner: string, encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch (cause) {
    throw new ArgumentError('ERR_UNKNOWN_ENCODING', {
      owner,
      what: 'this encoding is not known',
      got: encoding,
      expected: "a WHATWG name such as 'utf-8', 'windows-1252', 'utf-16le'",
      cause,
    });
  }
}

/** What is said of a file that begins with UTF-16's byte order mark. */
export function utf16Error(owner: string, file: string, firstByte: number): DataError {
  return new DataError('ERR_ENCODING', {
    owner,
    what: 'the file is UTF-16',
    file,
    hint: `give encoding: '${firstByte === 0xff ? 'utf-16le' : 'utf-16be'}'`,
  });
}

/** What is said of a byte that cannot stand in text. */
export function badByteError(owner: string, file: string, byte: number, row: number): DataError {
  const nul = byte === 0;
  return new DataError(nul ? 'ERR_NUL_BYTE' : 'ERR_ENCODING', {
    owner,
    what: nul ? 'the file holds a NUL byte' : 'the file is not valid UTF-8',
    got: nul ? undefined : `byte 0x${byte.toString(16)}`,
    file,
    row,
    hint: nul
      ? 'it may be damaged, binary, or UTF-16 (then give encoding)'
      : "save it as UTF-8, or give its encoding: 'windows-1252'",
  });
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, i) => bytes[i] === byte);
}

/**
 * Where UTF-8 first goes wrong, or a NUL stands; −1 where all is well. The well-formed sequences are those of
 * the Unicode Standard, table 3-7 (no overlong forms, no surrogates, nothing above U+10FFFF).
 */
export function firstBadByte(bytes: Uint8Array): number {
  const size = bytes.length;
  for (let i = 0; i < size; ) {
    const lead = bytes[i];
    if (lead < 0x80) {
      if (lead === 0) return i;
      i++;
      continue;
    }
    const more = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    if (more === 0 || i + more >= size) return i;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (bytes[i + 1] < low || bytes[i + 1] > high) return i;
    for (let k = 2; k <= more; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return i;
    i += more + 1;
  }
  return -1;
}

/** The line, from 1, in which a byte stands. */
export function lineOf(bytes: Uint8Array, position: number): number {
  let line = 1;
  for (let i = 0; i < position; i++) {
    if (bytes[i] === newline || (bytes[i] === carriageReturn && bytes[i + 1] !== newline)) line++;
  }
  return line;
}

/** The lines of UTF-8 bytes, each without its end (`\n`, `\r\n` or `\r`), with their numbers from 1. A last line without an end counts. */
export function* linesOf(bytes: Uint8Array): Generator<{ line: Uint8Array; number: number }> {
  let number = 1;
  for (let start = 0; start < bytes.length; number++) {
    let stop = start;
    while (stop < bytes.length && bytes[stop] !== newline && bytes[stop] !== carriageReturn) stop++;
    yield { line: bytes.subarray(start, stop), number };
    start = stop + (bytes[stop] === carriageReturn && bytes[stop + 1] === newline ? 2 : 1);
  }
}
