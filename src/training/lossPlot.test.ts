import { describe, expect, test } from 'vitest';
import { plotLosses } from './lossPlot.ts';
import type { LogEntry } from './trainerState.ts';

const log: LogEntry[] = [
  { step: 10, epoch: 0.5, loss: 0.8 },
  { step: 20, epoch: 1, loss: 0.6 },
  { step: 20, epoch: 1, eval_loss: 0.7, eval_accuracy: 0.5 },
  { step: 30, epoch: 1.5, loss: 0.4 },
  { step: 40, epoch: 2, loss: 0.3 },
  { step: 40, epoch: 2, eval_loss: 0.5 },
  { step: 50, epoch: 2.5, loss: 0.2 },
  { step: 50, epoch: 2.5, eval_loss: 0.6 },
  { step: 50, epoch: 2.5, train_loss: 0.46, train_runtime: 3 },
];

describe('plotLosses', () => {
  test('in ASCII, readable by eye', () => {
    expect(plotLosses(log, { ascii: true, width: 40, height: 7 })).toBe(
      [
        '0.80 +..',
        '     |  ....  o',
        '     |      .....                      o',
        '0.50 +           ....          @',
        '     |               ......',
        '     |                     ........',
        '0.20 +                             .....',
        '     +----------------------------------',
        '      step 10                         50',
        '      . training loss   o validation loss, @ lowest: 0.5000, step 40',
        '',
      ].join('\n'),
    );
  });

  test('in Braille: as wide as asked, lowest filled', () => {
    const lines = plotLosses(log, { width: 50, height: 8 }).split('\n');
    expect(lines).toHaveLength(8 + 3 + 1);
    for (const line of lines.slice(0, 9)) expect(line.length).toBeLessThanOrEqual(50);
    const drawn = lines.slice(0, 8).join('');
    expect(drawn.match(/○/g)).toHaveLength(2);
    expect(drawn.match(/●/g)).toHaveLength(1);
    expect(drawn).toMatch(/[\u2801-\u28ff]{3}/);
    expect(lines.at(-2)).toContain('● lowest: 0.5000, step 40');
  });

  test('a level curve stands in the middle', () => {
    const level = [1, 2, 3].map((step) => ({ step, loss: 0.5 }));
    const lines = plotLosses(level, { ascii: true, width: 30, height: 5 }).split('\n');
    expect(lines[2]).toMatch(/0\.\d+ \+\.+$/);
  });

  test('what cannot be drawn is nothing; what is no number is left out', () => {
    expect(plotLosses([])).toBe('');
    expect(plotLosses([{ step: 1, loss: 0.5 }])).toBe('');
    expect(
      plotLosses([
        { step: 1, loss: 0.5 },
        { step: 1, eval_loss: 0.4 },
      ]),
    ).toBe('');
    const broken = [...log, { step: 60, loss: Number.NaN }, { step: 70, eval_loss: Infinity }];
    expect(plotLosses(broken)).toBe(plotLosses(log));
  });

  test('one log line and evaluations: the training loss is what these tell', () => {
    const told = [10, 20, 30].map((step) => ({ step, train_loss: 1 / step, eval_loss: 0.5 }));
    expect(plotLosses(told, { ascii: true })).toContain('. training loss');
    expect(plotLosses(told.map(({ step, eval_loss }) => ({ step, eval_loss })))).not.toContain('training loss');
  });

  test('a long log', () => {
    const long = Array.from({ length: 200_000 }, (_, i) => ({ step: i + 1, loss: 1 / (i + 1) }));
    expect(plotLosses(long).split('\n')).toHaveLength(14);
  });
});
