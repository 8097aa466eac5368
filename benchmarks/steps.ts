import { BertForSequenceClassification } from 'fettle';
import { PythonProcess } from './python.ts';
import type { Batch } from './workloads.ts';

/** transformers' Trainer with the tutorial's arguments; benchmarks/python/step_server.py has the same. */
const learningRate = 5e-5;
const warmupSteps = 500;
const totalSteps = 1377;
const weightDecay = 0.01;
const maxGradNorm = 1;

/** How long a step took, in milliseconds, and what came of it. */
export interface StepResult {
  readonly milliseconds: number;
  /** Ours from the token ids on: packing and dropout masks are in it; Python's from its tensors on. */
  readonly forwardBackward: number;
  readonly loss: number;
  /** Before the clip. */
  readonly gradientNorm: number;
}

/** One step's loss and gradient norm without dropout. */
export type CheckResult = Pick<StepResult, 'loss' | 'gradientNorm'>;

export type Precision = 'default' | 'medium' | 'bf16';

type TrainingProgram = Awaited<ReturnType<BertForSequenceClassification['prepareTraining']>>;

/** Fettle's training step by hand, as its Trainer makes it. */
export class FettleSteps {
  readonly #model: BertForSequenceClassification;
  readonly #bf16: boolean;
  #training: TrainingProgram;
  #step = 0;

  private constructor(model: BertForSequenceClassification, bf16: boolean, training: TrainingProgram) {
    this.#model = model;
    this.#bf16 = bf16;
    this.#training = training;
  }

  /** Loads a saved model and compiles its step, in float32 or in bfloat16. */
  static async load(directory: string, threads: number | undefined, bf16: boolean): Promise<FettleSteps> {
    const model = await BertForSequenceClassification.fromPretrained(directory, { threads });
    return new FettleSteps(model, bf16, await prepare(model, bf16));
  }

  /** The name and version of the engine that trains, its precision, and how many threads it uses. */
  get engine(): { name: string; version: string; precision: string; threads: number } {
    const { name, version, precision, threads } = this.#training.engine;
    return { name, version, precision, threads };
  }

  /** One optimizer step with dropout on, timed from token ids to updated weights. */
  async step(batch: Batch): Promise<StepResult> {
    this.#step += 1;
    const start = performance.now();
    const { loss } = await this.#forwardBackward(batch);
    const middle = performance.now();
    const { gradientNorm } = await this.#update(learningRateAt(this.#step));
    const end = performance.now();
    return { milliseconds: end - start, forwardBackward: middle - start, loss, gradientNorm };
  }

  /**
   * Loss and gradient norm of a step that changes no weight: dropout's masks are all ones, the learning rate is 0.
   * The optimizer's moments are made anew after it.
   */
  async check(batch: Batch): Promise<CheckResult> {
    this.#step += 1;
    const { loss } = await this.#forwardBackward(batch, (_, dims) =>
      new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(1),
    );
    const { gradientNorm } = await this.#update(0);
    this.#step = 0;
    this.#training = await prepare(this.#model, this.#bf16);
    return { loss, gradientNorm };
  }

  async dispose(): Promise<void> {
    await this.#model.dispose();
  }

  async #forwardBackward(batch: Batch, masks?: (site: string, dims: readonly number[]) => Float32Array) {
    const packed = this.#model.pack(batch.inputIds.map((ids, i) => ({ ids, typeIds: batch.tokenTypeIds[i] })));
    const count = batch.labels.length;
    const labels = {
      labels: { type: 'int64', dims: [count], data: BigInt64Array.from(batch.labels, BigInt) },
      label_weights: { type: 'float32', dims: [count], data: new Float32Array(count).fill(1) },
    } as const;
    const outputs = await this.#training.accumulate(
      { packed, labels, count },
      { seed: 42, step: this.#step, lossScale: 1 / count, ...(masks === undefined ? {} : { masks }) },
    );
    return { loss: Number(outputs['loss'].data[0]) };
  }

  #update(rate: number) {
    return this.#training.update({ learningRate: rate, maxGradNorm, step: this.#step });
  }
}

function prepare(model: BertForSequenceClassification, bf16: boolean): Promise<TrainingProgram> {
  return model.prepareTraining({ weightDecay, precision: bf16 ? 'bf16' : 'float32' });
}

/** transformers' linear schedule with warm-up, for the step that is made (from 1). */
function learningRateAt(step: number): number {
  const done = step - 1;
  if (done < warmupSteps) return (learningRate * done) / warmupSteps;
  return learningRate * Math.max(0, (totalSteps - done) / (totalSteps - warmupSteps));
}

/** Python's training step in a process of its own. */
export class PythonSteps {
  readonly #python = new PythonProcess('benchmarks/python/step_server.py');

  /** Starts the libraries. @returns their versions. */
  async start(threads: number): Promise<Record<string, string>> {
    const { versions } = await this.#python.request<{ versions: Record<string, string> }>('hello', { threads });
    return versions;
  }

  /** Saves a model of random weights. `config` has Python's names. */
  create(directory: string, config: Readonly<Record<string, unknown>>, seed = 42): Promise<void> {
    return this.#python.request('create', { directory, config, seed, numLabels: 2 });
  }

  /** Puts a saved model with a fresh optimizer in place; a missing head is made from the seed. */
  load(directory: string, seed = 42): Promise<{ parameters: number; attention: string }> {
    return this.#python.request('load', { directory, seed, numLabels: 2 });
  }

  save(directory: string): Promise<void> {
    return this.#python.request('save', { directory });
  }

  step(batch: Batch, precision: Precision): Promise<StepResult> {
    return this.#python.request('step', { batch, precision });
  }

  check(batch: Batch, precision: Precision = 'default'): Promise<CheckResult & { logits: number[][] }> {
    return this.#python.request('check', { batch, precision });
  }

  close(): Promise<void> {
    return this.#python.close();
  }
}
