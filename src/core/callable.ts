/**
 * Makes `instance` callable: the returned function has the instance's class, methods and fields, and calling it calls `call`.
 * Used where the field's own words are calls: `tokenizer(text)`, `model(inputs)`, `this.query(hidden)`.
 */
export function callable<F extends (...parameters: never[]) => unknown, T extends object>(
  prototype: T,
  call: F,
): F & T {
  const self = (...parameters: Parameters<F>) => call(...parameters);
  Object.setPrototypeOf(self, prototype);
  return self as unknown as F & T;
}
