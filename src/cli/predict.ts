import type { Command } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { makeReport } from './report.ts';

interface PredictFlags {
  readonly model: string;
  readonly text?: readonly string[];
  readonly textPair?: readonly string[];
  readonly json?: boolean;
}

/** What the model says of one text. */
interface Answer {
  readonly text: string;
  readonly textPair?: string;
  /** The likeliest label, the labels said, or the number. */
  readonly label: string | readonly string[] | number;
  /** By label; none for a regression. */
  readonly scores?: Readonly<Record<string, number>>;
}

/** `fettle predict`: what a saved model says of texts. */
export function addPredictCommand(program: Command): void {
  const collect = (text: string, earlier: readonly string[] = []) => [...earlier, text];
  program
    .command('predict')
    .description('Ask a saved model about texts.')
    .requiredOption('--model <path or name>', 'a directory with a fine-tuned model')
    .option('--text <text>', 'a text; may be given several times', collect)
    .option('--text-pair <text>', 'the second text of a pair, one for each --text', collect)
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(async (flags: PredictFlags) => {
      const { text: texts = [], textPair: pairs } = flags;
      if (texts.length === 0 || (pairs !== undefined && pairs.length !== texts.length)) {
        throw new ArgumentError('ERR_NO_TEXT', {
          owner: 'fettle predict',
          what: texts.length === 0 ? 'there is no text' : 'there are not as many second texts as texts',
          hint: texts.length === 0 ? 'pass --text "…"' : 'pass --text-pair once for each --text',
        });
      }
      const model = await BertForSequenceClassification.fromPretrained(flags.model);
      try {
        const answers = await predict(model, await BertTokenizer.fromPretrained(flags.model), texts, pairs);
        makeReport(flags.json === true).result({ predictions: answers }, answers.map(describe).join('\n'));
      } finally {
        await model.dispose();
      }
    });
}

async function predict(
  model: BertForSequenceClassification,
  tokenizer: BertTokenizer,
  texts: readonly string[],
  pairs: readonly string[] | undefined,
): Promise<Answer[]> {
  const { id2label, maxPositionEmbeddings } = model.config;
  const maxLength = Math.min(tokenizer.modelMaxLength, maxPositionEmbeddings);
  const { logits } = await model(tokenizer(texts, pairs, { truncation: true, maxLength }));
  const { problemType } = model;
  const scores = problemType === 'multi_label_classification' ? logits.sigmoid() : logits.softmax();
  return texts.map((text, row) => {
    const given = { text, ...(pairs === undefined ? {} : { textPair: pairs[row] }) };
    if (problemType === 'regression') return { ...given, label: logits.data[row * id2label.length] };
    const byLabel = Object.fromEntries(id2label.map((label, id) => [label, scores.data[row * id2label.length + id]]));
    const label =
      problemType === 'multi_label_classification'
        ? id2label.filter((name) => byLabel[name] > 0.5)
        : id2label.reduce((best, name) => (byLabel[name] > byLabel[best] ? name : best));
    return { ...given, label, scores: byLabel };
  });
}

function describe({ text, textPair, label, scores }: Answer): string {
  const said = Array.isArray(label) ? label.join(', ') || '(none)' : String(label);
  const listed = Object.entries(scores ?? {}).map(([name, score]) => `${name} ${score.toFixed(4)}`);
  return `${said}\t${listed.join(', ')}\t${[text, textPair].filter((part) => part !== undefined).join(' | ')}`;
}
