// Images that topics show travel with the catalog.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildSync } from '../../src/build/build.ts';
import { ATTACHMENT_LIMIT_BYTES } from '../../src/compile/topic.ts';
import { blocksOf, buildFiles, catalogOf, folderWith, printed, settingsFor, topicOf } from '../support.ts';

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
const filesOf = (result: ReturnType<typeof buildFiles>) =>
  [...catalogOf(result).files].map(
    ([path, { mediaType, bytes }]) => `${path} ${mediaType} ${Buffer.from(bytes).toString('hex')}`,
  );

describe('an image', () => {
  test('in the source is part of the catalog, and shown from there', () => {
    const result = buildFiles({
      'guides/tea.md': '![The pot](../images/tea%20pot.png "Hot")\n',
      'images/tea pot.png': PNG,
      'images/unused.png': PNG,
    });
    assert.deepEqual(filesOf(result), [`images/tea pot.png image/png ${PNG.toString('hex')}`]);
    const { html, blocks } = topicOf(result, 'guides.tea');
    assert.equal(html, '<p><img src="../../_files/images/tea%20pot.png" alt="The pot" title="Hot" /></p>\n');
    assert.deepEqual(blocksOf({ blocks }), [
      { type: 'paragraph', spans: [{ type: 'link', href: '/help/_files/images/tea%20pot.png', spans: ['[The pot]'] }] },
    ]);
  });

  test('of each kind has its media type', () => {
    const kinds = ['a.avif', 'b.gif', 'c.ico', 'd.jpeg', 'e.JPG', 'f.png', 'g.svg', 'h.webp'];
    const text = kinds.map((name) => `![](${name})`).join('\n');
    const result = buildFiles({ ...Object.fromEntries(kinds.map((name) => [name, 'x'])), 'a.md': text });
    const types = ['avif', 'gif', 'x-icon', 'jpeg', 'jpeg', 'png', 'svg+xml', 'webp'];
    assert.deepEqual(
      [...catalogOf(result).files.values()].map(({ mediaType }) => mediaType),
      types.map((type) => `image/${type}`),
    );
  });

  test('may be linked to instead of shown', () => {
    const result = buildFiles({ 'a.md': '[see](pot.png)\n', 'pot.png': PNG });
    assert.equal(topicOf(result, 'a').html, '<p><a href="../_files/pot.png">see</a></p>\n');
    assert.equal(filesOf(result).length, 1);
  });

  test('elsewhere on the web stays there', () => {
    const result = buildFiles({ 'a.md': '![x](https://e.example/a.png) ![y](/logo.svg) ![z](//e.example/b)\n' });
    assert.deepEqual(result.diagnostics, []);
    assert.equal(
      topicOf(result, 'a').html,
      '<p><img src="https://e.example/a.png" alt="x" /> <img src="/logo.svg" alt="y" /> <img src="//e.example/b" alt="z" /></p>\n',
    );
    assert.deepEqual(filesOf(result), []);
  });

  test('in raw HTML, where that is allowed, is treated alike', () => {
    const result = buildFiles(
      { 'a/b.md': '<p align="center"><img src="pot.png" width="20"></p>\n', 'a/pot.png': PNG },
      { allowHtml: true },
    );
    assert.match(
      topicOf(result, 'a.b').html,
      /<p align="center"><img src="\.\.\/\.\.\/_files\/a\/pot\.png" width="20" \/><\/p>/,
    );
    assert.equal(filesOf(result).length, 1);
  });
});

describe('an image that cannot be shown is reported at its place, and leaves its text', () => {
  for (const [what, href, problem, hint] of [
    ['missing', 'pot.png', 'there is no file "guides/pot.png" in the source', 'the path is relative to this topic'],
    [
      'no kind of image',
      'pot.txt',
      '"pot.txt" is no kind of image that is served',
      'use one of .avif .gif .ico .jpeg .jpg .png .svg .webp',
    ],
    [
      'above the source',
      '../../pot.png',
      '"../../pot.png" leads out of the source folder',
      'link to its public address instead',
    ],
    [
      'linked out of the source',
      'out.png',
      '"out.png" leads out of the source folder',
      'copy the image into the source',
    ],
    ['too large', 'big.png', '"guides/big.png" is larger than 5242880 bytes', 'make the image smaller'],
    [
      'of a name that cannot be',
      'a%00b.png',
      'there is no file "guides/a\ufffdb.png" in the source',
      'the path is relative to this topic',
    ],
    [
      'of a name that is too long',
      `${'a'.repeat(300)}.png`,
      `there is no file "guides/${'a'.repeat(300)}.png" in the source`,
      'the path is relative to this topic',
    ],
  ] as const) {
    test(what, () => {
      const root = folderWith({
        'in/guides/tea.md': `# Tea\n\nA ![pot](${href}) here.\n`,
        'in/guides.md': 'x',
        'in/guides/pot.txt': 'x',
        'in/guides/big.png': new Uint8Array(what === 'too large' ? ATTACHMENT_LIMIT_BYTES + 1 : 0),
        'out.png': PNG,
      });
      symlinkSync('../../out.png', join(root, 'in/guides/out.png'));
      const result = buildSync(settingsFor([join(root, 'in')]));
      assert.deepEqual(printed(result.diagnostics), [
        `docs/guides/tea.md:3:3: warning broken-image: ${problem}\n  hint: ${hint}`,
      ]);
      assert.match(topicOf(result, 'guides.tea').html, /A <img alt="pot" \/> here/);
      assert.equal(catalogOf(result).files.size, 0);
    });
  }
});

describe('two sources with an image of one name', () => {
  test('keep both when they differ', () => {
    const result = buildFiles([
      { 'a.md': '![x](logo.png)\n', 'logo.png': 'one' },
      { 'b.md': '![y](logo.png)\n', 'logo.png': 'two' },
    ]);
    const [first, second] = [...catalogOf(result).files.keys()];
    assert.equal(first, 'logo.png');
    assert.match(second ?? '', /^[0-9a-f]{8}\/logo\.png$/);
    assert.equal(topicOf(result, 'a').html, '<p><img src="../_files/logo.png" alt="x" /></p>\n');
    assert.equal(topicOf(result, 'b').html, `<p><img src="../_files/${second}" alt="y" /></p>\n`);
    assert.deepEqual(
      [...catalogOf(result).files.values()].map(({ bytes }) => Buffer.from(bytes).toString()),
      ['one', 'two'],
    );
  });

  test('keep one when they are the same', () => {
    const source = (name: string) => ({ [`${name}.md`]: '![x](logo.png)\n', 'logo.png': 'same' });
    assert.deepEqual([...catalogOf(buildFiles([source('a'), source('b')])).files.keys()], ['logo.png']);
  });
});
