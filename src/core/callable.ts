class CallableObject {
  constructor(method: string) {
    const prototype = new.target.prototype as Record<string, (...parameters: unknown[]) => unknown>;
    const self = (...parameters: unknown[]) => (self as unknown as typeof prototype)[method](...parameters);
    Object.setPrototypeOf(self, prototype);
    // biome-ignore lint/correctness/noConstructorReturn: fields of subclasses, private ones too, are put on what is returned here
    return self as unknown as CallableObject;
  }
}

/**
 * The base of classes whose instances are called like functions, where the field's own words are calls: `tokenizer(text)`,
 * `model(inputs)`, `this.query(hidden)`. `class Scorer extends Callable<(x: number) => number>` with `super('score')`
 * makes `scorer(x)` the same as `scorer.score(x)`; the instance keeps its class, methods and fields.
 */
export const Callable = CallableObject as unknown as abstract new <F extends (...parameters: never[]) => unknown>(
  method: string,
) => F;
