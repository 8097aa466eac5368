/** Padding to the longest row of the batch, to `maxLength`, or none. */
export type PaddingStrategy = 'longest' | 'max_length' | 'do_not_pad';

/**
 * The length that rows are padded to; longer rows stay as they are.
 *
 * @param longest row of the batch as truncated
 * @param maxLength used by 'max_length'
 * @param multiple the length is rounded up to a multiple of it
 */
export function paddedLength(
  longest: number,
  strategy: Exclude<PaddingStrategy, 'do_not_pad'>,
  maxLength: number,
  multiple: number | undefined,
): number {
  const length = strategy === 'max_length' ? maxLength : longest;
  return multiple === undefined || multiple === 0 ? length : Math.ceil(length / multiple) * multiple;
}
