import { ArgumentError, DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { PipelineOptions } from '../pipelines/parts.ts';
import { Batcher } from './batcher.ts';
import { readJson, requireObject } from './body.ts';
import { readInputs } from './inputs.ts';
import { loadPipeline } from './loadPipeline.ts';
import { checkOrigin, corsHeaders, preflightHeaders } from './origins.ts';
import { errorResponse, jsonResponse, Refusal } from './refusal.ts';
import { type ServedPipeline, type ServedTask, type Service, services } from './services.ts';

/** How a model is served. What a pipeline takes (threads, device, batchSize) is for a directory that is loaded here. */
export interface PredictHandlerOptions extends PipelineOptions {
  /** What the model is for. Default: what its checkpoint says. */
  readonly task?: ServedTask | undefined;
  /** What stands before `/predict`: '/api'. Default ''. */
  readonly basePath?: string | undefined;
  /** Bytes of a request's body at most; more are not read. Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Inputs of one request at most. Default 64. */
  readonly maxTexts?: number | undefined;
  /** Characters (UTF-16 units) of one text at most. Default 100,000. */
  readonly maxCharacters?: number | undefined;
  /** Requests that are under way at most, from their first byte on; the others get 503 at once. Default 128. */
  readonly maxRequests?: number | undefined;
  /** Origins of web pages that may ask: 'https://example.org', or '*' for any. Default none. */
  readonly cors?: string | readonly string[] | undefined;
  /**
   * Names by which the server may be asked; then web pages from elsewhere are refused too. Default any, as is right behind
   * a framework or proxy that checks them; `fettle serve` on this machine alone allows this machine's names.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Told of what was answered with 500. Default: the log. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A fetch-style handler: call it with a request, or hand it to a framework as its handler. */
export interface PredictHandler {
  (request: Request): Promise<Response>;
  /** Answers a request as if it had come to `/predict`, for a framework that has its own paths. */
  readonly predict: (request: Request) => Promise<Response>;
  /** Loads the model now, not with the first request. @returns the task. @throws what loading throws. */
  readonly ready: () => Promise<ServedTask>;
  /** Takes no further request, lets those under way finish, and frees the model if it was loaded here. */
  readonly dispose: () => Promise<void>;
}

/** A model that answers. */
interface Loaded {
  readonly pipeline: ServedPipeline;
  readonly service: Service;
  readonly batcher: Batcher<unknown, unknown>;
}

const owner = 'createPredictHandler';

/**
 * Serves a model's answers: `POST /predict` with `{"inputs": "a text"}`, `GET /health`, and `GET /`, which says what to
 * post. Requests that come at once are answered in one batch. Nothing is loaded before the first request (or
 * `ready()`), and nothing listens: this is a function from `Request` to `Response`.
 *
 * @param model a pipeline, or the directory or name of a saved model.
 * @throws ArgumentError ERR_SERVING_OPTION where a bound is no whole number of at least 1.
 * @example
 * const handler = createPredictHandler('./results');
 * export const POST = handler.predict; // Next.js: app/api/predict/route.ts
 * app.mount('/classify', handler); // Hono
 */
export function createPredictHandler(
  model: string | ServedPipeline,
  options: PredictHandlerOptions = {},
): PredictHandler {
  const {
    task,
    basePath = '',
    maxBodyBytes = 1 << 20,
    maxTexts = 64,
    maxCharacters = 100_000,
    maxRequests = 128,
    cors = [],
    allowedHosts,
    onError = sayError,
    ...pipelineOptions
  } = options;
  const { batchSize = 32 } = pipelineOptions;
  checkBounds({ maxBodyBytes, maxTexts, maxCharacters, maxRequests, batchSize });
  const origins = { cors: typeof cors === 'string' ? [cors] : cors, allowedHosts };
  const paths = { about: `${basePath}/`, health: `${basePath}/health`, predict: `${basePath}/predict` };
  let loading: Promise<Loaded> | undefined;
  const underWay = new Set<Promise<Response>>();
  let predicting = 0;
  let closed = false;

  const load = (): Promise<Loaded> => {
    loading ??= (async () => {
      const pipeline = typeof model === 'string' ? await loadPipeline(model, task, pipelineOptions) : model;
      const service = services[pipeline.task];
      const answer = (questions: readonly unknown[], parameters: Readonly<Record<string, unknown>>) =>
        service.answer(pipeline as never, questions as readonly never[], parameters);
      return { pipeline, service, batcher: new Batcher(answer, batchSize) };
    })().catch((error: unknown) => {
      // The next request tries again: a directory may be in the making.
      loading = undefined;
      throw error;
    });
    return loading;
  };

  /** The model for a request: what keeps it from loading is for the server's keeper, not for who asks. */
  const loadForRequest = (): Promise<Loaded> =>
    load().catch((error: unknown) => {
      onError(error);
      throw new Refusal(503, 'ERR_NOT_READY', { what: "the model cannot be loaded; the server's log says why" });
    });

  const predict = async (request: Request): Promise<Response> => {
    requireMethod(request, ['POST']);
    // Counted from the first byte on: bodies that are read take memory too.
    if (predicting >= maxRequests) {
      throw new Refusal(
        503,
        'ERR_BUSY',
        { what: `${maxRequests} requests are under way`, hint: 'ask again in a second' },
        { 'retry-after': '1' },
      );
    }
    predicting++;
    try {
      const body = requireObject(await readJson(request, maxBodyBytes));
      const { service, batcher } = await loadForRequest();
      const { questions, parameters, single } = readInputs(body, service, { maxTexts, maxCharacters });
      if (questions.length === 0) return jsonResponse([]);
      const answers = await batcher.ask(questions, parameters, request.signal);
      if (!single) return jsonResponse(answers);
      return jsonResponse(service.single === undefined ? answers[0] : service.single(answers[0]));
    } finally {
      predicting--;
    }
  };

  const route = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname;
    if (path === paths.predict || path === `${paths.predict}/`) return predict(request);
    if (path !== paths.health && path !== paths.about && path !== basePath) {
      throw new Refusal(404, 'ERR_PATH', {
        what: 'there is nothing here',
        expected: `POST ${paths.predict}, GET ${paths.health}, GET ${paths.about}`,
      });
    }
    requireMethod(request, ['GET', 'HEAD']);
    const { pipeline, service } = await loadForRequest();
    if (path === paths.health) return jsonResponse({ status: 'ok', task: pipeline.task });
    return jsonResponse({
      task: pipeline.task,
      post: { path: paths.predict, contentType: 'application/json', body: { inputs: service.example } },
      parameters: Object.keys(service.parameters.rules),
      limits: { maxBodyBytes, maxTexts, maxCharacters },
    });
  };

  const respond = async (request: Request, answer: (request: Request) => Promise<Response>): Promise<Response> => {
    try {
      checkOrigin(request, origins);
      if (request.method === 'OPTIONS' && origins.cors.length > 0) {
        return new Response(null, { status: 204, headers: preflightHeaders });
      }
      if (closed) throw new Refusal(503, 'ERR_CLOSED', { what: 'the server is ending' });
      return await answer(request);
    } catch (error) {
      // Nobody reads what is answered to a client that went away; 499 is what servers write into their logs for it.
      if (request.signal.aborted) return new Response(null, { status: 499 });
      if (error instanceof ArgumentError || error instanceof DataError) return errorResponse(error);
      onError(error);
      return errorResponse(
        new Refusal(500, 'ERR_INTERNAL', { what: "the model could not answer; the server's log says why" }),
      );
    }
  };

  const handle = (answer: (request: Request) => Promise<Response>) => async (request: Request) => {
    const answered = respond(request, answer).then((response) => {
      for (const [name, value] of Object.entries(corsHeaders(request, origins.cors))) response.headers.set(name, value);
      return response;
    });
    underWay.add(answered);
    try {
      return await answered;
    } finally {
      underWay.delete(answered);
    }
  };

  return Object.assign(handle(route), {
    predict: handle(predict),
    ready: async () => (await load()).pipeline.task,
    dispose: async () => {
      closed = true;
      await Promise.all(underWay);
      const loaded = await loading?.catch(() => undefined);
      if (typeof model === 'string') await loaded?.pipeline.model.dispose();
    },
  });
}

function requireMethod(request: Request, methods: readonly string[]): void {
  if (methods.includes(request.method)) return;
  throw new Refusal(
    405,
    'ERR_METHOD',
    { what: 'this path is asked in another way', got: request.method, expected: methods.join(', ') },
    { allow: methods.join(', ') },
  );
}

function checkBounds(bounds: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(bounds)) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new ArgumentError('ERR_SERVING_OPTION', {
      owner,
      what: `${name} is no bound`,
      got: value,
      expected: 'a whole number of at least 1',
    });
  }
}

function sayError(error: unknown): void {
  log.warn(`[predict] ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
