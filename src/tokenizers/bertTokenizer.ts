import { Callable } from '../core/callable.ts';
import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type ResolveOptions, resolveTokenizer } from '../hub/resolve.ts';
import { type PushedCommit, type PushOptions, pushSaved } from '../hub/upload.ts';
import type { AddedToken, AddedTokenOptions } from './addedTokens.ts';
import type { BertTokenizerOptions } from './bertTokenizerOptions.ts';
import { cleanUpTokenization, joinWordPieces } from './decoder.ts';
import { type EncodeOptions, resolveEncodeOptions } from './encodeOptions.ts';
import { BatchEncoding, type EncodingSource, type Text } from './encoding.ts';
import { paddedLength } from './padding.ts';
import { Pipeline, type TokenPlaces } from './pipeline.ts';
import { numSpecialTokens, RowWriter } from './rowWriter.ts';
import { isOptions, samples, type TextInput } from './textInput.ts';
import { readTokenizer, writeTokenizer } from './tokenizerFiles.ts';
import type { Side } from './truncation.ts';
import { WordPiece } from './wordPiece.ts';

/** The call form of a tokenizer. */
export interface EncodeCall {
  (text: TextInput, options?: EncodeOptions): BatchEncoding;
  (text: TextInput, textPair: TextInput | null | undefined, options?: EncodeOptions): BatchEncoding;
}

/**
 * BERT's tokenizer with Hugging Face's ids and offsets (transformers' BertTokenizer, tokenizers 0.23).
 * An instance is called like a function: `tokenizer(text)`, `tokenizer(texts, { padding: true })`,
 * `tokenizer(questions, contexts, { truncation: 'only_second', maxLength: 384, stride: 128, returnOverflowingTokens: true })`.
 *
 * A lone surrogate in a text, which is no character, is read as U+FFFD, and so dropped by the cleaning.
 *
 * @example
 * const tokenizer = await BertTokenizer.fromPretrained('bert-base-uncased');
 * const { inputIds } = tokenizer('Hello, world!'); // [1, 6]
 */
export class BertTokenizer extends Callable<EncodeCall> {
  /** The vocabulary without added tokens: token to id. */
  readonly vocab: ReadonlyMap<string, number>;
  readonly modelMaxLength: number;
  readonly doLowerCase: boolean;
  readonly stripAccents: boolean | null;
  readonly tokenizeChineseChars: boolean;
  readonly cleanText: boolean;
  readonly cleanUpTokenizationSpaces: boolean;
  readonly splitSpecialTokens: boolean;
  readonly maxInputCharsPerWord: number;
  readonly paddingSide: Side;
  readonly truncationSide: Side;
  readonly unkToken: string;
  readonly sepToken: string;
  readonly padToken: string;
  readonly clsToken: string;
  readonly maskToken: string;
  readonly unkTokenId: number;
  readonly sepTokenId: number;
  readonly padTokenId: number;
  readonly clsTokenId: number;
  readonly maskTokenId: number;
  /** All tokens that are found in the text as they stand, the special tokens among them, by id. */
  readonly addedTokens: readonly AddedToken[];

  readonly #pipeline: Pipeline;
  readonly #rowWriter: RowWriter;
  readonly #addedIds = new Map<string, number>();
  /** Tokens by id; an added token that is sought in normalized text stands in its normalized form, as in Hugging Face. */
  readonly #tokens: (string | undefined)[] = [];
  readonly #specialTokens: ReadonlySet<string>;
  #warnedOfLength = false;

  /** @throws ModelError where the vocabulary has no unknown token; ArgumentError where an added token's id is taken. */
  constructor(options: BertTokenizerOptions) {
    super('encode');
    const { vocab } = options;
    this.vocab = vocab instanceof Map ? vocab : new Map((vocab as readonly string[]).map((token, id) => [token, id]));
    this.modelMaxLength = options.modelMaxLength ?? Number.POSITIVE_INFINITY;
    this.doLowerCase = options.doLowerCase ?? true;
    this.stripAccents = options.stripAccents ?? null;
    this.tokenizeChineseChars = options.tokenizeChineseChars ?? true;
    this.cleanText = options.cleanText ?? true;
    this.cleanUpTokenizationSpaces = options.cleanUpTokenizationSpaces ?? false;
    this.splitSpecialTokens = options.splitSpecialTokens ?? false;
    this.paddingSide = options.paddingSide ?? 'right';
    this.truncationSide = options.truncationSide ?? 'right';
    this.unkToken = options.unkToken ?? '[UNK]';
    this.sepToken = options.sepToken ?? '[SEP]';
    this.padToken = options.padToken ?? '[PAD]';
    this.clsToken = options.clsToken ?? '[CLS]';
    this.maskToken = options.maskToken ?? '[MASK]';
    const wordPiece = new WordPiece(this.vocab, {
      unkToken: this.unkToken,
      maxInputCharsPerWord: options.maxInputCharsPerWord,
    });
    this.maxInputCharsPerWord = wordPiece.maxInputCharsPerWord;

    for (const [token, id] of this.vocab) this.#tokens[id] = token;
    this.addedTokens = this.#resolveAddedTokens(options.addedTokens ?? []);
    for (const token of this.addedTokens) this.#addedIds.set(token.content, token.id);
    this.#specialTokens = new Set(this.addedTokens.filter((token) => token.special).map((token) => token.content));
    this.unkTokenId = this.#addedIds.get(this.unkToken)!;
    this.sepTokenId = this.#addedIds.get(this.sepToken)!;
    this.padTokenId = this.#addedIds.get(this.padToken)!;
    this.clsTokenId = this.#addedIds.get(this.clsToken)!;
    this.maskTokenId = this.#addedIds.get(this.maskToken)!;
    this.#pipeline = new Pipeline(
      wordPiece,
      {
        cleanText: this.cleanText,
        tokenizeChineseChars: this.tokenizeChineseChars,
        stripAccents: this.stripAccents ?? this.doLowerCase,
        doLowerCase: this.doLowerCase,
      },
      this.addedTokens,
    );
    this.#rowWriter = new RowWriter(this.#pipeline, this);
    for (const token of this.addedTokens) {
      this.#tokens[token.id] = token.normalized ? this.#pipeline.normalize(token.content) : token.content;
    }
  }

  /**
   * The tokenizer of a model on the Hub or in a directory: from `tokenizer.json`, or else from `vocab.txt`, with
   * `tokenizer_config.json`. A name's files are downloaded into Hugging Face's cache where they are not there yet.
   *
   * @throws ModelError where these files are missing or not BERT's; what `resolvePretrained` throws for a name
   */
  static async fromPretrained(nameOrPath: string, options: ResolveOptions = {}): Promise<BertTokenizer> {
    return new BertTokenizer(
      await readTokenizer(await resolveTokenizer(nameOrPath, { owner: 'BertTokenizer.fromPretrained', ...options })),
    );
  }

  /** Writes `tokenizer.json`, `tokenizer_config.json` and `vocab.txt`, which Python's `AutoTokenizer.from_pretrained` loads. */
  async savePretrained(directory: string): Promise<void> {
    await writeTokenizer(directory, this);
  }

  /**
   * Saves the tokenizer into a repository of the Hub, which is made where there is none, in one commit.
   * Throws what `uploadFolder` throws.
   * @param repo `org/name`, or a name alone, which is then the token's owner's.
   */
  async pushToHub(repo: string, options: PushOptions = {}): Promise<PushedCommit> {
    const commitMessage = options.commitMessage ?? 'Upload tokenizer';
    const owner = 'BertTokenizer.pushToHub';
    return pushSaved(repo, (directory) => this.savePretrained(directory), { ...options, commitMessage, owner });
  }

  /** Number of tokens of the vocabulary, without added tokens. */
  get vocabSize(): number {
    return this.vocab.size;
  }

  /** Number of tokens, with added tokens: Python's `len(tokenizer)`. */
  get size(): number {
    return this.vocab.size + this.addedTokens.filter((token) => !this.vocab.has(token.content)).length;
  }

  /**
   * Tokenizes a text or several, alone or in pairs; what the instance does when it is called.
   *
   * @param text a string or a list of strings; with `isSplitIntoWords` a list of words or a list of such lists
   * @param textPairOrOptions the second text of each pair in the same form; an empty one for a single text is none,
   *   as in Hugging Face. Options may stand here where there is none
   * @throws ArgumentError on what is no text, on batches of different lengths, and where options contradict
   */
  encode(
    text: TextInput,
    textPairOrOptions?: TextInput | EncodeOptions | null,
    optionsOrNothing?: EncodeOptions,
  ): BatchEncoding {
    const optionsSecond = isOptions(textPairOrOptions);
    const textPair = optionsSecond ? undefined : textPairOrOptions;
    const options = resolveEncodeOptions((optionsSecond ? textPairOrOptions : optionsOrNothing) ?? {}, this);
    const [texts, pairs] = samples(text, textPair ?? undefined, options.isSplitIntoWords);

    const rows = this.#rowWriter.write(texts, pairs, options);
    const longest = rows.longest();
    if (options.padding !== 'do_not_pad') {
      const length = paddedLength(longest, options.padding, options.maxLength ?? 0, options.padToMultipleOf);
      rows.pad(length, options.paddingSide, this.padTokenId);
    }
    if (options.maxLength === undefined && longest > this.modelMaxLength && !this.#warnedOfLength) {
      this.#warnedOfLength = true;
      log.warn(
        `a text has ${longest} tokens, more than the ${this.modelMaxLength} that the model takes; pass truncation: true`,
      );
    }
    return new BatchEncoding(rows, (sample) => {
      const sources = pairs === undefined ? [texts[sample]] : [texts[sample], pairs[sample]];
      return new SampleSource(sources, this.#pipeline, this.#tokens, options.splitSpecialTokens);
    });
  }

  /**
   * The text of token ids. Ids that no token has are left out.
   *
   * @param options.skipSpecialTokens leaves out special tokens. Default false
   * @param options.cleanUpTokenizationSpaces joins English contractions. Default: the tokenizer's
   */
  decode(
    ids: Iterable<number | bigint>,
    options: { skipSpecialTokens?: boolean; cleanUpTokenizationSpaces?: boolean } = {},
  ): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.#tokens[Number(id)];
      if (token === undefined || (options.skipSpecialTokens && this.#specialTokens.has(token))) continue;
      tokens.push(token);
    }
    const text = joinWordPieces(tokens, this.#pipeline.wordPiece.continuingSubwordPrefix);
    return (options.cleanUpTokenizationSpaces ?? this.cleanUpTokenizationSpaces) ? cleanUpTokenization(text) : text;
  }

  /** Pieces as a text: those that continue a word are joined to it (Hugging Face's `convert_tokens_to_string`). */
  convertTokensToString(tokens: readonly string[]): string {
    return joinWordPieces(tokens, this.#pipeline.wordPiece.continuingSubwordPrefix);
  }

  /** {@link decode} for each of several sequences. */
  batchDecode(
    sequences: Iterable<Iterable<number | bigint>>,
    options: { skipSpecialTokens?: boolean; cleanUpTokenizationSpaces?: boolean } = {},
  ): string[] {
    return Array.from(sequences, (ids) => this.decode(ids, options));
  }

  /** The tokens of a text as strings, without special tokens around it. */
  tokenize(text: string): string[] {
    return this.encode(text, { addSpecialTokens: false }).tokens();
  }

  /** The words that a text is split into before WordPiece, cleaned and lower-cased; added tokens are read as plain text. */
  preTokenize(text: string): string[] {
    return this.#pipeline.words(text);
  }

  /** The id of a token, or the ids of several; that of the unknown token for what is none. */
  convertTokensToIds(tokens: string): number;
  convertTokensToIds(tokens: Iterable<string>): number[];
  convertTokensToIds(tokens: string | Iterable<string>): number | number[] {
    const idOf = (token: string) => this.#addedIds.get(token) ?? this.vocab.get(token) ?? this.unkTokenId;
    return typeof tokens === 'string' ? idOf(tokens) : Array.from(tokens, idOf);
  }

  /** The token of an id, or the tokens of several; undefined for an id that no token has. */
  convertIdsToTokens(ids: number | bigint): string | undefined;
  convertIdsToTokens(ids: Iterable<number | bigint>): (string | undefined)[];
  convertIdsToTokens(ids: number | bigint | Iterable<number | bigint>): string | undefined | (string | undefined)[] {
    return typeof ids === 'number' || typeof ids === 'bigint'
      ? this.#tokens[Number(ids)]
      : Array.from(ids, (id) => this.#tokens[Number(id)]);
  }

  /** How many special tokens stand around a text or pair. */
  numSpecialTokensToAdd(pair = false): number {
    return numSpecialTokens(pair);
  }

  /** The given tokens and the five special ones, each once; ids of the vocabulary, or the next free ones. */
  #resolveAddedTokens(given: readonly AddedTokenOptions[]): AddedToken[] {
    const byContent = new Map<string, AddedTokenOptions>();
    const named = [this.padToken, this.unkToken, this.clsToken, this.sepToken, this.maskToken];
    for (const token of given) if (token.content !== '') byContent.set(token.content, token);
    for (const content of named) {
      byContent.set(content, { normalized: false, ...byContent.get(content), content, special: true });
    }
    let next = Math.max(this.vocab.size, ...given.map((token) => (token.id ?? -1) + 1));
    const byId = new Map<number, AddedToken>();
    for (const token of byContent.values()) {
      const id = this.vocab.get(token.content) ?? token.id ?? next++;
      const taken = byId.get(id)?.content ?? this.#tokens[id];
      if (taken !== undefined && taken !== token.content) {
        throw new ArgumentError('ERR_TOKENIZER_ADDED_TOKEN', {
          owner: 'BertTokenizer',
          what: `the id of the added token '${token.content}' is taken`,
          got: id,
          expected: `an id other than that of '${taken}'`,
        });
      }
      const special = token.special ?? false;
      byId.set(id, {
        content: token.content,
        id,
        singleWord: token.singleWord ?? false,
        lstrip: token.lstrip ?? false,
        rstrip: token.rstrip ?? false,
        normalized: token.normalized ?? !special,
        special,
      });
    }
    return [...byId.values()].sort((a, b) => a.id - b.id);
  }
}

/** Computes the places of a text's tokens when they are first asked for. */
class SampleSource implements EncodingSource {
  readonly texts: readonly Text[];
  readonly #pipeline: Pipeline;
  readonly #tokens: readonly (string | undefined)[];
  readonly #splitSpecialTokens: boolean;
  #places: (TokenPlaces | undefined)[] | undefined;

  constructor(
    texts: readonly Text[],
    pipeline: Pipeline,
    tokens: readonly (string | undefined)[],
    splitSpecialTokens: boolean,
  ) {
    this.texts = texts;
    this.#pipeline = pipeline;
    this.#tokens = tokens;
    this.#splitSpecialTokens = splitSpecialTokens;
  }

  places(sequence: number): TokenPlaces {
    this.#places ??= [];
    this.#places[sequence] ??= this.#pipeline.locate(this.texts[sequence], this.#splitSpecialTokens);
    return this.#places[sequence];
  }

  tokenOf(id: number): string {
    return this.#tokens[id] ?? '';
  }
}
