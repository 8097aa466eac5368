import { log } from '../core/log.ts';
import type { EngineTensor } from '../engine/engine.ts';
import type { ForwardProgram, ModelBatch } from './programs.ts';

/** Runs with the same weights until a program with the weights inside is begun. */
export const runsUntilBegun = 64;

/** Runs with the same weights until it answers: a number, not when it is ready, so that the same calls give the same bits. */
export const runsUntilFixed = 96;

/** Makes a forward program: one that is fed the weights, or one that has them inside as they are now. */
export type MakeProgram = (fixed: boolean) => Promise<ForwardProgram>;

/**
 * One forward computation of a model, ready for weights that change and fast for those that stay. At first the weights are
 * fed: nothing needs to be made anew when a training step changes them. An engine then lays them out again in every
 * run, which is a third of a short text's time. After {@link runsUntilFixed} runs with the same weights a program takes
 * over that has them inside, laid out once; it takes as long to make as it saves in about forty runs, and as much memory
 * as the matrices. When the weights change it goes. Its answers differ in the last bits.
 */
export class AnsweringProgram {
  readonly #make: MakeProgram;
  readonly #alwaysFixed: boolean;
  #program: Promise<ForwardProgram> | undefined;
  #isFixed: boolean;
  #next: Promise<ForwardProgram | undefined> | undefined;
  /** Since the weights last changed. */
  #runs = 0;
  /** What was let go and may still be under way. */
  readonly #ending = new Set<Promise<void>>();

  /** @param options.alwaysFixed whether every program that is made has the weights inside. */
  constructor(make: MakeProgram, { alwaysFixed = false }: { readonly alwaysFixed?: boolean } = {}) {
    this.#make = make;
    this.#alwaysFixed = alwaysFixed;
    this.#isFixed = alwaysFixed;
  }

  /** @throws what making the program throws; the next call tries again. */
  run(batch: ModelBatch): Promise<Record<string, EngineTensor>> {
    this.#runs++;
    if (this.#runs === runsUntilBegun && !this.#isFixed) this.#next = this.#makeFixed();
    if (this.#runs === runsUntilFixed && this.#next !== undefined) this.#takeOver(this.#next);
    const program = this.#current();
    // Put behind the program here, the run is in its queue before anything that is called later may dispose of it.
    return program.then((ready) => ready.run(batch));
  }

  /** Called before weights change: what has the old ones inside is let go. */
  weightsChange(): void {
    this.#runs = 0;
    if (this.#next !== undefined) this.#letGo(this.#next);
    this.#next = undefined;
    if (!this.#isFixed) return;
    this.#letGo(this.#program);
    this.#program = undefined;
    this.#isFixed = this.#alwaysFixed;
  }

  /** Frees what it holds, after the runs under way. */
  async dispose(): Promise<void> {
    this.weightsChange();
    this.#letGo(this.#program);
    this.#program = undefined;
    await Promise.all(this.#ending);
  }

  #current(): Promise<ForwardProgram> {
    if (this.#program !== undefined) return this.#program;
    const program = this.#make(this.#alwaysFixed);
    this.#program = program;
    program.catch(() => {
      if (this.#program === program) this.#program = undefined;
    });
    return program;
  }

  /** Undefined where it cannot be made: answers then go on as they are. */
  #makeFixed(): Promise<ForwardProgram | undefined> {
    return this.#make(true).catch((error: unknown) => {
      log.info(
        `answers go on without weights that are laid out once: ${error instanceof Error ? error.message : error}`,
      );
      return undefined;
    });
  }

  #takeOver(fixed: Promise<ForwardProgram | undefined>): void {
    const before = this.#current();
    const program = fixed.then((made) => made ?? before);
    this.#next = undefined;
    this.#program = program;
    this.#isFixed = true;
    this.#track(program.then(async (now) => (now === (await before) ? undefined : (await before).dispose())));
  }

  #letGo(program: Promise<ForwardProgram | undefined> | undefined): void {
    if (program !== undefined) this.#track(program.then((made) => made?.dispose()));
  }

  /** One that could not be made holds nothing, and its maker was told. */
  #track(work: Promise<void>): void {
    const ending = work.catch(() => undefined);
    this.#ending.add(ending);
    void ending.then(() => this.#ending.delete(ending));
  }
}
