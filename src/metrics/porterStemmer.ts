/**
 * Porter's stemmer (Porter 1980, "An algorithm for suffix stripping") with the extensions of NLTK's PorterStemmer, which rouge_score
 * uses: some irregular words, "ies" and "ied" in short words, "y" behind a vowel, "alli", "fulli" and "logi". (The npm package `stemmer` is
 * Porter's without these; it differs in one of a hundred English words.)
 */

/** Whole words that the rules would spoil. */
const irregular: ReadonlyMap<string, string> = new Map([
  ['sky', 'sky'],
  ['skies', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['news', 'news'],
  ['innings', 'inning'],
  ['inning', 'inning'],
  ['outings', 'outing'],
  ['outing', 'outing'],
  ['cannings', 'canning'],
  ['canning', 'canning'],
  ['howe', 'howe'],
  ['proceed', 'proceed'],
  ['exceed', 'exceed'],
  ['succeed', 'succeed'],
]);

/** A word's letters as `c` (consonant) and `v` (vowel); `y` is a vowel behind a consonant. */
function shape(word: string): string {
  let result = '';
  for (const letter of word) {
    const vowel = 'aeiou'.includes(letter) || (letter === 'y' && result.endsWith('c'));
    result += vowel ? 'v' : 'c';
  }
  return result;
}

/** Porter's m: how often a vowel stands before a consonant. */
function measure(stem: string): number {
  return shape(stem).split('vc').length - 1;
}

/** Porter's *d: two equal consonants at the end. */
function endsInDouble(word: string): boolean {
  return word.length >= 2 && word.at(-1) === word.at(-2) && shape(word).endsWith('c');
}

/** Porter's *o: consonant, vowel, consonant at the end, the last not w, x or y; in NLTK also a word of a vowel and a consonant. */
function endsShort(word: string): boolean {
  const letters = shape(word);
  return (letters.endsWith('cvc') && !/[wxy]$/.test(word)) || letters === 'vc';
}

/** A suffix, what takes its place, and when: a condition on what stands before it. */
type Rule = readonly [suffix: string, replacement: string, holds: (stem: string) => boolean];

/** The first rule whose suffix fits decides, whether or not its condition holds. */
function apply(rules: readonly Rule[], word: string): string {
  for (const [suffix, replacement, holds] of rules) {
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, word.length - suffix.length);
    return holds(stem) ? stem + replacement : word;
  }
  return word;
}

const always = (): boolean => true;
const some = (stem: string): boolean => measure(stem) > 0;
const several = (stem: string): boolean => measure(stem) > 1;

const plurals: readonly Rule[] = [
  ['sses', 'ss', always],
  ['ies', 'i', always],
  ['ss', 'ss', always],
  ['s', '', always],
];

function step1a(word: string): string {
  return word.length === 4 && word.endsWith('ies') ? word.slice(0, -1) : apply(plurals, word);
}

function step1b(word: string): string {
  if (word.endsWith('ied')) return word.length === 4 ? word.slice(0, -1) : word.slice(0, -2);
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const suffix = ['ed', 'ing'].find((one) => word.endsWith(one) && shape(word.slice(0, -one.length)).includes('v'));
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (endsInDouble(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

function step1c(word: string): string {
  return word.length > 2 && word.endsWith('y') && shape(word.slice(0, -1)).endsWith('c')
    ? `${word.slice(0, -1)}i`
    : word;
}

const step2Rules: readonly Rule[] = [
  ['ational', 'ate', some],
  ['tional', 'tion', some],
  ['enci', 'ence', some],
  ['anci', 'ance', some],
  ['izer', 'ize', some],
  ['bli', 'ble', some],
  ['alli', 'al', some],
  ['entli', 'ent', some],
  ['eli', 'e', some],
  ['ousli', 'ous', some],
  ['ization', 'ize', some],
  ['ation', 'ate', some],
  ['ator', 'ate', some],
  ['alism', 'al', some],
  ['iveness', 'ive', some],
  ['fulness', 'ful', some],
  ['ousness', 'ous', some],
  ['aliti', 'al', some],
  ['iviti', 'ive', some],
  ['biliti', 'ble', some],
  ['fulli', 'ful', some],
  // The condition counts the l with what stands before.
  ['logi', 'log', (stem) => some(`${stem}l`)],
];

function step2(word: string): string {
  return word.endsWith('alli') && some(word.slice(0, -4)) ? step2(word.slice(0, -2)) : apply(step2Rules, word);
}

const step3Rules: readonly Rule[] = [
  ['icate', 'ic', some],
  ['ative', '', some],
  ['alize', 'al', some],
  ['iciti', 'ic', some],
  ['ical', 'ic', some],
  ['ful', '', some],
  ['ness', '', some],
];

const step4Suffixes = 'al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize'.split(' ');
const step4Rules: readonly Rule[] = step4Suffixes.map((suffix) => [
  suffix,
  '',
  (stem) => several(stem) && (suffix !== 'ion' || /[st]$/.test(stem)),
]);

const step5aRules: readonly Rule[] = [['e', '', (stem) => several(stem) || (measure(stem) === 1 && !endsShort(stem))]];
const step5bRules: readonly Rule[] = [['ll', 'l', (stem) => several(`${stem}l`)]];

/** The stem of an English word in lower case: `running` → `run`. Words of one or two letters stay as they are. */
export function porterStem(word: string): string {
  const known = irregular.get(word);
  if (known !== undefined) return known;
  if (word.length <= 2) return word;
  const stem = step2(step1c(step1b(step1a(word))));
  return [step3Rules, step4Rules, step5aRules, step5bRules].reduce((rest, rules) => apply(rules, rest), stem);
}
