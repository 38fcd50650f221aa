import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { validate } from '../../src/compile/schema.ts';
import {
  byCodeUnit,
  byTreeOrder,
  ID_LIMIT,
  lastSegment,
  parentOf,
  reservedSegment,
  SLUG_LIMIT,
  segmentFromName,
  segmentsOf,
  slugFromSpelling,
  slugOf,
  wordsOf,
} from '../../src/topic/id.ts';

const alphanumeric = fc.constantFrom(...'abcXYZ019');
const segment = fc
  .tuple(alphanumeric, fc.array(fc.constantFrom(...'abXY09_-'), { maxLength: 6 }))
  .map(([first, rest]) => first + rest.join(''));
const segments = fc.array(segment, { minLength: 1, maxLength: 5 });
const id = segments.map((all) => all.join('.'));

test('an id has segments, a slug, a parent, a last segment and words', () => {
  assert.deepEqual(segmentsOf('errors.NOT_FOUND'), ['errors', 'NOT_FOUND']);
  assert.equal(slugOf('errors.NOT_FOUND'), 'errors/not_found');
  assert.equal(parentOf('errors.http.NOT_FOUND'), 'errors.http');
  assert.equal(parentOf('errors'), undefined);
  assert.equal(lastSegment('errors.NOT_FOUND'), 'NOT_FOUND');
  assert.equal(lastSegment('errors'), 'errors');
  assert.equal(wordsOf('errors.http.NOT_FOUND'), 'errors http NOT_FOUND');
});

test('every id is its segments joined, and the child of its parent', () => {
  fc.assert(
    fc.property(id, (id) => {
      assert.equal(segmentsOf(id).join('.'), id);
      const parent = parentOf(id);
      assert.equal(parent === undefined ? lastSegment(id) : `${parent}.${lastSegment(id)}`, id);
    }),
  );
});

describe('a spelling', () => {
  test('with dots, slashes or white space, in any case, denotes the slug of its id', () => {
    const separator = fc.constantFrom('.', '/', ' ', '  ', '\t');
    const cases = fc.constantFrom(
      (text: string) => text,
      (text: string) => text.toUpperCase(),
      (text: string) => text.toLowerCase(),
    );
    fc.assert(
      fc.property(segments, fc.array(separator, { minLength: 5, maxLength: 5 }), cases, (all, separators, spell) => {
        const spelling = all.reduce((text, next, index) => text + (separators[index] ?? '.') + next);
        assert.equal(slugFromSpelling(spell(spelling)), slugOf(all.join('.')));
        assert.equal(slugFromSpelling(` ${spell(spelling)} `), slugOf(all.join('.')));
      }),
    );
  });

  test('of a slug is that slug', () => {
    fc.assert(fc.property(id, (id) => assert.equal(slugFromSpelling(slugOf(id)), slugOf(id))));
  });

  for (const malformed of [
    '',
    ' ',
    '.',
    'a..b',
    'a//b',
    '/a',
    'a/',
    'a.',
    '.a',
    '-a',
    '_a',
    'a.-b',
    'a b/',
    'é',
    'a%2Fb',
    'a\0',
    'a\\b',
    '../a',
  ])
    test(`${JSON.stringify(malformed)} is malformed`, () => assert.equal(slugFromSpelling(malformed), undefined));

  test('is malformed above the limit, however well it is formed', () => {
    assert.equal(slugFromSpelling('a'.repeat(SLUG_LIMIT)), 'a'.repeat(SLUG_LIMIT));
    assert.equal(slugFromSpelling('a'.repeat(SLUG_LIMIT + 1)), undefined);
  });

  test('is never more than a slug, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (typed) => {
        assert.match(slugFromSpelling(typed) ?? 'x', /^[a-z0-9][a-z0-9_-]*(\/[a-z0-9][a-z0-9_-]*)*$/);
      }),
    );
  });
});

describe('a file name as a segment', () => {
  for (const [name, expected] of [
    ['install', 'install'],
    ['Getting started', 'Getting-started'],
    ['a  (b)  c', 'a-b-c'],
    ['v1.2', 'v1-2'],
    ['naïve', 'na-ve'],
    ['_private', 'private'],
    ['-dash-', 'dash'],
    ['trailing!', 'trailing'],
    ['under_score_', 'under_score_'],
    ['...', undefined],
    ['日本', undefined],
    ['__', undefined],
    ['', undefined],
  ] as const) {
    test(`${JSON.stringify(name)} is ${expected ?? 'unusable'}`, () => assert.equal(segmentFromName(name), expected));
  }

  test('is a segment or nothing, and stays itself the second time', () => {
    const name = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'aZ0_-. é/\n') }));
    fc.assert(
      fc.property(name, (name) => {
        const made = segmentFromName(name);
        if (made === undefined) return assert.doesNotMatch(name, /[A-Za-z0-9]/);
        assert.match(made, /^[A-Za-z0-9][A-Za-z0-9_-]*$/);
        assert.equal(segmentFromName(made), made);
      }),
    );
  });
});

describe('tree order', () => {
  test('is depth first, parents first, siblings by code unit', () => {
    const ids = ['b', 'a.b', 'a-c', 'a', 'A', 'a.b.c', 'a.B', 'a_', 'B.x', 'a.b-c', 'B'];
    const sorted = ['A', 'B', 'B.x', 'a', 'a.B', 'a.b', 'a.b.c', 'a.b-c', 'a-c', 'a_', 'b'];
    assert.deepEqual(ids.sort(byTreeOrder), sorted);
  });

  test('is total: two ids are equal only to themselves, and sorting does not depend on where they started', () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 12 }), (ids) => {
        const sorted = [...ids].sort(byTreeOrder);
        assert.deepEqual([...ids].reverse().sort(byTreeOrder), sorted);
        for (const a of ids)
          for (const b of ids) {
            assert.equal(byTreeOrder(a, b) === 0, a === b);
            assert.equal(Math.sign(byTreeOrder(a, b)), -Math.sign(byTreeOrder(b, a)) || 0);
          }
      }),
    );
  });

  test('puts every parent before, and all of its descendants together', () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 12 }), (ids) => {
        const sorted = [...new Set(ids)].sort(byTreeOrder);
        for (const above of sorted) {
          const tree = sorted.filter((id) => id === above || id.startsWith(`${above}.`));
          const start = sorted.indexOf(above);
          assert.deepEqual(sorted.slice(start, start + tree.length), tree);
        }
      }),
    );
  });

  test('does not depend on a locale', () => {
    assert.deepEqual(['b', 'a', 'B', 'ä', 'Z'].sort(byCodeUnit), ['B', 'Z', 'a', 'b', 'ä']);
  });
});

test('some segments are reserved: index everywhere, documents of the root in first place', () => {
  assert.equal(reservedSegment(['a', 'Index']), 'Index');
  assert.equal(reservedSegment(['index', 'a']), 'index');
  for (const name of ['catalog', 'versions', 'topic-tree', 'VERSIONS']) {
    assert.equal(reservedSegment([name]), name);
    assert.equal(reservedSegment(['a', name]), undefined);
  }
  assert.equal(reservedSegment(['indexes', 'catalogue']), undefined);
});

test('the longest id is what the schema says', () => {
  assert.deepEqual(validate('frontmatter', { topic: 'a'.repeat(ID_LIMIT) }), []);
  assert.equal(validate('frontmatter', { topic: 'a'.repeat(ID_LIMIT + 1) }).length, 1);
});
