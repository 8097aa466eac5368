import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { tables, withTables } from '../scripts/docs-tables.ts';
import { pages, read, root } from './testing/docsPages.ts';

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
