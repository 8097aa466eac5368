import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { finiteDifferences, largestDifference } from '../../../test/testing/arrays.ts';
import { feedCase, traceCase } from '../../../test/testing/opCases.ts';
import { opTable } from '../../../test/testing/opTable.ts';
import { differentiate } from '../differentiate.ts';
import { interpret } from '../interpret.ts';
import { add, mul } from './arithmetic.ts';
import { sum } from './reductions.ts';

/** What src/graph/ops exports besides ops. */
const notOps = new Set(['unsqueezed']);

describe('the table of ops', () => {
  test('has a row for every op that src/graph/ops exports', async () => {
    const folder = fileURLToPath(new URL('.', import.meta.url));
    const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.includes('.test.'));
    expect(files.length).toBeGreaterThan(7);
    const modules = await Promise.all(files.map((name) => import(`./${name.slice(0, -3)}.ts`)));
    const exported = modules.flatMap((module) => Object.keys(module)).filter((name) => !notOps.has(name));
    const rows = new Set(opTable.map(({ op }) => op));
    expect(exported.filter((name) => !rows.has(name))).toEqual([]);
    expect([...rows].filter((name) => !exported.includes(name))).toEqual([]);
  });

  test('names each row once', () => {
    const titles = opTable.map(({ title }) => title);
    expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
  });
});

/*
 * Of loss = Σ weights ⊙ op(x, …), in float64: the derivative by rule against the central difference
 * (f(x + h) − f(x − h)) / 2h, whose error is about h² f‴ / 6 ≈ 1e-10.
 */
describe.each(opTable.filter(({ noDerivative }) => noDerivative === undefined))('$title', (row) => {
  test.each(row.lengths)('first and second derivatives at %j', (lengths) => {
    const { graph, loss, trainable } = traceCase(row);
    const gradients = differentiate(loss, trainable);
    const feeds = feedCase(row, graph, lengths);
    const reached = trainable.filter((_, i) => gradients[i] !== undefined);
    const made = interpret(
      graph,
      gradients.flatMap((gradient) => gradient ?? []),
      feeds,
    );
    for (const x of trainable) {
      const expected = finiteDifferences(graph, loss, feeds, x);
      if (reached.includes(x)) expect(largestDifference(made[reached.indexOf(x)], expected)).toBeLessThan(1e-7);
      else expect(expected.data.every((value) => value === 0)).toBe(true);
    }

    // The derivative of Σ (derivative)², a loss made of gradients.
    const squares = gradients.flatMap((gradient) => (gradient === undefined ? [] : [sum(mul(gradient, gradient))]));
    if (squares.length === 0) return;
    const penalty = squares.reduce((total, square) => add(total, square));
    const second = differentiate(penalty, trainable);
    for (const [i, x] of trainable.entries()) {
      const expected = finiteDifferences(graph, penalty, feeds, x);
      const gradient = second[i];
      if (gradient === undefined) expect(expected.data.every((value) => Math.abs(value) < 1e-7)).toBe(true);
      else expect(largestDifference(interpret(graph, [gradient], feeds)[0], expected)).toBeLessThan(1e-6);
    }
  });
});
