// `npm run examples`: runs what examples/ holds, one after the other, as a user would after `npm run build`; ends with a table of
// results and with 1 where one fails. `--only NAME` runs one.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
/** What does not run here, and why. */
const elsewhere = {
  start: 'npm start',
  mrpc: 'needs bert-base-uncased and GLUE, from the Hugging Face Hub or its cache',
};
/** Each takes well under a minute on two quiet cores. */
const longestSeconds = 600;

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const found = readdirSync(`${root}examples`)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const names = values.only === undefined ? found.filter((name) => !(name in elsewhere)) : [values.only];
if (names.some((name) => !found.includes(name)))
  fail(`there is no example '${values.only}'; there are ${found.join(', ')}`);
if (!existsSync(`${root}dist/index.js`)) fail('the examples import the built package: npm run build');

const rows = names.map((name) => {
  console.log(`\n── ${name} ──`);
  const started = performance.now();
  const { status, signal, stdout, stderr, error } = spawnSync(
    process.execPath,
    ['node_modules/tsx/dist/cli.mjs', '--tsconfig', 'examples/tsconfig.json', `examples/${name}.ts`],
    { cwd: root, encoding: 'utf8', timeout: 1000 * longestSeconds, maxBuffer: 2 ** 28 },
  );
  const passed = status === 0 && error === undefined;
  // The log of the training goes to standard error: of interest where something is wrong.
  console.log(
    passed ? stdout.trim() : [stderr.trim(), stdout.trim(), error?.message, signal].filter(Boolean).join('\n'),
  );
  const result = stdout.trim().split('\n').at(-1);
  return { name, passed, result, seconds: (performance.now() - started) / 1000 };
});

const width = Math.max(...names.map((name) => name.length));
console.log();
for (const { name, passed, result, seconds } of rows) {
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${seconds.toFixed(0).padStart(4)} s  ${name.padEnd(width)}  ${result}`);
}
if (values.only === undefined)
  for (const [name, why] of Object.entries(elsewhere)) console.log(`not run: ${name} (${why})`);
if (rows.some(({ passed }) => !passed)) process.exitCode = 1;

function fail(message) {
  console.error(message);
  process.exit(1);
}
