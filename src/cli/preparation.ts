import { type Command, Option } from 'commander';
import { ArgumentError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import {
  type Balance,
  type CleanTextOptions,
  type Dataset,
  type LongTexts,
  loadStopWords,
  type PreprocessingOptions,
  preprocess,
  type Sameness,
} from '../data/index.ts';
import type { TaskName } from '../tasks/taskFor.ts';
import { findTextColumn } from '../tasks/textChunks.ts';
import { type ColumnNames, findTextColumns } from '../tasks/textColumns.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { flagOf, parseValue } from './flags.ts';

/** What is done to rows before they are tokenized. */
export interface PreparationFlags {
  readonly missing?: NonNullable<PreprocessingOptions['missing']>;
  readonly clean?: CleanTextOptions;
  readonly stopWords?: string;
  readonly dropDuplicates?: Sameness;
  readonly dropHeldOut?: boolean;
  readonly balance?: Balance;
  readonly longTexts?: 'truncate' | 'head-tail' | 'windows';
  readonly headTokens?: number;
  readonly windowStride?: number;
}

const owner = 'fettle';
const names: readonly (keyof PreparationFlags)[] = [
  'missing',
  'clean',
  'stopWords',
  'dropDuplicates',
  'dropHeldOut',
  'balance',
  'longTexts',
  'headTokens',
  'windowStride',
];

/**
 * Gives a command the flags of {@link PreparationFlags}.
 * @param training with those that choose what is learned from; else only those that change what is read.
 */
export function addPreparationFlags(command: Command, { training }: { readonly training: boolean }): void {
  const add = (option: Option) => command.addOption(option.helpGroup('Preparing rows:'));
  const integer = (flag: string) => (text: string) => Number(parseValue(flag, 'integer', text));
  add(
    new Option(
      '--missing <what>',
      "rows that miss a text or label: 'error', 'drop', or 'fill=TEXT' (default: error)",
    ).argParser(readMissing),
  );
  add(
    new Option(
      '--clean <names>',
      `what to do to texts, with commas between: ${Object.keys(cleanings).join(', ')}`,
    ).argParser(readCleanings),
  );
  add(new Option('--stop-words <language>', 'take the stop words of a language out of the texts: en, German'));
  add(
    new Option('--drop-duplicates [how]', "leave out rows that repeat a text: 'exact', or but for case and white space")
      .choices(['exact', 'normalized'])
      .preset('exact'),
  );
  if (training) {
    add(new Option('--drop-held-out', 'leave out training rows whose text stands in the evaluation split'));
    add(new Option('--balance <how>', 'give all classes as many training rows').choices(['oversample', 'undersample']));
  }
  const ways = training ? ['truncate', 'head-tail', 'windows'] : ['truncate', 'head-tail'];
  add(
    new Option(
      '--long-texts <how>',
      'what stays of texts that are too long: the beginning, beginning and end, or all',
    ).choices(ways),
  );
  add(
    new Option(
      '--head-tokens <integer>',
      'for head-tail: tokens of the beginning (default: a quarter of --max-length)',
    ).argParser(integer('--head-tokens')),
  );
  if (!training) return;
  add(
    new Option(
      '--window-stride <integer>',
      'for windows: tokens that neighbours share (default: an eighth of --max-length)',
    ).argParser(integer('--window-stride')),
  );
}

/** What `--clean` names, and what each does. */
const cleanings: Readonly<Record<string, CleanTextOptions>> = {
  html: { html: true },
  urls: { urls: true },
  whitespace: { whitespace: true },
  nfc: { unicodeForm: 'NFC' },
  nfkc: { unicodeForm: 'NFKC' },
  'lower-case': { lowerCase: true },
};

function readCleanings(text: string): CleanTextOptions {
  const parts = text.split(',').map((part) => part.trim().toLowerCase());
  const wrong = parts.find((part) => !Object.hasOwn(cleanings, part));
  if (wrong === undefined) return Object.assign({}, ...parts.map((part) => cleanings[part]));
  const near = didYouMean(wrong, Object.keys(cleanings));
  throw new ArgumentError('ERR_FLAG_VALUE', {
    owner,
    what: '--clean does not know this',
    got: wrong,
    expected: Object.keys(cleanings).join(', '),
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}

function readMissing(text: string): NonNullable<PreparationFlags['missing']> {
  if (text === 'error' || text === 'drop') return text;
  if (text.startsWith('fill=')) return { fill: text.slice('fill='.length) };
  throw new ArgumentError('ERR_FLAG_VALUE', {
    owner,
    what: '--missing has a wrong value',
    got: text,
    expected: 'error, drop or fill=TEXT',
  });
}

/** What is prepared, and from what. */
export interface Prepared {
  readonly train: Dataset | undefined;
  readonly evaluation: Dataset | undefined;
  /** Which columns hold what, as far as preparing had to find them. */
  readonly columns: ColumnNames;
}

/** What {@link prepareRows} goes by besides the flags of its own. */
export interface PreparationContext {
  readonly task: TaskName;
  readonly columns: ColumnNames;
  readonly seed?: number | undefined;
  readonly maxLength?: number | undefined;
  /** Where the tokenizer is, for long texts. */
  readonly tokenizer: string;
}

/**
 * Does to the rows what the flags ask, and says it. Texts to classify that miss a value are an error unless the flags say
 * otherwise. What changes texts changes those that are evaluated, too; duplicates, balance and windows are for training.
 * @throws ArgumentError for a flag that the task has no use for, and what `preprocess` throws.
 */
export async function prepareRows(
  flags: PreparationFlags,
  data: { readonly train?: Dataset | undefined; readonly evaluation?: Dataset | undefined },
  context: PreparationContext,
): Promise<Prepared> {
  const asked = names.filter((name) => flags[name] !== undefined);
  const first = data.train ?? data.evaluation;
  const { task } = context;
  if (first === undefined || (asked.length === 0 && task !== 'text-classification')) {
    return { train: data.train, evaluation: data.evaluation, columns: context.columns };
  }
  const found = columnsFor(task, first, context.columns);
  checkFlags(asked, flags, task, found.label !== undefined);
  const shared = {
    texts: found.texts,
    missing: flags.missing,
    clean: flags.clean,
    stopWords: flags.stopWords === undefined ? undefined : await loadStopWords(flags.stopWords),
  };
  const longTexts = await longTextsOf(flags, context);
  const prepare = (name: string, dataset: Dataset | undefined, own: Partial<PreprocessingOptions>) => {
    if (dataset === undefined) return undefined;
    const label = found.label !== undefined && dataset.columnNames.includes(found.label) ? found.label : undefined;
    const prepared = preprocess(dataset, { ...shared, label, ...own });
    for (const { message } of prepared.steps) log.info(`${name}: ${message}`);
    return prepared.dataset;
  };
  const whole = longTexts?.how === 'windows' ? undefined : longTexts;
  const evaluation = prepare('evaluation data', data.evaluation, {
    longTexts: whole,
    duplicates: data.train === undefined ? flags.dropDuplicates : undefined,
  });
  const train = prepare('training data', data.train, {
    longTexts,
    duplicates: flags.dropDuplicates,
    heldOut: flags.dropHeldOut === true ? evaluation : undefined,
    balance: flags.balance,
    seed: context.seed,
  });
  if (flags.clean !== undefined || flags.stopWords !== undefined) {
    log.info('the model learns from changed texts: change those in the same way that it is to answer for');
  }
  return { train, evaluation, columns: found.columns };
}

/** @throws ArgumentError for flags that need all rows at hand, where rows are read as they are needed. */
export function refusePreparation(flags: PreparationFlags): void {
  const asked = names.find((name) => flags[name] !== undefined);
  if (asked === undefined) return;
  throw new ArgumentError('ERR_STREAM', {
    owner,
    what: `${flagOf(asked)} prepares rows that are all in memory, and --streaming reads them as they are needed`,
    hint: 'leave one of the two out, or prepare the file beforehand',
  });
}

/** The columns that a task reads texts and classes from; what was found is given on, so that it is found and said once. */
function columnsFor(task: TaskName, dataset: Dataset, named: ColumnNames) {
  if (task === 'text-classification') {
    const { text, textPair, label } = findTextColumns(dataset, named);
    const columns = { ...named, text, textPair, label };
    return { texts: textPair === undefined ? [text] : [text, textPair], label, columns };
  }
  if (task === 'fill-mask') {
    const text = findTextColumn(dataset, named.text, task);
    return { texts: [text], label: undefined, columns: { ...named, text } };
  }
  if (task === 'question-answering') {
    return {
      texts: [named.question ?? 'question', named.context ?? 'context'],
      label: undefined,
      columns: named,
    };
  }
  const words = named.text ?? ['tokens', 'words'].find((name) => dataset.columnNames.includes(name)) ?? 'tokens';
  return { texts: [words], label: undefined, columns: named };
}

/** Refuses what would mean nothing, or do harm, before anything is changed. */
function checkFlags(
  asked: readonly (keyof PreparationFlags)[],
  flags: PreparationFlags,
  task: TaskName,
  labelled: boolean,
) {
  const only = (flag: keyof PreparationFlags, what: string, hint: string) => {
    if (asked.includes(flag))
      throw new ArgumentError('ERR_FLAG_OF_ANOTHER_TASK', { owner, what: `${flagOf(flag)} ${what}`, hint });
  };
  if (task === 'question-answering' || task === 'token-classification') {
    const harm =
      task === 'question-answering'
        ? 'would move the answers, which are places in the text'
        : 'is for texts, not for lists of words';
    for (const flag of ['clean', 'stopWords'] as const)
      only(flag, harm, 'change the file itself, with its answers or tags');
    for (const flag of ['longTexts', 'headTokens', 'windowStride'] as const) {
      only(
        flag,
        `means nothing for ${task}`,
        task === 'question-answering' ? 'long contexts become windows by themselves' : 'pass --windows',
      );
    }
    if (typeof flags.missing === 'object')
      only('missing', 'fills texts in only where they are classified', 'pass --missing drop');
  }
  if (!labelled) only('balance', 'needs labels that are classes', 'leave it out');
  if (task === 'fill-mask') {
    for (const flag of ['longTexts', 'headTokens', 'windowStride'] as const) {
      only(flag, 'means nothing for fill-mask', 'texts are joined and cut into chunks by themselves');
    }
  }
  const belongs = (flag: 'headTokens' | 'windowStride', way: string) => {
    if (flags[flag] === undefined || flags.longTexts === way) return;
    throw new ArgumentError('ERR_FLAG_VALUE', {
      owner,
      what: `${flagOf(flag)} is for --long-texts ${way}`,
      hint: `pass --long-texts ${way}, or leave it out`,
    });
  };
  belongs('headTokens', 'head-tail');
  belongs('windowStride', 'windows');
}

async function longTextsOf(flags: PreparationFlags, context: PreparationContext): Promise<LongTexts | undefined> {
  if (flags.longTexts === undefined) return undefined;
  const tokenizer = await BertTokenizer.fromPretrained(context.tokenizer);
  const maxLength = context.maxLength ?? tokenizer.modelMaxLength;
  if (!Number.isFinite(maxLength)) {
    throw new ArgumentError('ERR_MAX_LENGTH', {
      owner,
      what: 'the tokenizer does not say how long a row may be, so it cannot be told which texts are long',
      hint: 'pass --max-length',
    });
  }
  switch (flags.longTexts) {
    case 'truncate':
      return { how: 'truncate', tokenizer, maxLength };
    case 'head-tail':
      return { how: 'headAndTail', tokenizer, maxLength, headTokens: flags.headTokens };
    case 'windows':
      return { how: 'windows', tokenizer, maxLength, stride: flags.windowStride };
  }
}
