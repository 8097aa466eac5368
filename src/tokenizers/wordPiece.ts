import { ModelError } from '../core/errors.ts';
import { Trie, type TrieEntry } from './trie.ts';
import { hashUnit, WordCache } from './wordCache.ts';

/** Settings of the WordPiece model; the defaults are BERT's. */
export interface WordPieceOptions {
  readonly unkToken?: string | undefined;
  readonly continuingSubwordPrefix?: string | undefined;
  /** A word of more code points than this is the unknown token. */
  readonly maxInputCharsPerWord?: number | undefined;
}

/** Receives the tokens of a text: ids and places. Reused from text to text. */
export class TokenBuffer {
  ids = new Int32Array(1024);
  /** Of each token, its first unit in the normalized text and the one behind its last. */
  starts = new Int32Array(1024);
  ends = new Int32Array(1024);
  length = 0;

  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.#grow();
    this.starts[this.length] = start;
    this.ends[this.length] = end;
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

const INITIAL = 0;
const CONTINUING = 1;

/**
 * Greedy longest-match-first WordPiece (Wu et al. 2016; Hugging Face's WordPiece model), over a trie of the pieces that
 * begin a word and one of those that continue it, with a cache of the words seen last.
 */
export class WordPiece {
  readonly unkToken: string;
  readonly unkTokenId: number;
  readonly continuingSubwordPrefix: string;
  readonly maxInputCharsPerWord: number;
  readonly #trie: Trie;
  readonly #cache = new WordCache(1 << 14);

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
    const initial: TrieEntry[] = [];
    const continuing: TrieEntry[] = [];
    for (const entry of vocab) {
      const [token, id] = entry;
      if (token.startsWith(prefix)) continuing.push([token.slice(prefix.length), id]);
      // Words never begin with '##' and go on: '#' is punctuation, split off before.
      if (!token.startsWith(prefix) || prefix !== '##') initial.push(entry);
    }
    this.#trie = new Trie([initial, continuing]);
  }

  /** Appends the pieces of the word that stands at `start` to `end` of `units`. */
  tokenize(units: Uint16Array, start: number, end: number, out: TokenBuffer): void {
    let hash = 0;
    for (let i = start; i < end; i++) hash = hashUnit(hash, units[i]);
    this.tokenizeHashed(units, start, end, hash, out);
  }

  /** The same for a word whose {@link hashUnit | hash} is known. */
  tokenizeHashed(units: Uint16Array, start: number, end: number, hash: number, out: TokenBuffer): void {
    const place = this.#cache.placeOf(end - start, hash);
    if (place >= 0 && this.#cache.read(place, units, start, end, out)) return;
    const before = out.length;
    if (this.#isTooLong(units, start, end) || !this.#walk(units, start, end, out)) {
      out.length = before;
      out.push(this.unkTokenId, start, end);
    }
    if (place >= 0) this.#cache.write(place, units, start, end, out, before);
  }

  /** Cuts a word into the longest pieces from its left on; false where a part of it is no piece. */
  #walk(units: Uint16Array, start: number, end: number, out: TokenBuffer): boolean {
    const trie = this.#trie;
    let root = INITIAL;
    for (let from = start; from < end; root = CONTINUING) {
      let token = -1;
      let tokenEnd = from;
      let node = trie.rootChild(root, units[from]);
      for (let next = from + 1; node !== -1; next++) {
        const value = trie.valueOf(node);
        if (value !== -1) {
          token = value;
          tokenEnd = next;
        }
        if (next === end) break;
        node = trie.child(node, units[next]);
      }
      if (token === -1) return false;
      out.push(token, from, tokenEnd);
      from = tokenEnd;
    }
    return true;
  }

  #isTooLong(units: Uint16Array, start: number, end: number): boolean {
    if (end - start <= this.maxInputCharsPerWord) return false;
    let characters = 0;
    for (let i = start; i < end; i++) if ((units[i] & 0xfc00) !== 0xdc00) characters++;
    return characters > this.maxInputCharsPerWord;
  }
}
