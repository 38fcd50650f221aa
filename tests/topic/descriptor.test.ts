import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fold, inOrder, jsonFile, TAGLINE_LIMIT, type TopicDescriptor, tagline } from '../../src/topic/descriptor.ts';

const SCHEMA = new URL('../../schemas/descriptor.schema.json', import.meta.url);

const FULL: Required<TopicDescriptor> = {
  updated: '2026-11-22',
  replaced_by: 'b',
  version_deprecated: '2.0',
  version_added: '1.0',
  tags: ['x'],
  aliases: ['c'],
  examples: [{ id: '1', skip: 'no', request: { method: 'GET', target: '/', headers: [] } }],
  exceptions: { java: 'X' },
  error: { status: 400, retryable: 'never' },
  children: ['a.b'],
  actions: ['schema'],
  stability: 'stable',
  see_also: ['b'],
  sections: [{ name: 'NAME', body: 'a' }],
  body: 'x',
  synopsis: 'x',
  title: 'A',
  path: ['a'],
  topic: 'a',
};

describe('a descriptor in order', () => {
  test('has the members of the published schema, in its order', () => {
    const { properties } = JSON.parse(readFileSync(SCHEMA, 'utf8'));
    assert.deepEqual(Object.keys(inOrder(FULL)), Object.keys(properties));
    assert.deepEqual(inOrder(FULL), FULL);
  });

  test('leaves out what is absent or undefined', () => {
    const { topic, path, title, synopsis, body, sections, see_also, stability, actions } = FULL;
    const least = { actions, stability, see_also, sections, body, synopsis, title, path, topic };
    const names = ['topic', 'path', 'title', 'synopsis', 'body', 'sections', 'see_also', 'stability', 'actions'];
    assert.deepEqual(Object.keys(inOrder(least)), names);
    assert.deepEqual(Object.keys(inOrder({ ...least, tags: undefined } as unknown as TopicDescriptor)), names);
  });
});

test('a published JSON file has two spaces of indentation and a final newline', () => {
  assert.equal(jsonFile({ a: [1, 'é'], b: {} }), '{\n  "a": [\n    1,\n    "é"\n  ],\n  "b": {}\n}\n');
});

test('folding leaves single spaces and no edges', () => {
  assert.equal(fold(' a\t b\r\n\n c '), 'a b c');
});

describe('a tagline', () => {
  test('of up to 80 characters stays as it is, folded', () => {
    const full = 'x'.repeat(TAGLINE_LIMIT);
    assert.equal(tagline(full), full);
    assert.equal(tagline('one\n  two'), 'one two');
    assert.equal(tagline(''), '');
  });

  test('that is longer is cut at a word, with an ellipsis and without dangling punctuation', () => {
    const words = 'The teapot was asked for coffee, which it cannot brew and will not brew, so it refuses at once.';
    assert.equal(tagline(words), 'The teapot was asked for coffee, which it cannot brew and will not brew, so it…');
    assert.equal(tagline(`${'a'.repeat(60)} bbbb, ${'c'.repeat(40)}`), `${'a'.repeat(60)} bbbb…`);
    assert.equal(tagline(`${'a'.repeat(60)} bbbb — ${'c'.repeat(40)}`), `${'a'.repeat(60)} bbbb…`);
  });

  test('without a space near the end is cut in the word', () => {
    assert.equal(tagline('x'.repeat(100)), `${'x'.repeat(TAGLINE_LIMIT - 1)}…`);
    assert.equal(tagline(`a ${'x'.repeat(100)}`), `a ${'x'.repeat(TAGLINE_LIMIT - 3)}…`);
  });

  test('never splits a character', () => {
    assert.equal(tagline(`${'x'.repeat(TAGLINE_LIMIT - 2)}😀😀`), `${'x'.repeat(TAGLINE_LIMIT - 2)}…`);
  });

  test('never has more than 80 characters, a line break or half a character', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(fc.constantFrom('a', ' ', '😀', '—', ',', '\n', 'word '), { maxLength: 200 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (text) => {
        const cut = tagline(text);
        assert.ok(cut.length <= TAGLINE_LIMIT);
        assert.ok(cut.isWellFormed());
        assert.equal(cut, fold(cut));
        if (fold(text).length > TAGLINE_LIMIT) assert.match(cut, /…$/);
      }),
    );
  });
});
