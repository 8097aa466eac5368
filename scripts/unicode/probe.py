"""What Hugging Face's `tokenizers` does with each Unicode code point, found by asking it.

Everything here is observed from the library's own public normalizers and pre-tokenizers, because its Rust crates carry
three different versions of Unicode (one for categories, one for decomposition, one for lower-casing) and none of them
is the version of a JavaScript engine.
"""

import unicodedata

from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece

# Surrogates are no characters: Rust cannot hold them, and a lone one in a JavaScript string is read as U+FFFD.
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]

# Bits of a code point's flags; src/tokenizers/unicode.ts has the same list. The combining class stands above them.
REMOVED = 1  # dropped by the cleaning
WHITESPACE = 2  # White_Space: becomes a space in the cleaning, separates words
CHINESE = 4  # stands as a word of its own
PUNCTUATION = 8  # stands as a word of its own
NONSPACING = 16  # dropped with the accents
DECOMPOSES = 32  # has a canonical decomposition
LOWERS = 64  # changes when lower-cased
WORD = 128  # \\w: a neighbour that makes a `single_word` added token part of a longer word
COMBINING_SHIFT = 8

HANGUL_FIRST, HANGUL_LAST = 0xAC00, 0xD7A3


def bert(clean=False, chinese=False, strip=False, lower=False):
    return normalizers.BertNormalizer(
        clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower
    )


def hangul_decomposition(code_point):
    """The Unicode Standard, section 3.12."""
    index = code_point - HANGUL_FIRST
    parts = chr(0x1100 + index // 588) + chr(0x1161 + index % 588 // 28)
    return parts + (chr(0x11A7 + index % 28) if index % 28 else "")


def combining_classes(candidates):
    """The combining class of each candidate that has one: found by which neighbours NFD puts it before or behind."""
    nfd = normalizers.NFD()
    swaps = lambda a, b: a != b and nfd.normalize_str("a" + a + b) == "a" + b + a
    lowest, highest = "\u0334", "\u0345"  # classes 1 and 240
    assert swaps(highest, lowest)
    # Whatever has a class moves behind the lowest or before the highest.
    combining = [c for c in map(chr, candidates) if c in (lowest, highest) or swaps(c, lowest) or swaps(highest, c)]
    representative = {}
    for c in combining:
        if unicodedata.combining(c):
            representative.setdefault(unicodedata.combining(c), c)
    classes = {}
    for c in combining:
        equal = [k for k, r in representative.items() if not swaps(c, r) and not swaps(r, c)]
        assert len(equal) == 1, (hex(ord(c)), equal)
        classes[ord(c)] = equal[0]
    return classes


def probe():
    """(flags by code point, decompositions by code point without Hangul, lower-casings by code point)."""
    clean, chinese = bert(clean=True), bert(chinese=True)
    strip = bert(strip=True)
    nfd, lower, split = normalizers.NFD(), normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    pieces = lambda text: [piece for piece, _ in split.pre_tokenize_str(text)]

    # An added token that must be a whole word is found in front of c exactly where c is not \\w.
    tokenizer = Tokenizer(WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.add_tokens([AddedToken("Q", single_word=True, normalized=False)])

    flags, decompositions, lowercase = {}, {}, {}
    for c in CODE_POINTS:
        text = chr(c)
        f = 0
        if clean.normalize_str(text) == "":
            f |= REMOVED
        between = pieces("a" + text + "b")
        if between == ["a", "b"]:
            f |= WHITESPACE
        elif between == ["a", text, "b"]:
            f |= PUNCTUATION
        else:
            assert between == ["a" + text + "b"], hex(c)
        if not f & REMOVED:
            assert clean.normalize_str(text) == (" " if f & WHITESPACE else text), hex(c)
        if chinese.normalize_str(text) != text:
            assert chinese.normalize_str(text) == f" {text} ", hex(c)
            f |= CHINESE
        decomposed = nfd.normalize_str(text)
        if decomposed != text:
            f |= DECOMPOSES
            if HANGUL_FIRST <= c <= HANGUL_LAST:
                assert decomposed == hangul_decomposition(c), hex(c)
            else:
                decompositions[c] = decomposed
        elif strip.normalize_str(text) == "":
            f |= NONSPACING
        lowered = lower.normalize_str(text)
        if lowered != text:
            f |= LOWERS
            lowercase[c] = lowered
        if tokenizer.encode("Q" + text).ids[0] != 1:
            f |= WORD
        flags[c] = f

    for c, k in combining_classes([c for c in CODE_POINTS if not flags[c] & DECOMPOSES]).items():
        flags[c] |= k << COMBINING_SHIFT
    return flags, decompositions, lowercase
