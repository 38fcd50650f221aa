// Two files never answer to one name: the second is left out and reported, and everything else is built.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildFiles, catalogOf, idsOf, printed } from '../support.ts';

const front = (yaml: string) => `---\n${yaml}\n---\nx\n`;

describe('one slug', () => {
  const hint = '  hint: rename or remove one of the two files';

  test('in two cases', () => {
    const result = buildFiles({ 'errors/Gone.md': 'x', 'errors/GONE.md': 'x', 'errors.md': 'x' });
    assert.deepEqual(printed(result.diagnostics), [
      `docs/errors/Gone.md:1:1: error slug-clash: /help/errors/gone/ is already taken by docs/errors/GONE.md\n${hint}`,
    ]);
    assert.deepEqual(idsOf(result), ['errors', 'errors.GONE']);
  });

  test('of a file and an index', () => {
    const result = buildFiles({ 'a.md': 'x', 'a/index.md': 'x', 'a/README.md': 'x' });
    assert.deepEqual(printed(result.diagnostics), [
      `docs/a.md:1:1: error slug-clash: /help/a/ is already taken by docs/a/README.md\n${hint}`,
      `docs/a/index.md:1:1: error slug-clash: /help/a/ is already taken by docs/a/README.md\n${hint}`,
    ]);
  });

  test('of names that become one', () => {
    const result = buildFiles({ 'a b.md': 'x', 'a-b.md': 'x' });
    assert.deepEqual(printed(result.diagnostics), [
      `docs/a-b.md:1:1: error slug-clash: /help/a-b/ is already taken by docs/a b.md\n${hint}`,
    ]);
  });

  test('of two landing texts', () => {
    const result = buildFiles({ 'README.md': '# One\n', 'index.md': '# Two\n', 'a.md': 'x' });
    assert.deepEqual(printed(result.diagnostics), [
      `docs/index.md:1:1: error slug-clash: the landing text is already taken by docs/README.md\n${hint}`,
    ]);
    assert.equal(catalogOf(result).landing?.title, 'One');
  });

  test('in another case in another source', () => {
    const result = buildFiles([{ 'errors.md': 'x' }, { 'Errors.md': 'y' }]);
    assert.deepEqual(printed(result.diagnostics), [
      `docs2/Errors.md:1:1: error slug-clash: /help/errors/ is already taken by docs/errors.md\n${hint}`,
    ]);
    assert.deepEqual(idsOf(result), ['errors']);
  });
});

describe('an alias', () => {
  const hint = '  hint: choose another alias or drop it';

  test('leads to its topic, by slug', () => {
    const result = buildFiles({ 'a/b.md': front('aliases: [old.Name, x]'), 'a.md': 'x' });
    assert.deepEqual(result.diagnostics, []);
    assert.deepEqual(
      [...catalogOf(result).aliases],
      [
        ['old/name', 'a/b'],
        ['x', 'a/b'],
      ],
    );
  });

  for (const [what, files, place, alias, owner, left] of [
    ['of another topic', { 'a.md': front('title: A\naliases: [x, B]'), 'b.md': 'x' }, 'a.md:3:14', 'B', 'b', ['b']],
    ['of itself', { 'a.md': front('aliases: [A]'), 'b.md': 'x' }, 'a.md:2:11', 'A', 'a', ['b']],
    [
      'that another topic has',
      { 'a.md': front('aliases: [x]'), 'b.md': front('aliases: [X]') },
      'b.md:2:11',
      'X',
      'a',
      ['a'],
    ],
    [
      'of a parent without a file',
      { 'a/b.md': 'x', 'c.md': front('aliases: [a]') },
      'c.md:2:11',
      'a',
      'another topic',
      ['a', 'a.b'],
    ],
  ] as const) {
    test(`cannot be the name ${what}`, () => {
      const result = buildFiles(files);
      assert.deepEqual(printed(result.diagnostics.filter(({ code }) => code !== 'missing-parent')), [
        `docs/${place}: error alias-clash: alias "${alias}" is already the name of ${owner}\n${hint}`,
      ]);
      assert.deepEqual(idsOf(result), left);
    });
  }
});

describe('an action', () => {
  const action = (name: string) => front(`actions:\n  ${name}: { file: x.txt, media_type: text/plain }`);
  const hint = '  hint: rename the action';

  test('cannot be named like a child', () => {
    const result = buildFiles({ 'a.md': action('Raw'), 'a/raw.md': 'x', 'x.txt': '', 'b.md': 'x' });
    assert.deepEqual(printed(result.diagnostics), [
      `docs/a.md:3:3: error action-clash: action "Raw" has the name of the topic a.Raw\n${hint}`,
      'docs/a/raw.md:1:1: warning missing-parent: its parent topic "a" has no file\n  hint: write a.md',
    ]);
    assert.deepEqual(idsOf(result), ['a', 'a.raw', 'b']);
  });

  test('cannot be named like a child without a file', () => {
    const result = buildFiles({ 'a.md': action('raw'), 'a/raw/deep.md': 'x', 'x.txt': '' });
    assert.match(printed(result.diagnostics).join('\n'), /^docs\/a\.md:3:3: error action-clash: /);
  });

  test('may be named like any other topic', () => {
    assert.deepEqual(
      buildFiles({ 'a.md': action('b'), 'b.md': 'x', 'a/c/b.md': 'x', 'a/c.md': 'x', 'x.txt': '' }).diagnostics,
      [],
    );
  });
});

test('what is left out leaves its children and its references behind, with warnings', () => {
  const result = buildFiles({
    'a.md': front('aliases: [b]'),
    'a/c.md': 'x',
    'b.md': front('see_also: [a.c, gone]'),
  });
  assert.deepEqual(
    result.diagnostics.map(({ file, code }) => `${file} ${code}`),
    ['docs/a.md alias-clash', 'docs/a/c.md missing-parent', 'docs/b.md unknown-see-also'],
  );
  assert.deepEqual(idsOf(result), ['a', 'a.c', 'b']);
});
