// A training step of MiniLM (16 texts of 64 tokens, float32) where all of it is trained, and where less is: time and memory
// relative to the whole. Steps take turns in one process; memory is the peak of a process of its own.
//   npx tsx benchmarks/tuning.ts [--rounds 10] [--threads N] [--json]
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BertForSequenceClassification, bertConfig, configureLog } from '../src/index.ts';
import { classFeeds } from '../src/models/labels.ts';
import { describeMachine } from './machine.ts';
import { table } from './statistics.ts';
import { miniLmFolder } from './workloads.ts';

type Model = BertForSequenceClassification;

/** What is trained, by name. */
const modes: Readonly<
  Record<string, { readonly set: (model: Model) => void | Promise<void>; readonly keep?: boolean }>
> = {
  full: { set: () => undefined },
  'lowest 4 of 6 layers frozen': { set: (model) => model.freeze({ layers: 4 }), keep: false },
  'encoder frozen': { set: (model) => model.freeze('bert'), keep: false },
  'encoder frozen, features kept': { set: (model) => model.freeze('bert') },
  BitFit: { set: (model) => model.trainOnly('bias') },
  'LoRA r = 8': { set: (model) => model.addAdapter({ r: 8, loraAlpha: 16, loraDropout: 0.1 }) },
};

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    threads: { type: 'string' },
    json: { type: 'boolean', default: false },
    /** Trains in one mode and prints this process's peak memory: what the parent asks of its children. */
    peak: { type: 'string' },
  },
});
configureLog({ level: 'warn' });
const threads = options.threads === undefined ? undefined : Number(options.threads);
const sequences = Array.from({ length: 16 }, (_, row) => ({
  ids: Array.from({ length: 64 }, (_, i) => 1000 + (((row * 64 + i) * 7919) % 20000)),
}));

/** A model in a mode, and a step of it. */
async function prepare(name: string) {
  const model = existsSync(miniLmFolder)
    ? await BertForSequenceClassification.fromPretrained(miniLmFolder, { numLabels: 2, threads })
    : await BertForSequenceClassification.fromConfig(
        bertConfig({ hiddenSize: 384, numHiddenLayers: 6, numAttentionHeads: 12, intermediateSize: 1536 }),
        { threads },
      );
  const { set, keep = true } = modes[name];
  await set(model);
  const program = await model.prepareTraining({ weightDecay: 0.01, cacheFrozenFeatures: keep });
  await program.computeFrozenFeatures(sequences);
  const packed = model.pack(sequences);
  const labels = classFeeds(
    Array.from({ length: 16 }, (_, i) => i % 2),
    packed.lengths['sequences'],
  );
  let step = 0;
  return {
    trained: model.numTrainableParameters,
    async run(): Promise<number> {
      const started = performance.now();
      step++;
      await program.accumulate({ packed, labels, count: 16 }, { seed: 1, step, lossScale: 1 / 16 });
      await program.update({ learningRate: 1e-5, maxGradNorm: 1, step });
      return performance.now() - started;
    },
    dispose: () => model.dispose(),
  };
}

if (options.peak !== undefined) {
  const one = await prepare(options.peak);
  for (let i = 0; i < 3; i++) await one.run();
  await one.dispose();
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  console.log(JSON.stringify({ peakMb: (Number(peak![1]) * 1024) / 1e6 }));
} else {
  const names = Object.keys(modes);
  const made: Awaited<ReturnType<typeof prepare>>[] = [];
  for (const name of names) made.push(await prepare(name));
  const times = names.map(() => [] as number[]);
  for (const one of made) await one.run();
  for (let round = 0; round < Number(options.rounds); round++) {
    // Another order each round, so that nobody is always after the same neighbour.
    for (let i = 0; i < names.length; i++) {
      const place = (i + round) % names.length;
      times[place].push(await made[place].run());
    }
  }
  for (const one of made) await one.dispose();
  const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
  const peaks = names.map((name) => {
    if (process.platform !== 'linux') return Number.NaN;
    const line = [...process.execArgv, fileURLToPath(import.meta.url), '--peak', name];
    const more = threads === undefined ? [] : ['--threads', String(threads)];
    return (JSON.parse(execFileSync(process.execPath, [...line, ...more], { encoding: 'utf8' })) as { peakMb: number })
      .peakMb;
  });
  const results = names.map((name, i) => ({
    name,
    trained: made[i].trained,
    milliseconds: median(times[i]),
    time: median(times[i].map((time, round) => time / times[0][round])),
    peakMb: peaks[i],
    memory: peaks[i] / peaks[0],
  }));
  if (options.json)
    console.log(JSON.stringify({ machine: describeMachine(), rounds: Number(options.rounds), results }));
  else
    console.log(
      table([
        ['trained', 'parameters', 'ms a step', 'of full', 'peak MB', 'of full'],
        ...results.map((each) => [
          each.name,
          String(each.trained),
          each.milliseconds.toFixed(0),
          each.time.toFixed(2),
          each.peakMb.toFixed(0),
          each.memory.toFixed(2),
        ]),
      ]),
    );
}
