import { type AddedToken, AddedTokenFinder } from './addedTokens.ts';
import { type AsciiWordSink, AsciiWords } from './asciiWords.ts';
import { NormalizedText, Normalizer, type NormalizerOptions } from './normalizer.ts';
import { PreTokenizer, type WordSink } from './preTokenizer.ts';
import { unitsOfCharacter } from './unicode.ts';
import { TokenBuffer, type WordPiece } from './wordPiece.ts';

/** UTF-16 units that are normalized before they are split. */
const CHUNK = 4096;

/** Where the tokens of one text (or of one list of words) come from. All arrays have one element a token. */
export interface TokenPlaces {
  /** First UTF-16 unit in the text, or in the word where words were given. */
  readonly starts: Int32Array;
  /** The UTF-16 unit behind the last. */
  readonly ends: Int32Array;
  /** Number of the word in the text, or of the given word. */
  readonly words: Int32Array;
  /** What was matched, where that is not the token's own string: added tokens with their white space. */
  readonly strings: ReadonlyMap<number, string>;
}

/**
 * From text to token ids, without special tokens around them: added tokens are cut out, the rest is normalized, split
 * into words and these into pieces. Asked for ids it computes nothing else; places are computed when asked for.
 */
export class Pipeline implements WordSink, AsciiWordSink {
  readonly wordPiece: WordPiece;
  readonly normalizer: Normalizer;
  readonly #preTokenizer = new PreTokenizer();
  readonly #asciiWords: AsciiWords;
  readonly #rawFinder: AddedTokenFinder;
  readonly #normalizedFinder: AddedTokenFinder;

  readonly #normalized = new NormalizedText();
  #out: TokenBuffer;
  readonly #located = new TokenBuffer(true);
  /** Whether places are asked for, not ids alone. */
  #locating = false;
  readonly #words: number[] = [];
  #strings = new Map<number, string>();
  #word = 0;

  constructor(wordPiece: WordPiece, options: NormalizerOptions, addedTokens: readonly AddedToken[]) {
    this.wordPiece = wordPiece;
    this.#out = this.#located;
    this.normalizer = new Normalizer(options);
    this.#asciiWords = new AsciiWords(this.normalizer, this.#preTokenizer);
    this.#rawFinder = new AddedTokenFinder(
      addedTokens.filter((token) => !token.normalized).map((token) => ({ pattern: token.content, token })),
    );
    this.#normalizedFinder = new AddedTokenFinder(
      addedTokens
        .filter((token) => token.normalized)
        .map((token) => ({ pattern: this.normalize(token.content), token })),
    );
  }

  /** The text as it is before it is split. */
  normalize(text: string): string {
    const normalized = new NormalizedText();
    this.normalizer.normalize(text, 0, text.length, normalized);
    return normalized.toString();
  }

  /** The words that `text` is split into, normalized; added tokens are read as plain text. */
  words(text: string): string[] {
    const normalized = new NormalizedText();
    this.normalizer.normalize(text, 0, text.length, normalized);
    const words: string[] = [];
    this.#preTokenizer.split(normalized, 0, normalized.length, {
      word: (_, start, end) => words.push(normalized.toString(start, end)),
    });
    return words;
  }

  /** Appends the token ids of `text` to `out`. */
  tokenize(text: string, out: TokenBuffer, splitSpecialTokens: boolean): void {
    this.#out = out;
    if (!this.#rawFinder.mayMatch(text)) {
      this.#tokenizePart(text, 0, text.length, splitSpecialTokens);
      return;
    }
    for (const { token, start, end } of this.#rawFinder.split(text, splitSpecialTokens)) {
      if (token === undefined) this.#tokenizePart(text, start, end, splitSpecialTokens);
      else this.#addedToken(token, start, end, text.slice(start, end));
    }
  }

  /** The places of the tokens that {@link tokenize} gives for a text, or for words one after another. */
  locate(text: string | readonly string[], splitSpecialTokens: boolean): TokenPlaces {
    const out = this.#located;
    out.length = 0;
    this.#strings = new Map();
    this.#locating = true;
    this.#word = 0;
    if (typeof text === 'string') this.tokenize(text, out, splitSpecialTokens);
    else {
      text.forEach((word, index) => {
        const before = out.length;
        this.tokenize(word, out, splitSpecialTokens);
        // All tokens of a given word have its number, however it was split.
        for (let i = before; i < out.length; i++) this.#words[i] = index;
      });
    }
    this.#locating = false;
    return {
      starts: out.starts.slice(0, out.length),
      ends: out.ends.slice(0, out.length),
      words: new Int32Array(this.#words.slice(0, out.length)),
      strings: this.#strings,
    };
  }

  /** @internal Takes a word from the pre-tokenizer. */
  word(units: Uint16Array, start: number, end: number): void {
    const out = this.#out;
    const before = out.length;
    this.wordPiece.tokenize(units, start, end, out);
    if (this.#locating) {
      for (let i = before; i < out.length; i++) this.#words[i] = this.#word;
      this.#word++;
    }
  }

  /** @internal Takes a word whose place nobody asked for. */
  asciiWord(units: Uint16Array, start: number, end: number, hash: number): void {
    this.wordPiece.tokenizeHashed(units, start, end, hash, this.#out);
  }

  /** @internal Takes a punctuation character whose place nobody asked for. */
  asciiPunctuation(unit: number): void {
    this.wordPiece.tokenizeUnit(unit, 0, this.#out);
  }

  /** @internal Takes a part of a text that is not all ASCII. */
  otherPart(text: string, start: number, end: number): void {
    this.#tokenizeChunk(text, start, end, false);
  }

  /** The part of `text` from `start` to `end`, which holds no added token that is sought in the text as given. */
  #tokenizePart(text: string, start: number, end: number, splitSpecialTokens: boolean): void {
    if (!this.#normalizedFinder.isEmpty) {
      this.#tokenizeChunk(text, start, end, splitSpecialTokens);
      return;
    }
    if (!this.#locating) {
      this.#asciiWords.read(text, start, end, this);
      return;
    }
    // Nothing reaches across a space, so a long text goes through in pieces that stay in the processor's cache.
    for (let from = start; from < end; ) {
      const space = from + CHUNK < end ? text.indexOf(' ', from + CHUNK) : -1;
      const to = space < 0 || space > end ? end : space;
      this.#tokenizeChunk(text, from, to, splitSpecialTokens);
      from = to;
    }
  }

  #tokenizeChunk(text: string, start: number, end: number, splitSpecialTokens: boolean): void {
    const normalized = this.#normalized;
    const out = this.#out;
    const before = out.length;
    normalized.length = 0;
    this.normalizer.normalize(text, start, end, normalized);
    if (this.#normalizedFinder.isEmpty) this.#preTokenizer.split(normalized, 0, normalized.length, this);
    else {
      const string = normalized.toString();
      for (const part of this.#normalizedFinder.split(string, splitSpecialTokens)) {
        if (part.token === undefined) this.#preTokenizer.split(normalized, part.start, part.end, this);
        else this.#addedToken(part.token, part.start, part.end, string.slice(part.start, part.end));
      }
    }
    if (this.#locating) {
      for (let i = before; i < out.length; i++) {
        const last = normalized.sources[out.ends[i] - 1];
        out.starts[i] = normalized.sources[out.starts[i]];
        out.ends[i] = last + unitsOfCharacter(text, last);
      }
    }
  }

  #addedToken(token: AddedToken, start: number, end: number, matched: string): void {
    const out = this.#out;
    out.push(token.id, start, end);
    if (this.#locating) {
      this.#words[out.length - 1] = this.#word++;
      if (matched !== token.content) this.#strings.set(out.length - 1, matched);
    }
  }
}
