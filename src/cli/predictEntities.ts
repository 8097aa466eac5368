import { ModelError } from '../core/errors.ts';
import type { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { defaultLabels } from '../models/bert/configuration.ts';
import { pipeline } from '../pipelines/index.ts';
import { type Predictor, refuseQuestion } from './predictor.ts';

/**
 * Texts, and the entities that are found in them, with their places. A word has the tag of its first piece, as in training;
 * texts that are too long are read in windows that overlap by a quarter.
 */
export const entityPredictor: Predictor<BertForTokenClassification> = {
  takes: ['text'],
  prepare({ text: texts = [] }) {
    if (texts.length === 0) throw refuseQuestion('there is no text', 'pass --text "…"');
    return async (model, tokenizer) => {
      requireNames(model.config.id2label);
      const find = await pipeline('token-classification', model, { tokenizer });
      const longest = Math.min(tokenizer.modelMaxLength, model.config.maxPositionEmbeddings);
      const found = await find(texts, { aggregationStrategy: 'first', stride: Math.floor((longest - 2) / 4) });
      const entities = found.map((groups, i) =>
        groups.map(({ entity_group: type, score, start, end }) => ({
          type,
          score,
          text: texts[i].slice(start, end),
          start,
          end,
        })),
      );
      return {
        predictions: texts.map((text, i) => ({ text, entities: entities[i] })),
        lines: texts.map((text, i) => {
          const listed = entities[i].map(({ type, text: name, score }) => `${type} ${score.toFixed(4)} ${name}`);
          return `${listed.join(', ') || '(none)'}\t${text}`;
        }),
      };
    };
  },
};

/** A head that was never trained on named labels says LABEL_3, which helps nobody. */
function requireNames(id2label: readonly string[]): void {
  if (id2label.join() !== defaultLabels(id2label.length).join()) return;
  throw new ModelError('ERR_LABEL_NAMES', {
    owner: 'fettle predict',
    what: 'the model does not name its labels',
    got: id2label.join(', '),
    expected: 'O, and B-… and I-… for each type',
    hint: 'train it on data whose tags are names, or write id2label into its config.json',
  });
}
