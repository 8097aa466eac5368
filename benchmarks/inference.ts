// MiniLM's answers in float32 and in int8, in turn on the same texts: milliseconds a batch, and their ratio.
//   npx tsx benchmarks/inference.ts [--rounds 20] [--threads N] [--json]
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BertForSequenceClassification, bertConfig, configureLog } from '../src/index.ts';
import { describeMachine, loadOfOthers } from './machine.ts';
import { pairedRatios, spread, table } from './statistics.ts';
import { miniLmFolder } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    threads: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
configureLog({ level: 'warn' });
const rounds = Number(options.rounds);
const threads = options.threads === undefined ? undefined : Number(options.threads);

/** Texts and tokens of each. */
const shapes = [
  [1, 128],
  [32, 128],
] as const;

/** MiniLM's own weights, or random ones of its shape where those are not here: the time is the same. */
async function loadBoth() {
  let folder = miniLmFolder;
  const made = existsSync(folder) ? undefined : await mkdtemp(join(tmpdir(), 'fettle-inference-'));
  if (made !== undefined) {
    folder = made;
    const sizes = { hiddenSize: 384, numHiddenLayers: 6, intermediateSize: 1536 };
    const random = await BertForSequenceClassification.fromConfig(bertConfig(sizes));
    await random.savePretrained(folder);
    await random.dispose();
  }
  const float32 = await BertForSequenceClassification.fromPretrained(folder, { threads });
  const int8 = await BertForSequenceClassification.fromPretrained(folder, { threads, quantize: 'int8' });
  if (made !== undefined) await rm(made, { recursive: true });
  return { float32, int8 };
}

const machine = describeMachine();
const busy = await loadOfOthers();
const models = await loadBoth();
const results = [];
for (const [texts, tokens] of shapes) {
  const rows = Array.from({ length: texts }, (_, row) => ({
    ids: Array.from({ length: tokens }, (_, i) => 1000 + (((row * tokens + i) * 7919) % 20000)),
  }));
  const packed = models.float32.pack(rows);
  const timeOf = async (model: BertForSequenceClassification) => {
    const start = performance.now();
    await model.run({ packed, labels: {}, count: texts });
    return performance.now() - start;
  };
  const times: Record<'float32' | 'int8', number[]> = { float32: [], int8: [] };
  for (let round = -2; round < rounds; round++) {
    for (const form of round % 2 === 0 ? (['float32', 'int8'] as const) : (['int8', 'float32'] as const)) {
      const time = await timeOf(models[form]);
      // The first two rounds compile and warm up.
      if (round >= 0) times[form].push(time);
    }
  }
  results.push({
    shape: `${texts}×${tokens}`,
    float32: spread(times.float32),
    int8: spread(times.int8),
    ratio: pairedRatios(times.int8, times.float32),
  });
}
const { name, version } = models.float32.engine;
await Promise.all([models.float32.dispose(), models.int8.dispose()]);
if (options.json)
  console.log(JSON.stringify({ machine, loadOfOthers: busy, engine: { name, version }, results }, undefined, 2));
else {
  console.log(`${name} ${version}; others take ${(100 * busy).toFixed(0)} % of the machine`);
  console.log(
    table([
      ['MiniLM', 'float32 ms', 'int8 ms', 'int8 / float32', 'quartiles'],
      ...results.map(({ shape, float32, int8, ratio }) => [
        shape,
        float32.median.toFixed(1),
        int8.median.toFixed(1),
        ratio.median.toFixed(2),
        `${ratio.lower.toFixed(2)}–${ratio.upper.toFixed(2)}`,
      ]),
    ]),
  );
}
