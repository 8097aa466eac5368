import { ArgumentError } from '../core/errors.ts';

/** Which of a pair's texts loses tokens: the longer first, one of them, or none. */
export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';

/** The side that tokens are taken from, or padding is put on. */
export type Side = 'left' | 'right';

/**
 * How many tokens of each text stay so that both have at most `maxLength` (without special tokens).
 *
 * @param second undefined for a single text
 * @returns the two lengths; the second is 0 for a single text
 * @throws ArgumentError where Hugging Face raises: no second text to truncate, or the one to truncate is too short
 * @see truncate_encodings in Hugging Face's tokenizers
 */
export function truncatedLengths(
  first: number,
  second: number | undefined,
  maxLength: number,
  strategy: Exclude<TruncationStrategy, 'do_not_truncate'>,
): readonly [number, number] {
  if (maxLength === 0) return [0, 0];
  const excess = first + (second ?? 0) - maxLength;
  if (excess <= 0) return [first, second ?? 0];
  if (strategy === 'longest_first') {
    if (second === undefined) return [maxLength, 0];
    const shorter = Math.min(first, second);
    let a = shorter;
    let b = shorter > maxLength ? shorter : Math.max(shorter, maxLength - shorter);
    if (a + b > maxLength) {
      a = Math.floor(maxLength / 2);
      b = a + (maxLength % 2);
    }
    return first > second ? [b, a] : [a, b];
  }
  if (strategy === 'only_second' && second === undefined) {
    throw new ArgumentError('ERR_TOKENIZER_TRUNCATION', {
      owner: 'BertTokenizer',
      what: "truncation 'only_second' has no second text to truncate",
      hint: "give a pair, or use 'longest_first'",
    });
  }
  const target = strategy === 'only_first' ? first : second!;
  if (target <= excess) {
    throw new ArgumentError('ERR_TOKENIZER_TRUNCATION', {
      owner: 'BertTokenizer',
      what: `truncation '${strategy}' cannot make the pair short enough`,
      got: `${target} tokens to truncate and ${excess} too many`,
      expected: 'more tokens in that text than must go',
      hint: "use 'longest_first' or a larger maxLength",
    });
  }
  return strategy === 'only_first' ? [first - excess, second ?? 0] : [first, second! - excess];
}

/**
 * The windows that cover `length` tokens with at most `maxLength` each, neighbours sharing `stride` tokens; the first
 * is the one that truncation keeps. Where `maxLength` is 0 the first is empty and the second holds everything, as in
 * Hugging Face.
 *
 * @throws ArgumentError where `stride` leaves no step forward
 * @see Encoding::truncate in Hugging Face's tokenizers
 */
export function windows(length: number, maxLength: number, stride: number, side: Side): [number, number][] {
  if (maxLength >= length) return [[0, length]];
  if (maxLength === 0) {
    return [
      [0, 0],
      [0, length],
    ];
  }
  if (stride >= maxLength) {
    throw new ArgumentError('ERR_TOKENIZER_STRIDE', {
      owner: 'BertTokenizer',
      what: 'stride leaves no step from one window to the next',
      got: stride,
      expected: `less than the ${maxLength} tokens that a window holds beside special tokens and the other text`,
      hint: 'lower stride or raise maxLength',
    });
  }
  const ranges: [number, number][] = [];
  const step = maxLength - stride;
  if (side === 'right') {
    for (let start = 0; ; start += step) {
      const stop = Math.min(start + maxLength, length);
      ranges.push([start, stop]);
      if (stop === length) return ranges;
    }
  }
  for (let stop = length; ; stop -= step) {
    const start = Math.max(stop - maxLength, 0);
    ranges.push([start, stop]);
    if (start === 0) return ranges;
  }
}
