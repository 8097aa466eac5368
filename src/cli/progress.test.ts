import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Progress } from './progress.ts';

/** What a run of a day's steps, one a second, writes to a stream of this width. */
function watch(width: number | undefined, environment: Readonly<Record<string, string>>, seconds: number): string[] {
  const written: string[] = [];
  for (const [name, value] of Object.entries({ TERM: '', NO_COLOR: '', LC_ALL: 'C.UTF-8', ...environment }))
    vi.stubEnv(name, value);
  const { isTTY, columns } = process.stderr;
  Object.assign(process.stderr, { isTTY: width !== undefined, columns: width });
  let now = 0;
  const spies = [
    vi.spyOn(performance, 'now').mockImplementation(() => now),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    }),
  ];
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
    Object.assign(process.stderr, { isTTY, columns });
    vi.unstubAllEnvs();
  });
  const progress = new Progress();
  const counts = { examples: 8, epochs: 1, totalSteps: seconds, warmupSteps: 0, batchSize: 8 };
  progress.show({ type: 'begin', ...counts, parameters: 1, trainedParameters: 1 });
  for (let step = 1; step <= seconds; step++) {
    now = step * 1000;
    const numbers = { epoch: step / seconds, loss: 0.5, gradientNorm: 1, learningRate: 1e-5, tokens: 9 };
    progress.show({ type: 'step', step, totalSteps: seconds, ...numbers });
  }
  return written;
}

describe('progress', () => {
  test('without a terminal: plain lines, ever farther apart, and the last', () => {
    const lines = watch(undefined, {}, 86_400);
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.length).toBeLessThan(80);
    for (const sign of ['\r', '\x1b', '█']) expect(lines.join('')).not.toContain(sign);
    expect(lines[1]).toMatch(/^\d+\/86400, epoch 0\.00, loss 0\.5000, 1\.00 steps\/s, \d+:\d\d:\d\d left\n$/);
    expect(lines.at(-1)).toMatch(/^86400\/86400, .* 0:00 left\n$/);
    const at = lines.map((line) => Number(line.split('/')[0]));
    expect(at[1] - at[0]).toBe(5);
  });

  test('on a terminal: one line that is drawn over, not wider than the terminal', () => {
    const drawn = watch(100, {}, 20);
    expect(drawn).toHaveLength(20);
    for (const each of drawn) {
      expect(each.startsWith('\r\x1b[2K')).toBe(true);
      expect(each.length - '\r\x1b[2K'.length).toBeLessThan(100);
    }
    expect(drawn[10]).toMatch(/█+░+ 11\/20/);
  });

  test('in ASCII under NO_COLOR, and in plain lines on a dumb terminal', () => {
    expect(watch(100, { NO_COLOR: '1' }, 20)[10]).toMatch(/#+-+ 11\/20/);
    expect(watch(100, { TERM: 'dumb' }, 20).join('')).not.toContain('\r');
  });
});
