// `npm run smoke`: what a user of the published package gets. Packs the package, installs the tarball into an empty folder,
// and there: imports and requires it, trains and asks a tiny model, runs the command, and type-checks a strict consumer.
// publint and arethetypeswrong judge the tarball. Exits with 1 where anything fails.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fettle-smoke-'));
const consumer = join(folder, 'consumer');

let failures = 0;

/** Runs a step and says how it went, with its output where it failed. @returns what it wrote to standard output, if it passed. */
function step(name, command, args, cwd = consumer) {
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = status === 0 && error === undefined;
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${seconds.padStart(5)} s  ${name}`);
  if (!passed) {
    failures++;
    console.log([error?.message, stdout, stderr].filter(Boolean).join('\n'));
    return undefined;
  }
  return stdout;
}

/** {@link step}, where nothing after it makes sense without it. */
function neededStep(...parameters) {
  const output = step(...parameters);
  if (output === undefined) end();
  return output;
}

function verify(fact, what) {
  if (fact) return;
  failures++;
  console.log(`FAILED          ${what}`);
}

function end() {
  rmSync(folder, { recursive: true, force: true });
  console.log(failures === 0 ? 'the package works' : `${failures} steps failed`);
  process.exit(failures === 0 ? 0 : 1);
}

/** The program of a user who has nothing but the package: no file, no name in a cache, no network. */
const program = `
const texts = ['a good film', 'a bad film', 'good and warm', 'bad and cold'];
const labels = ['good', 'bad', 'good', 'bad'];
const trainDataset = Dataset.fromRows(texts.map((text, i) => ({ text, label: labels[i] })));
const vocab = trainWordPiece(texts, { vocabSize: 100, minFrequency: 1 });
const tokenizer = new BertTokenizer({ vocab, modelMaxLength: 32 });
const model = await BertForSequenceClassification.fromConfig(
  bertConfig({ vocabSize: vocab.length, hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 32, maxPositionEmbeddings: 32 }),
);
const trainer = new Trainer({ model, tokenizer, trainDataset, args: { maxSteps: 2, perDeviceTrainBatchSize: 4 } });
const { globalStep } = await trainer.train();
const { logits } = await model(tokenizer(texts));
await trainer.saveModel('saved');
await model.dispose();
if (globalStep !== 2 || logits.dims.join() !== '4,2' || !logits.data.every(Number.isFinite)) {
  throw new Error(\`\${globalStep} steps, logits of \${logits.dims}: \${logits.data}\`);
}
`;
const names = 'BertForSequenceClassification, BertTokenizer, bertConfig, Dataset, Trainer, trainWordPiece';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const subpaths = Object.keys(manifest.exports).filter((path) => path !== './package.json');
const specifiers = subpaths.map((path) => path.replace('.', 'fettle'));

neededStep('build', process.execPath, ['scripts/build.mjs'], root);
const packed = JSON.parse(neededStep('npm pack', 'npm', ['pack', '--json', '--pack-destination', folder], root));
const tarball = join(folder, packed[0].filename);
console.log(
  `              ${packed[0].entryCount} files, ${(packed[0].size / 1e3).toFixed(0)} kB packed, ${(packed[0].unpackedSize / 1e3).toFixed(0)} kB unpacked`,
);
const stray = packed[0].files.map(({ path }) => path).filter((path) => /\.test\.|testModels|tsbuildinfo/.test(path));
verify(stray.length === 0, `the tarball holds files of the workshop: ${stray.join(', ')}`);
step('publint', process.execPath, ['node_modules/publint/src/cli.js', 'run', tarball, '--strict'], root);
step(
  'arethetypeswrong, for ECMAScript modules',
  process.execPath,
  ['node_modules/@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only', '--no-emoji'],
  root,
);

mkdirSync(consumer);
writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
neededStep('npm install --ignore-scripts', 'npm', [
  'install',
  '--ignore-scripts',
  '--prefer-offline',
  '--no-audit',
  '--no-fund',
  tarball,
]);

writeFileSync(join(consumer, 'program.mjs'), `import { ${names} } from 'fettle';\n${program}`);
step('import, train, ask, save; ends by itself', process.execPath, ['program.mjs']);
writeFileSync(
  join(consumer, 'all.mjs'),
  `for (const name of ${JSON.stringify(specifiers)}) if (Object.keys(await import(name)).length === 0) throw new Error(name);\n`,
);
step(`import of ${specifiers.join(', ')}`, process.execPath, ['all.mjs']);
writeFileSync(
  join(consumer, 'program.cjs'),
  `const { ${names} } = require('fettle');\n(async () => {${program}})().catch((error) => { console.error(error); process.exitCode = 1; });\n`,
);
step('require', process.execPath, ['program.cjs']);

writeFileSync(
  join(consumer, 'workers.mjs'),
  `import { Dataset, transforms } from 'fettle/data';
const dataset = Dataset.fromRows(Array.from({ length: 50 }, (_, i) => ({ text: \`<b>row</b> \${i}\` })));
const cleaned = await dataset.map(transforms.clean({ texts: 'text', html: true }), { numProc: 2 });
const texts = [...cleaned].map(({ text }) => text);
if (texts.some((text, i) => text !== \`row \${i}\`)) throw new Error(texts.join());
`,
);
step('a transform of the package, on workers', process.execPath, ['workers.mjs']);

const help = step('fettle --help', 'npx', ['--no-install', 'fettle', '--help']);
for (const command of ['train', 'evaluate', 'predict']) {
  verify(help?.includes(command), `fettle --help does not name ${command}`);
}
const asked = ['predict', '--model', 'saved', '--text', 'a good film', '--json'];
const said = step('fettle predict --json', 'npx', ['--no-install', 'fettle', ...asked]);
verify(/^\{"predictions":\[\{.*"label":"(good|bad)"/.test(said ?? ''), `fettle predict said ${said}`);

// What a TypeScript user compiles: the README's programs, strictly, the declarations of the package among it.
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const snippets = [...readme.matchAll(/^```ts[^\n]*\n([\s\S]*?)^```/gm)].map(([, code]) => code);
verify(snippets.length > 0, 'the README has no program');
writeFileSync(join(consumer, 'readme.ts'), snippets.join('\n'));
writeFileSync(
  join(consumer, 'tsconfig.json'),
  JSON.stringify({
    compilerOptions: {
      target: 'ES2022',
      lib: ['ES2023', 'DOM'],
      module: 'NodeNext',
      moduleResolution: 'NodeNext',
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    },
    files: ['readme.ts'],
  }),
);
step("a strict TypeScript consumer of the README's programs", process.execPath, [
  join(root, 'node_modules/typescript/bin/tsc'),
  '-p',
  '.',
]);
end();
