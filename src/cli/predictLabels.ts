import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { type Predictor, refuseQuestion } from './predictor.ts';

/** What the model says of one text. */
interface Answer {
  readonly text: string;
  readonly textPair?: string;
  /** The likeliest label, the labels said, or the number. */
  readonly label: string | readonly string[] | number;
  /** By label; none for a regression. */
  readonly scores?: Readonly<Record<string, number>>;
}

/** Texts, or pairs of texts, and the labels that a classifier gives them. */
export const labelPredictor: Predictor<BertForSequenceClassification> = {
  takes: ['text', 'textPair'],
  prepare({ text: texts = [], textPair: pairs }) {
    if (texts.length === 0) throw refuseQuestion('there is no text', 'pass --text "…"');
    if (pairs !== undefined && pairs.length !== texts.length)
      throw refuseQuestion('there are not as many second texts as texts', 'pass --text-pair once for each --text');
    return async (model, tokenizer) => {
      const predictions = await predict(model, tokenizer, texts, pairs);
      return { predictions, lines: predictions.map(describe) };
    };
  },
};

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
