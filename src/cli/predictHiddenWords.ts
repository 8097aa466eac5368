import type { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { sayHiddenWords } from '../tasks/hiddenWords.ts';
import { type Predictor, refuseQuestion } from './predictor.ts';

/** Texts with [MASK] in them, and the words that may stand there. */
export const hiddenWordPredictor: Predictor<BertForMaskedLM> = {
  takes: ['text'],
  prepare({ text: texts = [] }) {
    if (texts.length === 0) throw refuseQuestion('there is no text', 'pass --text "The film was [MASK]."');
    return async (model, tokenizer) => {
      const found = await sayHiddenWords(model, tokenizer, texts);
      return {
        predictions: texts.map((text, i) => ({ text, masks: found[i] })),
        lines: texts.flatMap((text, i) =>
          found[i].map(
            (words) => `${words.map(({ token, score }) => `${token} ${score.toFixed(4)}`).join(', ')}\t${text}`,
          ),
        ),
      };
    };
  },
};
