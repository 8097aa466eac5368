import { environmentVariable } from '#platform/files';

/**
 * Whether messages are to be plain ASCII: NO_COLOR is set (no-color.org), the terminal is a dumb one, or the locale is
 * not one of UTF-8.
 */
export function plainText(): boolean {
  if ((environmentVariable('NO_COLOR') ?? '') !== '' || isDumb()) return true;
  const locale = ['LC_ALL', 'LC_CTYPE', 'LANG'].map(environmentVariable).find((value) => (value ?? '') !== '');
  return locale !== undefined && !/utf-?8/i.test(locale);
}

/** Whether the terminal cannot move its cursor, so that nothing can be drawn over. */
export function isDumb(): boolean {
  return environmentVariable('TERM') === 'dumb';
}
