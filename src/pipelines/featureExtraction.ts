import { Callable } from '../core/callable.ts';
import { ArgumentError } from '../core/errors.ts';
import { Tensor } from '../core/tensor.ts';
import { BertModel } from '../models/bert/bertModel.ts';
import { inBatches, inOrder, isStream } from './batches.ts';
import { checkTexts, longestInput, type PipelineOptions, type PipelineParts, pipelineParts } from './parts.ts';

/** How features are asked for (transformers.js's options). */
export interface FeatureExtractionOptions {
  /** One vector a text: the mean over its tokens, or [CLS]'s. Default 'none': a vector a token. */
  readonly pooling?: 'none' | 'mean' | 'cls' | undefined;
  /** Give each vector length 1. Default false. */
  readonly normalize?: boolean | undefined;
}

interface FeatureExtractionCall {
  /**
   * With pooling `[texts, hiddenSize]`, without it `[texts, longest, hiddenSize]`, zeros behind the shorter ones
   * (a single text is a batch of one).
   */
  (texts: string | readonly string[], options?: FeatureExtractionOptions): Promise<Tensor<'float32'>>;
  /** As the texts come, a tensor each: `[1, …]`. */
  (texts: AsyncIterable<string>, options?: FeatureExtractionOptions): AsyncIterable<Tensor<'float32'>>;
}

const owner = 'feature-extraction';

/** Texts into vectors (`pipeline('feature-extraction')`): sentence embeddings, with `{ pooling: 'mean', normalize: true }`. */
export class FeatureExtractionPipeline extends Callable<FeatureExtractionCall> {
  readonly task = owner;
  readonly #parts: PipelineParts<BertModel>;

  constructor(parts: PipelineParts<BertModel>) {
    super('ask');
    this.#parts = parts;
  }

  static async load(model: string | BertModel, options: PipelineOptions) {
    return new FeatureExtractionPipeline(
      await pipelineParts(owner, model, (name, own) => BertModel.fromPretrained(name, own), options),
    );
  }

  get model(): BertModel {
    return this.#parts.model;
  }

  /** What calling the pipeline does. */
  ask(inputs: string | readonly string[] | AsyncIterable<string>, options: FeatureExtractionOptions = {}) {
    const { pooling = 'none' } = options;
    if (!['none', 'mean', 'cls'].includes(pooling)) {
      throw new ArgumentError('ERR_POOLING', {
        owner,
        what: 'no such pooling',
        got: pooling,
        expected: 'none, mean or cls',
      });
    }
    if (isStream(inputs)) {
      return inOrder(inputs as AsyncIterable<string>, async (texts) =>
        (await this.#answer(texts, options)).map((features) => stacked([features], pooling)),
      );
    }
    const texts = typeof inputs === 'string' ? [inputs] : inputs;
    return this.#answer(texts, options).then((features) => stacked(features, pooling));
  }

  async #answer(
    texts: readonly string[],
    { pooling = 'none', normalize = false }: FeatureExtractionOptions,
  ): Promise<Tensor<'float32'>[]> {
    checkTexts(owner, texts);
    const { model, tokenizer, batchSize } = this.#parts;
    const { encodings } = tokenizer(texts, undefined, { truncation: true, maxLength: longestInput(this.#parts) });
    const rows = encodings.map(({ ids, typeIds }) => ({ ids, typeIds }));
    return inBatches(rows, batchSize, async (batch) => {
      const { lastHiddenState } = await model.predict({ sequences: batch });
      return lastHiddenState.map((hidden) => {
        const pooled = pooling === 'mean' ? meanRow(hidden) : pooling === 'cls' ? firstRow(hidden) : hidden;
        return normalize ? unitRows(pooled) : pooled;
      });
    });
  }
}

function meanRow({ data, dims: [tokens, width] }: Tensor<'float32'>): Tensor<'float32'> {
  const mean = Float32Array.from({ length: width }, (_, d) => {
    let sum = 0;
    for (let t = 0; t < tokens; t++) sum += data[t * width + d];
    return sum / tokens;
  });
  return new Tensor('float32', mean, [1, width]);
}

function firstRow({ data, dims: [, width] }: Tensor<'float32'>): Tensor<'float32'> {
  return new Tensor('float32', data.slice(0, width), [1, width]);
}

function unitRows({ data, dims: [rows, width] }: Tensor<'float32'>): Tensor<'float32'> {
  const unit = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const own = data.subarray(row * width, (row + 1) * width);
    // As PyTorch's normalize: a vector of zeros stays one.
    const norm = Math.max(Math.hypot(...own), 1e-12);
    for (let d = 0; d < width; d++) unit[row * width + d] = own[d] / norm;
  }
  return new Tensor('float32', unit, [rows, width]);
}

/** One tensor of all texts' rows: pooled ones under each other, those of tokens padded with zeros. */
function stacked(features: readonly Tensor<'float32'>[], pooling: 'none' | 'mean' | 'cls'): Tensor<'float32'> {
  const width = features[0]?.dims[1] ?? 0;
  const longest = Math.max(0, ...features.map(({ dims }) => dims[0]));
  const data = new Float32Array(features.length * longest * width);
  features.forEach((own, i) => {
    data.set(own.data, i * longest * width);
  });
  return new Tensor('float32', data, pooling === 'none' ? [features.length, longest, width] : [features.length, width]);
}
