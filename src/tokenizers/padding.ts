/** Padding to the longest row of the batch, to `maxLength`, or none. */
export type PaddingStrategy = 'longest' | 'max_length' | 'do_not_pad';

/**
 * The length that rows are padded to; longer rows stay as they are.
 *
 * @param lengths of the rows as truncated (of each text its first window: the others are no longer)
 * @param maxLength used by 'max_length'
 * @param multiple the length is rounded up to a multiple of it
 */
export function paddedLength(
  lengths: Iterable<number>,
  strategy: Exclude<PaddingStrategy, 'do_not_pad'>,
  maxLength: number,
  multiple: number | undefined,
): number {
  let length = 0;
  if (strategy === 'max_length') length = maxLength;
  else for (const each of lengths) length = Math.max(length, each);
  return multiple === undefined || multiple === 0 ? length : Math.ceil(length / multiple) * multiple;
}
