import type { Pointer } from '#platform/native';
import { RunError } from '../../core/errors.ts';
import { checkRun, type Declared } from '../checkTensors.ts';
import type { EngineTensor, RunProfile, Session } from '../engine.ts';
import { RunQueue } from '../runQueue.ts';
import { freeAll } from './compile.ts';
import type { OpenVinoEnvironment } from './environment.ts';
import type { OnnxNames } from './onnxNames.ts';
import { RunTimes } from './profiling.ts';
import { InferRequest, sameDims } from './request.ts';
import { readSignature } from './signature.ts';
import { runError, takeFailure } from './status.ts';
import { copyOut, dimsOf } from './tensors.ts';

const owner = 'OpenVinoSession.run';

/** What a session holds outside JavaScript's memory. */
interface Holdings {
  readonly environment: OpenVinoEnvironment;
  readonly compiled: Pointer;
  request: InferRequest | undefined;
}

/**
 * A model compiled by OpenVINO.
 *
 * Runs of one session go one after the other, in the order of their calls: a later call waits for those before it, so
 * its tensors must stay as they are until its own promise settles. Runs of different sessions may overlap.
 */
export class OpenVinoSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #holdings: Holdings;
  readonly #inputs: ReadonlyMap<string, Declared>;
  readonly #outputs: ReadonlyMap<string, Declared>;
  readonly #outputIndex: ReadonlyMap<string, number>;
  readonly #queue = new RunQueue(owner);
  /** What each run took, where that is measured. */
  readonly #times: RunTimes | undefined;

  /**
   * Takes over a compiled model: it is freed with this object.
   * @param options.profile whether the model was compiled to measure its nodes.
   */
  constructor(
    environment: OpenVinoEnvironment,
    compiled: Pointer,
    names: OnnxNames,
    { profile }: { readonly profile: boolean },
  ) {
    this.#times = profile ? new RunTimes() : undefined;
    this.#holdings = { environment, compiled, request: undefined };
    // Registered first: should the signature be refused below, the model is still freed.
    forgotten().register(this, this.#holdings, this.#holdings);
    const { inputs, outputs } = readSignature(environment, compiled, names);
    this.#inputs = new Map(inputs.map((input) => [input.name, input]));
    this.#outputs = new Map(outputs.map((output) => [output.name, output]));
    this.inputNames = [...this.#inputs.keys()];
    this.outputNames = [...this.#outputs.keys()];
    this.#outputIndex = new Map(this.outputNames.map((name, index) => [name, index]));
  }

  /**
   * Runs the model on a thread of its own; see {@link Session.run}. Waits for the runs called before it. OpenVINO always
   * computes all outputs, wanted or not. An output to write into may be used as scratch before it is whole, and where the
   * run fails it may be partly written.
   * @throws ArgumentError where a tensor is missing, unknown, or of another type or shape than the model's; nothing ran.
   * @throws RunError where OpenVINO gave up, with its message, where an output has another shape than the tensor to write
   *   it into, or where the session was disposed.
   */
  run(
    inputs: Readonly<Record<string, EngineTensor>>,
    outputs: Readonly<Record<string, EngineTensor | 'allocate'>>,
  ): Promise<Record<string, EngineTensor>> {
    return this.#queue.run(() => this.#runNow(inputs, outputs));
  }

  /** What its runs took, in order, where that is measured. */
  get runProfiles(): readonly RunProfile[] {
    return this.#times?.runs ?? [];
  }

  dispose(): Promise<void> {
    return this.#queue.close(() => {
      forgotten().unregister(this.#holdings);
      return free(this.#holdings);
    });
  }

  async #runNow(
    inputs: Readonly<Record<string, EngineTensor>>,
    outputs: Readonly<Record<string, EngineTensor | 'allocate'>>,
  ): Promise<Record<string, EngineTensor>> {
    checkRun(owner, { inputs: this.#inputs, outputs: this.#outputs }, inputs, outputs);
    const wanted = Object.entries(outputs).map(([name, output]) => ({
      name,
      output,
      index: this.#outputIndex.get(name)!,
    }));
    const { environment } = this.#holdings;
    const { api } = environment;
    const request = await this.#requestFor(
      new Set(wanted.filter(({ output }) => output !== 'allocate').map(({ index }) => index)),
    );
    // The places themselves are kept, since the caller may change `inputs` and `outputs`.
    const keep = [Object.values(inputs), Object.values(outputs), this];
    try {
      for (const [index, name] of this.inputNames.entries()) request.place('input', index, inputs[name]);
      for (const { index, output } of wanted) if (output !== 'allocate') request.place('output', index, output);
      const started = performance.now();
      const failure = takeFailure(api, await api.infer_request_infer.async(keep, request.handle));
      if (failure !== undefined) throw runError(failure);
      this.#times?.add(api, request.handle, 1000 * (performance.now() - started));
      return Object.fromEntries(
        wanted.map(({ name, index, output }) => [
          name,
          request.output(index, (tensor) => {
            if (output === 'allocate') return copyOut(api, environment.types, name, tensor);
            checkDims(name, output, dimsOf(api, tensor));
            return output;
          }),
        ]),
      );
    } catch (error) {
      // What a failed run left in its request is not known.
      await this.#dropRequest();
      throw error;
    }
  }

  /** A request in which these outputs may have places of ours, and no others have: one that did would be written there. */
  async #requestFor(placed: ReadonlySet<number>): Promise<InferRequest> {
    const { request, environment, compiled } = this.#holdings;
    if (request?.canRun(placed)) return request;
    await this.#dropRequest();
    this.#holdings.request = new InferRequest(environment, compiled);
    return this.#holdings.request;
  }

  async #dropRequest(): Promise<void> {
    const { request, environment } = this.#holdings;
    this.#holdings.request = undefined;
    if (request !== undefined) await freeAll({ api: environment.api, request: request.handle });
  }
}

/** Holds the shape of an output against that of the tensor that it was written into. */
function checkDims(name: string, { dims }: EngineTensor, actual: readonly number[]): void {
  if (sameDims(dims, actual)) return;
  throw new RunError('ERR_OPENVINO_RUN', {
    owner,
    what: `output '${name}' does not have the shape of the tensor to write it into`,
    got: actual,
    expected: `[${dims.join(', ')}]`,
    hint: 'check the shapes of what is fed, and of the outputs to write into, against the model',
  });
}

/** Frees what a session holds, off this thread. */
function free({ environment: { api }, compiled, request }: Holdings): Promise<void> {
  return freeAll({ api, request: request?.handle, compiled });
}

let registry: FinalizationRegistry<Holdings> | undefined;

/** Frees sessions that were collected without having been disposed. */
function forgotten(): FinalizationRegistry<Holdings> {
  registry ??= new FinalizationRegistry((holdings) => void free(holdings));
  return registry;
}
