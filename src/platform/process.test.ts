import { afterEach, expect, test } from 'vitest';
import { isInteractive, terminalWidth } from './process.node.ts';

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
