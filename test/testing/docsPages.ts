import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
/** The pages of the documentation, by their paths from the root. */
export const pages = ['README.md', 'CHANGELOG.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];

/** A page's text. */
export const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** The blocks of a page in a language, in order. */
export function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code);
}

/** A page's TypeScript blocks follow one another: together they are one program. */
export const programs = pages.filter((page) => blocks(page, 'ts').length > 0);

/** A page's name as a folder's. */
export const nameOf = (page: string) => page.replace(/\W/g, '-');

/** Runs a program. @returns exit code, standard output and error. */
export function execute(
  program: string,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
) {
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
