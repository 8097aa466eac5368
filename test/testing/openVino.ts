import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadEnvironment } from '../../src/engine/openvino/environment.ts';
import { findLibraries } from '../../src/engine/openvino/find.ts';

/** A virtual environment of the checkout itself: `python3 -m venv .cache/openvino`, then its `pip install openvino`. */
const ownEnvironment = fileURLToPath(new URL('../../.cache/openvino', import.meta.url));

async function firstLibrary(): Promise<string | undefined> {
  const usual = await findLibraries();
  const [found] = usual.length > 0 || !existsSync(ownEnvironment) ? usual : await findLibraries(ownEnvironment);
  return found?.path;
}

/** The OpenVINO that tests use: the one that users would get, or that of the checkout. Undefined where there is none. */
export const openVinoPath = await firstLibrary();

/** What a suite's name ends with, so that a run without the library says what it left out. */
export const openVinoNote = openVinoPath === undefined ? ' (SKIPPED: OpenVINO is not installed)' : '';

/** Whether it computes in bfloat16 on this processor. */
export const openVinoBfloat16 =
  openVinoPath !== undefined && (await loadEnvironment(openVinoPath)).processor.capabilities.includes('BF16');

/** What a bfloat16 suite's name ends with. */
export const bfloat16Note =
  openVinoBfloat16 || openVinoPath === undefined ? openVinoNote : ' (SKIPPED: this processor has no bfloat16)';
