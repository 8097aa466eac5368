import { ModelError } from '../core/errors.ts';
import { hashUnit, type Piece, PieceTable } from './pieceTable.ts';

/** Settings of the WordPiece model; the defaults are BERT's. */
export interface WordPieceOptions {
  readonly unkToken?: string | undefined;
  readonly continuingSubwordPrefix?: string | undefined;
  /** A word of more code points than this is the unknown token. */
  readonly maxInputCharsPerWord?: number | undefined;
}

/** Receives the tokens of a text: ids and, if it is so made, places. Reused from text to text. */
export class TokenBuffer {
  ids = new Int32Array(1024);
  /** Of each token, its first unit in the normalized text and the one behind its last; empty without places. */
  starts: Int32Array;
  ends: Int32Array;
  length = 0;
  readonly #withPlaces: boolean;

  constructor(withPlaces: boolean) {
    this.#withPlaces = withPlaces;
    this.starts = new Int32Array(withPlaces ? 1024 : 0);
    this.ends = new Int32Array(withPlaces ? 1024 : 0);
  }

  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.#grow();
    if (this.#withPlaces) {
      this.starts[this.length] = start;
      this.ends[this.length] = end;
    }
    this.ids[this.length++] = id;
  }

  #grow(): void {
    const grown = (array: Int32Array) => {
      const larger = new Int32Array(array.length * 2);
      larger.set(array);
      return larger;
    };
    this.ids = grown(this.ids);
    this.starts = grown(this.starts);
    this.ends = grown(this.ends);
  }
}

/**
 * Greedy longest-match-first WordPiece (Wu et al. 2016; Hugging Face's WordPiece model), over a table of the pieces that
 * begin a word and one of those that continue it. Most words of a text are pieces: for these it is one look-up.
 */
export class WordPiece {
  readonly unkToken: string;
  readonly unkTokenId: number;
  readonly continuingSubwordPrefix: string;
  readonly maxInputCharsPerWord: number;
  readonly #initial: PieceTable;
  readonly #continuing: PieceTable;
  /** What a word of one unit becomes: a quarter of a text's words are punctuation. */
  readonly #ofUnit: Int32Array;
  /** The hashes of the texts that begin where a piece is sought, by their last unit. */
  readonly #hashes: Int32Array;

  /** @throws ModelError where the vocabulary lacks the unknown token. */
  constructor(vocab: ReadonlyMap<string, number>, options: WordPieceOptions = {}) {
    this.unkToken = options.unkToken ?? '[UNK]';
    this.continuingSubwordPrefix = options.continuingSubwordPrefix ?? '##';
    this.maxInputCharsPerWord = options.maxInputCharsPerWord ?? 100;
    const unkTokenId = vocab.get(this.unkToken);
    if (unkTokenId === undefined) {
      throw new ModelError('ERR_TOKENIZER_UNKNOWN_TOKEN', {
        owner: 'BertTokenizer',
        what: 'the vocabulary has no token for unknown words',
        expected: `'${this.unkToken}' among its ${vocab.size} tokens`,
        hint: 'use a complete vocab.txt, or name its unknown token with unkToken',
      });
    }
    this.unkTokenId = unkTokenId;
    const prefix = this.continuingSubwordPrefix;
    const initial: Piece[] = [];
    const continuing: Piece[] = [];
    for (const entry of vocab) {
      const [token, id] = entry;
      if (token.startsWith(prefix)) continuing.push([token.slice(prefix.length), id]);
      // Words never begin with '##' and go on: '#' is punctuation, split off before.
      if (!token.startsWith(prefix) || prefix !== '##') initial.push(entry);
    }
    this.#initial = new PieceTable(initial);
    this.#continuing = new PieceTable(continuing);
    this.#ofUnit = new Int32Array(0x10000).fill(unkTokenId);
    if (this.maxInputCharsPerWord > 0) {
      for (const [text, id] of initial) if (text.length === 1) this.#ofUnit[text.charCodeAt(0)] = id;
    }
    this.#hashes = new Int32Array(Math.max(this.#initial.longest, this.#continuing.longest));
  }

  /** Appends the pieces of the word that stands at `start` to `end` of `units`. */
  tokenize(units: Uint16Array, start: number, end: number, out: TokenBuffer): void {
    if (end - start === 1) {
      this.tokenizeUnit(units[start], start, out);
      return;
    }
    let hash = 0;
    for (let i = start; i < end; i++) hash = hashUnit(hash, units[i]);
    this.tokenizeHashed(units, start, end, hash, out);
  }

  /** The same for a word whose {@link hashUnit | hash} is known. */
  tokenizeHashed(units: Uint16Array, start: number, end: number, hash: number, out: TokenBuffer): void {
    const isTooLong = this.#isTooLong(units, start, end);
    const whole = isTooLong ? this.unkTokenId : this.#initial.find(units, start, end, hash);
    if (whole !== -1) out.push(whole, start, end);
    else this.#cut(units, start, end, out);
  }

  /** The same for a word of one unit. */
  tokenizeUnit(unit: number, start: number, out: TokenBuffer): void {
    out.push(this.#ofUnit[unit], start, start + 1);
  }

  /** Cuts a word into the longest pieces from its left on; the unknown token where a part of it is no piece. */
  #cut(units: Uint16Array, start: number, end: number, out: TokenBuffer): void {
    const hashes = this.#hashes;
    const before = out.length;
    let table = this.#initial;
    for (let from = start; from < end; table = this.#continuing) {
      // The whole word is known to be no piece.
      let to = Math.min(from === start ? end - 1 : end, from + table.longest);
      let hash = 0;
      for (let i = from; i < to; i++) {
        hash = hashUnit(hash, units[i]);
        hashes[i - from] = hash;
      }
      let id = -1;
      for (; to > from; to--) {
        id = table.find(units, from, to, hashes[to - from - 1]);
        if (id !== -1) break;
      }
      if (id === -1) {
        out.length = before;
        out.push(this.unkTokenId, start, end);
        return;
      }
      out.push(id, from, to);
      from = to;
    }
  }

  #isTooLong(units: Uint16Array, start: number, end: number): boolean {
    if (end - start <= this.maxInputCharsPerWord) return false;
    let characters = 0;
    for (let i = start; i < end; i++) if ((units[i] & 0xfc00) !== 0xdc00) characters++;
    return characters > this.maxInputCharsPerWord;
  }
}
