import type { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { findEntities } from '../tasks/entitySpans.ts';
import { type Predictor, refuseQuestion } from './predictor.ts';

/** Texts, and the entities that are found in them. */
export const entityPredictor: Predictor<BertForTokenClassification> = {
  takes: ['text'],
  prepare({ text: texts = [] }) {
    if (texts.length === 0) throw refuseQuestion('there is no text', 'pass --text "…"');
    return async (model, tokenizer) => {
      const found = await findEntities(model, tokenizer, texts);
      return {
        predictions: texts.map((text, i) => ({ text, entities: found[i] })),
        lines: texts.map((text, i) => {
          const listed = found[i].map(({ type, text: name, score }) => `${type} ${score.toFixed(4)} ${name}`);
          return `${listed.join(', ') || '(none)'}\t${text}`;
        }),
      };
    };
  },
};
