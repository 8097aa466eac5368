import { crc32 } from 'node:zlib';
import { NormalizedText, Normalizer } from '../../src/tokenizers/normalizer.ts';
import { PreTokenizer } from '../../src/tokenizers/preTokenizer.ts';
import { unitsOfCharacter } from '../../src/tokenizers/unicode.ts';

/** The CRC-32 of a text's UTF-8 bytes as the reference writes it. */
export const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');

/** Words with their code point offsets, as scripts/unicode/generate_reference.py records them. */
export function recorder(settings: { doLowerCase: boolean; stripAccents: boolean | null }): (text: string) => string {
  const { doLowerCase, stripAccents } = settings;
  const normalizer = new Normalizer({
    cleanText: true,
    tokenizeChineseChars: true,
    stripAccents: stripAccents ?? doLowerCase,
    doLowerCase,
  });
  const preTokenizer = new PreTokenizer();
  const normalized = new NormalizedText();
  return (text) => {
    let record = '';
    normalized.length = 0;
    normalizer.normalize(text, 0, text.length, normalized);
    preTokenizer.split(normalized, 0, normalized.length, {
      word: (_, start, end) => {
        const last = normalized.sources[end - 1];
        const from = codePoints(text, normalized.sources[start]);
        const to = codePoints(text, last + unitsOfCharacter(text, last));
        record += `${record === '' ? '' : ' '}${normalized.toString(start, end)}@${from}-${to}`;
      },
    });
    return `${record}\n`;
  };
}

/** How many code points the first `units` units of a text are. */
function codePoints(text: string, units: number): number {
  let count = 0;
  for (let i = 0; i < units; i += unitsOfCharacter(text, i)) count++;
  return count;
}

/** The checksums of blocks of 256 code points from `first` up to `end`, each code point alone and between letters. */
export function blockChecksums(record: (text: string) => string, first: number, end: number): string[] {
  const checksums: string[] = [];
  for (let block = first; block < end; block++) {
    let records = '';
    for (let code = block * 256; code < block * 256 + 256; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const character = String.fromCodePoint(code);
      records += record(character) + record(`a${character}b`);
    }
    checksums.push(checksum(records));
  }
  return checksums;
}

/** Which of these blocks, the first of which begins at code point 256 · `first`, have other checksums than expected. */
export function blocksThatDiffer(
  record: (text: string) => string,
  first: number,
  expected: readonly string[],
): string[] {
  return blockChecksums(record, first, first + expected.length).flatMap((actual, i) =>
    actual === expected[i] ? [] : [`U+${((first + i) * 256).toString(16).toUpperCase()}`],
  );
}
