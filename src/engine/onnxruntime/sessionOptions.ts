import { addressOf, cStrings, type Pointer } from '#platform/native';
import type { EngineTensor, SessionSettings } from '../engine.ts';
import type { OrtEnvironment } from './environment.ts';
import { check } from './status.ts';
import { ValueCache } from './values.ts';

/** Settings by name (`onnxruntime_session_options_config_keys.h`). */
const settingsOf = ({ staysAwake = false }: SessionSettings): Readonly<Record<string, string>> => ({
  // A weight's gradient is written as Transpose and Gemm, which is 2–4 % faster than the Gemm with transA that this pass makes of them.
  'optimization.disable_specified_optimizers': 'GemmTransposeFusion',
  // ONNX Runtime's threads would go on spinning after a run and halve the speed of the kernels that come next.
  ...(staysAwake ? {} : { 'session.force_spinning_stop': '1' }),
});

const sequential = 0;
const allOptimizations = 99;
const fatalOnly = 4;

/**
 * Makes the `OrtSessionOptions` of every session here; the caller releases them. Threads inside one operator, none between
 * operators. No memory pattern: it plans for one set of shapes, and for bert-base its peak is half as high again at
 * the same speed. The arena of the CPU stays on.
 */
export function makeSessionOptions({ api }: OrtEnvironment, threads: number, settings: SessionSettings = {}): Pointer {
  const out = new BigUint64Array(1);
  check(api, api.CreateSessionOptions(addressOf(out)), 'CreateSessionOptions');
  const options = out[0];
  check(api, api.SetIntraOpNumThreads(options, threads), 'SetIntraOpNumThreads');
  check(api, api.SetInterOpNumThreads(options, 1), 'SetInterOpNumThreads');
  check(api, api.SetSessionExecutionMode(options, sequential), 'SetSessionExecutionMode');
  check(api, api.DisableMemPattern(options), 'DisableMemPattern');
  check(api, api.EnableCpuMemArena(options), 'EnableCpuMemArena');
  check(api, api.SetSessionGraphOptimizationLevel(options, allOptimizations), 'SetSessionGraphOptimizationLevel');
  check(api, api.SetSessionLogSeverityLevel(options, fatalOnly), 'SetSessionLogSeverityLevel');
  for (const [key, value] of Object.entries(settingsOf(settings))) {
    check(api, api.AddSessionConfigEntry(options, key, value), `the setting ${key}`);
  }
  return options;
}

/**
 * Gives the elements of constants that a model only declares. They are used where they stand, but for those that a kernel
 * lays out anew for itself.
 */
export async function giveConstants(
  environment: OrtEnvironment,
  options: Pointer,
  constants: Readonly<Record<string, EngineTensor>>,
): Promise<void> {
  const names = Object.keys(constants);
  if (names.length === 0) return;
  const { api } = environment;
  const { memory, addresses } = cStrings(names);
  // The options keep values of their own over the same memory.
  const values = new ValueCache(environment);
  try {
    const pointers = BigUint64Array.from(addresses);
    const given = BigUint64Array.from(names, (name) => values.valueOf(name, constants[name]));
    const status = await api.AddExternalInitializers.async(
      [memory, pointers, given],
      options,
      addressOf(pointers),
      addressOf(given),
      names.length,
    );
    check(api, status, 'AddExternalInitializers');
  } finally {
    values.clear();
  }
}
