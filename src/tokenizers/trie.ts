/** A key and its value, which is not negative. */
export type TrieEntry = readonly [key: string, value: number];

// What is known of a node, side by side in one array: a step is one memory access.
const BASE = 0; // the children's places: BASE + the unit's number
const PARENT = 1;
const VALUE = 2;
const STRIDE = 4;

/**
 * Several tries over UTF-16 units in one array, a double array (Aoe 1989): the child of a node along a unit stands, if there is
 * one, at the node's base plus the unit's number, and names the node as its parent. Trie k has a root of its own.
 */
export class Trie {
  readonly #cells: Int32Array;
  /** A number from 1 for each unit that occurs in a key; 0 for others, where no child ever stands. */
  readonly #numbers = new Uint16Array(0x10000);
  /** Children of the roots by unit: these have thousands. */
  readonly #rootChildren: readonly Int32Array[];

  /** @param lists the entries of each trie; of equal keys the last counts. Empty keys are left out. */
  constructor(lists: readonly (readonly TrieEntry[])[]) {
    const { firstChild, units, values } = levels(lists);
    const numbers = new Uint16Array(units.length);
    let alphabet = 1;
    for (let node = 0; node < units.length; node++) {
      if (this.#numbers[units[node]] === 0) this.#numbers[units[node]] = alphabet++;
      numbers[node] = this.#numbers[units[node]];
    }
    const { places, bases, size } = placeChildren(firstChild, numbers, lists.length, alphabet);
    this.#cells = new Int32Array(size * STRIDE);
    for (let node = 0; node < places.length; node++) {
      const at = places[node] * STRIDE;
      this.#cells[at + BASE] = bases[node];
      this.#cells[at + VALUE] = values[node];
      for (let child = firstChild[node]; child < firstChild[node + 1]; child++) {
        this.#cells[places[child] * STRIDE + PARENT] = places[node];
      }
    }
    this.#rootChildren = lists.map((_, root) => {
      const children = new Int32Array(0x10000).fill(-1);
      for (let child = firstChild[root]; child < firstChild[root + 1]; child++) children[units[child]] = places[child];
      return children;
    });
  }

  /** The value of the key that ends at a node, or −1. */
  valueOf(node: number): number {
    return this.#cells[node * STRIDE + VALUE];
  }

  /** The child of a node (no root) along a unit, or −1. */
  child(node: number, unit: number): number {
    const child = this.#cells[node * STRIDE + BASE] + this.#numbers[unit];
    return this.#cells[child * STRIDE + PARENT] === node ? child : -1;
  }

  /** The child of the root of the k-th trie along a unit, or −1. */
  rootChild(root: number, unit: number): number {
    return this.#rootChildren[root][unit];
  }
}

/** Nodes level by level, the roots first: a node's children lie from its `firstChild` to that of the next node. */
interface Levels {
  readonly firstChild: readonly number[];
  /** The unit that leads to each node; 0 for the roots. */
  readonly units: readonly number[];
  /** The value of the key that ends at each node, or −1. */
  readonly values: readonly number[];
}

function levels(lists: readonly (readonly TrieEntry[])[]): Levels {
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
  return { firstChild, units, values };
}

/**
 * Finds each node a place in the double array: those with many children choose a base first, the others fill the gaps. The
 * roots' children, which are found by a table, stand anywhere.
 */
function placeChildren(firstChild: readonly number[], numbers: Uint16Array, roots: number, alphabet: number) {
  const nodes = numbers.length;
  const places = new Int32Array(nodes);
  const bases = new Int32Array(nodes);
  // No base is negative where a first child's place is at least `alphabet`.
  let taken = new Uint8Array(2 * (nodes + alphabet));
  let free = alphabet;
  const takeNext = (node: number) => {
    while (taken[free] === 1) free++;
    taken[free] = 1;
    places[node] = free;
  };
  for (let root = 0; root < roots; root++) takeNext(root);
  const parents: number[][] = [];
  for (let node = roots; node < nodes; node++) {
    const count = firstChild[node + 1] - firstChild[node];
    if (count === 0) continue;
    parents[count] ??= [];
    parents[count].push(node);
  }
  for (let count = parents.length - 1; count > 0; count--) {
    // What did not fit a node with as many children seldom fits the next.
    let place = free;
    for (const node of parents[count] ?? []) {
      const first = firstChild[node];
      for (let child = first; child < first + count; ) {
        // Beyond its end the array is free.
        if (taken[place - numbers[first] + numbers[child]] !== 1) child++;
        else {
          place++;
          child = first;
        }
      }
      if (place + 2 * alphabet > taken.length) {
        const larger = new Uint8Array(2 * taken.length);
        larger.set(taken);
        taken = larger;
      }
      bases[node] = place - numbers[first];
      for (let child = first; child < first + count; child++) {
        places[child] = bases[node] + numbers[child];
        taken[places[child]] = 1;
      }
    }
  }
  for (let root = 0; root < roots; root++) {
    for (let child = firstChild[root]; child < firstChild[root + 1]; child++) takeNext(child);
  }
  // Whatever base and number a text brings together, there is a cell.
  return { places, bases, size: taken.lastIndexOf(1) + 1 + alphabet };
}
