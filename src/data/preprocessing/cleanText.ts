import { ArgumentError, didYouMean } from '../../core/errors.ts';
import { stripHtml } from './html.ts';

/** What {@link cleanText} does; what is left out is not done. */
export interface CleanTextOptions {
  /** Leaves HTML's tags, comments, scripts and styles out, and turns `&amp;` and its like into characters. */
  readonly html?: boolean | undefined;
  /** `true` leaves web addresses out; a string stands in their place: `'[URL]'`. */
  readonly urls?: boolean | string | undefined;
  /** One space for each run of white space, none at the ends; invisible characters (controls, zero width) go. */
  readonly whitespace?: boolean | undefined;
  /** One form for characters that can be written in several ways (Unicode Standard Annex 15). NFKC makes ﬁ to fi, too. */
  readonly unicodeForm?: 'NFC' | 'NFD' | 'NFKC' | 'NFKD' | undefined;
  readonly lowerCase?: boolean | undefined;
}

const unicodeForms = ['NFC', 'NFD', 'NFKC', 'NFKD'];
const optionNames: readonly (keyof CleanTextOptions)[] = ['html', 'urls', 'whitespace', 'unicodeForm', 'lowerCase'];

/** An address that begins with its scheme or with `www.`. */
const address = /\b(?:https?:\/\/|ftp:\/\/|www\.)[^\s<>"]+/giu;
/** What ends a sentence or closes a bracket behind an address is none of it. */
const behindAddress = /[.,;:!?)\]}'’”»…]+$/u;
/** Characters that show nothing; joiners (U+200C, U+200D) do: they shape Persian letters and emoji. */
const invisible = /[\p{Cc}\u00AD\u200B\u200E\u200F\u2060\uFEFF]/gu;

/**
 * A text without what does not belong to its words. What is done, and in this order: `html`, `urls`, `unicodeForm`,
 * `lowerCase`, `whitespace`. With none of these: white space and NFC, which change nothing that is read.
 * @throws ArgumentError for an unknown option or form.
 *
 * @example
 * const cleaned = dataset.map(({ text }) => ({ text: cleanText(text, { html: true, urls: '[URL]', whitespace: true }) }));
 */
export function cleanText(text: string, options: CleanTextOptions = {}): string {
  checkOptions(options);
  const asked = Object.values(options).some((value) => value !== undefined && value !== false);
  const { html, urls, unicodeForm, lowerCase, whitespace } = asked
    ? options
    : { whitespace: true, unicodeForm: 'NFC' as const, html: false, urls: false, lowerCase: false };
  let cleaned = text;
  if (html === true) cleaned = stripHtml(cleaned);
  if (urls !== undefined && urls !== false) cleaned = replaceUrls(cleaned, urls === true ? '' : urls);
  if (unicodeForm !== undefined) cleaned = cleaned.normalize(unicodeForm);
  if (lowerCase === true) {
    cleaned = cleaned.toLowerCase();
    // Lower case can leave a form: İ becomes i and a dot above.
    if (unicodeForm !== undefined) cleaned = cleaned.normalize(unicodeForm);
  }
  return whitespace === true ? collapseWhitespace(cleaned) : cleaned;
}

/** A text with something else in place of its web addresses; nothing by default. */
export function replaceUrls(text: string, replacement = ''): string {
  return text.replace(address, (found) => replacement + (behindAddress.exec(found)?.[0] ?? ''));
}

/** One space for each run of white space, none at the ends; invisible characters go, line ends count as white space. */
export function collapseWhitespace(text: string): string {
  return text.replace(/\s+/gu, ' ').replace(invisible, '').replace(/ {2,}/g, ' ').trim();
}

function checkOptions(options: CleanTextOptions): void {
  const owner = 'cleanText';
  for (const name of Object.keys(options)) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    const near = didYouMean(name, optionNames);
    throw new ArgumentError('ERR_UNKNOWN_OPTION', {
      owner,
      what: `there is no option '${name}'`,
      hint: near === undefined ? `the options are ${optionNames.join(', ')}` : `did you mean '${near}'?`,
    });
  }
  const { unicodeForm } = options;
  if (unicodeForm === undefined || unicodeForms.includes(unicodeForm)) return;
  throw new ArgumentError('ERR_OPTION_VALUE', {
    owner,
    what: 'this is no form of Unicode',
    got: unicodeForm,
    expected: unicodeForms.join(', '),
  });
}
