import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unitOfCodePoint } from './characters.ts';

test('property: counts code points as an iteration over the text does', () => {
  fc.assert(
    fc.property(
      fc
        .array(fc.constantFrom('a', 'é', '한', '😀', '𝒳', '\ud83d', '\ude00'), { maxLength: 12 })
        .map((units) => units.join('')),
      fc.nat(14),
      (text, count) => {
        const characters = [...text];
        const expected = count <= characters.length ? characters.slice(0, count).join('').length : undefined;
        expect(unitOfCodePoint(text, count)).toBe(expected);
      },
    ),
  );
});

test('what is no count has no unit', () => {
  expect(unitOfCodePoint('a😀b', 2)).toBe(3);
  for (const none of [-1, 0.5, Number.NaN, 4]) expect(unitOfCodePoint('a😀b', none)).toBeUndefined();
});
