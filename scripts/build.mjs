/**
 * Builds the package: kernels (AssemblyScript), then the library: its declarations by tsc, one beside each module, and its
 * JavaScript by esbuild in few files, since Node takes a millisecond for each module that it loads. What several entries share
 * stands in chunks, so a class is the same class whichever way it is imported. `--kernels` stops after the kernels, which tests
 * need.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
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
  const { bin, exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const published = Object.values(exports).flatMap((target) => target.default ?? []);
  const platform = readdirSync(`${root}src/platform`).filter((file) => /\.(node|browser)\.ts$/.test(file));
  await build({
    absWorkingDir: root,
    entryPoints: [
      ...[...published, ...Object.values(bin)].map((file) => file.replace('./dist/', 'src/').replace(/\.js$/, '.ts')),
      ...platform.map((file) => `src/platform/${file}`),
      // Workers load it by its URL.
      'src/data/preprocessing/transforms.ts',
    ],
    outbase: 'src',
    outdir: 'dist',
    // As deep as every module: `../../` leads to the package from all of them.
    chunkNames: 'chunks/[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    // Classes are known by their names: in config.json, in errors.
    keepNames: true,
    packages: 'external',
    external: ['#platform/*'],
    logLevel: 'warning',
  });
  chmodSync(`${root}dist/cli/bin.js`, 0o755);
}
