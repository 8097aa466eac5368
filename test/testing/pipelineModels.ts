import { join } from 'node:path';
import { RandomStream } from '../../src/core/random.ts';
import { BertForMaskedLM } from '../../src/models/bert/bertForMaskedLM.ts';
import { BertForQuestionAnswering } from '../../src/models/bert/bertForQuestionAnswering.ts';
import { BertForSequenceClassification } from '../../src/models/bert/bertForSequenceClassification.ts';
import { BertForTokenClassification } from '../../src/models/bert/bertForTokenClassification.ts';
import { BertModel } from '../../src/models/bert/bertModel.ts';
import { type BertConfig, bertConfig } from '../../src/models/bert/configuration.ts';
import { BertTokenizer, trainWordPiece } from '../../src/tokenizers/index.ts';

const words =
  'Ada Lovelace wrote the first program for Babbage in London while naïve readers waited near old bridges; Turing, born 1912, later read it twice. Who asked whether engines could compose music? Nobody answered quickly, though several mathematicians wondered aloud about unbelievable machines'.split(
    ' ',
  );

/** `count` texts of words that the vocabulary below knows in part or whole, and some that it does not. */
export function pipelineTexts(count: number, purpose: string, longest = 12): string[] {
  const random = new RandomStream(7, purpose);
  return Array.from({ length: count }, () =>
    Array.from({ length: 2 + Math.floor(random.uniform() * (longest - 1)) }, () => {
      const word = words[Math.floor(random.uniform() * words.length)];
      const form = random.uniform();
      return form < 0.1 ? word.toUpperCase() : form < 0.15 ? `${word}ßé` : form < 0.2 ? `日${word}` : word;
    }).join(' '),
  );
}

/**
 * Writes a small model for each pipeline, of random weights large enough to have opinions, with a tokenizer that cuts words
 * into pieces. The same bytes each time: the goldens that Python makes of them hold.
 */
export async function writePipelineModels(folder: string): Promise<void> {
  const vocab = trainWordPiece([words.join(' ')], { vocabSize: 130, minFrequency: 1 });
  const tokenizer = new BertTokenizer({ vocab, modelMaxLength: 64 });
  const config = (parts: Partial<BertConfig> = {}) =>
    bertConfig({
      vocabSize: vocab.length,
      hiddenSize: 16,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      intermediateSize: 32,
      maxPositionEmbeddings: 64,
      initializerRange: 0.6,
      ...parts,
    });
  const options = { seed: 3, threads: 1 };
  const models = {
    text: await BertForSequenceClassification.fromConfig(config({ id2label: ['bad', 'middling', 'good'] }), options),
    tokens: await BertForTokenClassification.fromConfig(
      config({ id2label: ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC'] }),
      options,
    ),
    questions: await BertForQuestionAnswering.fromConfig(config({ id2label: ['LABEL_0', 'LABEL_1'] }), options),
    masks: await BertForMaskedLM.fromConfig(config(), options),
    features: await BertModel.fromConfig(config(), options),
  };
  for (const [name, model] of Object.entries(models)) {
    await model.savePretrained(join(folder, name));
    await tokenizer.savePretrained(join(folder, name));
    await model.dispose();
  }
}
