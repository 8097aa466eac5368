import type { Command } from 'commander';
import { joinPath, kindOf } from '#platform/files';
import { ArgumentError } from '../core/errors.ts';
import { findTextColumn } from '../tasks/textChunks.ts';
import { BertTokenizer, trainWordPiece } from '../tokenizers/index.ts';
import { type DataFlags, loadFlaggedSplit } from './dataFlags.ts';
import { parseValue } from './flags.ts';
import { makeReport } from './report.ts';

interface TokenizerFlags extends DataFlags {
  readonly output: string;
  readonly vocabSize: number;
  readonly minFrequency: number;
  readonly limitAlphabet: number;
  readonly modelMaxLength: number;
  readonly cased?: boolean;
  readonly split: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

const owner = 'fettle tokenizer train';

/** `fettle tokenizer …`: what there is to do with tokenizers. */
export function addTokenizerCommand(program: Command): void {
  addTokenizerTrainCommand(program.command('tokenizer').description('Make a tokenizer.'));
}

/** `fettle tokenizer train`: a WordPiece vocabulary from texts, and the tokenizer that uses it. */
export function addTokenizerTrainCommand(parent: Command): void {
  const integer = (flag: string) => (text: string) => Number(parseValue(flag, 'integer', text));
  parent
    .command('train')
    .description('Make a WordPiece vocabulary from texts, and the tokenizer that uses it.')
    .argument('[data]', 'the texts: a file or folder, as --dataset of fettle train')
    .requiredOption('--output <path>', 'the directory that is to hold the tokenizer')
    .option('--dataset <path or name>', 'the texts')
    .option('--dataset-config <name>', 'the configuration of a named data set')
    .option('--split <name>', 'the split to read', 'train')
    .option('--text-column <name>', 'the column with the text (default: found)')
    .option('--vocab-size <integer>', 'word pieces at most', integer('--vocab-size'), 30_000)
    .option('--min-frequency <integer>', 'how often a pair must stand to be merged', integer('--min-frequency'), 2)
    .option('--limit-alphabet <integer>', 'different characters at most', integer('--limit-alphabet'), 1000)
    .option('--model-max-length <integer>', 'tokens of a row at most', integer('--model-max-length'), 512)
    .option('--cased', 'keep capitals and accents')
    .option('--overwrite', 'write over a tokenizer that stands in the directory')
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(train);
}

async function train(data: string | undefined, flags: TokenizerFlags): Promise<void> {
  const { output } = flags;
  if (flags.overwrite !== true && (await kindOf(joinPath(output, 'vocab.txt'))) !== 'none') {
    throw new ArgumentError('ERR_OUTPUT_EXISTS', {
      owner,
      what: 'there is a tokenizer in the output directory',
      file: output,
      hint: 'choose another directory, or pass --overwrite',
    });
  }
  const dataset = await loadFlaggedSplit(flags, data, flags.split);
  const column = findTextColumn(dataset, flags.textColumn, owner);
  const doLowerCase = flags.cased !== true;
  const vocab = trainWordPiece(presentTexts(dataset.column(column)), {
    vocabSize: flags.vocabSize,
    minFrequency: flags.minFrequency,
    limitAlphabet: flags.limitAlphabet,
    doLowerCase,
  });
  const tokenizer = new BertTokenizer({ vocab, doLowerCase, modelMaxLength: flags.modelMaxLength });
  await tokenizer.savePretrained(output);
  const short = vocab.length < flags.vocabSize ? `, fewer than ${flags.vocabSize}: the texts have no more` : '';
  makeReport(flags.json === true).result(
    { output, texts: dataset.length, vocabSize: vocab.length },
    [
      `${vocab.length} word pieces${short}, from ${dataset.length} texts, in ${output}`,
      '',
      'To train a small BERT on it, in Node:',
      `  const tokenizer = await BertTokenizer.fromPretrained('${output}');`,
      '  const model = await BertForMaskedLM.fromConfig(bertConfig({ vocabSize: tokenizer.size, numHiddenLayers: 4 }));',
    ].join('\n'),
  );
}

/** Texts that are there; what is missing has no words. */
function* presentTexts(column: Iterable<unknown>): Generator<string> {
  for (const text of column) if (typeof text === 'string') yield text;
}
