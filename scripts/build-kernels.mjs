// Compiles src/kernels/assembly with AssemblyScript and inlines the module as base64 in src/kernels/generated/kernels.ts:
// no file to find and nothing to fetch at run time, whatever the bundler. Run by itself or through `buildKernels()`.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const sources = new URL('../src/kernels/assembly/', import.meta.url);
const target = new URL('../src/kernels/generated/kernels.ts', import.meta.url);

const flags = [
  '--enable=simd,threads,bulk-memory',
  '--runtime=stub',
  '--importMemory',
  '--sharedMemory',
  '--initialMemory=1',
  '--maximumMemory=65536',
  '--optimizeLevel=3',
  '--shrinkLevel=0',
  '--converge',
  '--noAssert',
  '--use=abort=',
];

/**
 * Builds the kernels unless what stands was built from the same sources by the same compiler.
 * @returns {Promise<boolean>} whether anything was built.
 */
export async function buildKernels() {
  const names = (await readdir(sources)).filter((name) => name.endsWith('.ts')).sort();
  const files = await Promise.all(names.map(async (name) => [name, await readFile(new URL(name, sources), 'utf8')]));
  const hash = createHash('sha256')
    .update(JSON.stringify([asc.version, flags, files]))
    .digest('hex');
  const before = await readFile(target, 'utf8').catch(() => '');
  if (before.includes(`source: ${hash}`)) return false;

  const texts = new Map(files);
  let wasm;
  const { error, stderr } = await asc.main(['index.ts', '--outFile=kernels.wasm', ...flags], {
    readFile: (name) => texts.get(name.replace(/^\.\//, '')) ?? null,
    writeFile: (name, contents) => {
      if (name === 'kernels.wasm') wasm = contents;
    },
    listFiles: () => [],
  });
  if (error || !wasm) {
    throw new Error(`[build-kernels] AssemblyScript refuses the kernels:\n${stderr.toString()}`, { cause: error });
  }

  await mkdir(new URL('.', target), { recursive: true });
  const partial = new URL(`kernels.ts.${process.pid}.partial`, target);
  await writeFile(
    partial,
    `// Made by scripts/build-kernels.mjs; source: ${hash}\n` +
      `export const kernelsBase64 =\n  '${Buffer.from(wasm).toString('base64')}';\n`,
  );
  await rename(partial, target);
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.error((await buildKernels()) ? 'kernels built' : 'kernels are up to date');
}
