import { joinPath, kindOf, makeDirectory, readText, writeAtomic } from '#platform/files';
import { ModelError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { AddedToken, AddedTokenOptions } from './addedTokens.ts';
import type { BertTokenizerOptions } from './bertTokenizerOptions.ts';
import type { Side } from './truncation.ts';

const owner = 'BertTokenizer.fromPretrained';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/**
 * Reads a tokenizer's directory: the vocabulary from `tokenizer.json` or else `vocab.txt`; settings from
 * `tokenizer_config.json`, which wins as in Python, or else from `tokenizer.json`; added tokens from both and from the
 * older `added_tokens.json`.
 *
 * @throws ModelError where there is no vocabulary, or where a file is not as expected
 */
export async function readTokenizer(directory: string): Promise<BertTokenizerOptions> {
  const config = (await readJson(joinPath(directory, 'tokenizer_config.json'))) ?? {};
  const special = (await readJson(joinPath(directory, 'special_tokens_map.json'))) ?? {};
  const tokenizer = await readJson(joinPath(directory, 'tokenizer.json'));
  const older = (await readJson(joinPath(directory, 'added_tokens.json'))) ?? {};
  const file = joinPath(directory, tokenizer === undefined ? 'vocab.txt' : 'tokenizer.json');
  const vocab = tokenizer === undefined ? await readVocabulary(directory) : vocabularyOf(tokenizer, file);
  const fromJson: Partial<BertTokenizerOptions> =
    tokenizer === undefined ? {} : settingsOfTokenizerJson(tokenizer, file);

  const added = new Map<string, AddedTokenOptions>();
  for (const [content, id] of Object.entries(older)) if (typeof id === 'number') added.set(content, { content, id });
  for (const token of list(tokenizer?.['added_tokens'])) addToken(added, token, token['id']);
  for (const [id, token] of Object.entries(object(config['added_tokens_decoder']))) {
    addToken(added, object(token), Number(id));
  }
  const tokenName = (name: string) => tokenString(config[name]) ?? tokenString(special[name]);
  const setting = <T extends boolean | null>(name: string, fallback: T | undefined): T | undefined => {
    if (!(name in config)) return fallback;
    const value = config[name] as T;
    // null is Python's "not said": lower-casing decides. It contradicts nothing.
    if (fallback !== undefined && value !== null && fallback !== null && fallback !== value) {
      log.info(
        `tokenizer_config.json says ${name} ${value}, tokenizer.json says ${fallback}; using the former as Python does`,
      );
    }
    return value;
  };
  const maxLength = config['model_max_length'];
  return {
    vocab,
    doLowerCase: setting('do_lower_case', fromJson.doLowerCase),
    stripAccents: setting('strip_accents', fromJson.stripAccents),
    tokenizeChineseChars: setting('tokenize_chinese_chars', fromJson.tokenizeChineseChars),
    cleanText: fromJson.cleanText,
    maxInputCharsPerWord: fromJson.maxInputCharsPerWord,
    // Python writes 10³⁰ where there is no limit.
    modelMaxLength: typeof maxLength === 'number' && maxLength < 1e20 ? maxLength : undefined,
    addedTokens: [...added.values()],
    unkToken: tokenName('unk_token') ?? fromJson.unkToken,
    sepToken: tokenName('sep_token'),
    padToken: tokenName('pad_token'),
    clsToken: tokenName('cls_token'),
    maskToken: tokenName('mask_token'),
    paddingSide: sideOf(config['padding_side']),
    truncationSide: sideOf(config['truncation_side']),
    cleanUpTokenizationSpaces: booleanOf(config['clean_up_tokenization_spaces']),
    splitSpecialTokens: booleanOf(config['split_special_tokens']),
  };
}

/** A `vocab.txt`: a token a line, ids from 0; of a token that stands twice, the later line counts, as in Python. */
export function parseVocabulary(text: string): Map<string, number> {
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  return new Map(lines.map((token, id) => [token, id]));
}

async function readVocabulary(directory: string): Promise<Map<string, number>> {
  const file = joinPath(directory, 'vocab.txt');
  if ((await kindOf(file)) !== 'file') {
    throw new ModelError('ERR_TOKENIZER_FILES', {
      owner,
      what: 'no tokenizer.json and no vocab.txt',
      got: directory,
      expected: 'a directory with one of them',
      hint: 'save a tokenizer there, or name another model',
      file: directory,
    });
  }
  return parseVocabulary(await readText(file));
}

async function readJson(file: string): Promise<JsonObject | undefined> {
  if ((await kindOf(file)) !== 'file') return undefined;
  let value: Json;
  try {
    value = JSON.parse(await readText(file)) as Json;
  } catch (cause) {
    throw new ModelError('ERR_TOKENIZER_JSON', { owner, what: 'the file is no JSON', file, cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ModelError('ERR_TOKENIZER_JSON', { owner, what: 'the file holds no JSON object', file });
  }
  return value;
}

function vocabularyOf(tokenizer: JsonObject, file: string): Map<string, number> {
  const model = object(tokenizer['model']);
  const vocab = model['vocab'];
  // Files written before tokenizers 0.9 name no type.
  const type = model['type'] ?? 'WordPiece';
  if (type !== 'WordPiece' || typeof vocab !== 'object' || vocab === null || Array.isArray(vocab)) {
    throw new ModelError('ERR_TOKENIZER_MODEL', {
      owner,
      what: 'the tokenizer is not of BERT',
      got: type,
      expected: 'a WordPiece model with a vocabulary',
      hint: 'use a BERT model',
      file,
    });
  }
  const ids = new Map<string, number>();
  for (const token of Object.keys(vocab)) ids.set(token, (vocab as Record<string, number>)[token]);
  return ids;
}

function settingsOfTokenizerJson(tokenizer: JsonObject, file: string): Partial<BertTokenizerOptions> {
  const normalizer = object(tokenizer['normalizer']);
  const model = object(tokenizer['model']);
  const preTokenizer = object(tokenizer['pre_tokenizer']);
  const prefix = model['continuing_subword_prefix'];
  if (prefix !== undefined && prefix !== '##') {
    throw new ModelError('ERR_TOKENIZER_MODEL', {
      owner,
      what: 'the tokenizer is not of BERT: its pieces have another prefix',
      got: prefix,
      expected: "'##'",
      file,
    });
  }
  const isBert = normalizer['type'] === 'BertNormalizer';
  if (!isBert)
    log.warn(`${file} names the normalizer ${normalizer['type']}; using BERT's, as Python's BertTokenizer does`);
  if (preTokenizer['type'] !== 'BertPreTokenizer') {
    log.warn(`${file} names the pre-tokenizer ${preTokenizer['type']}; using BERT's, as Python's BertTokenizer does`);
  }
  return {
    doLowerCase: isBert ? booleanOf(normalizer['lowercase']) : undefined,
    stripAccents: isBert ? (booleanOf(normalizer['strip_accents']) ?? null) : undefined,
    tokenizeChineseChars: isBert ? booleanOf(normalizer['handle_chinese_chars']) : undefined,
    cleanText: isBert ? booleanOf(normalizer['clean_text']) : undefined,
    unkToken: tokenString(model['unk_token']),
    maxInputCharsPerWord:
      typeof model['max_input_chars_per_word'] === 'number' ? model['max_input_chars_per_word'] : undefined,
  };
}

function addToken(added: Map<string, AddedTokenOptions>, token: JsonObject, id: Json | undefined): void {
  const content = token['content'];
  if (typeof content !== 'string' || typeof id !== 'number') return;
  added.set(content, {
    content,
    id,
    singleWord: booleanOf(token['single_word']),
    lstrip: booleanOf(token['lstrip']),
    rstrip: booleanOf(token['rstrip']),
    normalized: booleanOf(token['normalized']),
    special: booleanOf(token['special']),
  });
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function list(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.map(object) : [];
}

function booleanOf(value: Json | undefined): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function sideOf(value: Json | undefined): Side | undefined {
  return value === 'left' || value === 'right' ? value : undefined;
}

/** A token as Python writes it: its string, or an object with its content. */
function tokenString(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  const content = object(value)['content'];
  return typeof content === 'string' ? content : undefined;
}

/** What {@link writeTokenizer} reads of a tokenizer. */
export interface SavedTokenizer {
  readonly vocab: ReadonlyMap<string, number>;
  readonly addedTokens: readonly AddedToken[];
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
  readonly sepTokenId: number;
  readonly clsTokenId: number;
}

/** Writes `tokenizer.json`, `tokenizer_config.json` and `vocab.txt` as Python's save_pretrained lays them out. */
export async function writeTokenizer(directory: string, tokenizer: SavedTokenizer): Promise<void> {
  await makeDirectory(directory);
  const write = (name: string, content: string) => writeAtomic(joinPath(directory, name), content);
  await write('tokenizer.json', `${JSON.stringify(tokenizerJson(tokenizer), null, 2)}\n`);
  await write('tokenizer_config.json', `${JSON.stringify(tokenizerConfig(tokenizer), null, 2)}\n`);
  const vocabulary = vocabularyText(tokenizer.vocab);
  if (vocabulary === undefined) {
    log.warn(
      'the vocabulary cannot be written as vocab.txt (ids with gaps, or tokens with line breaks): only tokenizer.json holds it',
    );
  } else await write('vocab.txt', vocabulary);
}

function byId(vocab: ReadonlyMap<string, number>): [string, number][] {
  return [...vocab].sort(([, a], [, b]) => a - b);
}

function vocabularyText(vocab: ReadonlyMap<string, number>): string | undefined {
  const entries = byId(vocab);
  if (entries.some(([token, id], index) => id !== index || /[\r\n]/.test(token))) return undefined;
  return entries.map(([token]) => `${token}\n`).join('');
}

function addedTokenJson(token: AddedToken): JsonObject {
  return {
    content: token.content,
    single_word: token.singleWord,
    lstrip: token.lstrip,
    rstrip: token.rstrip,
    normalized: token.normalized,
    special: token.special,
  };
}

function tokenizerConfig(tokenizer: SavedTokenizer): JsonObject {
  return {
    added_tokens_decoder: Object.fromEntries(tokenizer.addedTokens.map((token) => [token.id, addedTokenJson(token)])),
    clean_up_tokenization_spaces: tokenizer.cleanUpTokenizationSpaces,
    cls_token: tokenizer.clsToken,
    do_lower_case: tokenizer.doLowerCase,
    mask_token: tokenizer.maskToken,
    model_max_length: Number.isFinite(tokenizer.modelMaxLength) ? tokenizer.modelMaxLength : 1e30,
    pad_token: tokenizer.padToken,
    padding_side: tokenizer.paddingSide,
    sep_token: tokenizer.sepToken,
    split_special_tokens: tokenizer.splitSpecialTokens,
    strip_accents: tokenizer.stripAccents,
    tokenize_chinese_chars: tokenizer.tokenizeChineseChars,
    tokenizer_class: 'BertTokenizer',
    truncation_side: tokenizer.truncationSide,
    unk_token: tokenizer.unkToken,
  };
}

function tokenizerJson(tokenizer: SavedTokenizer): JsonObject {
  const special = (id: string, typeId: number) => ({ SpecialToken: { id, type_id: typeId } });
  const sequence = (id: string, typeId: number) => ({ Sequence: { id, type_id: typeId } });
  const { clsToken, sepToken } = tokenizer;
  const single = [special(clsToken, 0), sequence('A', 0), special(sepToken, 0)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: tokenizer.addedTokens.map((token) => ({ id: token.id, ...addedTokenJson(token) })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: tokenizer.cleanText,
      handle_chinese_chars: tokenizer.tokenizeChineseChars,
      strip_accents: tokenizer.stripAccents,
      lowercase: tokenizer.doLowerCase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, sequence('B', 1), special(sepToken, 1)],
      special_tokens: {
        [clsToken]: { id: clsToken, ids: [tokenizer.clsTokenId], tokens: [clsToken] },
        [sepToken]: { id: sepToken, ids: [tokenizer.sepTokenId], tokens: [sepToken] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: tokenizer.unkToken,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: tokenizer.maxInputCharsPerWord,
      vocab: Object.fromEntries(byId(tokenizer.vocab)),
    },
  };
}
