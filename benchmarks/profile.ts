// Where a training step's time goes: by what its nodes are for, as the engine itself measures, and what is done around its run.
// Real batches of 8 pairs of MRPC where they are at hand, else full batches of 8×64.
//   npm run profile -- [--models MiniLM,bert-base] [--engines onnxruntime,openvino] [--rounds 3] [--threads N] [--json]
// OpenVINO computes in bfloat16 (--float32: not), and is left out where it is not found.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BertForSequenceClassification, bertConfig, configureLog } from '../src/index.ts';
import { describeMachine, loadOfOthers } from './machine.ts';
import { type OpFamily, opFamilies, sumByFamily } from './opFamilies.ts';
import { quantile, table } from './statistics.ts';
import { type Batch, fullBatches, hasMiniLm, hasMrpc, miniLmFolder, mrpcBatches, shapes } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: 'MiniLM,bert-base' },
    engines: { type: 'string', default: 'onnxruntime,openvino' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string' },
    float32: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

type Model = Awaited<ReturnType<typeof loadModel>>;
type Part = OpFamily | (typeof around)[number];

/** What a step has besides the engine's nodes, in milliseconds too. */
const around = [
  "the engine's own, between nodes",
  'masks, feeding, embedding rows',
  'packing',
  'clip and AdamW',
] as const;

/** Where one model's step spends its time on one engine: means in milliseconds. */
interface StepProfile {
  readonly model: string;
  readonly engine: string;
  readonly batches: string;
  readonly step: number;
  readonly parts: Readonly<Partial<Record<Part, number>>>;
  /** The share of a family's time that kernels of bfloat16 take, where the engine names its kernels. */
  readonly inBfloat16?: Readonly<Partial<Record<OpFamily, number>>>;
}

configureLog({ level: 'warn' });
const folder = await mkdtemp(join(tmpdir(), 'fettle-profile-'));
try {
  const others = await loadOfOthers();
  const profiles: StepProfile[] = [];
  for (const engine of options.engines.split(',')) {
    for (const name of options.models.split(',')) {
      const model = await loadModel(name, engine).catch((error: Error) => {
        if (engine !== 'openvino') throw error;
        console.error(`${engine} is left out: ${error.message}`);
      });
      if (model === undefined) break;
      profiles.push(await profileSteps(name, model));
      await model.dispose();
    }
  }
  const report = { machine: describeMachine(), loadOfOthers: others, profiles };
  console.log(options.json ? JSON.stringify(report, undefined, 2) : asTable(profiles, others));
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** MiniLM's own weights where they are at hand, else random ones: the time is the same. */
function loadModel(name: string, engine: string) {
  if (name !== 'MiniLM' && name !== 'bert-base') throw new Error(`[profile] --models has '${name}'`);
  if (engine !== 'onnxruntime' && engine !== 'openvino') throw new Error(`[profile] --engines has '${engine}'`);
  const settings = {
    engine,
    precision: engine === 'openvino' && !options.float32 ? 'bf16' : 'float32',
    profileFolder: folder,
    ...(options.threads === undefined ? {} : { threads: Number(options.threads) }),
  } as const;
  if (name === 'MiniLM' && hasMiniLm) return BertForSequenceClassification.fromPretrained(miniLmFolder, settings);
  const {
    hidden_size: hiddenSize,
    num_hidden_layers: numHiddenLayers,
    intermediate_size: intermediateSize,
  } = shapes.MiniLM;
  const config = name === 'MiniLM' ? { hiddenSize, numHiddenLayers, intermediateSize } : {};
  return BertForSequenceClassification.fromConfig(bertConfig(config), settings);
}

/** Steps over the same four batches again and again; the first round, which meets new shapes, does not count. */
async function profileSteps(name: string, model: Model): Promise<StepProfile> {
  const batches: Batch[] = hasMrpc ? await mrpcBatches(4, 8) : fullBatches(4, 8, 64);
  const program = await model.prepareTraining({ weightDecay: 0.01 });
  const times: { pack: number; accumulate: number; update: number }[] = [];
  const rounds = Number(options.rounds) + 1;
  for (let step = 1; step <= rounds * batches.length; step++) {
    const { inputIds, tokenTypeIds, labels } = batches[(step - 1) % batches.length];
    const start = performance.now();
    const packed = model.pack(inputIds.map((ids, i) => ({ ids, typeIds: tokenTypeIds[i] })));
    const count = labels.length;
    const feeds = {
      labels: { type: 'int64', dims: [count], data: BigInt64Array.from(labels, BigInt) },
      label_weights: { type: 'float32', dims: [count], data: new Float32Array(count).fill(1) },
    } as const;
    const began = performance.now();
    await program.accumulate({ packed, labels: feeds, count }, { seed: 42, step, lossScale: 1 / count });
    const ran = performance.now();
    await program.update({ learningRate: 1e-6, maxGradNorm: 1, step });
    times.push({ pack: began - start, accumulate: ran - began, update: performance.now() - ran });
  }
  const [runs] = await model.engine.profile!();
  const counted = times.slice(batches.length);
  const sums = runs.slice(batches.length).map(({ nodes }) => sumByFamily(nodes));
  const nodesOf = (i: number) => [...sums[i].values()].reduce((a, b) => a + b, 0);
  // Medians: a step that the machine disturbs is no part of where a step's time goes.
  const median = (values: readonly number[]) => quantile(values, 0.5);
  const inRun = runs.slice(batches.length).map(({ microseconds }) => microseconds / 1000);
  const parts: Partial<Record<Part, number>> = {
    "the engine's own, between nodes": median(inRun.map((run, i) => Math.max(0, run - nodesOf(i) / 1000))),
    'masks, feeding, embedding rows': median(counted.map(({ accumulate }, i) => accumulate - inRun[i])),
    packing: median(counted.map(({ pack }) => pack)),
    'clip and AdamW': median(counted.map(({ update }) => update)),
  };
  for (const family of opFamilies) {
    if (sums.some((sum) => sum.has(family))) parts[family] = median(sums.map((sum) => (sum.get(family) ?? 0) / 1000));
  }
  const nodes = runs.slice(batches.length).flatMap((run) => run.nodes);
  const half = sumByFamily(nodes.filter(({ kernel }) => kernel?.endsWith('bf16')));
  const whole = sumByFamily(nodes);
  const { name: engine, precision } = model.engine;
  return {
    model: name,
    engine: `${engine} ${precision}`,
    batches: hasMrpc ? 'MRPC ×8' : '8×64',
    step: median(counted.map(({ pack, accumulate, update }) => pack + accumulate + update)),
    parts,
    ...(nodes.every(({ kernel }) => kernel === undefined)
      ? {}
      : { inBfloat16: Object.fromEntries([...whole].map(([family, all]) => [family, (half.get(family) ?? 0) / all])) }),
  };
}

function asTable(profiles: readonly StepProfile[], others: number): string {
  const rows = [...opFamilies, ...around].filter((part) => profiles.some(({ parts }) => (parts[part] ?? 0) > 0));
  const cell = ({ parts }: StepProfile, part: Part) => {
    const sum = Object.values(parts).reduce((a, b) => a + b, 0);
    return parts[part] === undefined ? '' : `${parts[part].toFixed(1)}  ${((100 * parts[part]) / sum).toFixed(1)} %`;
  };
  const halves = profiles.filter(({ inBfloat16 }) => inBfloat16 !== undefined);
  const share = ({ inBfloat16 }: StepProfile, family: OpFamily) =>
    inBfloat16?.[family] === undefined ? '' : `${Math.round(100 * inBfloat16[family])} %`;
  return [
    table([
      ['a training step, ms', ...profiles.map(({ model, engine, batches }) => `${model} ${batches}, ${engine}`)],
      ...rows.map((part) => [part, ...profiles.map((profile) => cell(profile, part))]),
      ['whole step', ...profiles.map(({ step }) => step.toFixed(1))],
    ]),
    'Medians; shares are of the parts’ sum.',
    ...(halves.length === 0
      ? []
      : [
          table([
            ['share of the time in bfloat16', ...halves.map(({ model, engine }) => `${model}, ${engine}`)],
            ...opFamilies.map((family) => [family, ...halves.map((profile) => share(profile, family))]),
          ]),
        ]),
    ...(others > 0.1
      ? [`Other work took ${Math.round(others * 100)} % of the processors before: shares are rough.`]
      : []),
  ].join('\n');
}
