import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly imports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly sideEffects: boolean;
  readonly type: string;
  readonly license: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

/** The source of a built file: `./dist/data/index.d.ts` → `src/data/index.ts`. */
function sourceOf(built: string): string {
  return join(root, built.replace('./dist/', 'src/').replace(/\.d\.ts$|\.js$/, '.ts'));
}

/** The sources of the library, without its tests. */
function libraryFiles(): string[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((file) => `src/${file}`)
    .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|\/testModels\.ts$|\/kernels\/assembly\//.test(file));
}

const known = new Map<string, readonly string[]>();

/** What a file imports when it runs: types are gone by then. */
function importsOf(file: string): readonly string[] {
  const imports = known.get(file) ?? readImports(file);
  known.set(file, imports);
  return imports;
}

function readImports(file: string): readonly string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const bindings = node.importClause?.namedBindings;
      const onlyTypes =
        node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
        (node.importClause?.name === undefined &&
          bindings !== undefined &&
          ts.isNamedImports(bindings) &&
          bindings.elements.every((element) => element.isTypeOnly));
      if (!onlyTypes) found.push((node.moduleSpecifier as ts.StringLiteral).text);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      const clause = node.exportClause;
      const onlyTypes =
        node.isTypeOnly ||
        (clause !== undefined && ts.isNamedExports(clause) && clause.elements.every((element) => element.isTypeOnly));
      if (!onlyTypes) found.push((node.moduleSpecifier as ts.StringLiteral).text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      found.push(ts.isStringLiteralLike(specifier) ? specifier.text : specifier.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Every file that runs when `entry` is imported, and every package by who imports it; `#platform/*` as `twin` has it. */
function reach(entry: string, twin: 'browser' | 'node') {
  const files = new Set<string>();
  const packages = new Map<string, string>();
  const pending = [entry];
  while (pending.length > 0) {
    const file = pending.pop()!;
    if (files.has(file)) continue;
    files.add(file);
    for (const specifier of importsOf(file)) {
      const platform = /^#platform\/(.+)$/.exec(specifier)?.[1];
      if (platform !== undefined) pending.push(join(root, `src/platform/${platform}.${twin}.ts`));
      else if (specifier.startsWith('.')) pending.push(resolve(dirname(file), specifier));
      else packages.set(specifier, relative(root, file));
    }
  }
  return { files, packages };
}

describe('package.json', () => {
  test('every export and the command stand on a source file', () => {
    const targets = Object.entries(manifest.exports).flatMap(([path, target]) =>
      typeof target === 'string' ? [] : Object.values(target).map((file) => [path, file] as const),
    );
    expect(targets.length).toBeGreaterThan(0);
    const missing = [...targets, ...Object.entries(manifest.bin)].filter(([, file]) => !existsSync(sourceOf(file)));
    expect(missing).toEqual([]);
  });

  test('types come first, so that TypeScript sees them', () => {
    for (const target of Object.values(manifest.exports)) {
      if (typeof target !== 'string') expect(Object.keys(target)[0]).toBe('types');
    }
  });

  test('the command is a program', () => {
    expect(readFileSync(sourceOf(manifest.bin['fettle']), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test('modules only, free of side effects, and never an engine that may silently be missing', () => {
    expect(manifest.type).toBe('module');
    expect(manifest.sideEffects).toBe(false);
    expect(manifest.optionalDependencies).toBeUndefined();
    // transformers.js pins this version; two versions of the library in one process can clash.
    expect(manifest.dependencies['onnxruntime-node']).toBe('1.30.0');
  });

  test('the licence is there, and goes with the package', () => {
    expect(manifest.license).toBe('Apache-2.0');
    expect(readFileSync(join(root, 'LICENSE'), 'utf8')).toMatch(/^\s+Apache License\n\s+Version 2\.0, January 2004\n/);
    expect(manifest.files).toContain('LICENSE');
  });

  test('nothing runs on a user’s machine when the package is installed', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in manifest.scripts);
    expect(hooks).toEqual([]);
  });
});

/** `yaml` of `yaml/browser`, `@huggingface/hub` of itself. */
const packageOf = (name: string) =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');

describe('the library in a browser', () => {
  const entries = Object.values(manifest.exports)
    .filter((target) => typeof target !== 'string')
    .map((target) => sourceOf(target['default']))
    .filter((file) => existsSync(file));

  test('imports neither Node nor a native package', () => {
    for (const entry of entries) {
      const { packages, files } = reach(entry, 'browser');
      expect(files.size).toBeGreaterThan(1);
      const unfit = [...packages].filter(([name]) => /^node:|^koffi$|^onnxruntime-node/.test(name));
      expect(unfit, `from ${relative(root, entry)}`).toEqual([]);
    }
  });

  test('imports only declared packages, and the command’s parser is not among them', () => {
    for (const entry of entries) {
      const names = [...reach(entry, 'browser').packages.keys()].map(packageOf);
      expect(names.filter((name) => !(name in manifest.dependencies))).toEqual([]);
      expect(names).not.toContain('commander');
    }
  });

  test('in Node the same walk finds what the browser must not have: the walk sees', () => {
    const { packages } = reach(join(root, 'src/index.ts'), 'node');
    expect([...packages.keys()].some((name) => name.startsWith('node:'))).toBe(true);
  });

  test('what is asked of #platform has a twin for browsers; the command’s process alone has none', () => {
    const exportsOf = (file: string) => {
      const path = join(root, 'src/platform', file);
      if (!existsSync(path)) return undefined;
      const declared = readFileSync(path, 'utf8').matchAll(
        /^export (?:async )?(?:function\*?|const|class|let) (\w+)/gm,
      );
      return new Set([...declared].map(([, name]) => name));
    };
    const missing: string[] = [];
    let asked = 0;
    for (const file of libraryFiles()) {
      const text = readFileSync(join(root, file), 'utf8');
      for (const [, list, platform] of text.matchAll(/^import \{([^}]*)\} from '#platform\/(\w+)'/gm)) {
        const names = list.split(',').map((name) => name.trim());
        for (const name of names.filter((word) => word !== '' && !word.startsWith('type '))) {
          asked++;
          expect(exportsOf(`${platform}.node.ts`), `${platform}.node.ts`).toContain(name);
          if (exportsOf(`${platform}.browser.ts`)?.has(name) !== true) missing.push(`${platform} ${file}`);
        }
      }
    }
    expect(asked).toBeGreaterThan(20);
    expect([...new Set(missing)].filter((place) => !place.startsWith('process src/cli/'))).toEqual([]);
  });
});

test('nothing happens on import: no file of the library awaits at its top level', () => {
  const files = libraryFiles();
  const awaiting = files.filter((file) => {
    const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.ES2022, true);
    let found = false;
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node)) return;
      if (ts.isAwaitExpression(node)) found = true;
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
  expect(files.length).toBeGreaterThan(50);
  expect(awaiting).toEqual([]);
});
