import { vi } from 'vitest';
import { runCommand } from '../../src/cli/program.ts';

/** Runs the command in this process, and catches what it writes. */
export async function fettle(...line: string[]): Promise<{ code: number; output: string; errors: string }> {
  const caught = { output: '', errors: '' };
  const catching = (name: keyof typeof caught) => (text: unknown) => {
    caught[name] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(catching('output')),
    vi.spyOn(process.stderr, 'write').mockImplementation(catching('errors')),
  ];
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await runCommand(line);
    return { code: Number(process.exitCode ?? 0), ...caught };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = before;
  }
}
