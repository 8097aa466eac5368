import { ArgumentError } from '../core/errors.ts';
import type { EncodeOptions } from './encodeOptions.ts';
import type { Text } from './encoding.ts';

/** A text, or several; with `isSplitIntoWords` a list of words, or several. */
export type TextInput = string | readonly string[] | readonly (readonly string[])[];

/** Whether options stand where a second text could. */
export function isOptions(value: TextInput | EncodeOptions | null | undefined): value is EncodeOptions {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The texts, and the second texts where there are any.
 *
 * @throws ArgumentError where there are not as many of each
 */
export function samples(
  text: TextInput,
  pair: TextInput | undefined,
  words: boolean,
): [readonly Text[], readonly Text[] | undefined] {
  const isBatch = (input: TextInput) => Array.isArray(input) && (!words || Array.isArray(input[0]));
  if (!isBatch(text)) {
    const none = pair === undefined || pair.length === 0;
    if (!none && isBatch(pair)) throw mismatch('one text', `${pair.length} second texts`);
    return [[text as Text], none ? undefined : [pair as Text]];
  }
  if (pair === undefined) return [text as Text[], undefined];
  if (!isBatch(pair) && pair.length > 0) throw mismatch(`${text.length} texts`, 'one second text');
  if (pair.length !== text.length) throw mismatch(`${text.length} texts`, `${pair.length} second texts`);
  return [text as Text[], pair as Text[]];
}

function mismatch(texts: string, pairs: string): ArgumentError {
  return new ArgumentError('ERR_TOKENIZER_PAIRS', {
    owner: 'BertTokenizer',
    what: 'texts and second texts do not pair up',
    got: `${texts} and ${pairs}`,
    expected: 'as many of each',
  });
}

/** The error for what should have been a text, or a list of words. */
export function notText(value: unknown, row: number, words: boolean): ArgumentError {
  return new ArgumentError('ERR_TOKENIZER_TEXT', {
    owner: 'BertTokenizer',
    what: `text ${row} is no ${words ? 'list of words' : 'string'}`,
    got: value === undefined ? 'nothing' : value,
    expected: words ? 'a list of strings (isSplitIntoWords is on)' : 'a string',
    hint: words ? undefined : 'for lists of words pass isSplitIntoWords: true',
  });
}
