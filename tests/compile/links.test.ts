// Links of a body: which there are, where they stand, and which schemes they may have.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compileMarkdown } from '../../src/compile/markdown/markdown.ts';
import { compileFile, printed } from '../support.ts';

const compile = (text: string, allowHtml = false) =>
  compileMarkdown(text, { id: 'a', title: 'T', ownsSeeAlso: false, allowHtml, firstLine: 1 });
/** `line:column address`, images marked. */
const linksOf = (text: string) =>
  compile(text).links.map(({ line, column, href, image }) => `${line}:${column} ${image ? '!' : ''}${href}`);

describe('a link is found at its line and column', () => {
  for (const [where, text, expected] of [
    ['in a paragraph', 'see [a](a.md) and\n[b](b.md) or [c](c.md)\n', ['1:5 a.md', '2:1 b.md', '2:14 c.md']],
    ['twice the same', '[a](x.md) [a](x.md)\n\n[a](x.md)\n', ['1:1 x.md', '1:11 x.md', '3:1 x.md']],
    ['in a heading', '\n\n## See [a](a.md)\n', ['3:8 a.md']],
    ['in stress', 'x **[a](a.md)** *y [b](b.md)*\n', ['1:5 a.md', '1:20 b.md']],
    ['in a list', '- a\n- b\n  [c](c.md)\n  - d [e](e.md)\n', ['3:3 c.md', '4:7 e.md']],
    ['in a loose list', '1. a\n\n   [b](b.md)\n\n2. [c](c.md)\n', ['3:4 b.md', '5:4 c.md']],
    ['in a task', '- [ ] [a](a.md)\n- [x] b [c](c.md)\n', ['1:7 a.md', '2:9 c.md']],
    ['in a quotation', '> a\n> [b](b.md)\n>\n> > [c](c.md)\n', ['2:3 b.md', '4:5 c.md']],
    ['in a table', '| a | b |\n|---|---|\n| [c](c.md) | x [d](d.md) |\n', ['3:3 c.md', '3:17 d.md']],
    ['over two lines', 'x\n[a\nb](c.md) [d](d.md)\n', ['2:1 c.md', '3:10 d.md']],
    ['over two lines in a list', '- x\n- y [a\n  b](c.md) [d](d.md)\n', ['2:5 c.md', '3:12 d.md']],
    ['by reference', '[a][r] [r] [r][]\n\n[r]: r.md "title"\n', ['1:1 r.md', '1:8 r.md', '1:12 r.md']],
    [
      'by itself',
      '<https://e.example/> https://f.example www.g.example\n',
      ['1:1 https://e.example/', '1:22 https://f.example', '1:40 http://www.g.example'],
    ],
    ['as an address', '<a@b.example>\n', ['1:1 mailto:a@b.example']],
    ['as an image', '![a](a.png) [![b](b.png)](b.md)\n', ['1:1 !a.png', '1:13 b.md', '1:14 !b.png']],
    ['after code that looks like it', '`[a](a.md)` [a](a.md)\n', ['1:13 a.md']],
    ['after code over two lines', '- `[a](a.md)\n  [b](b.md)` [b](b.md)\n', ['2:14 b.md']],
    ['after a block that looks like it', '1. x\n\n   ```\n   [a](a.md)\n   ```\n\n   [a](a.md)\n', ['7:4 a.md']],
    ['after an escape', '\\[a](a.md) [a](a.md)\n', ['1:12 a.md']],
    ['after code with a bar in a table', '| a |\n|---|\n| `x\\|[a](a.md)` [a](a.md) |\n', ['3:18 a.md']],
  ] as const) {
    test(where, () => assert.deepEqual(linksOf(text), expected));
  }

  test('counting from the first line of the file, past front matter and blank lines', () => {
    const text = '---\ntitle: T\n---\n\n\n# T\n\n[a](javascript:x)\n';
    for (const file of [text, text.replaceAll('\n', '\r\n'), `\ufeff${text}`])
      assert.match(printed(compileFile(file).diagnostics).join(), /^docs\/topic\.md:8:1: /);
  });

  test('not in code, a comment, raw HTML that is shown as text, or a definition that nothing uses', () => {
    assert.deepEqual(
      linksOf('    [a](a.md)\n\n```\n[b](b.md)\n```\n\n<!-- [c](c.md) -->\n\n<a href="d.md">d</a>\n\n[e]: e.md\n'),
      [],
    );
  });
});

describe('the address of a link', () => {
  test('has its entities decoded and its escapes undone', () => {
    assert.deepEqual(
      linksOf('[a](x?b=1&amp;c=2) [b](x\\)y) [c](<a b.md>) [d](x?e=1&copy=2)\n').map((link) =>
        link.replace(/^\S+ /, ''),
      ),
      ['x?b=1&c=2', 'x)y', 'a b.md', 'x?e=1&copy=2'],
    );
  });
});

describe('a scheme', () => {
  for (const href of [
    'https://e.example',
    'HTTP://e.example',
    'mailto:a@b.example',
    'a.md',
    '/help/a',
    '#a',
    '?a',
    '//e.example',
    '../a:b.md',
    'a/b:c',
  ])
    test(`${href} is allowed`, () => assert.deepEqual(compile(`[a](${href})\n`).findings, []));

  for (const href of [
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' javascript:x',
    'java&#10;script:x',
    'java&#x09;script:x',
    'java&NewLine;script:x',
    '&#106;avascript:x',
    'javascript&colon;x',
    'javascript&#58;x',
    '&#1;javascript:x',
    '\\javascript:x',
    'vbscript:x',
    'data:text/html,x',
    'file:///etc/passwd',
    'ftp://e.example',
    'tel:1',
    'blob:x',
    'view-source:x',
    'docent-link:0',
  ]) {
    test(`${href} is refused, and the link leads nowhere`, () => {
      const { html, blocks, findings } = compile(`[a](<${href}>)\n`);
      assert.deepEqual(
        findings.map(({ code }) => code),
        href.startsWith('\\') ? [] : ['unsafe-link'],
      );
      if (!href.startsWith('\\')) assert.equal(html, '<p>a</p>\n');
      assert.doesNotMatch(JSON.stringify(blocks), /script:|data:|file:/i);
    });
  }

  test('that an image may have is not that of a link', () => {
    assert.deepEqual(
      compile('![a](mailto:a@b.example)\n').findings.map(({ message, hint }) => `${message}; ${hint}`),
      ['"mailto:" is not a scheme for an image; use http, https, or a path inside the source'],
    );
  });

  test('that is refused is said with its place and what to use', () => {
    assert.deepEqual(printed(compileFile('---\ntitle: T\n---\ntext [a](ftp://e.example)\n').diagnostics), [
      'docs/topic.md:4:6: warning unsafe-link: "ftp:" is not a scheme for a link\n' +
        '  hint: use http, https, mailto, or a path inside the source',
    ]);
  });
});

test('every link of a text is found, in order, at the place where its text stands', () => {
  const link = fc.integer({ min: 0, max: 99 }).map((number) => `[t${number}](f${number}.md)`);
  const piece = fc.oneof(
    link,
    fc.constantFrom('word ', '\n', '\n\n', '- ', '> ', '  ', '\n- ', '\n> ', '\n  ', '**', '`', '# '),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const lines = text.split('\n');
      let last = 0;
      for (const { line, column, href } of compile(text).links) {
        assert.ok(
          lines[line - 1]?.startsWith(`[t${href.slice(1, -3)}](${href})`, column - 1),
          `${line}:${column} ${href}`,
        );
        const offset = lines.slice(0, line - 1).join('\n').length + column;
        assert.ok(offset > last);
        last = offset;
      }
    }),
    { numRuns: 300 },
  );
});
