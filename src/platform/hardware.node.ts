import { readFile } from 'node:fs/promises';
import { arch, cpus } from 'node:os';

/** What a processor is and can: results may differ in their last bits between two that differ here. */
export interface Processor {
  readonly architecture: string;
  readonly name: string;
  /** The vector instructions it has, as Linux names them, in order; empty where the system does not say. */
  readonly features: readonly string[];
}

/** Those that libraries of linear algebra choose their code by. */
const telling = /^(sse4_1|sse4_2|avx|avx2|fma|f16c|avx512\w*|avx_vnni\w*|amx\w*|asimd\w*|bf16|i8mm|sve\w*|fphp)$/;

/** The processor that this process runs on. */
export async function describeProcessor(): Promise<Processor> {
  const name = cpus()[0]?.model.trim() ?? 'unknown';
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const [, flags = ''] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text) ?? [];
  const features = flags.split(/\s+/).filter((flag) => telling.test(flag));
  return { architecture: arch(), name, features: features.sort() };
}
