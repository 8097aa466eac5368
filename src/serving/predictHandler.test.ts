import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pipelineTexts, writePipelineModels } from '../../test/testing/pipelineModels.ts';
import { gatherLog } from '../../test/testing/tiny.ts';
import { type LabelScore, pipeline, type TextClassificationPipeline } from '../pipelines/index.ts';
import { loopbackHosts } from './origins.ts';
import { createPredictHandler, type PredictHandler, type PredictHandlerOptions } from './predictHandler.ts';

let folder: string;
const made: PredictHandler[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-serving-'));
  await writePipelineModels(folder);
});

afterAll(async () => {
  await Promise.all(made.map((handler) => handler.dispose()));
  await rm(folder, { recursive: true, force: true });
});

const loaded = new Map<string, PredictHandler>();

/** A handler of one of the tiny models, made once. */
function served(name: 'text' | 'tokens' | 'questions' | 'masks' | 'features'): PredictHandler {
  let handler = loaded.get(name);
  if (handler === undefined) {
    handler = createPredictHandler(join(folder, name), { threads: 1 });
    loaded.set(name, handler);
    made.push(handler);
  }
  return handler;
}

const url = 'http://127.0.0.1:8000/predict';

function post(body: unknown, parts: RequestInit & { readonly url?: string } = {}): Request {
  return new Request(parts.url ?? url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...parts,
  });
}

async function answerOf(handler: PredictHandler, request: Request) {
  const response = await handler(request);
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) };
}

/** A classifier that answers when it is told to. */
function held(options: PredictHandlerOptions = {}) {
  const answers: (() => void)[] = [];
  const asked: (readonly string[])[] = [];
  const stub = (texts: readonly string[]) => {
    asked.push(texts);
    return new Promise((resolve) => answers.push(() => resolve(texts.map((label) => [{ label, score: 1 }]))));
  };
  const model = Object.assign(stub, { task: 'text-classification' }) as unknown as TextClassificationPipeline;
  const handler = createPredictHandler(model, options);
  const until = async (count: number) => {
    while (answers.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { handler, asked, answers, until };
}

describe('what is answered', () => {
  test('a text, and texts, are what the pipeline says of them', async () => {
    const classify = await pipeline('text-classification', join(folder, 'text'), { threads: 1 });
    const texts = pipelineTexts(5, 'serving');
    const expected = (await classify(texts, { topK: null })) as LabelScore[][];
    const alone = await classify(texts[0], { topK: null });
    const handler = served('text');
    expect((await answerOf(handler, post({ inputs: texts }))).json).toEqual(expected);
    // One text is answered as Hugging Face's service does: a list of one list, which its clients take apart.
    const { status, headers, json } = await answerOf(handler, post({ inputs: texts[0], parameters: { top_k: 1 } }));
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(json).toEqual([[alone[0]]]);
    expect((await answerOf(handler, post({ text: texts[0] }))).json).toEqual([alone]);
    expect((await answerOf(handler, post({ inputs: texts, parameters: { topK: 1 } }))).json).toEqual(
      expected.map(([likeliest]) => [likeliest]),
    );
    expect((await answerOf(handler, post({ inputs: [] }))).json).toEqual([]);
    await classify.model.dispose();
  });

  test('pairs of texts, in both spellings', async () => {
    const handler = served('text');
    const [first, second, third] = await Promise.all([
      answerOf(handler, post({ inputs: [{ text: 'Ada', textPair: 'wrote' }] })),
      answerOf(handler, post({ inputs: [{ text: 'Ada', text_pair: 'wrote' }], options: { wait_for_model: true } })),
      answerOf(handler, post({ text: 'Ada', textPair: 'wrote' })),
    ]);
    expect(first.status).toBe(200);
    expect(second.json).toEqual(first.json);
    expect(third.json).toEqual(first.json);
    const alone = await answerOf(handler, post({ inputs: ['Ada'] }));
    expect(alone.json).not.toEqual(first.json);
  });

  test('entities, answers, words and vectors', async () => {
    const entities = await answerOf(served('tokens'), post({ inputs: 'Ada Lovelace in London' }));
    expect(entities.json[0]).toMatchObject({ entity_group: expect.any(String), start: expect.any(Number) });
    const question = { question: 'Who wrote?', context: 'Ada Lovelace wrote the first program in London.' };
    const one = await answerOf(served('questions'), post({ inputs: question }));
    expect(question.context.slice(one.json.start, one.json.end)).toBe(one.json.answer);
    expect((await answerOf(served('questions'), post(question))).json).toEqual(one.json);
    const two = await answerOf(
      served('questions'),
      post({ inputs: [question], parameters: { top_k: 2, max_answer_len: 3, handle_impossible_answer: true } }),
    );
    expect(two.json[0]).toHaveLength(2);
    const words = await answerOf(served('masks'), post({ inputs: 'Ada [MASK] it', parameters: { topK: 2 } }));
    expect(words.json).toHaveLength(2);
    const features = served('features');
    const vector = await answerOf(features, post({ inputs: 'Ada', parameters: { normalize: true } }));
    expect(Math.hypot(...vector.json)).toBeCloseTo(1, 5);
    const tokens = await answerOf(features, post({ inputs: ['Ada', 'Ada wrote'], parameters: { pooling: 'none' } }));
    expect(tokens.json[0].length).toBeLessThan(tokens.json[1].length);
    expect(tokens.json[0][0]).toHaveLength(16);
  });

  test('health, and what to post', async () => {
    const handler = served('text');
    expect((await answerOf(handler, new Request('http://a/health'))).json).toEqual({
      status: 'ok',
      task: 'text-classification',
    });
    const about = await answerOf(handler, new Request('http://a/'));
    expect(about.json.post).toMatchObject({ path: '/predict', body: { inputs: expect.any(String) } });
    expect((await answerOf(handler, post(about.json.post.body))).status).toBe(200);
    expect(JSON.stringify(about.json)).not.toContain(folder);
    expect(await handler.ready()).toBe('text-classification');
  });

  test('paths as a framework has them', async () => {
    const pipe = held({ basePath: '/api' });
    const calls = [pipe.handler(post({ text: 'a' }, { url: 'http://a/api/predict' }))];
    // Next.js: the file is the path. Further arguments, which frameworks pass, mean nothing.
    const route = pipe.handler.predict as (request: Request, context: unknown) => Promise<Response>;
    calls.push(route(post({ text: 'b' }, { url: 'http://a/whatever' }), { params: {} }));
    await pipe.until(1);
    pipe.answers[0]();
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await pipe.handler(post({ text: 'a' }))).status).toBe(404);
    // As Hono's app.mount, a worker and Deno.serve call it: a plain function.
    const { fetch } = { fetch: pipe.handler };
    expect((await fetch(new Request('http://a/api'))).status).toBe(200);
  });
});

describe('requests that come at once', () => {
  test('are answered in few runs of the model, each its own', async () => {
    const classify = await pipeline('text-classification', join(folder, 'text'), { threads: 1 });
    const handler = createPredictHandler(classify);
    const texts = pipelineTexts(24, 'at once');
    const expected = await classify(texts, { topK: null });
    const runs = vi.spyOn(classify.model, 'predict');
    const answers = await Promise.all(texts.map((inputs) => answerOf(handler, post({ inputs }))));
    expect(answers.map(({ json }) => json[0][0].label)).toEqual(
      (expected as LabelScore[][]).map(([{ label }]) => label),
    );
    expect(runs.mock.calls.length).toBeLessThan(4);
    await handler.dispose();
    // The model is its owner's.
    expect(await classify('still here')).toHaveLength(1);
    await classify.model.dispose();
  });

  test('a text that cannot be answered is refused alone, with its place', async () => {
    const handler = served('masks');
    const [good, bad] = await Promise.all([
      answerOf(handler, post({ inputs: ['Ada [MASK] it', 'the [MASK]'] })),
      answerOf(handler, post({ inputs: ['the [MASK]', 'no mask'] })),
    ]);
    expect(good.status).toBe(200);
    expect(bad).toMatchObject({ status: 422, json: { error: { code: 'ERR_NO_MASK', row: 2 } } });
  });

  test('too many are told so, and health still answers', async () => {
    const pipe = held({ maxRequests: 2 });
    const calls = [1, 2, 3].map(() => answerOf(pipe.handler, post({ text: 'a' })));
    const busy = await calls[2];
    expect(busy).toMatchObject({ status: 503, json: { error: { code: 'ERR_BUSY' } } });
    expect(busy.headers.get('retry-after')).toBe('1');
    expect((await pipe.handler(new Request('http://a/health'))).status).toBe(200);
    await pipe.until(1);
    pipe.answers[0]();
    expect((await Promise.all(calls.slice(0, 2))).map(({ status }) => status)).toEqual([200, 200]);
    const after = answerOf(pipe.handler, post({ text: 'b' }));
    await pipe.until(2);
    pipe.answers[1]();
    expect((await after).status).toBe(200);
  });

  test('a client that goes away takes its place with it', async () => {
    const pipe = held({ batchSize: 1 });
    const first = pipe.handler(post({ text: 'first' }));
    await pipe.until(1);
    const gone = new AbortController();
    const second = pipe.handler(post({ text: 'second' }, { signal: gone.signal }));
    const third = pipe.handler(post({ text: 'third' }));
    await new Promise((resolve) => setTimeout(resolve, 5));
    gone.abort();
    expect((await second).status).toBe(499);
    pipe.answers[0]();
    await pipe.until(2);
    pipe.answers[1]();
    expect((await Promise.all([first, third])).map(({ status }) => status)).toEqual([200, 200]);
    expect(pipe.asked).toEqual([['first'], ['third']]);
  });

  test('those under way finish when the server ends; later ones are told', async () => {
    const pipe = held();
    const first = answerOf(pipe.handler, post({ text: 'first' }));
    await pipe.until(1);
    const disposed = pipe.handler.dispose();
    expect(await answerOf(pipe.handler, post({ text: 'late' }))).toMatchObject({
      status: 503,
      json: { error: { code: 'ERR_CLOSED' } },
    });
    pipe.answers[0]();
    expect((await first).status).toBe(200);
    await disposed;
  });
});

describe('what is refused', () => {
  const json = { 'content-type': 'application/json' };

  test.each<[string, number, string, () => Request]>([
    ['no JSON', 400, 'ERR_JSON', () => post('{"inputs": ')],
    ['no body', 400, 'ERR_JSON', () => new Request(url, { method: 'POST', headers: json })],
    [
      'no UTF-8',
      400,
      'ERR_JSON',
      () => new Request(url, { method: 'POST', headers: json, body: new Uint8Array([0x22, 0xff, 0x22]) }),
    ],
    ['another path', 404, 'ERR_PATH', () => new Request('http://a/model')],
    ['a question by GET', 405, 'ERR_METHOD', () => new Request(url)],
    ['health by POST', 405, 'ERR_METHOD', () => post({}, { url: 'http://a/health' })],
    ['a preflight without leave', 405, 'ERR_METHOD', () => new Request(url, { method: 'OPTIONS' })],
    ['a form', 415, 'ERR_CONTENT_TYPE', () => post('{"text": "a"}', { headers: { 'content-type': 'text/plain' } })],
    [
      'another charset',
      415,
      'ERR_CONTENT_TYPE',
      () => post('{"text": "a"}', { headers: { 'content-type': 'application/json; charset=latin1' } }),
    ],
    ['gzip', 415, 'ERR_CONTENT_ENCODING', () => post('x', { headers: { ...json, 'content-encoding': 'gzip' } })],
    ['a list', 422, 'ERR_BODY', () => post(['a'])],
    ['no inputs', 422, 'ERR_INPUTS', () => post({})],
    ['inputs and text', 422, 'ERR_INPUTS', () => post({ inputs: 'a', text: 'b' })],
    ['a wrong key', 422, 'ERR_UNKNOWN_NAME', () => post({ input: 'a' })],
    ['a number', 422, 'ERR_INPUTS', () => post({ inputs: ['a', 1] })],
    ['a wrong parameter', 422, 'ERR_UNKNOWN_NAME', () => post({ text: 'a', parameters: { topk: 1 } })],
    ['a wrong value', 422, 'ERR_PARAMETER_VALUE', () => post({ text: 'a', parameters: { topK: 0 } })],
    ['parameters that are none', 422, 'ERR_PARAMETERS', () => post({ text: 'a', parameters: [] })],
    ['too many texts', 422, 'ERR_TOO_MANY_TEXTS', () => post({ inputs: Array(65).fill('a') })],
    ['a long text', 422, 'ERR_TEXT_TOO_LONG', () => post({ inputs: 'a'.repeat(100_001) })],
    ['a long body', 413, 'ERR_BODY_TOO_LONG', () => post({ inputs: Array(64).fill('a'.repeat(20_000)) })],
  ])('%s: %i %s', async (_, status, code, request) => {
    const answer = await answerOf(served('text'), request());
    expect(answer).toMatchObject({ status, json: { error: { code, message: expect.stringContaining('[predict]') } } });
    expect(Object.keys(answer.json.error)).not.toContain('stack');
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/POST|GET, HEAD/);
  });

  test('a suggestion, and the place of what is wrong', async () => {
    const wrong = await answerOf(served('text'), post({ text: 'a', parameters: { topk: 1 } }));
    expect(wrong.json.error.hint).toBe("did you mean 'topK'?");
    expect((await answerOf(served('text'), post({ inputs: ['a', null] }))).json.error.row).toBe(2);
  });

  test('a body that says it is short is read no further than allowed', async () => {
    let given = 0;
    const body = new ReadableStream({
      pull(controller) {
        given += 1000;
        controller.enqueue(new TextEncoder().encode(' '.repeat(1000)));
      },
    });
    const { handler } = held({ maxBodyBytes: 10_000 });
    const request = new Request(url, { method: 'POST', headers: json, body, duplex: 'half' } as RequestInit);
    expect((await handler(request)).status).toBe(413);
    expect(given).toBeLessThan(20_000);
  });

  test('a failure of the model is 500 without what it was; the log has it', async () => {
    const classify = await pipeline('text-classification', join(folder, 'text'), { threads: 1 });
    await classify.model.dispose();
    const errors: unknown[] = [];
    const handler = createPredictHandler(classify, { onError: (error) => errors.push(error) });
    const { status, json: answer } = await answerOf(handler, post({ text: 'a' }));
    expect(status).toBe(500);
    expect(answer).toEqual({ error: { code: 'ERR_INTERNAL', message: expect.stringContaining('log') } });
    expect(String(errors[0])).toContain('disposed');
    const log = gatherLog();
    await createPredictHandler(classify)(post({ text: 'a' }));
    expect(log.join()).toContain('disposed');
  });

  test('a model that is not there: 503 without its place, and an error from ready()', async () => {
    const log = gatherLog();
    const handler = createPredictHandler(join(folder, 'nowhere'));
    const answer = await answerOf(handler, new Request('http://a/health'));
    expect(answer).toMatchObject({ status: 503, json: { error: { code: 'ERR_NOT_READY' } } });
    expect(JSON.stringify(answer.json)).not.toContain(folder);
    expect(log.join()).toContain('nowhere');
    await expect(handler.ready()).rejects.toThrow(/nowhere/);
    await handler.dispose();
  });

  test('a bound that is none', () => {
    expect(() => createPredictHandler('x', { maxTexts: 0 })).toThrow(/maxTexts is no bound, got 0/);
  });
});

describe('other origins', () => {
  const handler = (options: PredictHandlerOptions) => held(options).handler;
  const from = (origin: string, address: string) => new Request(address, { headers: { origin } });

  test('where hosts are named, other names and pages from elsewhere are refused', async () => {
    const local = handler({ allowedHosts: loopbackHosts });
    const status = async (request: Request) => (await local(request)).status;
    for (const name of ['localhost', '127.0.0.1:9000', '[::1]:8000'])
      expect(await status(new Request(`http://${name}/health`))).toBe(200);
    for (const name of ['evil.example', 'localhost.evil.example', '127.0.0.2'])
      expect(await status(new Request(`http://${name}/health`))).toBe(403);
    expect(await status(from('http://localhost:8000', 'http://localhost:8000/health'))).toBe(200);
    expect(await status(from('http://localhost:3000', 'http://localhost:8000/health'))).toBe(403);
    expect(await status(from('null', 'http://localhost:8000/health'))).toBe(403);
    // Elsewhere that is the framework's or the proxy's matter.
    expect((await handler({})(from('http://x.example', 'http://y.example/health'))).status).toBe(200);
  });

  test('origins with leave may read answers and refusals', async () => {
    const open = handler({ allowedHosts: loopbackHosts, cors: ['https://app.example'] });
    const asked = new Request('http://localhost/predict', {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    });
    const preflight = await open(asked);
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('content-type');
    const refused = await open(from('https://app.example', 'http://localhost/nothing'));
    expect(refused.status).toBe(404);
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const foreign = await open(from('https://other.example', 'http://localhost/health'));
    expect(foreign.status).toBe(403);
    expect(foreign.headers.has('access-control-allow-origin')).toBe(false);
    const any = await handler({ cors: '*' })(from('https://other.example', 'http://localhost/health'));
    expect(any.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('whatever is sent', () => {
  const names = ['text', 'tokens', 'questions', 'masks', 'features'] as const;
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constant('a [MASK] b'), fc.constant('\ud800'));
  const input = fc.oneof(
    text,
    fc.record({ question: text, context: text }),
    fc.record({ text, textPair: text }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const parameters = fc.record(
    {
      topK: fc.oneof(fc.integer({ min: -1, max: 101 }), fc.constant(null)),
      function_to_apply: fc.constantFrom('softmax', 'sigmoid', 'none', 'exp'),
      aggregation_strategy: fc.constantFrom('none', 'simple', 'max', 'min'),
      ignoreLabels: fc.array(fc.string(), { maxLength: 2 }),
      stride: fc.integer({ min: -1, max: 129 }),
      maxLength: fc.integer({ min: 0, max: 513 }),
      docStride: fc.integer({ min: -1, max: 512 }),
      maxAnswerLength: fc.integer({ min: 0, max: 20 }),
      targets: fc.array(fc.constantFrom('ada', 'wrote', 'nonsense', ''), { maxLength: 2 }),
      pooling: fc.constantFrom('none', 'mean', 'cls', 'max'),
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    fc.record({ inputs: fc.oneof(input, fc.array(input, { maxLength: 4 })) }),
    fc.record({ inputs: input, parameters }),
    fc.record({ inputs: fc.array(text, { maxLength: 3 }), parameters }),
    fc.record({ question: text, context: text, parameters }),
    fc.jsonValue(),
  );

  test('is answered or refused, never by 500', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), body, async (name, sent) => {
        const response = await served(name)(post(JSON.stringify(sent)));
        expect([200, 422], await response.text()).toContain(response.status);
      }),
      { numRuns: 150 },
    );
  });

  test('also as bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
        const request = new Request(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: bytes,
        });
        expect([200, 400, 422]).toContain((await served('text')(request)).status);
      }),
      { numRuns: 50 },
    );
    const deep = await served('text')(post(`{"inputs": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`));
    expect([400, 422]).toContain(deep.status);
  });
});
