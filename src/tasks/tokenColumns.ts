import { DataError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type Dataset, describeFeature, type Feature, type Features, isClassLabel } from '../data/index.ts';
import { defaultLabels } from '../models/bert/configuration.ts';
import type { LabelledModel } from '../models/bert/labelledModel.ts';
import { ignoredLabel } from '../models/labels.ts';
import type { ColumnNames } from './textColumns.ts';

const owner = 'token-classification';

/** The columns that a token classifier reads. */
export interface TokenColumns {
  /** Lists of words. */
  readonly tokens: string;
  /** Lists of tags, one a word; undefined where the data has none. */
  readonly tags: string | undefined;
}

/** What columns of words are called, the likelier first. */
export const tokenNames = ['tokens', 'words'];
const tagNames = ['ner_tags', 'tags', 'labels', 'ner', 'label'];

/** Whether a data set's columns are words with tags. */
export function hasTaggedWords(features: Features): boolean {
  return tokenNames.some((name) => isWords(features[name])) && tagNames.some((name) => isTags(features[name]));
}

/**
 * Finds the columns of words and tags: those that the caller named, or those with names that such columns have. What was
 * found is said in the log.
 * @throws DataError where a named column is missing or holds something else, or where none holds words.
 */
export function findTokenColumns(dataset: Dataset, named: ColumnNames = {}): TokenColumns {
  const { features } = dataset;
  const columns = Object.keys(features);
  for (const name of [named.text, named.label]) if (name !== undefined) requireColumn(name, columns);
  const lists = columns.filter((column) => isWords(features[column]));
  const tokens =
    named.text ??
    tokenNames.find((name) => lists.includes(name)) ??
    // Tags may be strings as well: words are what stands alone.
    (lists.length === 1 ? lists[0] : undefined);
  const tags =
    named.label ??
    tagNames.find((name) => isTags(features[name])) ??
    columns.find((name) => name.endsWith('_tags') && isTags(features[name]));
  if (tokens === undefined || !isWords(features[tokens])) {
    throw new DataError('ERR_TOKEN_COLUMNS', {
      owner,
      what: tokens === undefined ? 'no column is known to hold lists of words' : 'a column holds no lists of words',
      got: columns.map((column) => `${column}: ${describeFeature(features[column])}`).join(', '),
      expected: "a column 'tokens', a list of strings a row",
      column: named.text,
      hint: 'name it: columns: { text, label }, or --text-column and --label-column',
    });
  }
  if (tags !== undefined && !isTags(features[tags])) {
    throw new DataError('ERR_TOKEN_COLUMNS', {
      owner,
      what: 'a column holds no lists of tags',
      got: describeFeature(features[tags]),
      expected: 'a list of strings, class labels or whole numbers a row',
      column: tags,
    });
  }
  if (named.text === undefined || named.label === undefined) {
    const unused = columns.filter((column) => column !== tokens && column !== tags);
    log.info(
      `columns: words '${tokens}', ${tags === undefined ? 'no tags' : `tags '${tags}'`}` +
        `${unused.length > 0 ? `; not used: ${unused.map((column) => `'${column}'`).join(', ')}` : ''}`,
    );
  }
  return { tokens, tags };
}

/**
 * The names of a data set's tags, or undefined where the model's own are to be kept: strings that are all among the model's
 * names, and numbers, which say nothing of names. Strings are sorted, as in Hugging Face's `run_ner`. Numbers say how many
 * labels a new head has.
 */
export function tagsOfData(
  dataset: Dataset,
  column: string,
  { config, labelsOpen }: LabelledModel<unknown>,
): readonly string[] | undefined {
  const current = config.id2label;
  const feature = itemOf(dataset.features[column]);
  if (isClassLabel(feature)) return feature.names;
  const found = new Set<unknown>();
  for (const row of dataset.column(column)) if (Array.isArray(row)) for (const tag of row) found.add(tag);
  if (feature === 'string') {
    const names = [...found].filter((tag): tag is string => typeof tag === 'string' && tag !== '');
    return names.every((name) => current.includes(name)) ? undefined : names.sort();
  }
  const unnamed = current.join() === defaultLabels(current.length).join();
  if (!labelsOpen || !unnamed) return undefined;
  return defaultLabels(Math.max(...[...found].filter((tag): tag is number => typeof tag === 'number'), 0) + 1);
}

/** The words and labels of a row by its index; labels are undefined where the row has none. */
export type TaggedRows = (index: number) => {
  readonly words: readonly string[];
  readonly labels: number[] | undefined;
};

/**
 * Reads a data set's words and tags for a model with these labels. A tag that is −100 or −1 means none, as in Hugging Face.
 * @throws DataError, with the row, for words that are missing or no strings, tags that are not as many as the words, and
 * tags that are no label of the model.
 */
export function taggedRows(
  dataset: Dataset,
  columns: TokenColumns,
  id2label: readonly string[],
  need: 'required' | 'optional',
): TaggedRows {
  if (columns.tags === undefined && need === 'required') {
    throw new DataError('ERR_NO_LABELS', {
      owner,
      what: 'the data has no column of tags',
      got: Object.keys(dataset.features).join(', '),
      expected: "a column 'ner_tags', a tag for each word",
      hint: 'name it: columns: { label }, or --label-column',
    });
  }
  const words = dataset.column(columns.tokens);
  const tags = columns.tags === undefined ? undefined : dataset.column(columns.tags);
  const byName = new Map(id2label.map((name, id) => [name, id]));
  const idOf = (tag: unknown, index: number): number => {
    if (tag === ignoredLabel || tag === -1) return ignoredLabel;
    const id = typeof tag === 'string' ? byName.get(tag) : tag;
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < id2label.length) return id;
    throw new DataError('ERR_LABEL', {
      owner,
      what: tag === null || tag === '' ? 'a word has no tag' : "a tag is none of the model's labels",
      got: tag,
      expected:
        typeof tag === 'number' ? `a whole number from 0 to ${id2label.length - 1}` : `one of ${id2label.join(', ')}`,
      row: index + 1,
      column: columns.tags,
      hint: 'correct it, or train on data that has every tag',
    });
  };
  return (index) => {
    const row = wordsAt(words.at(index), index, columns.tokens);
    const own: unknown = tags?.at(index) ?? null;
    if (own === null) {
      if (need === 'optional') return { words: row, labels: undefined };
      throw new DataError('ERR_LABEL', {
        owner,
        what: 'the tags are missing',
        row: index + 1,
        column: columns.tags,
        hint: 'remove the row, or fill it in',
      });
    }
    const list = own as readonly unknown[];
    if (list.length !== row.length) {
      throw new DataError('ERR_TAG_COUNT', {
        owner,
        what: 'the tags are not as many as the words',
        got: `${list.length} tags for ${row.length} words`,
        expected: 'a tag for each word',
        row: index + 1,
        column: columns.tags,
      });
    }
    return { words: row, labels: list.map((tag) => idOf(tag, index)) };
  };
}

function wordsAt(words: unknown, index: number, column: string): readonly string[] {
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words as string[];
  throw new DataError('ERR_MISSING_TEXT', {
    owner,
    what: words === null ? 'the words are missing' : 'a word is no string',
    got: words === null ? undefined : words,
    row: index + 1,
    column,
    hint: 'remove the row, or fill it in',
  });
}

function itemOf(feature: Feature | undefined): Feature | undefined {
  return typeof feature === 'object' && feature.type === 'list' ? feature.feature : undefined;
}

function isWords(feature: Feature | undefined): boolean {
  return itemOf(feature) === 'string';
}

function isTags(feature: Feature | undefined): boolean {
  const item = itemOf(feature);
  return item === 'string' || item === 'int64' || isClassLabel(item);
}

function requireColumn(name: string, columns: readonly string[]): void {
  if (columns.includes(name)) return;
  const near = didYouMean(name, columns);
  throw new DataError('ERR_UNKNOWN_COLUMN', {
    owner,
    what: `there is no column '${name}'`,
    expected: `one of ${columns.join(', ')}`,
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}
