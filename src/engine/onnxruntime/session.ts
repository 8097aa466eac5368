import { addressOf, copyFrom, cStrings, type Pointer } from '#platform/native';
import { allocate } from '../../core/dtypes.ts';
import { RunError } from '../../core/errors.ts';
import { checkRun, type Declared } from '../checkTensors.ts';
import type { EngineTensor, RunProfile, Session } from '../engine.ts';
import { RunQueue } from '../runQueue.ts';
import type { OrtEnvironment } from './environment.ts';
import { endProfiling } from './profiling.ts';
import { readSignature, readTypeAndShape } from './signature.ts';
import { check, runError, takeFailure } from './status.ts';
import { ValueCache } from './values.ts';

const owner = 'OnnxRuntimeSession.run';

/** What a session holds outside JavaScript's memory. */
interface Holdings {
  readonly handle: Pointer;
  readonly environment: OrtEnvironment;
  readonly inputValues: ValueCache;
  readonly outputValues: ValueCache;
  /** What the model reads in place. */
  readonly constants: Readonly<Record<string, EngineTensor>>;
}

/**
 * A model loaded by ONNX Runtime.
 *
 * Runs of one session go one after the other, in the order of their calls: a later call waits for those before it, so
 * its tensors must stay as they are until its own promise settles. Runs of different sessions may overlap.
 */
export class OnnxRuntimeSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #holdings: Holdings;
  readonly #inputs: ReadonlyMap<string, Declared>;
  readonly #outputs: ReadonlyMap<string, Declared>;
  /** The C strings of all names: their memory, the inputs' in order, and each output's. */
  readonly #names: {
    readonly memory: Uint8Array;
    readonly inputs: BigUint64Array;
    readonly outputs: ReadonlyMap<string, Pointer>;
  };
  readonly #queue = new RunQueue(owner);

  /**
   * Takes over a session's handle: it is freed with this object.
   * @param constants the memory that the session reads besides what it is fed; held as long as the session.
   */
  constructor(environment: OrtEnvironment, handle: Pointer, constants: Readonly<Record<string, EngineTensor>> = {}) {
    this.#holdings = {
      handle,
      environment,
      inputValues: new ValueCache(environment),
      outputValues: new ValueCache(environment),
      constants,
    };
    // Registered first: should the signature be refused below, the handle is still freed.
    forgotten().register(this, this.#holdings, this.#holdings);
    const { inputs, outputs } = readSignature(environment, handle);
    this.#inputs = new Map(inputs.map((input) => [input.name, input]));
    this.#outputs = new Map(outputs.map((output) => [output.name, output]));
    this.inputNames = [...this.#inputs.keys()];
    this.outputNames = [...this.#outputs.keys()];
    const { memory, addresses } = cStrings([...this.inputNames, ...this.outputNames]);
    this.#names = {
      memory,
      inputs: BigUint64Array.from(addresses.slice(0, this.inputNames.length)),
      outputs: new Map(this.outputNames.map((name, index) => [name, addresses[this.inputNames.length + index]])),
    };
  }

  /**
   * Runs the model on a thread of Node's pool; see {@link Session.run}. Waits for the runs called before it.
   * @throws ArgumentError where a tensor is missing, unknown, or of another type or shape than the model's; nothing ran.
   * @throws RunError where ONNX Runtime gave up, with its message, or where the session was disposed.
   */
  run(
    inputs: Readonly<Record<string, EngineTensor>>,
    outputs: Readonly<Record<string, EngineTensor | 'allocate'>>,
  ): Promise<Record<string, EngineTensor>> {
    return this.#queue.run(() => this.#runNow(inputs, outputs));
  }

  /** Whether it was disposed of. */
  get isDisposed(): boolean {
    return this.#queue.isClosed;
  }

  /** What its runs took, for a session that was made to measure it; nothing is measured afterwards. */
  endProfiling(): Promise<RunProfile[]> {
    const { environment, handle } = this.#holdings;
    return this.#queue.run(() => endProfiling(environment, handle));
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
    const wanted = Object.keys(outputs);
    checkRun(owner, { inputs: this.#inputs, outputs: this.#outputs }, inputs, outputs);

    const { handle, environment, inputValues, outputValues } = this.#holdings;
    const { api } = environment;
    const feeds = BigUint64Array.from(this.inputNames, (name) => inputValues.valueOf(name, inputs[name]));
    const fetchNames = BigUint64Array.from(wanted, (name) => this.#names.outputs.get(name)!);
    // A NULL among the outputs asks ONNX Runtime to allocate it.
    const fetches = BigUint64Array.from(wanted, (name) => {
      const output = outputs[name];
      return output === 'allocate' ? 0n : outputValues.valueOf(name, output);
    });
    // All that the call points to, directly or through values; `inputs` and `outputs` themselves may be changed by the caller.
    const keep = [Object.values(inputs), Object.values(outputs), this, feeds, fetchNames, fetches];
    try {
      const status = await api.Run.async(
        keep,
        handle,
        null,
        addressOf(this.#names.inputs),
        addressOf(feeds),
        feeds.length,
        addressOf(fetchNames),
        wanted.length,
        addressOf(fetches),
      );
      const failure = takeFailure(api, status);
      if (failure !== undefined) throw runError(failure);
      return Object.fromEntries(
        wanted.map((name, index) => {
          const output = outputs[name];
          return [name, output === 'allocate' ? copyOut(environment, name, fetches[index]) : output];
        }),
      );
    } finally {
      wanted.forEach((name, index) => {
        if (outputs[name] === 'allocate' && fetches[index] !== 0n) api.ReleaseValue(fetches[index]);
      });
    }
  }
}

/** The elements of a value that ONNX Runtime allocated, in an array of our own. */
function copyOut({ api }: OrtEnvironment, name: string, value: Pointer): EngineTensor {
  const out = new BigUint64Array(1);
  check(api, api.GetTensorTypeAndShape(value, addressOf(out)), 'GetTensorTypeAndShape');
  const info = out[0];
  try {
    const { type, code, dims } = readTypeAndShape(api, info);
    if (type === undefined) {
      throw new RunError('ERR_ONNXRUNTIME_RUN', {
        owner,
        what: `output '${name}' has an element type that cannot be fetched`,
        got: code,
      });
    }
    const data = allocate(
      type,
      dims.reduce((product, dim) => product * dim, 1),
    );
    if (data.length > 0) {
      check(api, api.GetTensorMutableData(value, addressOf(out)), 'GetTensorMutableData');
      copyFrom(out[0], data);
    }
    return { type, dims, data };
  } finally {
    api.ReleaseTensorTypeAndShapeInfo(info);
  }
}

/** Frees what a session holds, off this thread: ending its threads takes a moment. */
async function free({ handle, environment, inputValues, outputValues }: Holdings): Promise<void> {
  inputValues.clear();
  outputValues.clear();
  await environment.api.ReleaseSession.async(undefined, handle);
}

let registry: FinalizationRegistry<Holdings> | undefined;

/** Frees sessions that were collected without having been disposed. */
function forgotten(): FinalizationRegistry<Holdings> {
  registry ??= new FinalizationRegistry((holdings) => void free(holdings));
  return registry;
}
