import { Tensor } from '../../core/tensor.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { createModel, loadModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { PreTrainedModel } from '../pretrained.ts';
import { type BertConfig, bertArchitecture } from './configuration.ts';
import { BertMaskedLanguageModel, maskedLanguageModelLoss } from './maskedLanguageModel.ts';

/** What a masked language model answers. */
export interface MaskedLMOutput {
  /** The score of every word at every real token, text after text: `[tokens, vocabSize]`. */
  readonly logits: Tensor<'float32'>;
}

const head: Head<BertConfig> = {
  className: 'BertForMaskedLM',
  architecture: bertArchitecture,
  // Trained on the masked positions alone; asked, it answers for all.
  reads: (labelled) => (labelled ? 'some' : 'all'),
  tied: ['cls.predictions.decoder.weight', 'cls.predictions.decoder.bias'],
  build: (config) => {
    const module = new BertMaskedLanguageModel(config);
    return {
      module,
      trace: (batch, _, labelled) => {
        const logits = module(batch);
        return labelled ? { outputs: {}, loss: maskedLanguageModelLoss(logits) } : { outputs: { logits } };
      },
    };
  },
};

/** BERT that fills in words (Hugging Face's class of the same name). */
export class BertForMaskedLM extends PreTrainedModel<BertConfig, MaskedLMOutput> {
  private constructor(parts: ModelParts<BertConfig>) {
    super(parts);
  }

  /** Loads a checkpoint: a directory, or a name in Hugging Face's cache. @throws ModelError where files are missing or do not fit. */
  static async fromPretrained(nameOrPath: string, options: PretrainedOptions = {}): Promise<BertForMaskedLM> {
    return new BertForMaskedLM(await loadModel(head, nameOrPath, options));
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForMaskedLM> {
    return new BertForMaskedLM(await createModel(head, config, options));
  }

  override async predict(inputs: ModelInputs): Promise<MaskedLMOutput> {
    const packed = this.pack(tokenSequences(inputs), { reads: 'all' });
    const { logits } = await this.run({ packed, labels: {}, count: packed.tokens });
    return { logits: new Tensor('float32', logits.data as Float32Array, logits.dims).slice(0, packed.tokens) };
  }
}
