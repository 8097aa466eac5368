import { afterEach, expect, test, vi } from 'vitest';
import { isInteractive, terminalWidth, toleratePipes } from './process.node.ts';

const before = {
  isTTY: Object.getOwnPropertyDescriptor(process.stderr, 'isTTY'),
  columns: Object.getOwnPropertyDescriptor(process.stderr, 'columns'),
  input: Object.getOwnPropertyDescriptor(process.stdin, 'isTTY'),
};
const restore = (stream: object, name: string, property: PropertyDescriptor | undefined) => {
  if (property === undefined) Reflect.deleteProperty(stream, name);
  else Object.defineProperty(stream, name, property);
};
afterEach(() => {
  restore(process.stderr, 'isTTY', before.isTTY);
  restore(process.stderr, 'columns', before.columns);
  restore(process.stdin, 'isTTY', before.input);
});

test.each([
  [true, 80, 80, true],
  [true, 0, undefined, false],
  [true, undefined, undefined, false],
  [false, 80, undefined, false],
])('terminal %s of %s columns', (isTTY, columns, width, interactive) => {
  Object.defineProperty(process.stderr, 'isTTY', { value: isTTY, configurable: true });
  Object.defineProperty(process.stderr, 'columns', { value: columns, configurable: true });
  Object.defineProperty(process.stdin, 'isTTY', { value: true, configurable: true });
  expect(terminalWidth()).toBe(width);
  expect(isInteractive()).toBe(interactive);
});

test('a reader of results that goes away ends the process quietly; one of messages does not', () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
  const stop = toleratePipes();
  try {
    const closed = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    expect(() => process.stderr.emit('error', closed)).not.toThrow();
    expect(() => process.stdout.emit('error', closed)).toThrow('exit 141');
    expect(() => process.stdout.emit('error', new Error('disk full'))).toThrow('disk full');
  } finally {
    stop();
    exit.mockRestore();
  }
});
