import { joinPath, kindOf, makeDirectory, readText, writeAtomic } from '#platform/files';
import { ArgumentError, didYouMean, ModelError } from '../core/errors.ts';
import { type OnnxModel, onnxChunks } from '../formats/onnx.ts';
import { embedWeights, int8Range, quantizeWeights } from '../formats/onnxInt8.ts';
import type { LoweredModel, LowerOptions } from '../models/lowered.ts';
import type { LayoutForm } from '../nn/layout.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { type OutputForm, transformersBoundary } from './boundary.ts';
import { halfPrecision } from './halfPrecision.ts';

/** Smaller forms of a model: 8-bit integers, a quarter of the size and faster on CPUs; or 16-bit floats, half of it, for GPUs. */
export type Quantization = 'int8' | 'fp16';

/** What can be given as `quantize`. */
export const quantizations: readonly Quantization[] = ['int8', 'fp16'];

/** transformers.js's names of files, by what they hold: it asks for them by `dtype` 'fp32', 'q8' and 'fp16'. */
const fileNames = { float32: 'model.onnx', int8: 'model_quantized.onnx', fp16: 'model_fp16.onnx' } as const;

/** How a model is exported. */
export interface ExportOptions {
  /** Smaller forms to write beside the float32 one; none by default. */
  readonly quantize?: Quantization | readonly Quantization[] | undefined;
  /** The model's tokenizer. Default: the one that stands where the model was loaded from. */
  readonly tokenizer?: BertTokenizer | undefined;
  /** Write over ONNX files that are there; false by default. */
  readonly overwrite?: boolean | undefined;
}

/** A file that was written. */
export interface ExportedFile {
  readonly path: string;
  readonly bytes: number;
}

/** What an export needs of a model; every model of ours has it. */
export interface ExportableModel {
  /** The directory that it was loaded from. */
  readonly source: string | undefined;
  lower(form?: LayoutForm, options?: LowerOptions): LoweredModel;
}

/** Where a head's answers are not given as they are. */
const heads: Readonly<Record<string, { readonly form?: OutputForm; readonly outputs?: (name: string) => boolean }>> = {
  BertForQuestionAnswering: { form: 'spans' },
  // The pooler of many checkpoints was never trained, or is not there.
  BertModel: { outputs: (name) => name === 'last_hidden_state' },
};

/**
 * Writes a model as `onnx/model.onnx` with transformers' inputs (`input_ids`, `attention_mask`, `token_type_ids`, int64
 * `[batch_size, sequence_length]`) and outputs (`logits`; `start_logits` and `end_logits`; `last_hidden_state`), with
 * config.json and the tokenizer's files: a directory that transformers.js loads as it is. With `quantize` also
 * `onnx/model_quantized.onnx` (int8) or `onnx/model_fp16.onnx`. An adapter is part of the weights there; the model here
 * stays as it is.
 *
 * @returns the ONNX files.
 * @throws ArgumentError for an unknown `quantize`, where files are there already, and where no tokenizer is known.
 * @throws ModelError for a head that has no such form, and a model beyond 2 GiB.
 * @example await exportOnnx(model, './results', { quantize: 'int8' });
 */
export async function exportOnnx(
  model: ExportableModel,
  directory: string,
  options: ExportOptions = {},
): Promise<ExportedFile[]> {
  const owner = 'exportOnnx';
  const forms = ['float32', ...checkQuantize(options.quantize, owner)] as const;
  const folder = joinPath(directory, 'onnx');
  if (options.overwrite !== true) {
    for (const form of forms) {
      const file = joinPath(folder, fileNames[form]);
      if ((await kindOf(file)) === 'none') continue;
      throw new ArgumentError('ERR_OUTPUT_EXISTS', {
        owner,
        what: 'the file is there already',
        file,
        hint: 'choose another directory, or pass overwrite (--overwrite on the command line)',
      });
    }
  }
  const tokenizer = await tokenizerToSave(model, directory, options.tokenizer, owner);
  const lowered = lowerForTransformers(model, owner);
  await makeDirectory(folder);
  const files: ExportedFile[] = [];
  for (const form of forms) {
    const chunks = onnxChunks(inForm(lowered, form));
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    const path = joinPath(folder, fileNames[form]);
    if (bytes >= 2 ** 31) {
      throw new ModelError('ERR_EXPORT_SIZE', {
        owner,
        what: 'an ONNX file holds at most 2 GiB',
        file: path,
        got: `${bytes} bytes`,
      });
    }
    await writeAtomic(path, chunks);
    files.push({ path, bytes });
  }
  await tokenizer?.savePretrained(directory);
  await writeConfig(directory, lowered.config);
  return files;
}

/** @throws ArgumentError for what is none. */
export function checkQuantize(given: string | readonly string[] | undefined, owner: string): Quantization[] {
  const wanted = given === undefined ? [] : typeof given === 'string' ? [given] : [...new Set(given)];
  return wanted.map((form) => {
    const known = quantizations.find((one) => one === form);
    if (known !== undefined) return known;
    const near = didYouMean(form, quantizations);
    throw new ArgumentError('ERR_QUANTIZE', {
      owner,
      what: 'there is no such form',
      got: form,
      expected: quantizations.join(' or '),
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  });
}

function lowerForTransformers(model: ExportableModel, owner: string): LoweredModel {
  const all = model.lower('padded', { outputs: () => true });
  const { form = 'rows', outputs } = heads[all.className] ?? {};
  const lowered = outputs === undefined ? all : model.lower('padded', { outputs });
  const refuse = (what: string) =>
    new ModelError('ERR_EXPORT_HEAD', {
      owner,
      what: `${lowered.className} ${what}`,
      hint: 'export the model for another task',
    });
  // Each choice is a row here, and one of a third axis there.
  if (lowered.className === 'BertForMultipleChoice') throw refuse('has no form that transformers.js knows');
  const onnx = transformersBoundary(lowered.onnx, form, (name) => lowered.weights.has(name));
  if ('strange' in onnx) throw refuse(`reads more than token ids: ${onnx.strange.join(', ')}`);
  return { ...lowered, onnx };
}

function inForm({ onnx, weights }: LoweredModel, form: 'float32' | Quantization): OnnxModel {
  // Nobody knows what processor a file will meet.
  if (form === 'int8') return quantizeWeights(onnx, weights, int8Range.reduced);
  const whole = embedWeights(onnx, weights);
  return form === 'fp16' ? halfPrecision(whole) : whole;
}

/** The tokenizer, unless its files stand in the directory already. */
async function tokenizerToSave(
  { source }: ExportableModel,
  directory: string,
  given: BertTokenizer | undefined,
  owner: string,
): Promise<BertTokenizer | undefined> {
  if (given !== undefined) return given;
  const files = ['tokenizer.json', 'tokenizer_config.json'];
  const kinds = await Promise.all(files.map((file) => kindOf(joinPath(directory, file))));
  if (kinds.every((kind) => kind === 'file')) return undefined;
  if (source !== undefined) return BertTokenizer.fromPretrained(source);
  throw new ArgumentError('ERR_NO_TOKENIZER', {
    owner,
    what: 'the model was not loaded from a place that could hold its tokenizer, and there is none in the directory',
    file: directory,
    hint: 'pass tokenizer, or save model and tokenizer in the directory first (savePretrained)',
  });
}

const transformersJs = 'transformers.js_config';

/**
 * Writes config.json. In a page transformers.js asks for int8 unless it is told otherwise; where there is only float32 the
 * file tells it so.
 */
async function writeConfig(directory: string, config: LoweredModel['config']): Promise<void> {
  const file = joinPath(directory, 'config.json');
  const isThere = (await kindOf(file)) === 'file';
  const there = isThere ? (JSON.parse(await readText(file)) as Record<string, unknown>) : {};
  // A file that says the same is left in its own words.
  const agrees = ['architectures', 'id2label'].every((key) => isSame(there[key], config[key]));
  const { [transformersJs]: own = there[transformersJs], ...rest } = agrees ? there : config;
  const { dtype, ...others } = (own ?? {}) as Record<string, unknown>;
  const hasInt8 = (await kindOf(joinPath(directory, 'onnx', fileNames.int8))) === 'file';
  const told = {
    ...others,
    ...(dtype !== undefined && dtype !== 'fp32' ? { dtype } : hasInt8 ? {} : { dtype: 'fp32' }),
  };
  const content = Object.keys(told).length === 0 ? rest : { ...rest, [transformersJs]: told };
  const text = `${JSON.stringify(content, undefined, 2)}\n`;
  if (!isThere || !isSame(there, content)) await writeAtomic(file, text);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
