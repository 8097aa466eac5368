import { ModelError } from '../core/errors.ts';

/** Settings of the WordPiece model; the defaults are BERT's. */
export interface WordPieceOptions {
  readonly unkToken?: string | undefined;
  readonly continuingSubwordPrefix?: string | undefined;
  /** A word of more code points than this is the unknown token. */
  readonly maxInputCharsPerWord?: number | undefined;
}

/** Receives the tokens of a text: ids, and where asked their places. Reused from text to text. */
export class TokenBuffer {
  ids = new Int32Array(1024);
  /** Of each token, its first unit in the normalized text and the one behind its last; filled where `places` is true. */
  starts = new Int32Array(1024);
  ends = new Int32Array(1024);
  length = 0;
  places = false;

  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.#grow();
    if (this.places) {
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

const NODE = 0;
const UNIT = 1;
const TARGET = 2;
const STRIDE = 4; // a power of two, so that an entry never crosses a cache line

const INITIAL_ROOT = 0;
const CONTINUING_ROOT = 1;

/**
 * Greedy longest-match-first WordPiece (Wu et al. 2016; Hugging Face's WordPiece model). The vocabulary is a trie over
 * UTF-16 units whose edges lie in one open-addressed hash table, so that looking a piece up allocates nothing.
 */
export class WordPiece {
  readonly unkToken: string;
  readonly unkTokenId: number;
  readonly continuingSubwordPrefix: string;
  readonly maxInputCharsPerWord: number;
  #edges = new Int32Array(1 << 12).fill(-1);
  #mask = (1 << 10) - 1;
  #edgeCount = 0;
  /** The token that ends at a node, or −1. */
  #tokens = new Int32Array(1 << 10).fill(-1);
  #nodeCount = 2;

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
    for (const [token, id] of vocab) {
      if (token.startsWith(prefix)) this.#insert(CONTINUING_ROOT, token, prefix.length, id);
      // Words never begin with '##' and go on: '#' is punctuation, split off before.
      if (!token.startsWith(prefix) || prefix !== '##' || token === '##') this.#insert(INITIAL_ROOT, token, 0, id);
    }
  }

  /** Appends the pieces of the word that stands at `start` to `end` of `units`. */
  tokenize(units: Uint16Array, start: number, end: number, out: TokenBuffer): void {
    if (end - start > this.maxInputCharsPerWord && this.#isTooLong(units, start, end)) {
      out.push(this.unkTokenId, start, end);
      return;
    }
    const edges = this.#edges;
    const mask = this.#mask;
    const tokens = this.#tokens;
    const before = out.length;
    let node = INITIAL_ROOT;
    for (let from = start; from < end; node = CONTINUING_ROOT) {
      let token = -1;
      let tokenEnd = from;
      walk: for (let i = from; i < end; i++) {
        const unit = units[i];
        let slot = hashEdge(node, unit) & mask;
        for (;;) {
          const entry = slot * STRIDE;
          const owner = edges[entry + NODE];
          if (owner === node && edges[entry + UNIT] === unit) {
            node = edges[entry + TARGET];
            break;
          }
          if (owner === -1) break walk;
          slot = (slot + 1) & mask;
        }
        if (tokens[node] !== -1) {
          token = tokens[node];
          tokenEnd = i + 1;
        }
      }
      if (token === -1) {
        out.length = before;
        out.push(this.unkTokenId, start, end);
        return;
      }
      out.push(token, from, tokenEnd);
      from = tokenEnd;
    }
  }

  #isTooLong(units: Uint16Array, start: number, end: number): boolean {
    let characters = 0;
    for (let i = start; i < end; i++) if ((units[i] & 0xfc00) !== 0xdc00) characters++;
    return characters > this.maxInputCharsPerWord;
  }

  #insert(root: number, token: string, from: number, id: number): void {
    if (from === token.length) return; // nothing is left of the prefix alone
    let node = root;
    for (let i = from; i < token.length; i++) node = this.#child(node, token.charCodeAt(i));
    this.#tokens[node] = id;
  }

  #child(node: number, unit: number): number {
    let entry = this.#find(node, unit);
    if (this.#edges[entry + NODE] === -1) {
      if (this.#edgeCount * 2 > this.#mask) {
        this.#growEdges();
        entry = this.#find(node, unit);
      }
      if (this.#nodeCount === this.#tokens.length) {
        const larger = new Int32Array(this.#tokens.length * 2).fill(-1);
        larger.set(this.#tokens);
        this.#tokens = larger;
      }
      this.#edges[entry + NODE] = node;
      this.#edges[entry + UNIT] = unit;
      this.#edges[entry + TARGET] = this.#nodeCount++;
      this.#edgeCount++;
    }
    return this.#edges[entry + TARGET];
  }

  /** The entry of an edge, or the empty one where it would stand. */
  #find(node: number, unit: number): number {
    let slot = hashEdge(node, unit) & this.#mask;
    for (;;) {
      const entry = slot * STRIDE;
      const owner = this.#edges[entry + NODE];
      if (owner === -1 || (owner === node && this.#edges[entry + UNIT] === unit)) return entry;
      slot = (slot + 1) & this.#mask;
    }
  }

  #growEdges(): void {
    const old = this.#edges;
    this.#edges = new Int32Array(old.length * 2).fill(-1);
    this.#mask = this.#mask * 2 + 1;
    for (let entry = 0; entry < old.length; entry += STRIDE) {
      if (old[entry + NODE] === -1) continue;
      this.#edges.set(old.subarray(entry, entry + STRIDE), this.#find(old[entry + NODE], old[entry + UNIT]));
    }
  }
}

/** Mixes a node and a unit; multiplication by odd constants spreads both over the low bits after the shift. */
function hashEdge(node: number, unit: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
