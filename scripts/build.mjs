/** Builds the package: kernels (AssemblyScript), then the library (tsc). `--kernels` stops after the kernels, which tests need. */
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildKernels } from './build-kernels.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

await buildKernels();
if (!process.argv.includes('--kernels')) {
  rmSync(`${root}dist`, { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
  try {
    chmodSync(`${root}dist/cli/bin.js`, 0o755);
  } catch {
    // No command yet in a partial build.
  }
}
