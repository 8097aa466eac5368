import { ArgumentError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { PaddingStrategy } from './padding.ts';
import type { Side, TruncationStrategy } from './truncation.ts';

/** What a call of a tokenizer may ask for; the names and meanings are Hugging Face's. */
export interface EncodeOptions {
  /** [CLS] and [SEP] around the texts. Default true. */
  readonly addSpecialTokens?: boolean | undefined;
  /** `true` or 'longest': to the longest row; 'max_length': to `maxLength`, or to the model's. Default false. Models here need none. */
  readonly padding?: boolean | PaddingStrategy | undefined;
  /** `true`: 'longest_first'. Default: 'longest_first' where `maxLength` is given and no padding asked, else none. */
  readonly truncation?: boolean | TruncationStrategy | undefined;
  /** Tokens of a row, special tokens counted. Default: the model's. */
  readonly maxLength?: number | undefined;
  /** Tokens that a window shares with the one before. Default 0. */
  readonly stride?: number | undefined;
  /** Gives what truncation cuts off as further rows. Default false. */
  readonly returnOverflowingTokens?: boolean | undefined;
  /** Texts are lists of words: `wordIds` number these, offsets count in them. Default false. */
  readonly isSplitIntoWords?: boolean | undefined;
  readonly padToMultipleOf?: number | undefined;
  /** Default: the tokenizer's, 'right'. */
  readonly paddingSide?: Side | undefined;
  /** Reads special tokens in the text as plain text. Default: the tokenizer's, false. */
  readonly splitSpecialTokens?: boolean | undefined;
}

/** {@link EncodeOptions} with nothing left open. */
export interface ResolvedEncodeOptions {
  readonly addSpecialTokens: boolean;
  readonly padding: PaddingStrategy;
  readonly truncation: TruncationStrategy;
  /** undefined where neither truncation nor padding has a length. */
  readonly maxLength: number | undefined;
  readonly stride: number;
  readonly returnOverflowingTokens: boolean;
  readonly isSplitIntoWords: boolean;
  readonly padToMultipleOf: number | undefined;
  readonly paddingSide: Side;
  readonly splitSpecialTokens: boolean;
}

const names: readonly (keyof EncodeOptions)[] = [
  'addSpecialTokens',
  'padding',
  'truncation',
  'maxLength',
  'stride',
  'returnOverflowingTokens',
  'isSplitIntoWords',
  'padToMultipleOf',
  'paddingSide',
  'splitSpecialTokens',
];

const owner = 'BertTokenizer';

/**
 * Fills in what a call leaves out (Hugging Face's `_get_padding_truncation_strategies`).
 *
 * @throws ArgumentError on an unknown option, a length that is no whole number, a stride without step, or a
 *   truncation length that is no multiple of `padToMultipleOf`
 */
export function resolveEncodeOptions(
  options: EncodeOptions,
  defaults: { modelMaxLength: number; paddingSide: Side; splitSpecialTokens: boolean },
): ResolvedEncodeOptions {
  for (const name of Object.keys(options)) {
    if (!(names as readonly string[]).includes(name)) {
      const meant = didYouMean(name, names);
      throw new ArgumentError('ERR_TOKENIZER_OPTION', {
        owner,
        what: 'no such option',
        got: name,
        expected: names.join(', '),
        hint: meant === undefined ? undefined : `did you mean '${meant}'?`,
      });
    }
  }
  for (const name of ['maxLength', 'stride', 'padToMultipleOf'] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
      throw new ArgumentError('ERR_TOKENIZER_OPTION', {
        owner,
        what: `${name} is no length`,
        got: value,
        expected: 'a whole number from 0 on',
      });
    }
  }
  const addSpecialTokens = options.addSpecialTokens ?? true;
  let padding = paddingStrategy(options.padding ?? false);
  let truncation = truncationStrategy(
    options.truncation ?? (options.maxLength !== undefined && padding === 'do_not_pad'),
  );
  let maxLength = options.maxLength;
  if (maxLength === undefined && (padding === 'max_length' || truncation !== 'do_not_truncate')) {
    if (Number.isFinite(defaults.modelMaxLength)) maxLength = defaults.modelMaxLength;
    else {
      log.warn(
        'the tokenizer knows no maximum length of its model: neither truncating nor padding to it; give maxLength',
      );
      if (padding === 'max_length') padding = 'do_not_pad';
      truncation = 'do_not_truncate';
    }
  } else if (maxLength !== undefined && padding === 'longest' && truncation === 'do_not_truncate') {
    log.warn("maxLength is ignored with padding: true and no truncation; to pad to it, use padding: 'max_length'");
  }
  const stride = options.stride ?? 0;
  if (truncation !== 'do_not_truncate' && maxLength !== undefined) {
    const around = addSpecialTokens ? 2 : 0;
    if (maxLength < around) {
      throw new ArgumentError('ERR_TOKENIZER_MAX_LENGTH', {
        owner,
        what: 'maxLength leaves no room for the special tokens',
        got: maxLength,
        expected: `at least ${around}`,
      });
    }
    if (stride > 0 && stride >= maxLength - 2) {
      throw new ArgumentError('ERR_TOKENIZER_STRIDE', {
        owner,
        what: 'stride leaves no step from one window to the next',
        got: stride,
        expected: `less than ${maxLength - 2} (maxLength without the special tokens)`,
        hint: 'lower stride or raise maxLength',
      });
    }
    if (padding !== 'do_not_pad' && options.padToMultipleOf && maxLength % options.padToMultipleOf !== 0) {
      throw new ArgumentError('ERR_TOKENIZER_MAX_LENGTH', {
        owner,
        what: 'maxLength is no multiple of padToMultipleOf',
        got: maxLength,
        expected: `a multiple of ${options.padToMultipleOf}`,
      });
    }
  }
  return {
    addSpecialTokens,
    padding,
    truncation,
    maxLength,
    stride,
    returnOverflowingTokens: options.returnOverflowingTokens ?? false,
    isSplitIntoWords: options.isSplitIntoWords ?? false,
    padToMultipleOf: options.padToMultipleOf,
    paddingSide: options.paddingSide ?? defaults.paddingSide,
    splitSpecialTokens: options.splitSpecialTokens ?? defaults.splitSpecialTokens,
  };
}

function paddingStrategy(padding: boolean | PaddingStrategy): PaddingStrategy {
  if (typeof padding === 'boolean') return padding ? 'longest' : 'do_not_pad';
  return oneOf('padding', padding, ['longest', 'max_length', 'do_not_pad']);
}

function truncationStrategy(truncation: boolean | TruncationStrategy): TruncationStrategy {
  if (typeof truncation === 'boolean') return truncation ? 'longest_first' : 'do_not_truncate';
  return oneOf('truncation', truncation, ['longest_first', 'only_first', 'only_second', 'do_not_truncate']);
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  const meant = didYouMean(value, allowed);
  throw new ArgumentError('ERR_TOKENIZER_OPTION', {
    owner,
    what: `no such ${name}`,
    got: value,
    expected: `true, false or one of ${allowed.join(', ')}`,
    hint: meant === undefined ? undefined : `did you mean '${meant}'?`,
  });
}
