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

class CallableObject {
  constructor(method: string) {
    const prototype = new.target.prototype as Record<string, (...parameters: never[]) => unknown>;
    const self: typeof prototype & ((...parameters: never[]) => unknown) = callable(
      prototype,
      (...parameters: never[]) => self[method](...parameters),
    );
    // biome-ignore lint/correctness/noConstructorReturn: fields of subclasses, private ones too, are put on what is returned here
    return self as unknown as CallableObject;
  }
}

/**
 * The base of classes whose instances are called like functions: `class Scorer extends Callable<(x: number) => number>`
 * with `super('score')` makes `scorer(x)` the same as `scorer.score(x)`.
 */
export const Callable = CallableObject as unknown as abstract new <F extends (...parameters: never[]) => unknown>(
  method: string,
) => F;
