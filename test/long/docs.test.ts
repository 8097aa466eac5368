import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCache, reviewsCsv } from '../docsFixture.ts';
import { blocks, execute, nameOf, programs, root } from '../testing/docsPages.ts';

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
