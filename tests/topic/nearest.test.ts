import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearest } from '../../src/topic/nearest.ts';

const KEYS = ['topic', 'title', 'stability', 'see_also', 'see_also_replace'];

for (const [word, expected] of [
  ['titel', 'title'],
  ['tittle', 'title'],
  ['topics', 'topic'],
  ['Stability', 'stability'],
  ['see-also', 'see_also'],
  ['stabilty', 'stability'],
  ['seealso', 'see_also'],
  ['x', undefined],
  ['author', undefined],
  ['', undefined],
] as const) {
  test(`${JSON.stringify(word)} is meant as ${expected ?? 'nothing known'}`, () => {
    assert.equal(nearest(word, KEYS), expected);
  });
}

test('a candidate is nearest to itself, in any case', () => {
  const word = fc.stringMatching(/^[a-z_]{1,12}$/);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
      const [first = ''] = words;
      assert.equal(nearest(first.toUpperCase(), words), first);
    }),
  );
});

test('among equally near ones the first is taken, and none of no candidates', () => {
  assert.equal(nearest('abcx', ['abcd', 'abce']), 'abcd');
  assert.equal(nearest('abcx', []), undefined);
});
