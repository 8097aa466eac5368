import type { AddedTokenOptions } from './addedTokens.ts';
import type { Side } from './truncation.ts';

/** What a BertTokenizer is made of. */
export interface BertTokenizerOptions {
  /** Token to id, or tokens in the order of their ids. */
  readonly vocab: ReadonlyMap<string, number> | readonly string[];
  /** Default true. */
  readonly doLowerCase?: boolean | undefined;
  /** Default null: as `doLowerCase`. */
  readonly stripAccents?: boolean | null | undefined;
  /** CJK ideographs as words of their own. Default true. */
  readonly tokenizeChineseChars?: boolean | undefined;
  /** Control characters dropped, white space made spaces. Default true. */
  readonly cleanText?: boolean | undefined;
  /** Tokens that the model can take. Default Infinity. */
  readonly modelMaxLength?: number | undefined;
  /** Tokens found in the text as they stand, beside the five special tokens. */
  readonly addedTokens?: readonly AddedTokenOptions[] | undefined;
  readonly unkToken?: string | undefined;
  readonly sepToken?: string | undefined;
  readonly padToken?: string | undefined;
  readonly clsToken?: string | undefined;
  readonly maskToken?: string | undefined;
  /** Default 'right'. */
  readonly paddingSide?: Side | undefined;
  /** Default 'right'. */
  readonly truncationSide?: Side | undefined;
  /** What `decode` does by default. Default false. */
  readonly cleanUpTokenizationSpaces?: boolean | undefined;
  /** Default false. */
  readonly splitSpecialTokens?: boolean | undefined;
  /** A longer word, in code points, is the unknown token. Default 100. */
  readonly maxInputCharsPerWord?: number | undefined;
}
