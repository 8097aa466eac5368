import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { repository } from './python.ts';

/** What a time depends on, without anything that names the machine. */
export interface MachineDescription {
  readonly cpu: string;
  readonly cores: number;
  /** The vector and matrix instructions that matter to products of matrices. */
  readonly instructions: readonly string[];
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
  readonly fettle: string;
}

const instructions = [
  'avx2',
  'fma',
  'avx512f',
  'avx512_vnni',
  'avx512_bf16',
  'avx512_fp16',
  'avx_vnni',
  'amx_tile',
  'amx_bf16',
  'amx_int8',
  'asimd',
  'asimddp',
  'bf16',
  'i8mm',
  'sve',
];

export function describeMachine(): MachineDescription {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    instructions: instructions.filter((name) => flags().has(name)),
    memoryGb: Math.round(totalmem() / 1e9),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    fettle: JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).version,
  };
}

/** The CPU's features as Linux names them; none elsewhere. */
function flags(): Set<string> {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    return new Set(line.trim().split(/\s+/));
  } catch {
    return new Set();
  }
}

/** The share of the machine's processor time that others take just now (0 to 1), seen over a second in which this process sleeps. */
export async function loadOfOthers(): Promise<number> {
  const before = processorTimes();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = processorTimes();
  const all = after.all - before.all;
  return all === 0 ? 0 : 1 - (after.idle - before.idle) / all;
}

function processorTimes(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, all };
}
