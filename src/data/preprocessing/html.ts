/** The elements of HTML, old ones too: other words in angle brackets are the text's own. */
const elements = new Set(
  (
    'a abbr acronym address applet area article aside audio b base basefont bdi bdo big blockquote body br button canvas ' +
    'caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset ' +
    'figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins ' +
    'kbd label legend li link main map mark meta meter nav noframes noscript object ol optgroup option output p param ' +
    'picture pre progress q rp rt ruby s samp script section select small source span strike strong style sub summary ' +
    'sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr'
  ).split(' '),
);

/** Elements that stand in the midst of a word: nothing takes their place, a space that of all others. */
const inline = new Set(
  'a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var wbr'.split(
    ' ',
  ),
);

/** Elements whose content no reader sees. */
const unseen = new Set(['script', 'style']);

/** The names that texts hold most (HTML Living Standard, named character references); `&#233;` and `&#xe9;` need none. */
const characters: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  copy: '©',
  reg: '®',
  trade: '™',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  lsquo: '‘',
  rsquo: '’',
  sbquo: '‚',
  ldquo: '“',
  rdquo: '”',
  bdquo: '„',
  laquo: '«',
  raquo: '»',
  bull: '•',
  middot: '·',
  deg: '°',
  plusmn: '±',
  times: '×',
  divide: '÷',
  frac12: '½',
  frac14: '¼',
  frac34: '¾',
  sup2: '²',
  sup3: '³',
  micro: 'µ',
  para: '¶',
  sect: '§',
  cent: '¢',
  pound: '£',
  yen: '¥',
  euro: '€',
  iexcl: '¡',
  iquest: '¿',
  ordf: 'ª',
  ordm: 'º',
  szlig: 'ß',
  larr: '←',
  rarr: '→',
  uarr: '↑',
  darr: '↓',
  ensp: '\u2002',
  emsp: '\u2003',
  thinsp: '\u2009',
  zwnj: '\u200c',
  zwj: '\u200d',
  shy: '\u00ad',
  dagger: '†',
  permil: '‰',
  prime: '′',
  minus: '−',
  AElig: 'Æ',
  aelig: 'æ',
  OElig: 'Œ',
  oelig: 'œ',
  Oslash: 'Ø',
  oslash: 'ø',
  Aring: 'Å',
  aring: 'å',
  ETH: 'Ð',
  eth: 'ð',
  THORN: 'Þ',
  thorn: 'þ',
};

/** Names made of a letter and its mark: `&eacute;`. */
const marks: Readonly<Record<string, string>> = {
  grave: '\u0300',
  acute: '\u0301',
  circ: '\u0302',
  tilde: '\u0303',
  uml: '\u0308',
  cedil: '\u0327',
  caron: '\u030c',
};

const tag = /<\/?([a-z][a-z0-9]*)(?:\s[^<>]*|\/)?>/iy;

/**
 * A text without HTML's tags, comments, scripts and styles, and with its character references as characters. Only HTML's own
 * elements are tags, so that `3 < 4` and `<user>` stay. Elements that part lines (`<br>`, `<p>`) become a space.
 */
export function stripHtml(text: string): string {
  let result = '';
  let at = 0;
  // Once nothing closes a comment or a script, nothing further on does either: it need not be sought again.
  const unclosed = new Set<string>();
  for (let open = text.indexOf('<'); open >= 0; open = text.indexOf('<', Math.max(open + 1, at))) {
    let end = -1;
    let replacement = ' ';
    if (text.startsWith('<!--', open)) {
      if (!unclosed.has('comment')) end = text.indexOf('-->', open + 4) + 3;
      if (end < 3) unclosed.add('comment');
    } else {
      tag.lastIndex = open;
      const name = tag.exec(text)?.[1].toLowerCase();
      if (name === undefined || !elements.has(name)) continue;
      end = tag.lastIndex;
      if (inline.has(name)) replacement = '';
      if (unseen.has(name) && text[open + 1] !== '/' && !unclosed.has(name)) {
        const close = closingTag(text, name, end);
        if (close === undefined) unclosed.add(name);
        else end = close;
      }
    }
    if (end < 3) continue;
    result += text.slice(at, open) + replacement;
    at = end;
  }
  return decodeCharacters(result + text.slice(at));
}

/** Where the closing tag of an element ends; undefined where there is none. */
function closingTag(text: string, name: string, from: number): number | undefined {
  const closing = new RegExp(`</${name}\\s*>`, 'gi');
  closing.lastIndex = from;
  return closing.test(text) ? closing.lastIndex : undefined;
}

/** HTML's character references as characters; what is none stays as it stands. */
export function decodeCharacters(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z][a-z0-9]{1,7}));/gi, (all, decimal, hexadecimal, name) => {
    if (name !== undefined) return named(name) ?? all;
    const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    const character = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return character ? String.fromCodePoint(code) : all;
  });
}

function named(name: string): string | undefined {
  if (Object.hasOwn(characters, name)) return characters[name];
  const mark = name.slice(1);
  if (!Object.hasOwn(marks, mark)) return undefined;
  const letter = (name[0] + marks[mark]).normalize('NFC');
  return letter.length === 1 ? letter : undefined;
}
