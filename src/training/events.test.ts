import { describe, expect, test } from 'vitest';
import { runProgram } from '../../test/testing/programs.ts';
import { type TrainingEvent, TrainingRun, type TrainOutput } from './events.ts';

const result: TrainOutput = { globalStep: 3, trainingLoss: 0.5, metrics: {} };

function stepEvent(step: number): TrainingEvent {
  const numbers = { loss: 0, gradientNorm: 0, learningRate: 0, tokens: 0 };
  return { type: 'step', step, totalSteps: 3, epoch: step / 3, ...numbers };
}

async function* threeSteps(fault?: Error): AsyncGenerator<TrainingEvent> {
  for (let step = 1; step <= 3; step++) {
    yield stepEvent(step);
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (fault !== undefined && step === 2) throw fault;
  }
  yield { type: 'end', result };
}

async function gather(run: AsyncIterable<TrainingEvent>): Promise<(number | string)[]> {
  const seen: (number | string)[] = [];
  for await (const event of run) seen.push(event.type === 'step' ? event.step : event.type);
  return seen;
}

describe('a training run', () => {
  test('is a promise of the result', async () => {
    expect(await new TrainingRun(threeSteps(), [])).toBe(result);
    let settled = 0;
    await new TrainingRun(threeSteps(), []).finally(() => settled++);
    expect(settled).toBe(1);
    expect(await new TrainingRun(threeSteps(), []).then(({ globalStep }) => globalStep)).toBe(3);
    expect(await Promise.all([new TrainingRun(threeSteps(), []), 1])).toEqual([result, 1]);
  });

  test('is an async iterable of all events in order: at once, late, and for several', async () => {
    const all = [1, 2, 3, 'end'];
    const run = new TrainingRun(threeSteps(), []);
    const early = gather(run);
    const beside = gather(run);
    await run;
    expect(await gather(run)).toEqual(all);
    expect(await early).toEqual(all);
    expect(await beside).toEqual(all);
  });

  test('goes on where an iteration stops, and where nobody iterates', async () => {
    const heard: string[] = [];
    const run = new TrainingRun(threeSteps(), [({ type }) => heard.push(type)]);
    for await (const _ of run) break;
    expect(await run).toBe(result);
    expect(heard).toEqual(['step', 'step', 'step', 'end']);
  });

  test('an error reaches the promise and every iteration, after the events before it', async () => {
    const fault = new Error('step 2 broke');
    const run = new TrainingRun(threeSteps(fault), []);
    const seen: string[] = [];
    const early = (async () => {
      for await (const { type } of run) seen.push(type);
    })();
    await expect(early).rejects.toBe(fault);
    expect(seen).toEqual(['step', 'step']);
    await expect(run).rejects.toBe(fault);
    await expect(gather(run)).rejects.toBe(fault);
    expect(await run.catch((error) => error)).toBe(fault);
  });

  test("a listener's error ends the run", async () => {
    const fault = new Error('the progress bar broke');
    let ended = false;
    async function* events() {
      try {
        yield* threeSteps();
      } finally {
        ended = true;
      }
    }
    const run = new TrainingRun(events(), [
      () => {
        throw fault;
      },
    ]);
    await expect(run).rejects.toBe(fault);
    expect(ended).toBe(true);
  });

  test('a failure that nobody awaits ends the process as any unhandled rejection does', async () => {
    const body = (after: string) => `
      const { TrainingRun } = await import('./src/training/events.ts');
      async function* events() {
        yield { type: 'begin' };
        throw new Error('nobody listened');
      }
      const run = new TrainingRun(events(), []);
      ${after}
      await new Promise((resolve) => setTimeout(resolve, 200));
      console.log('still here');`;
    const [unheard, heard, iterated] = await Promise.all(
      [
        '',
        'run.catch(() => undefined);',
        'try { for await (const event of run); } catch (error) { console.log(error.message); }',
      ].map((after) => runProgram(body(after))),
    );
    expect(unheard.code).toBe(1);
    expect(unheard.output).toBe('');
    expect(unheard.errors).toContain('nobody listened');
    expect(heard).toMatchObject({ code: 0, output: 'still here\n', errors: '' });
    expect(iterated).toMatchObject({ code: 0, output: 'nobody listened\nstill here\n', errors: '' });
  });
});
