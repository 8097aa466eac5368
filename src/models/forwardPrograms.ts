import type { EngineTensor } from '../engine/engine.ts';
import type { LayoutForm } from '../nn/layout.ts';
import { AnsweringProgram } from './answeringProgram.ts';
import type { ModelParts } from './head.ts';
import type { LossFunction } from './loss.ts';
import { ForwardProgram, type ModelBatch } from './programs.ts';
import { tracer } from './tracing.ts';

interface Kept {
  readonly loss: LossFunction | undefined;
  readonly program: AnsweringProgram;
}

/**
 * A model's compiled forward programs, each made when it is first asked for: by the layout's form, without labels, with the
 * head's own loss, or with another. Of other losses the last one's program is kept alone: each Trainer brings a function of
 * its own, so that a long-lived model would gather one program each.
 */
export class ForwardPrograms {
  readonly #kept = new Map<string, Kept>();

  /**
   * The outputs for a batch, and the loss where the batch has labels.
   * @param parts the model as it is now; the programs of what it was before must have been dropped.
   * @param loss in place of the head's own.
   * @throws what tracing throws; the next call tries again.
   */
  async run(
    parts: ModelParts,
    batch: ModelBatch,
    form: LayoutForm,
    loss: LossFunction | undefined,
  ): Promise<Record<string, EngineTensor>> {
    const labelled = Object.keys(batch.labels).length > 0;
    const own = labelled ? loss : undefined;
    const key = `${form} ${labelled} ${own === undefined}`;
    const before = this.#kept.get(key);
    if (before !== undefined && before.loss === own) return before.program.run(batch);
    const { engine, built, quantize } = parts;
    built.arena.onStep(this.weightsChange);
    const program = new AnsweringProgram(
      (fixed) =>
        ForwardProgram.create({ engine, arena: built.arena }, tracer(parts, form, labelled, own), { quantize, fixed }),
      { alwaysFixed: quantize !== undefined },
    );
    this.#kept.set(key, { loss: own, program });
    const [outputs] = await Promise.all([program.run(batch), before?.program.dispose()]);
    return outputs;
  }

  /** To be called before weights change in place; training's steps are known of. */
  readonly weightsChange = (): void => {
    for (const { program } of this.#kept.values()) program.weightsChange();
  };

  /** Disposes of all programs, each after the runs under way on it; what is asked for next is made anew. */
  async drop(): Promise<void> {
    const before = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(before.map(({ program }) => program.dispose()));
  }
}
