import { packageVersion } from '#platform/native';
import { availableThreads } from '#platform/workers';
import { EnvironmentError } from '../core/errors.ts';
import type { Precision } from './engine.ts';
import { createOnnxRuntimeEngine } from './onnxruntime/onnxRuntimeEngine.ts';
import { loadEnvironment } from './openvino/environment.ts';
import { findLibraries } from './openvino/find.ts';
import { installHint, testedRange } from './openvino/versions.ts';

/** What is known of one engine on this machine. */
export interface EngineReport {
  readonly name: 'onnxruntime' | 'openvino';
  /** Whether it can run graphs here. */
  readonly usable: boolean;
  /** The native library's version, where it is loaded. */
  readonly version?: string;
  /** The library that is used. */
  readonly path?: string;
  /** The precisions that it computes in on this processor. */
  readonly precisions: readonly Precision[];
  /** Every library that was found, in the order in which they are tried, with where it was found. */
  readonly found: readonly { readonly path: string; readonly source: string }[];
  /** Why it is not usable. */
  readonly problem?: string;
  /** What to install where it is not usable. */
  readonly advice?: string;
}

/** What {@link describeEngines} finds. */
export interface EnginesReport {
  /** Threads that a run uses unless told otherwise: the CPUs that this process may use. */
  readonly threads: number;
  /** The processor, as OpenVINO names it; undefined where there is no OpenVINO. */
  readonly processor?: string;
  readonly engines: readonly EngineReport[];
  /** What `engine: 'auto'` takes for each precision; null where no engine has it. */
  readonly auto: { readonly [precision in Precision]: EngineReport['name'] | null };
}

/** Loads each engine that there is and says what was found where. Nothing that is missing is an error here. */
export async function describeEngines(): Promise<EnginesReport> {
  const onnxruntime = await describeOnnxRuntime();
  const { report: openvino, processor } = await describeOpenVino();
  const first = (precision: Precision) =>
    [onnxruntime, openvino].find(({ usable, precisions }) => usable && precisions.includes(precision))?.name ?? null;
  return {
    threads: availableThreads(),
    ...(processor === undefined ? {} : { processor }),
    engines: [onnxruntime, openvino],
    auto: { float32: first('float32'), bf16: first('bf16') },
  };
}

async function describeOnnxRuntime(): Promise<EngineReport> {
  const installed = packageVersion('onnxruntime-node');
  const found =
    installed === undefined ? [] : [{ path: `onnxruntime-node ${installed}`, source: 'the package of Fettle' }];
  try {
    const { version } = await createOnnxRuntimeEngine();
    return { name: 'onnxruntime', usable: true, version, precisions: ['float32'], found };
  } catch (error) {
    return unusable('onnxruntime', found, error);
  }
}

async function describeOpenVino(): Promise<{ report: EngineReport; processor?: string }> {
  let found: EngineReport['found'] = [];
  try {
    found = (await findLibraries()).map(({ path, source }) => ({ path, source }));
    const { path, version, processor } = await loadEnvironment();
    const precisions: Precision[] = processor.capabilities.includes('BF16') ? ['float32', 'bf16'] : ['float32'];
    return {
      report: { name: 'openvino', usable: true, version, path, precisions, found },
      processor: processor.name,
    };
  } catch (error) {
    const report = unusable('openvino', found, error);
    return { report: { ...report, advice: `${installHint}; versions ${testedRange} are tested` } };
  }
}

function unusable(name: EngineReport['name'], found: EngineReport['found'], error: unknown): EngineReport {
  if (!(error instanceof EnvironmentError)) throw error;
  const { message, hint } = error;
  return {
    name,
    usable: false,
    precisions: [],
    found,
    // What to do about it stands by itself.
    problem: hint === undefined ? message : message.replace(`; ${hint}`, ''),
    ...(hint === undefined ? {} : { advice: hint }),
  };
}

/** {@link describeEngines}'s report as lines for people. */
export function formatEngines({ threads, processor, engines, auto }: EnginesReport): string {
  const lines = [`threads: ${threads}${processor === undefined ? '' : ` (${processor})`}`];
  for (const engine of engines) {
    lines.push(
      '',
      `${engine.name}: ${engine.usable ? `${engine.version}, ${engine.precisions.join(' and ')}` : 'not usable'}`,
    );
    for (const { path, source } of engine.found) {
      lines.push(`  ${path === engine.path ? 'used' : 'found'}: ${path} (${source})`);
    }
    if (engine.problem !== undefined) lines.push(`  ${engine.problem}`);
    if (engine.advice !== undefined) lines.push(`  to have it: ${engine.advice}`);
  }
  lines.push('');
  for (const [precision, name] of Object.entries(auto)) {
    lines.push(`engine 'auto' in ${precision}: ${name ?? 'none'}`);
  }
  return `${lines.join('\n')}\n`;
}
