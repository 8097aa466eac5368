import type { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { type FilledMask, pipeline } from '../pipelines/index.ts';
import { type Predictor, refuseQuestion } from './predictor.ts';

/** Texts with [MASK] in them, and the five likeliest words for each [MASK]. */
export const hiddenWordPredictor: Predictor<BertForMaskedLM> = {
  takes: ['text'],
  prepare({ text: texts = [] }) {
    if (texts.length === 0) throw refuseQuestion('there is no text', 'pass --text "The film was [MASK]."');
    return async (model, tokenizer) => {
      const fill = await pipeline('fill-mask', model, { tokenizer });
      const found = (await fill(texts)).map((answer) =>
        (Array.isArray(answer[0]) ? (answer as FilledMask[][]) : [answer as FilledMask[]]).map((words) =>
          words.map(({ token_str: token, score, sequence }) => ({ token, score, sequence })),
        ),
      );
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
