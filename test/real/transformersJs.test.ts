import { execFile } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  BertTokenizer,
  exportOnnx,
  loadDataset,
  pipeline,
  Trainer,
} from '../../src/index.ts';
import { pipelineTexts, writePipelineModels } from '../testing/pipelineModels.ts';
import { hasShared, shared, skipNote } from './shared.ts';

// Another package's ONNX Runtime must not be loaded beside ours: it runs in a process, or a page, of its own. CI installs it
// there, outside the project's packages.
const packages =
  process.env['FETTLE_TRANSFORMERS_JS'] ??
  fileURLToPath(new URL('../../.cache/transformers-js/node_modules/', import.meta.url));
const library = join(packages, '@huggingface/transformers/dist');
const hasLibrary = existsSync(library);
const browser = process.env['FETTLE_CHROMIUM'] ?? '/usr/bin/chromium';
const hasBrowser = existsSync(browser);
const note = !hasLibrary ? ' (SKIPPED: @huggingface/transformers is not installed)' : skipNote;

/** What transformers.js is asked: of a pipeline, or of a model for its bare outputs. */
interface Job {
  readonly task: string;
  /** The folder of the exported model, below the folder of all. */
  readonly model: string;
  readonly inputs: readonly unknown[];
  readonly options?: object;
  readonly dtype?: string;
}

/** Does jobs with transformers.js, in Node and in a page alike: its text is handed over. */
const runJobs = `async ({ pipeline, env, AutoModelForQuestionAnswering, AutoTokenizer }, settings, jobs) => {
  Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, useBrowserCache: false, useFSCache: false, useWasmCache: false });
  env.localModelPath = settings.models;
  if (settings.wasm) env.backends.onnx.wasm.wasmPaths = settings.wasm;
  const plain = ({ dims, data }) => ({ dims: [...dims], data: Array.from(data, Number) });
  const results = [];
  for (const { task, model, inputs, options, dtype } of jobs) {
    const how = dtype === undefined ? {} : { dtype };
    if (task === 'question-answering') {
      const answerer = await AutoModelForQuestionAnswering.from_pretrained(model, how);
      const tokenizer = await AutoTokenizer.from_pretrained(model);
      const [questions, contexts] = inputs;
      const { start_logits, end_logits } = await answerer(tokenizer(questions, { text_pair: contexts, padding: true }));
      results.push({ start: plain(start_logits), end: plain(end_logits) });
      continue;
    }
    const ask = await pipeline(task, model, how);
    const answer = await ask(...inputs, options);
    results.push(task === 'feature-extraction' ? plain(answer) : answer);
  }
  return results;
}`;

const folder = hasShared && hasLibrary ? mkdtempSync(join(tmpdir(), 'fettle-transformers-js-')) : '';

async function askInNode(jobs: readonly Job[]): Promise<unknown[]> {
  const script = join(folder, 'ask.mjs');
  const file = pathToFileURL(join(library, 'transformers.node.mjs')).href;
  const settings = { models: `${folder}/` };
  writeFileSync(
    script,
    `import * as library from ${JSON.stringify(file)};
     const run = ${runJobs};
     process.stdout.write(JSON.stringify(await run(library, ${JSON.stringify(settings)}, ${JSON.stringify(jobs)})));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script], { maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as unknown[];
}

/** Files of the models, the library and its WebAssembly, on this machine alone. */
async function serve(): Promise<{ server: Server; origin: string }> {
  const roots: Record<string, string> = {
    models: folder,
    library,
    wasm: join(packages, 'onnxruntime-web/dist'),
  };
  const types: Record<string, string> = { js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm' };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const [, root, ...rest] = normalize(path).split('/');
    if (path === '/')
      return void response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>t</title>');
    const file = join(roots[root] ?? '', ...rest);
    if (roots[root] === undefined || !existsSync(file) || !statSync(file).isFile()) {
      return void response.writeHead(404).end();
    }
    response.setHeader('Content-Type', types[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream');
    response.setHeader('Content-Length', statSync(file).size);
    return void createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** @returns the answers, and the ONNX files that the page fetched. */
async function askInPage(jobs: readonly Job[]): Promise<{ answers: unknown[]; fetched: string[] }> {
  const { server, origin } = await serve();
  const chrome = await chromium.launch({
    executablePath: browser,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  });
  try {
    const page = await chrome.newPage();
    const fetched: string[] = [];
    const faults: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !/^(blob|data):/.test(request.url())) faults.push(request.url());
      if (request.url().endsWith('.onnx')) fetched.push(request.url().slice(`${origin}/models/`.length));
    });
    await page.goto(`${origin}/`);
    const answers = await page.evaluate(
      `(async () => (${runJobs})(await import('/library/transformers.min.js'), ${JSON.stringify({
        models: '/models/',
        wasm: `${origin}/wasm/`,
      })}, ${JSON.stringify(jobs)}))()`,
    );
    // Nothing comes from elsewhere.
    expect(faults).toEqual([]);
    return { answers: answers as unknown[], fetched };
  } finally {
    await chrome.close();
    server.close();
  }
}

interface Scored {
  readonly label: string;
  readonly score: number;
}

const differenceOf = (actual: readonly Scored[], expected: readonly Scored[]) =>
  Math.max(...expected.map(({ label, score }) => Math.abs(score - actual.find((one) => one.label === label)!.score)));

describe.skipIf(!hasShared || !hasLibrary)(`transformers.js loads what is exported${note}`, () => {
  const pooling = { pooling: 'mean', normalize: true } as const;
  const texts = pipelineTexts(20, 'texts');
  const masked = pipelineTexts(10, 'masks').map((text) => `${text} [MASK] wrote`);
  const questions = [pipelineTexts(8, 'questions', 5), pipelineTexts(8, 'contexts', 20)];
  const jobs: readonly Job[] = [
    { task: 'text-classification', model: 'text', inputs: [texts], options: { top_k: null } },
    { task: 'token-classification', model: 'tokens', inputs: [texts], options: { ignore_labels: [] } },
    { task: 'fill-mask', model: 'masks', inputs: [masked], options: { top_k: 3 } },
    { task: 'feature-extraction', model: 'features', inputs: [texts], options: pooling },
    { task: 'question-answering', model: 'questions', inputs: questions },
  ];
  let sentences: string[] = [];
  let exact: Scored[][] = [];
  const sentiment = (dtype?: string): Job => ({
    task: 'text-classification',
    model: 'sentiment',
    inputs: [sentences],
    options: { top_k: null },
    ...(dtype === undefined ? {} : { dtype }),
  });

  beforeAll(async () => {
    await writePipelineModels(folder);
    const loaders = {
      text: BertForSequenceClassification,
      tokens: BertForTokenClassification,
      questions: BertForQuestionAnswering,
      masks: BertForMaskedLM,
      features: BertModel,
    };
    for (const [name, { fromPretrained }] of Object.entries(loaders)) {
      const model = await fromPretrained(join(folder, name));
      await exportOnnx(model, join(folder, name));
      await model.dispose();
    }
    // A real model with opinions: the encoder as it is, a head that has learnt a little.
    const source = join(shared, 'models/all-MiniLM-L6-v2');
    const data = await loadDataset(join(shared, 'data/glue/SST-2'));
    const model = await BertForSequenceClassification.fromPretrained(source, { trainOnly: 'bert.pooler' });
    await new Trainer({
      model,
      trainDataset: data['train'].select(Array.from({ length: 320 }, (_, row) => row * 7)),
      args: { numTrainEpochs: 3, learningRate: 2e-3, perDeviceTrainBatchSize: 16, warmupSteps: 0, reportTo: 'none' },
    }).train();
    const tokenizer = await BertTokenizer.fromPretrained(source);
    await exportOnnx(model, join(folder, 'sentiment'), { tokenizer, quantize: ['int8', 'fp16'] });
    const asked = data['validation'].select(Array.from({ length: 100 }, (_, row) => row * 8));
    sentences = Array.from(asked.column('sentence'), String);
    const classify = await pipeline('text-classification', model, { tokenizer });
    exact = (await classify(sentences, { topK: null })) as Scored[][];
    await model.dispose();
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function expectSame(answers: readonly unknown[], tolerance: number): Promise<void> {
    const [labels, tags, words, vectors, spans] = answers;
    const one = { threads: 1 };
    const classify = await pipeline('text-classification', join(folder, 'text'), one);
    const ownLabels = (await classify(texts, { topK: null })) as Scored[][];
    (labels as Scored[][]).forEach((scores, i) => {
      expect(scores.map(({ label }) => label)).toEqual(ownLabels[i].map(({ label }) => label));
      expect(differenceOf(scores, ownLabels[i])).toBeLessThan(tolerance);
    });

    const tag = await pipeline('token-classification', join(folder, 'tokens'), one);
    const pieces = await BertTokenizer.fromPretrained(join(folder, 'tokens'));
    const ownTags = await tag(texts, { ignoreLabels: [] });
    (tags as { entity: string; index: number; score: number }[][]).forEach((tokens, i) => {
      // transformers.js passes over what it decodes to nothing: the token for unknown words.
      const { ids } = pieces(texts[i]).rows;
      const own = ownTags[i].filter(({ index }) => ids[index] !== pieces.unkTokenId);
      expect(tokens.map(({ entity, index }) => [entity, index])).toEqual(
        own.map(({ entity, index }) => [entity, index]),
      );
      tokens.forEach(({ score }, at) => {
        expect(Math.abs(score - own[at].score)).toBeLessThan(tolerance);
      });
    });

    const fill = await pipeline('fill-mask', join(folder, 'masks'), one);
    const ownWords = (await fill(masked, { topK: 3 })) as { token: number; score: number; sequence: string }[][];
    (words as typeof ownWords).forEach((answer, i) => {
      expect(answer.map(({ token, sequence }) => [token, sequence])).toEqual(
        ownWords[i].map(({ token, sequence }) => [token, sequence]),
      );
      answer.forEach(({ score }, at) => {
        expect(Math.abs(score - ownWords[i][at].score)).toBeLessThan(tolerance);
      });
    });

    const embed = await pipeline('feature-extraction', join(folder, 'features'), one);
    const ownVectors = await embed(texts, pooling);
    const { dims, data } = vectors as { dims: number[]; data: number[] };
    expect(dims).toEqual(ownVectors.dims);
    data.forEach((value, i) => {
      expect(Math.abs(value - ownVectors.data[i])).toBeLessThan(tolerance);
    });

    const answerer = await BertForQuestionAnswering.fromPretrained(join(folder, 'questions'), one);
    const tokenizer = await BertTokenizer.fromPretrained(join(folder, 'questions'));
    const { startLogits, endLogits } = await answerer(tokenizer(questions[0], questions[1]));
    for (const [theirs, ours] of [
      [(spans as { start: typeof vectors }).start, startLogits],
      [(spans as { end: typeof vectors }).end, endLogits],
    ] as const) {
      const { dims, data } = theirs as { dims: number[]; data: number[] };
      ours.forEach((logits, row) => {
        logits.data.forEach((value, at) => {
          // Scores, not probabilities: of several units.
          expect(Math.abs(data[row * dims[1] + at] - value)).toBeLessThan(5 * tolerance);
        });
      });
    }
    await Promise.all([classify, tag, fill, embed].map((asked) => asked.model.dispose()));
    await answerer.dispose();
  }

  /** The same labels and probabilities, where a label is decided; what int8 and float16 may be off is measured here. */
  function expectNear(answers: readonly Scored[][], tolerance: number, form: string): void {
    const differences = answers.map((scores, i) => differenceOf(scores, exact[i]));
    const turned = answers.filter((scores, i) => scores[0].label !== exact[i][0].label).length;
    console.log(
      `${form}: probabilities off by ${Math.max(...differences).toExponential(1)} at most, ${turned} labels of ${answers.length} turned`,
    );
    expect(Math.max(...differences)).toBeLessThan(tolerance);
    answers.forEach((scores, i) => {
      if (exact[i][0].score > 0.5 + tolerance) expect(scores[0].label).toBe(exact[i][0].label);
    });
  }

  test('in Node, for every task: the same labels, words and probabilities', async () => {
    await expectSame(await askInNode(jobs), 2e-5);
  });

  test('in Node, a real model in float32, int8 and float16', async () => {
    const [whole, int8, half] = (await askInNode([sentiment(), sentiment('q8'), sentiment('fp16')])) as Scored[][][];
    expect(new Set(exact.map(([{ label }]) => label)).size).toBe(2);
    expectNear(whole, 1e-5, 'float32 in Node');
    expectNear(int8, 0.15, 'int8 in Node');
    expectNear(half, 1e-2, 'float16 in Node');
  });

  test.skipIf(!hasBrowser)(
    `in a page in Chromium, for every task, and a real model in int8, which pages ask for${hasBrowser ? '' : ' (SKIPPED: it is not installed)'}`,
    async () => {
      const { answers, fetched } = await askInPage([...jobs, sentiment(), sentiment('fp32')]);
      await expectSame(answers, 2e-5);
      const [int8, whole] = answers.slice(jobs.length) as Scored[][][];
      expectNear(int8, 0.15, 'int8 in a page');
      expectNear(whole, 1e-5, 'float32 in a page');
      expect(fetched).toContain('text/onnx/model.onnx');
      expect(fetched.filter((path) => path.startsWith('sentiment/'))).toEqual([
        'sentiment/onnx/model_quantized.onnx',
        'sentiment/onnx/model.onnx',
      ]);
    },
  );
});
