// `npm run check`: everything that judges the source without running it, side by side. Prints one line a check and the
// output of those that fail; exits with 1 if any does. `npm run check -- types lint` runs only those named.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildKernels } from './build-kernels.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Each check: what it holds the source to, and the program that does it. */
const checks = {
  types: {
    says: 'TypeScript, strict, over src, test, examples, benchmarks and scripts',
    run: ['typescript/bin/tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', '.cache/check.tsbuildinfo'],
  },
  lint: {
    says: 'lint rules and format (npm run format mends most)',
    run: [
      '@biomejs/biome/bin/biome',
      'check',
      '--diagnostic-level=warn',
      '--error-on-warnings',
      // What git ignores is nobody's to format.
      '--vcs-enabled=true',
      '--vcs-client-kind=git',
      '--vcs-use-ignore-file=true',
      '.',
    ],
  },
  layers: {
    says: 'who may import whom (.dependency-cruiser.cjs)',
    run: [
      'dependency-cruiser/bin/dependency-cruise.mjs',
      '--config=.dependency-cruiser.cjs',
      '--output-type=err-long',
      'src',
      'test',
      'benchmarks',
      'examples',
      'scripts',
    ],
  },
  unused: {
    says: 'files, exports and packages that nothing uses (knip.json)',
    run: ['knip/bin/knip.js', '--no-progress', '--no-config-hints'],
  },
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(name in checks));
if (unknown !== undefined) {
  console.error(`[check] there is no check '${unknown}', expected some of ${Object.keys(checks).join(', ')}`);
  process.exit(2);
}

/** @returns {Promise<boolean>} whether the check passed. */
function run(name) {
  const started = performance.now();
  const [program, ...args] = checks[name].run;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [`node_modules/${program}`, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.stderr.on('data', (text) => {
      output += text;
    });
    child.on('error', (error) => {
      output += error.message;
    });
    child.on('close', (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(
        `${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(7)} ${seconds.padStart(5)} s  ${checks[name].says}`,
      );
      if (code !== 0) console.log(`\n${output.trim().replace(/^/gm, '    ')}\n`);
      resolve(code === 0);
    });
  });
}

// The library imports the compiled kernels; a fresh clone has none.
await buildKernels();
const passed = await Promise.all((asked.length > 0 ? asked : Object.keys(checks)).map(run));
process.exitCode = passed.every(Boolean) ? 0 : 1;
