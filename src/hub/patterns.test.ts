import { expect, test } from 'vitest';
import { retryAfterOf } from './failures.ts';
import { faultOfPath } from './names.ts';
import { choosePaths } from './patterns.ts';
import { formatBytes } from './progress.ts';

// What Python's fnmatch says to each.
test.each([
  ['*.json', ['a.json', 'b/c.json'], ['a.json5', 'json']],
  ['data/', ['data/a', 'data/b/c'], ['data', 'other/data/a']],
  ['a?c', ['abc', 'a/c'], ['ac', 'abbc']],
  ['[ab]x', ['ax', 'bx'], ['cx', '[ab]x']],
  ['[!ab]x', ['cx', '!x'], ['ax', 'bx']],
  ['[]]x', [']x'], ['x']],
  ['[x', ['[x'], ['x']],
  ['a[*]b', ['a*b'], ['aab']],
  ['a.(b)+{c}^$|\\d', ['a.(b)+{c}^$|\\d'], ['axbc']],
  ['**', ['', 'a/b'], []],
])('%s', (pattern, fits, not) => {
  expect(choosePaths([...fits, ...not], { allowPatterns: pattern })).toEqual(fits);
  expect(choosePaths([...fits, ...not], { ignorePatterns: [pattern] })).toEqual(not);
});

test('many stars take no time', () => {
  const started = performance.now();
  expect(choosePaths(['a'.repeat(200)], { allowPatterns: `${'*'.repeat(50)}b` })).toEqual([]);
  expect(performance.now() - started).toBeLessThan(200);
});

test('Retry-After: seconds or a date', () => {
  const now = Date.UTC(2026, 0, 1);
  expect([null, '5', ' 7 ', 'soon'].map((header) => retryAfterOf(header, now))).toEqual([undefined, 5, 7, undefined]);
  expect(retryAfterOf('Thu, 01 Jan 2026 00:00:09 GMT', now)).toBe(9);
  expect(retryAfterOf('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
});

test('paths that stay inside, and sizes as people read them', () => {
  for (const path of ['a', 'a/b.c', 'ä/ö', '..a', 'a..b', '.gitattributes'])
    expect(faultOfPath(path), path).toBeUndefined();
  for (const path of ['', '..', 'a/..', '/a', 'a/', 'a//b', './a', 'C:a', 'a\\b', 'a\0'])
    expect(faultOfPath(path), path).toBeDefined();
  expect([0, 999, 1000, 999_999, 440e6, 1.5e13].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '1 MB',
    '440 MB',
    '15 TB',
  ]);
});
