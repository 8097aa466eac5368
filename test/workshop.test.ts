import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fettle-workshop-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, content: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

function node(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

describe('the layer check refuses', () => {
  /** The rules that a tree of files breaks, as `rule: from → to`. */
  function broken(files: Readonly<Record<string, string>>): string[] {
    for (const name of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
      cpSync(join(root, name), join(folder, name));
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const [path, content] of Object.entries(files)) write(path, content);
    const { output } = node(
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config=.dependency-cruiser.cjs',
      '--output-type=json',
      'src',
    );
    const { summary } = JSON.parse(output) as {
      summary: { violations: { from: string; rule: { name: string } }[] };
    };
    return [...new Set(summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`))].sort();
  }

  const leaf = 'export const leaf = 1;\n';

  test('every forbidden import, and no allowed one', () => {
    expect(
      broken({
        'src/core/a.ts': leaf,
        'src/core/upwards.ts': "import '../data/index.ts';\n",
        'src/core/upwardsType.ts': "import type { leaf } from '../data/index.ts';\nexport type A = typeof leaf;\n",
        'src/core/node.ts': "import 'node:fs';\n",
        'src/core/anything.test.ts': "import 'node:fs';\nimport '../training/fine.ts';\n",
        'src/platform/files.node.ts': "import 'node:fs';\nimport 'koffi';\n",
        'src/platform/process.node.ts': leaf,
        'src/formats/native.ts': "import 'koffi';\n",
        'src/hub/byPath.ts': "import '../platform/files.node.ts';\n",
        'src/hub/byName.ts': "import '#platform/files';\n",
        'src/hub/process.ts': "import '#platform/process';\n",
        'src/graph/ops/sum.ts': "import { mul } from './mul.ts';\nexport const sum = () => mul;\n",
        'src/graph/ops/mul.ts': "import { sum } from './sum.ts';\nexport const mul = () => sum;\n",
        'src/graph/ops/leaking.ts': "import { back } from '../back.ts';\nexport const leaking = () => back;\n",
        'src/graph/back.ts': "import { leaking } from './ops/leaking.ts';\nexport const back = () => leaking;\n",
        'src/graph/value.ts': "import type { Op } from './op.ts';\nexport interface Value { op: Op }\n",
        'src/graph/op.ts': "import type { Value } from './value.ts';\nexport interface Op { value: Value }\n",
        'src/engine/engine.ts': leaf,
        'src/engine/arena.ts': leaf,
        'src/engine/inside.ts': leaf,
        'src/models/arena.ts': "import '../engine/arena.ts';\n",
        'src/models/reaching.ts': "import '../engine/inside.ts';\n",
        'src/data/index.ts': leaf,
        'src/data/rows.ts': leaf,
        'src/tasks/rows.ts': "import '../data/rows.ts';\n",
        'src/training/fine.ts': "import '../engine/engine.ts';\nimport '../data/index.ts';\n",
        'src/training/weights.ts': "import '../engine/arena.ts';\n",
        'src/training/round.ts': "import { trip } from './trip.ts';\nexport const round = () => trip;\n",
        'src/training/trip.ts': "import { round } from './round.ts';\nexport const trip = () => round;\n",
        'src/training/parser.ts': "import 'commander';\n",
        'src/training/tool.ts': "import 'typescript';\n",
        'src/training/tested.ts': "import '../core/anything.test.ts';\n",
        'src/training/missing.ts': "import './nowhere.ts';\n",
        'src/attic/index.ts': leaf,
        'src/training/attic.ts': "import '../attic/index.ts';\n",
        'src/cli/program.ts': "import 'commander';\nimport '#platform/process';\n",
      }),
    ).toEqual([
      'circle-of-ops-stays-there: src/graph/ops/leaking.ts',
      'commander-for-the-command: src/training/parser.ts',
      'declared-packages: src/training/tool.ts',
      'engine-by-its-interface: src/models/reaching.ts',
      'folders-by-their-index: src/tasks/rows.ts',
      'known-folders: src/training/attic.ts',
      'layer-core: src/core/upwards.ts',
      'layer-core: src/core/upwardsType.ts',
      'native-in-platform: src/formats/native.ts',
      'no-circle: src/graph/back.ts',
      // A circle is told once, from the file that it is first met at.
      'no-circle: src/training/round.ts',
      'no-test-in-the-library: src/training/tested.ts',
      'platform-alone: src/core/node.ts',
      'platform-by-name: src/hub/byPath.ts',
      'process-for-the-command: src/hub/process.ts',
      'resolvable: src/training/missing.ts',
      'training-touches-no-weight: src/training/weights.ts',
    ]);
  });
});

describe('the count of tests', () => {
  const counts = join(root, 'scripts/test-counts.mjs');
  const report = (passed: number, failed: number, pending: number, testResults: readonly object[] = []) =>
    JSON.stringify({
      numPassedTests: passed,
      numFailedTests: failed,
      numPendingTests: pending,
      numTodoTests: 0,
      testResults,
    });

  test('adds runs up', () => {
    const { status, output } = node(
      counts,
      write('a.json', report(3, 0, 1)),
      write('b.json', report(4, 0, 2, [{ status: 'passed', assertionResults: [] }])),
    );
    expect(output).toBe('7 passed, 0 failed, 3 skipped\n');
    expect(status).toBe(0);
  });

  test('a file that could not be loaded is a failure, and is not counted twice', () => {
    const results = [
      { status: 'failed', assertionResults: [] },
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
    ];
    const { status, output } = node(counts, write('a.json', report(3, 1, 0, results)));
    expect(output).toBe('3 passed, 2 failed, 0 skipped\n');
    expect(status).toBe(1);
  });

  test('a run without a report is a failure', () => {
    const { status, output } = node(counts, write('a.json', report(3, 0, 0)), join(folder, 'none.json'));
    expect(output).toMatch(/none\.json: ENOENT/);
    expect(output).toMatch(/^3 passed, 1 failed, 0 skipped$/m);
    expect(status).toBe(1);
  });
});
