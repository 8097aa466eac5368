import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tables, withTables } from '../scripts/docs-tables.ts';
import { makeCache, reviewsCsv } from './docsFixture.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = ['README.md', 'CHANGELOG.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];
const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** The blocks of a page in a language, in order. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code);
}

/** A page's TypeScript blocks follow one another: together they are one program. */
const programs = pages.filter((page) => blocks(page, 'ts').length > 0);
const nameOf = (page: string) => page.replace(/\W/g, '-');

/** Runs a program. @returns exit code, standard output and error. */
function execute(program: string, args: readonly string[], options: { cwd: string; env?: Record<string, string> }) {
  return new Promise<{ code: number | string; output: string }>((settle) => {
    execFile(
      process.execPath,
      [join(root, 'node_modules', program), ...args],
      { ...options, env: { ...process.env, NODE_OPTIONS: '', ...options.env }, timeout: 100_000 },
      (error, stdout, stderr) =>
        settle({ code: error === null ? 0 : (error.code ?? -1), output: `${stdout}${stderr}` }),
    );
  });
}

describe('programs in the documentation', () => {
  let folder: string;
  let cache: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fettle-docs-'));
    cache = await makeCache(folder);
    for (const page of programs) {
      const own = join(folder, nameOf(page));
      mkdirSync(own);
      writeFileSync(join(own, 'reviews.csv'), reviewsCsv());
      writeFileSync(join(own, 'program.ts'), blocks(page, 'ts').join('\n'));
    }
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: { typeRoots: [join(root, 'node_modules/@types')], noUnusedLocals: false },
        include: ['*/program.ts'],
        exclude: [],
      }),
    );
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('all of them pass the type check', async () => {
    const { output } = await execute('typescript/bin/tsc', ['-p', '.'], { cwd: folder });
    // The library's own faults, which `npm run check` tells, are not the pages'.
    expect(output.split('\n').filter((line) => /^\S*program\.ts\(|^error/.test(line))).toEqual([]);
  });

  /** Runs a program from its source, with the stand-ins for what is in a user's cache. */
  const run = (program: string, cwd: string) =>
    execute('tsx/dist/cli.mjs', ['--tsconfig', join(folder, 'tsconfig.json'), program], {
      cwd,
      env: { HF_HOME: cache, HF_HUB_CACHE: join(cache, 'hub') },
    });

  test.each(programs)('%s runs from top to bottom and ends by itself', async (page) => {
    const own = join(folder, nameOf(page));
    const { code, output } = await run('program.ts', own);
    expect(code, output).toBe(0);
    if (page !== 'README.md') return;
    // The tutorial as it stands there: it prints a class and leaves a log.
    const [tutorial] = blocks(page, 'ts');
    for (const part of ["'glue', 'mrpc'", "'bert-base-uncased'", 'numTrainEpochs: 3', 'warmupSteps: 500']) {
      expect(tutorial).toContain(part);
    }
    expect(output).toMatch(/^[01]$/m);
    expect(existsSync(join(own, 'logs'))).toBe(true);
  });

  test('examples/custom-head.ts, which a page points to, checks its gradients and passes', async () => {
    const { code, output } = await run(join(root, 'examples/custom-head.ts'), folder);
    expect(code, output).toBe(0);
    expect(output).toContain('of finite differences');
  });
});

test.each(Object.keys(tables))('%s has the tables that the code makes (npm run docs writes them)', (page) => {
  expect(read(page)).toBe(withTables(page, read(page)));
});

test('every link to a file leads to one, and every page of docs/ is linked from the README', () => {
  const linksOf = (page: string) =>
    [...read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
      .map(([, target]) => target)
      .filter((to) => !/^https?:/.test(to));
  const broken = pages.flatMap((page) =>
    linksOf(page)
      .filter((target) => !existsSync(resolve(root, dirname(page), target)))
      .map((target) => `${page} → ${target}`),
  );
  expect(broken).toEqual([]);
  const linked = linksOf('README.md');
  expect(pages.filter((page) => page.startsWith('docs/') && !linked.includes(page))).toEqual([]);
});

test('commands that pages name are there', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const page of pages) {
    for (const [, name] of read(page).matchAll(/npm run ([\w:-]+)/g))
      expect(Object.keys(scripts), page).toContain(name);
  }
});
