import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  gatherLog,
  largestDifference,
  temporaryFolder,
  tinyModel,
  tinyTokenizer,
  toyDataset,
} from '../../test/testing/tiny.ts';
import { readSafetensorsFile } from '../formats/safetensors.ts';
import { Trainer } from '../training/trainer.ts';
import { BertForSequenceClassification } from './bert/bertForSequenceClassification.ts';
import { BertModel } from './bert/bertModel.ts';
import { bertConfig } from './bert/configuration.ts';
import golden from './goldens/lora.json' with { type: 'json' };
import { classFeeds } from './labels.ts';
import { LoraConfig } from './loraConfig.ts';

/** The golden script's formula for a base model's weights. */
function element(name: string, k: number): number {
  let place = 0;
  for (let i = 0; i < name.length; i++) place += (i + 1) * name.charCodeAt(i);
  const number = ((k * 7919 + place * 104729) % 2003) / 4006 - 0.25;
  return name.endsWith('LayerNorm.weight') ? 1 + number : number;
}

const config = bertConfig({
  vocabSize: golden.config.vocab_size,
  hiddenSize: golden.config.hidden_size,
  numHiddenLayers: golden.config.num_hidden_layers,
  numAttentionHeads: golden.config.num_attention_heads,
  intermediateSize: golden.config.intermediate_size,
  maxPositionEmbeddings: golden.config.max_position_embeddings,
  hiddenDropoutProb: 0,
  attentionProbsDropoutProb: 0,
});
const rows = golden.rows.map((ids) => ({ ids }));
const trainable = golden.cases.filter(({ modelClass }) => modelClass === 'BertForSequenceClassification');

/** The golden's base model on disk, and Python's adapter beside it. */
async function writeFiles(one: (typeof golden.cases)[number]): Promise<{ base: string; adapter: string }> {
  const folder = await temporaryFolder();
  const [base, adapter] = [join(folder, 'base'), join(folder, 'adapter')];
  const model = await BertForSequenceClassification.fromConfig(config, { threads: 1 });
  // Writes through the arena, as training does.
  const file = join(base, 'model.safetensors');
  await model.savePretrained(base);
  await model.dispose();
  const bytes = await readFile(file);
  const { tensors } = await readSafetensorsFile(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString()) as Record<
    string,
    { data_offsets: number[] }
  >;
  for (const name of tensors.keys()) {
    const [from, to] = header[name].data_offsets.map((offset) => 8 + headerLength + offset);
    for (let k = 0; k < (to - from) / 4; k++) bytes.writeFloatLE(element(name, k), from + 4 * k);
  }
  await writeFile(file, bytes);
  await mkdir(adapter);
  const { config: json, weights } = one;
  await writeFile(join(adapter, 'adapter_config.json'), JSON.stringify({ ...json, base_model_name_or_path: base }));
  await writeFile(join(adapter, 'adapter_model.safetensors'), Buffer.from(weights, 'base64'));
  return { base, adapter };
}

async function load(directory: string): Promise<BertForSequenceClassification> {
  const model = await BertForSequenceClassification.fromPretrained(directory, { threads: 1, localFilesOnly: true });
  onTestFinished(() => model.dispose());
  return model;
}

/** A batch as the golden's rows and labels are. */
function goldenBatch(model: BertForSequenceClassification) {
  const packed = model.pack(rows);
  return { packed, count: rows.length, labels: classFeeds(golden.labels, packed.lengths['sequences']) };
}

const logitsOf = async (model: BertForSequenceClassification) => {
  const { logits } = await model.run({ packed: model.pack(rows), labels: {}, count: rows.length });
  return (logits.data as Float32Array).slice(0, 2 * rows.length);
};

describe.each(trainable)("Python's adapter: $title", (one) => {
  test('gives its logits, its loss and its gradients, and no other parameter has one', async () => {
    const { adapter } = await writeFiles(one);
    const model = await load(adapter);
    expect(largestDifference(await logitsOf(model), one.logits!.flat())).toBeLessThan(1e-6);
    const program = await model.prepareTraining();
    const { loss } = await program.accumulate(goldenBatch(model), {
      seed: 1,
      step: 1,
      lossScale: 1 / rows.length,
      masks,
    });
    expect(Math.abs(Number(loss.data[0]) - one.loss!)).toBeLessThan(1e-6);
    const gradients = one.gradients as unknown as Record<string, number[]>;
    expect(new Set(model.trainableParameters)).toEqual(new Set(Object.keys(gradients)));
    for (const [name, expected] of Object.entries(gradients))
      expect(largestDifference(program.gradient(name), expected), name).toBeLessThan(1e-6);
    expect(() => program.gradient('bert.encoder.layer.0.attention.self.query.weight')).toThrow('is not being trained');
  });

  test('is written again with its keys and its numbers', async () => {
    const { base, adapter } = await writeFiles(one);
    const model = await load(base);
    await model.loadAdapter(adapter);
    const copy = join(await temporaryFolder(), 'copy');
    await model.savePretrained(copy);
    const [theirs, ours] = await Promise.all(
      [adapter, copy].map((folder) => readSafetensorsFile(join(folder, 'adapter_model.safetensors'))),
    );
    const kept = [...theirs.tensors.keys()].filter((key) => !/original_module|modules_to_save/.test(key));
    expect([...ours.tensors.keys()].sort()).toEqual(kept.sort());
    for (const key of kept) expect(ours.view(key), key).toEqual(theirs.view(key));
    const json = JSON.parse(await readFile(join(copy, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    const { config: expected } = one as { config: Record<string, unknown> };
    for (const [field, value] of Object.entries(json))
      expect(value, field).toEqual(field === 'base_model_name_or_path' ? base : expected[field]);
  });

  test('merged into the weights it answers the same, and taken out again the base is what it was', async () => {
    const { base, adapter } = await writeFiles(one);
    const model = await load(base);
    await model.loadAdapter(adapter);
    const weights = new Map([...model.parameters.keys()].map((name) => [name, model.weight(name).data]));
    const before = await logitsOf(model);
    await model.mergeAdapter();
    expect(largestDifference(await logitsOf(model), before)).toBeLessThan(1e-6);
    await expect(model.savePretrained(base)).rejects.toMatchObject({ code: 'ERR_ADAPTER_MERGED' });
    await model.unmergeAdapter();
    for (const [name, data] of weights) expect(largestDifference(model.weight(name).data, data)).toBeLessThan(1e-7);
    await model.mergeAndUnload();
    expect(model.adapter).toBeUndefined();
    expect([...model.parameters.keys()].some((name) => name.includes('lora'))).toBe(false);
    const whole = join(await temporaryFolder(), 'whole');
    await model.savePretrained(whole);
    expect(largestDifference(await logitsOf(await load(whole)), before)).toBeLessThan(1e-6);
  });
});

/** All ones: Python's golden was made without dropout. */
function masks(_: string, dims: readonly number[]): Float32Array {
  return new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(1);
}

test('an adapter of a model without a head, whose keys lack the prefix, loads and is written alike', async () => {
  const one = golden.cases.find(({ modelClass }) => modelClass === 'BertModel')!;
  const { adapter } = await writeFiles(one);
  const model = await BertModel.fromPretrained(adapter, { threads: 1 });
  onTestFinished(() => model.dispose());
  const packed = model.pack(rows, { reads: 'all' });
  const { pooler_output } = await model.run({ packed, labels: {}, count: rows.length });
  expect(largestDifference((pooler_output.data as Float32Array).subarray(0, 24), one.pooler!.flat())).toBeLessThan(
    1e-6,
  );
  const copy = join(await temporaryFolder(), 'copy');
  await model.savePretrained(copy);
  const [theirs, ours] = await Promise.all(
    [adapter, copy].map((folder) => readSafetensorsFile(join(folder, 'adapter_model.safetensors'))),
  );
  expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort());
});

describe('a new adapter', () => {
  test('changes nothing until it is trained, and begins as PEFT begins', async () => {
    const model = await tinyModel();
    const texts = tinyTokenizer()(['the film is good', 'a sad night']);
    const before = (await model(texts)).logits.data;
    await model.addAdapter({ r: 4, loraAlpha: 16 });
    expect((await model(texts)).logits.data).toEqual(before);
    const path = 'bert.encoder.layer.1.attention.self.value';
    const a = model.weight(`${path}.lora_A.weight`);
    expect(a.dims).toEqual([4, 16]);
    // Uniform within 1 / √16.
    expect(Math.max(...a.data)).toBeLessThan(0.25);
    expect(Math.max(...a.data)).toBeGreaterThan(0.2);
    expect(Math.min(...a.data)).toBeLessThan(-0.2);
    expect(new Set(model.weight(`${path}.lora_B.weight`).data)).toEqual(new Set([0]));
    expect(model.trainableParameters).toHaveLength(2 * 2 * 2 + 2);
    expect(model.describeTrainableParameters()).toContain('classifier');
  });

  test('is trained by the Trainer, saved as an adapter with labels and tokenizer, and loaded from there', async () => {
    const folder = await temporaryFolder();
    const base = join(folder, 'base');
    const start = await tinyModel();
    await start.savePretrained(base);
    await tinyTokenizer().savePretrained(base);
    const model = await load(base);
    await model.addAdapter({ r: 2, loraDropout: 0.1, targetModules: ['query', 'value', 'dense'] });
    const trainer = new Trainer({
      model,
      trainDataset: toyDataset(16, { label: (id) => ['bad', 'good'][id] }),
      args: { numTrainEpochs: 1, learningRate: 1e-2, outputDir: join(folder, 'out'), weightDecay: 0.1 },
    });
    await trainer.train();
    for (const [name, { length }] of [...model.parameters.keys()].map(
      (name) => [name, model.weight(name).data] as const,
    )) {
      if (!start.parameters.has(name) || name.startsWith('classifier')) continue;
      expect(model.weight(name).data, name).toEqual(start.weight(name).data);
      expect(length).toBeGreaterThan(0);
    }
    expect(
      largestDifference(model.weight('bert.pooler.dense.lora_B.weight').data, new Float32Array(32)),
    ).toBeGreaterThan(0);
    await trainer.saveModel();
    const loaded = await load(join(folder, 'out'));
    expect(loaded.config.id2label).toEqual(['bad', 'good']);
    expect(loaded.adapter).toBeInstanceOf(LoraConfig);
    expect(loaded.source).toBe(join(folder, 'out'));
    const texts = tinyTokenizer()(['the film is good', 'a sad night']);
    expect((await loaded(texts)).logits.data).toEqual((await model(texts)).logits.data);
    await loaded.loadWeights(join(folder, 'out'));
  });

  test('stays on a model whose head takes its size from the data', async () => {
    const folder = await temporaryFolder();
    const headless = await BertModel.fromConfig(bertConfig({ ...config, vocabSize: 60 }), { threads: 1 });
    onTestFinished(() => headless.dispose());
    await headless.savePretrained(folder);
    const model = await load(folder);
    await model.addAdapter();
    await model.useLabels(['a', 'b', 'c', 'd']);
    expect(model.weight('classifier.weight').dims).toEqual([4, 8]);
    expect(model.trainableParameters).toContain('bert.encoder.layer.0.attention.self.query.lora_A.weight');
    expect(model.trainableParameters).not.toContain('bert.encoder.layer.0.attention.self.query.weight');
  });
});

describe('what is refused', () => {
  test('options that make no adapter', async () => {
    expect(() => new LoraConfig({ rank: 8 } as object)).toThrow("there is no option 'rank'");
    expect(() => new LoraConfig({ r: 0 })).toThrow(
      '[LoraConfig] r has a value that it cannot have, got 0, expected a whole',
    );
    expect(() => new LoraConfig({ loraDropout: 1 })).toThrow('a probability');
    expect(() => new LoraConfig({ targetModules: '(' })).toThrow('an expression');
    expect(() => new LoraConfig({ targetModules: 'all-linear', layersToTransform: 0 })).toThrow('goes with a list');
    const model = await tinyModel();
    await expect(model.addAdapter({ targetModules: ['q_proj'] })).rejects.toThrow(
      '[model.addAdapter] targetModules means no linear layer, got ["q_proj"], expected last steps of bert.encoder.layer.N.attention.self.query',
    );
    await expect(model.addAdapter({ modulesToSave: ['score'] })).rejects.toThrow(
      'modulesToSave names what the model does not have',
    );
    // As it was: nothing of the failed attempts is left.
    expect(model.adapter).toBeUndefined();
    await model.addAdapter();
    await expect(model.addAdapter()).rejects.toThrow('the model has an adapter already');
    expect(() => model.unfreeze('encoder')).toThrow('an adapter saves its own parameters alone');
    expect(() => model.trainOnly('bias')).toThrow('an adapter saves its own parameters alone');
  });

  test('merging without an adapter', async () => {
    const model = await tinyModel();
    await expect(model.mergeAndUnload()).rejects.toThrow('[model.mergeAndUnload] the model has no adapter');
  });

  test('an adapter for another base model, naming both', async () => {
    const one = golden.cases[0];
    const { base, adapter } = await writeFiles(one);
    const other = await tinyModel({ numHiddenLayers: 3 });
    await expect(other.loadAdapter(adapter)).rejects.toThrow(
      new RegExp(
        `the adapter does not fit the model; missing: .*lora_A.* \\(.*adapter\\), got 'an adapter for '${base}'', expected one for BertForSequenceClassification 'an unnamed model'`,
      ),
    );
    expect(other.adapter).toBeUndefined();
    // Of the same shapes: the weights tell them apart, for adapters that were made here.
    const made = await load(base);
    await made.loadAdapter(adapter);
    const saved = join(await temporaryFolder(), 'saved');
    await made.savePretrained(saved);
    const stranger = await BertForSequenceClassification.fromConfig(config, { threads: 1 });
    onTestFinished(() => stranger.dispose());
    await expect(stranger.loadAdapter(saved)).rejects.toThrow('the base model has the same shapes but other weights');
    // Python's say only a name.
    const lines = gatherLog();
    await stranger.loadAdapter(adapter);
    expect(lines.join('\n')).toContain(`was made for '${base}', and is put on 'a new model'`);
  });

  test.each([
    ['another kind', { peft_type: 'IA3' }, "got 'IA3'"],
    ['options that are not there', { use_dora: true }, 'use_dora true'],
    ['weights that replace the base', { init_lora_weights: 'pissa' }, 'init_lora_weights "pissa"'],
    ['a wrong rank', { r: -1 }, 'r has a value that it cannot have'],
  ])('files of %s', async (_, change, message) => {
    const { base, adapter } = await writeFiles(golden.cases[0]);
    const model = await load(base);
    const file = join(adapter, 'adapter_config.json');
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...change }));
    await expect(model.loadAdapter(adapter)).rejects.toMatchObject({ code: 'ERR_ADAPTER_CONFIG', exitCode: 3 });
    await expect(model.loadAdapter(adapter)).rejects.toThrow(message);
  });

  test('a folder without an adapter, or without its base', async () => {
    const { base, adapter } = await writeFiles(golden.cases[0]);
    const model = await load(base);
    await expect(model.loadAdapter(base)).rejects.toThrow('there is no adapter_config.json');
    const file = join(adapter, 'adapter_config.json');
    const json = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...json, base_model_name_or_path: 'nobody/nothing' }));
    await expect(load(adapter)).rejects.toThrow("its base model 'nobody/nothing' is not here");
  });
});
