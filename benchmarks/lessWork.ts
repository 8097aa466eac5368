// What each way of computing less is worth: a training step of MiniLM on real batches of 8 pairs of MRPC (full batches of 8×64 without
// ../shared), padded and packed, with the last layer whole and where the head reads, and with most of it frozen. Steps take turns
// in one process.
//   npx tsx benchmarks/lessWork.ts [--bf16] [--rounds 12] [--threads N] [--json]
import { parseArgs } from 'node:util';
import { gatherRows } from '../src/graph/ops/rows.ts';
import { bertConfig, configureLog } from '../src/index.ts';
import {
  BertSequenceClassifier,
  sequenceClassificationLoss,
} from '../src/models/bert/bertForSequenceClassification.ts';
import { type BertConfig, bertArchitecture } from '../src/models/bert/configuration.ts';
import type { Head } from '../src/models/head.ts';
import { classFeeds } from '../src/models/labels.ts';
import { createModel } from '../src/models/loading.ts';
import { packingFor } from '../src/models/tracing.ts';
import { makeTrainingProgram } from '../src/models/trainingOptions.ts';
import { type LayoutForm, packBatch, type Reads } from '../src/nn/index.ts';
import { describeMachine, loadOfOthers } from './machine.ts';
import { pairedRatios, spread, table } from './statistics.ts';
import { type Batch, fullBatches, hasMrpc, mrpcBatches } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    bf16: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '12' },
    threads: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const warmUp = 2;
const config = bertConfig({ hiddenSize: 384, numHiddenLayers: 6, intermediateSize: 1536 });

interface Mode {
  readonly form: LayoutForm;
  readonly reads: Reads;
  /** Whether the head alone is trained; `kept`: on features that were computed before. */
  readonly frozen?: 'computed' | 'kept';
}

/** What is computed, by name; the first is what Python computes. */
const modes: Readonly<Record<string, Mode>> = {
  'padded, the last layer whole': { form: 'padded', reads: 'all' },
  'padded, the last layer where it is read': { form: 'padded', reads: 'first' },
  'packed, the last layer whole': { form: 'packed', reads: 'all' },
  'packed, the last layer where it is read': { form: 'packed', reads: 'first' },
  'the same, encoder frozen': { form: 'packed', reads: 'first', frozen: 'computed' },
  'the same, its features kept': { form: 'packed', reads: 'first', frozen: 'kept' },
};

configureLog({ level: 'warn' });
const others = await loadOfOthers();
const batches: Batch[] = hasMrpc ? await mrpcBatches(warmUp + rounds, 8) : fullBatches(warmUp + rounds, 8, 64);
/** The same objects whenever a row comes: kept features go by them. */
const rows = new Map(
  batches.map((batch) => [batch, batch.inputIds.map((ids, i) => ({ ids, typeIds: batch.tokenTypeIds[i] }))]),
);
const names = Object.keys(modes);
const made = await Promise.all(names.map((name) => prepare(modes[name])));
const times = names.map(() => [] as number[]);
for (const [round, batch] of batches.entries()) {
  for (let turn = 0; turn < names.length; turn++) {
    // Another order each round, so that nobody is always after the same neighbour.
    const place = (turn + round) % names.length;
    const took = await made[place](batch);
    if (round >= warmUp) times[place].push(took);
  }
}
const results = names.map((name, i) => ({
  name,
  milliseconds: spread(times[i]),
  ofWhole: pairedRatios(times[i], times[0]),
}));
if (options.json) console.log(JSON.stringify({ machine: describeMachine(), loadOfOthers: others, rounds, results }));
else {
  console.log(
    table([
      ['a step', 'ms', 'of the first', 'quartiles'],
      ...results.map(({ name, milliseconds, ofWhole }) => [
        name,
        milliseconds.median.toFixed(1),
        ofWhole.median.toFixed(3),
        `${ofWhole.lower.toFixed(3)}–${ofWhole.upper.toFixed(3)}`,
      ]),
    ]),
  );
}
process.exit(0); // the models live as long as the process

/** The sequence classifier; where all rows are read, it picks each sequence's first from them. */
function headReading(reads: Reads): Head<BertConfig> {
  return {
    className: 'BertForSequenceClassification',
    architecture: bertArchitecture,
    reads: () => reads,
    build: (config) => {
      const module = new BertSequenceClassifier(config);
      return {
        module,
        trace: (batch) => {
          const hidden = module.bert(batch);
          const first = reads === 'all' ? gatherRows(hidden, batch.firstTokens) : hidden;
          const logits = module.classifier(module.dropout(module.bert.pooler!(first)));
          return { outputs: { logits }, loss: sequenceClassificationLoss(logits, 'single_label_classification') };
        },
      };
    },
  };
}

/** A model in a mode; what it gives runs one step and tells the milliseconds. */
async function prepare({ form, reads, frozen }: Mode): Promise<(batch: Batch) => Promise<number>> {
  const threads = options.threads === undefined ? undefined : Number(options.threads);
  const parts = await createModel(headReading(reads), config, { threads });
  const trained = [...parts.built.parameters.keys()].filter(
    (name) => frozen === undefined || name.startsWith('classifier'),
  );
  const program = await makeTrainingProgram(
    parts,
    trained,
    { weightDecay: 0.01, precision: options.bf16 ? 'bf16' : 'float32', cacheFrozenFeatures: frozen === 'kept' },
    form,
  );
  const packing = { ...packingFor(parts, program.engine), form };
  if (frozen === 'kept') await program.computeFrozenFeatures(batches.flatMap((batch) => rows.get(batch)!));
  let step = 0;
  return async (batch) => {
    const started = performance.now();
    step++;
    const packed = packBatch(rows.get(batch)!, packing);
    const labels = classFeeds(batch.labels, packed.lengths['sequences']);
    const count = batch.labels.length;
    await program.accumulate({ packed, labels, count }, { seed: 1, step, lossScale: 1 / count });
    await program.update({ learningRate: 1e-6, maxGradNorm: 1, step });
    return performance.now() - started;
  };
}
