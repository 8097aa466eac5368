import { ArgumentError, didYouMean } from '../../core/errors.ts';

/** The words of a language that say little by themselves. */
export interface StopWords {
  /** Its code: `en`. */
  readonly language: string;
  /** In English: `English`. */
  readonly name: string;
  /** In lower case. */
  readonly words: ReadonlySet<string>;
}

/** Codes of the package that are no language tags by themselves. */
const otherCodes: Readonly<Record<string, string>> = { porBr: 'pt-BR', panGu: 'pa', lggNd: 'lgg-x-plain' };
/** Languages written without spaces, whose words must be found. */
const spaceless = ['zh', 'ja', 'th', 'my'];
const names = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });

/** The lists of the package `stopword`, by language tag. */
async function allLists(): Promise<Map<string, readonly string[]>> {
  const module: Readonly<Record<string, unknown>> = await import('stopword');
  const lists = new Map<string, readonly string[]>();
  for (const [code, words] of Object.entries(module)) {
    if (!/^[a-z]{3}/.test(code) || !Array.isArray(words)) continue;
    lists.set(otherCodes[code] ?? Intl.getCanonicalLocales(code)[0], words as readonly string[]);
  }
  return lists;
}

/** The languages that {@link loadStopWords} knows, by code. */
export async function stopWordLanguages(): Promise<{ readonly language: string; readonly name: string }[]> {
  const languages = [...(await allLists()).keys()].sort();
  return languages.map((language) => ({ language, name: names.of(language) ?? language }));
}

/**
 * The stop words of a language, from the lists that the package `stopword` keeps for 60 languages.
 * @param language a code (`en`, `eng`, `pt-BR`) or a name in English (`English`).
 * @throws ArgumentError ERR_STOP_WORDS that lists the languages.
 */
export async function loadStopWords(language: string): Promise<StopWords> {
  const lists = await allLists();
  const wanted = language.trim().toLowerCase();
  const found =
    [...lists.keys()].find((code) => code.toLowerCase() === wanted || names.of(code)?.toLowerCase() === wanted) ??
    [...lists.keys()].find((code) => code === canonical(wanted));
  if (found === undefined) {
    const known = [...lists.keys()].sort();
    const near = didYouMean(
      language,
      known.flatMap((code) => names.of(code) ?? []),
    );
    throw new ArgumentError('ERR_STOP_WORDS', {
      owner: 'loadStopWords',
      what: 'there is no list of stop words for this language',
      got: language,
      expected: `one of ${known.map((code) => `${code}${names.of(code) ? ` (${names.of(code)})` : ''}`).join(', ')}`,
      hint: near === undefined ? 'or give your own words to removeStopWords' : `did you mean '${near}'?`,
    });
  }
  const words = new Set((lists.get(found) ?? []).map((word) => word.toLowerCase()));
  return { language: found, name: names.of(found) ?? found, words };
}

function canonical(language: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(language)[0];
  } catch {
    return undefined;
  }
}

/**
 * A text without its stop words; what stands around them stays. BERT reads whole sentences and mostly gets worse by this.
 * @param stopWords of {@link loadStopWords}, or words of one's own.
 *
 * @example
 * const english = await loadStopWords('en');
 * const shorter = dataset.map(({ text }) => ({ text: removeStopWords(text, english) }));
 */
export function removeStopWords(text: string, stopWords: StopWords | Iterable<string>): string {
  if (!('words' in stopWords)) return withoutWords(text, new Set([...stopWords].map((word) => word.toLowerCase())));
  const { language, words } = stopWords;
  if (!spaceless.includes(language)) return withoutWords(text, words);
  const segments = new Intl.Segmenter(language, { granularity: 'word' }).segment(text);
  return Array.from(segments, ({ segment }) => (words.has(segment.toLowerCase()) ? '' : segment)).join('');
}

function withoutWords(text: string, words: ReadonlySet<string>): string {
  const kept = text.replace(/[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*[ \t]*/gu, (found) => {
    const word = found.trimEnd().toLowerCase().replaceAll('’', "'");
    return words.has(word) ? '' : found;
  });
  return kept.length === text.length ? text : kept.trim();
}
