/** A key and its value, which is not negative. */
export type TrieEntry = readonly [key: string, value: number];

// What is known of a node, side by side in one array.
const UNIT = 0;
const FIRST_CHILD = 1;
const VALUE = 2;
const STRIDE = 3;

/** Nodes with more children than this are searched by halving. */
const FEW = 8;

/**
 * Several tries over UTF-16 units in one array. Nodes are numbered level by level, so the children of a node lie side
 * by side, from its first child to that of the next node: a vocabulary of 30,000 pieces takes 1 MB, and a step is
 * seldom more than one memory access. Node k is the root of the k-th list.
 */
export class Trie {
  readonly #nodes: Int32Array;
  /** Children of the roots by unit: these have thousands. */
  readonly #rootChildren: readonly Int32Array[];

  /** @param lists the entries of each trie; of equal keys the last counts. Empty keys are left out. */
  constructor(lists: readonly (readonly TrieEntry[])[]) {
    const keys: string[] = [];
    const keyValues: number[] = [];
    // A node while it is built: its keys are those from `low` to `high`, equal up to `depth`.
    const lows: number[] = [];
    const highs: number[] = [];
    const depths: number[] = [];
    const units: number[] = [];
    const add = (low: number, high: number, depth: number, unit: number) => {
      lows.push(low);
      highs.push(high);
      depths.push(depth);
      units.push(unit);
    };
    for (const list of lists) {
      const ids = new Map(list);
      ids.delete('');
      const start = keys.length;
      // By UTF-16 units, which is how JavaScript compares strings.
      for (const key of [...ids.keys()].sort()) {
        keys.push(key);
        keyValues.push(ids.get(key)!);
      }
      add(start, keys.length, 0, 0);
    }
    const firstChild: number[] = [];
    const values: number[] = [];
    for (let node = 0; node < lows.length; node++) {
      const depth = depths[node];
      const high = highs[node];
      let low = lows[node];
      firstChild.push(lows.length);
      if (low < high && keys[low].length === depth) values.push(keyValues[low++]);
      else values.push(-1);
      while (low < high) {
        const unit = keys[low].charCodeAt(depth);
        const start = low++;
        while (low < high && keys[low].charCodeAt(depth) === unit) low++;
        add(start, low, depth + 1, unit);
      }
    }
    firstChild.push(lows.length);
    this.#nodes = new Int32Array(firstChild.length * STRIDE);
    for (let node = 0; node < firstChild.length; node++) {
      this.#nodes[node * STRIDE + UNIT] = units[node] ?? 0;
      this.#nodes[node * STRIDE + FIRST_CHILD] = firstChild[node];
      this.#nodes[node * STRIDE + VALUE] = values[node] ?? -1;
    }
    this.#rootChildren = lists.map((_, root) => {
      const children = new Int32Array(0x10000).fill(-1);
      for (let child = firstChild[root]; child < firstChild[root + 1]; child++) children[units[child]] = child;
      return children;
    });
  }

  /** The value of the key that ends at a node, or −1. */
  valueOf(node: number): number {
    return this.#nodes[node * STRIDE + VALUE];
  }

  /** The child of a node (no root) along a unit, or −1. */
  child(node: number, unit: number): number {
    const nodes = this.#nodes;
    let low = nodes[node * STRIDE + FIRST_CHILD];
    let high = nodes[(node + 1) * STRIDE + FIRST_CHILD];
    while (high - low > FEW) {
      const middle = (low + high) >> 1;
      if (nodes[middle * STRIDE + UNIT] <= unit) low = middle;
      else high = middle;
    }
    for (let child = low; child < high; child++) if (nodes[child * STRIDE + UNIT] === unit) return child;
    return -1;
  }

  /** The child of the root of the k-th trie along a unit, or −1. */
  rootChild(root: number, unit: number): number {
    return this.#rootChildren[root][unit];
  }
}
