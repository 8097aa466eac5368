/** A typed array that doubles when full. */
export class GrowingArray<T extends Uint8Array | Uint32Array | Float64Array> {
  length = 0;
  #values: T;
  readonly #make: (length: number) => T;

  constructor(make: (length: number) => T, capacity = 64) {
    this.#make = make;
    this.#values = make(capacity);
  }

  push(value: number): void {
    this.reserve(1);
    this.#values[this.length++] = value;
  }

  /** Makes room for `count` more values and returns the whole buffer; a caller who fills it raises `length` itself. */
  reserve(count: number): T {
    if (this.length + count > this.#values.length) {
      const grown = this.#make(Math.max(this.#values.length * 2, this.length + count));
      grown.set(this.#values.subarray(0, this.length));
      this.#values = grown;
    }
    return this.#values;
  }

  /** The values, in a buffer of exactly their size. */
  take(): T {
    return this.#values.length === this.length ? this.#values : (this.#values.slice(0, this.length) as T);
  }
}

/** Which rows are present; costs nothing until the first missing one. */
export class PresenceBuilder {
  length = 0;
  #missing: number[] = [];

  push(present: boolean): void {
    if (!present) this.#missing.push(this.length);
    this.length++;
  }

  take(): Uint8Array | undefined {
    if (this.#missing.length === 0) return undefined;
    const present = new Uint8Array(this.length).fill(1);
    for (const row of this.#missing) present[row] = 0;
    return present;
  }
}
