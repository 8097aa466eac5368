import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Trie } from './trie.ts';

/** What a walk along a text's units finds: the node behind the last, or −1. */
function find(trie: Trie, root: number, text: string): number {
  let node = trie.rootChild(root, text.charCodeAt(0));
  for (let i = 1; i < text.length && node !== -1; i++) node = trie.child(node, text.charCodeAt(i));
  return node;
}

const keys = fc.oneof(
  fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'abcé家') }),
  fc.string({ minLength: 1, maxLength: 4, unit: 'binary' }),
);
const lists = fc.array(fc.array(fc.tuple(keys, fc.nat(1_000_000)), { maxLength: 60 }), { minLength: 1, maxLength: 3 });

test('finds every key of each list with its last value, no other text, and knows beginnings from the rest', () => {
  fc.assert(
    fc.property(lists, fc.array(keys, { maxLength: 30 }), (entries, others) => {
      const trie = new Trie(entries);
      entries.forEach((list, root) => {
        const values = new Map(list);
        const beginnings = new Set([...values.keys()].flatMap((key) => Array.from(key, (_, i) => key.slice(0, i + 1))));
        for (const [key] of values) for (let i = 1; i <= key.length; i++) beginnings.add(key.slice(0, i));
        for (const text of [...values.keys(), ...beginnings, ...others]) {
          const node = find(trie, root, text);
          expect(node !== -1, text).toBe(beginnings.has(text));
          if (node !== -1) expect(trie.valueOf(node), text).toBe(values.get(text) ?? -1);
        }
      });
    }),
    { numRuns: 200 },
  );
});

test('many keys that fill the array beyond what was first set aside', () => {
  const wide = Array.from({ length: 3000 }, (_, i) => [String.fromCharCode(97 + (i % 7), 200 + i), i] as const);
  const trie = new Trie([wide, wide.map(([key, value]) => [`x${key}`, value + 1] as const)]);
  for (const [key, value] of wide) {
    expect(trie.valueOf(find(trie, 0, key))).toBe(value);
    expect(trie.valueOf(find(trie, 1, `x${key}`))).toBe(value + 1);
    expect(find(trie, 1, key)).toBe(key.startsWith('x') ? 0 : -1);
  }
});
