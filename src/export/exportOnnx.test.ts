import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  largestDifference,
  temporaryFolder,
  tinyConfig,
  tinyTokenizer,
  toyDataset,
  toyTexts,
} from '../../test/testing/tiny.ts';
import type { Engine } from '../engine/engine.ts';
import { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { BertForMultipleChoice } from '../models/bert/bertForMultipleChoice.ts';
import { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { BertModel } from '../models/bert/bertModel.ts';
import { Trainer } from '../training/trainer.ts';
import { exportOnnx, type Quantization } from './exportOnnx.ts';

// Wide enough for products to be quantized, and with weights that make the answers differ.
const config = tinyConfig({ hiddenSize: 32, intermediateSize: 64, initializerRange: 0.3 });
const texts = toyTexts(5).map(({ text }) => text);

function later<M extends { dispose(): Promise<void> }>(model: M): M {
  onTestFinished(() => model.dispose());
  return model;
}

/** Runs an exported file as transformers.js does: padded token ids, a mask and type ids. */
async function runFile(file: string, engine: Engine, type = (_: number) => 0n) {
  const rows = texts.map((text) => Array.from(tinyTokenizer()(text).rows.ids, BigInt));
  const longest = Math.max(...rows.map((row) => row.length));
  const fill = (of: (row: readonly bigint[], at: number) => bigint) => ({
    type: 'int64' as const,
    dims: [rows.length, longest],
    data: BigInt64Array.from(rows.flatMap((row) => Array.from({ length: longest }, (_, at) => of(row, at)))),
  });
  const session = await engine.createSession(await readFile(file));
  try {
    const outputs = await session.run(
      {
        input_ids: fill((row, at) => row[at] ?? 0n),
        attention_mask: fill((row, at) => (at < row.length ? 1n : 0n)),
        token_type_ids: fill((_, at) => type(at)),
      },
      Object.fromEntries(session.outputNames.map((name) => [name, 'allocate' as const])),
    );
    return { outputs, lengths: rows.map((row) => row.length), longest };
  } finally {
    await session.dispose();
  }
}

type Run = Awaited<ReturnType<typeof runFile>>;

/** The rows of the real tokens, text after text. */
function real({ outputs, lengths, longest }: Run, name: string): number[] {
  const { data, dims } = outputs[name];
  const width = dims[2] ?? 1;
  expect(dims.slice(0, 2)).toEqual([lengths.length, longest]);
  return lengths.flatMap((length, row) =>
    Array.from((data as Float32Array).slice(row * longest * width, (row * longest + length) * width)),
  );
}

const flat = (tensors: readonly { readonly data: Float32Array }[]) => tensors.flatMap(({ data }) => Array.from(data));

/** Each head: its model, and the exported answers beside the model's own. */
const heads = {
  BertForSequenceClassification: async () => {
    const model = later(await BertForSequenceClassification.fromConfig({ ...config, id2label: ['a', 'b', 'c'] }));
    const { logits } = await model(tinyTokenizer()(texts));
    return { model, compare: (run: Run) => [[Array.from(run.outputs['logits'].data as Float32Array), logits.data]] };
  },
  BertForTokenClassification: async () => {
    const model = later(await BertForTokenClassification.fromConfig({ ...config, id2label: ['O', 'B', 'I'] }));
    const { logits } = await model(tinyTokenizer()(texts));
    return { model, compare: (run: Run) => [[real(run, 'logits'), flat(logits)]] };
  },
  BertForQuestionAnswering: async () => {
    const model = later(await BertForQuestionAnswering.fromConfig(config));
    const { startLogits, endLogits } = await model(tinyTokenizer()(texts));
    return {
      model,
      compare: (run: Run) => [
        [real(run, 'start_logits'), flat(startLogits)],
        [real(run, 'end_logits'), flat(endLogits)],
      ],
    };
  },
  BertForMaskedLM: async () => {
    const model = later(await BertForMaskedLM.fromConfig(config));
    const { logits } = await model(tinyTokenizer()(texts));
    return { model, compare: (run: Run) => [[real(run, 'logits'), flat(logits)]] };
  },
  BertModel: async () => {
    const model = later(await BertModel.fromConfig(config));
    const { lastHiddenState } = await model(tinyTokenizer()(texts));
    return {
      model,
      compare: (run: Run) => {
        expect(Object.keys(run.outputs)).toEqual(['last_hidden_state']);
        return [[real(run, 'last_hidden_state'), flat(lastHiddenState)]];
      },
    };
  },
};

/** What the files' answers may be off, as a share of the largest. */
const tolerances = { 'model.onnx': 1e-6, 'model_fp16.onnx': 0.01, 'model_quantized.onnx': 0.12 };

describe.each(Object.entries(heads))('%s', (_, make) => {
  test('padded in a file it answers as packed here, in every form', async () => {
    const folder = await temporaryFolder();
    const { model, compare } = await make();
    await exportOnnx(model, folder, { tokenizer: tinyTokenizer(), quantize: ['int8', 'fp16'] });
    for (const [file, tolerance] of Object.entries(tolerances)) {
      for (const [actual, expected] of compare(await runFile(join(folder, 'onnx', file), model.engine))) {
        const largest = Math.max(...Array.from(expected, Math.abs));
        expect(largest).toBeGreaterThan(0.2);
        const difference = largestDifference(actual, expected) / largest;
        expect(difference, file).toBeLessThan(tolerance);
        // Another computation, not the same file three times.
        if (file !== 'model.onnx') expect(difference, file).toBeGreaterThan(1e-6);
      }
    }
  });
});

test('the types of tokens reach the model', async () => {
  const folder = await temporaryFolder();
  const { model } = await heads.BertForSequenceClassification();
  await exportOnnx(model, folder, { tokenizer: tinyTokenizer() });
  const file = join(folder, 'onnx/model.onnx');
  const logits = async (type: (at: number) => bigint) =>
    (await runFile(file, model.engine, type)).outputs['logits'].data as Float32Array;
  expect(largestDifference(await logits(() => 0n), await logits((at) => (at > 2 ? 1n : 0n)))).toBeGreaterThan(1e-3);
});

test('a model with an adapter is exported merged, and stays as it is', async () => {
  const folder = await temporaryFolder();
  const model = later(await BertForSequenceClassification.fromConfig(config));
  const { logits: base } = await model(tinyTokenizer()(texts));
  await model.addAdapter({ r: 2 });
  await new Trainer({
    model,
    tokenizer: tinyTokenizer(),
    trainDataset: toyDataset(8),
    args: { maxSteps: 2, learningRate: 0.05, warmupSteps: 0 },
  }).train();
  const { logits } = await model(tinyTokenizer()(texts));
  expect(largestDifference(logits.data, base.data)).toBeGreaterThan(1e-3);
  const before = model.weight('bert.encoder.layer.0.attention.self.query.weight').data;
  await exportOnnx(model, folder, { tokenizer: tinyTokenizer() });
  const run = await runFile(join(folder, 'onnx/model.onnx'), model.engine);
  expect(largestDifference(run.outputs['logits'].data as Float32Array, logits.data)).toBeLessThan(1e-5);
  expect(model.weight('bert.encoder.layer.0.attention.self.query.weight').data).toEqual(before);
  expect((await model(tinyTokenizer()(texts))).logits.data).toEqual(logits.data);
});

test('int8 is a quarter of float32 where matrices are large, float16 a half', async () => {
  const folder = await temporaryFolder();
  const model = later(
    await BertModel.fromConfig(tinyConfig({ hiddenSize: 128, intermediateSize: 512, vocabSize: 4000 })),
  );
  await exportOnnx(model, folder, { tokenizer: tinyTokenizer(), quantize: ['int8', 'fp16'] });
  const size = async (file: string) => (await stat(join(folder, 'onnx', file))).size;
  const whole = await size('model.onnx');
  expect((await size('model_quantized.onnx')) / whole).toBeLessThan(0.28);
  expect((await size('model_fp16.onnx')) / whole).toBeLessThan(0.51);
});

describe('the folder', () => {
  test('has what transformers.js reads; float32 alone is told to pages, which ask for int8 otherwise', async () => {
    const folder = await temporaryFolder();
    const model = later(await BertForSequenceClassification.fromConfig({ ...config, id2label: ['no', 'yes'] }));
    const told = async () =>
      (JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>)[
        'transformers.js_config'
      ];
    const [file] = await exportOnnx(model, folder, { tokenizer: tinyTokenizer() });
    expect(file.path).toBe(join(folder, 'onnx/model.onnx'));
    expect(file.bytes).toBe((await stat(file.path)).size);
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) expect(existsSync(join(folder, name))).toBe(true);
    expect(await told()).toEqual({ dtype: 'fp32' });
    await exportOnnx(model, folder, { quantize: 'int8', overwrite: true });
    expect(await told()).toBeUndefined();
  });

  test('a config.json of another model is not kept', async () => {
    const folder = await temporaryFolder();
    const first = later(await BertForSequenceClassification.fromConfig({ ...config, id2label: ['no', 'yes'] }));
    await first.savePretrained(folder);
    const second = later(await BertForSequenceClassification.fromConfig({ ...config, id2label: ['bad', 'good'] }));
    await exportOnnx(second, folder, { tokenizer: tinyTokenizer() });
    expect(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))).toMatchObject({
      id2label: { 0: 'bad', 1: 'good' },
      'transformers.js_config': { dtype: 'fp32' },
    });
  });
});

describe('is refused', () => {
  test('an unknown form, with what was meant', async () => {
    const model = later(await BertModel.fromConfig(config));
    await expect(exportOnnx(model, 'nowhere', { quantize: 'int' as Quantization })).rejects.toMatchObject({
      code: 'ERR_QUANTIZE',
      message: expect.stringContaining("did you mean 'int8'") as string,
    });
  });

  test('a model that was never saved, without a tokenizer: nothing is written', async () => {
    const folder = await temporaryFolder();
    const model = later(await BertModel.fromConfig(config));
    await expect(exportOnnx(model, folder)).rejects.toMatchObject({ code: 'ERR_NO_TOKENIZER' });
    expect(existsSync(join(folder, 'onnx'))).toBe(false);
  });

  test('to write over a file unasked', async () => {
    const folder = await temporaryFolder();
    const model = later(await BertModel.fromConfig(config));
    await exportOnnx(model, folder, { tokenizer: tinyTokenizer() });
    await expect(exportOnnx(model, folder)).rejects.toMatchObject({ code: 'ERR_OUTPUT_EXISTS' });
  });

  test('a head that transformers.js does not know', async () => {
    const folder = await temporaryFolder();
    const model = later(await BertForMultipleChoice.fromConfig(config));
    await expect(exportOnnx(model, folder, { tokenizer: tinyTokenizer() })).rejects.toMatchObject({
      code: 'ERR_EXPORT_HEAD',
    });
    expect(existsSync(join(folder, 'onnx'))).toBe(false);
  });
});
