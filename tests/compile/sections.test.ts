// Sections, synopsis and tagline: what is derived from a body's structure.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileMarkdown, type MarkdownOptions } from '../../src/compile/markdown/markdown.ts';
import { compiled } from '../support.ts';

const OPTIONS: MarkdownOptions = { id: 'a.B', title: 'T', ownsSeeAlso: false, allowHtml: false, firstLine: 1 };
const compile = (text: string, options: Partial<MarkdownOptions> = {}) =>
  compileMarkdown(text, { ...OPTIONS, ...options });

describe('a section', () => {
  test('is a heading of level 2 as written, and the Markdown up to the next, trimmed', () => {
    const text =
      '# T\n\nbefore\n\n## NAME\n\na — *b*\n\n\n## With `code` & **bold** ##\n\n### deeper\n\ntext\n\n# one\n\nmore\n\n## LAST';
    assert.deepEqual(compile(text).sections, [
      { name: 'NAME', body: 'a — *b*' },
      { name: 'With `code` & **bold**', body: '### deeper\n\ntext\n\n# one\n\nmore' },
      { name: 'LAST', body: '' },
    ]);
  });

  test('may be underlined', () => {
    assert.deepEqual(compile('NAME\n----\nx\n\nTWO\n-\ny\n').sections, [
      { name: 'NAME', body: 'x' },
      { name: 'TWO', body: 'y' },
    ]);
  });

  test('may have the name of another', () => {
    assert.deepEqual(
      compile('## A\n\n1\n\n## A\n\n2\n').sections.map(({ body }) => body),
      ['1', '2'],
    );
  });

  for (const [where, text] of [
    ['a fence', '```\n## X\n```\n'],
    ['a fence of tildes with a language', '~~~ markdown\n## X\n\n## Y\n~~~\n'],
    ['an unclosed fence', '```\n\n## X\n'],
    ['a longer fence that holds a shorter one', '````\n```\n## X\n```\n## Y\n````\n'],
    ['an HTML block', '<pre>\n## X\n</pre>\n'],
    ['a comment', '<!--\n\n## X\n\n-->\n'],
    ['a list', '- ## X\n\n  ## Y\n'],
    ['a numbered list', '1. a\n\n   ## X\n'],
    ['a quotation', '> ## X\n> Y\n> ---\n'],
    ['an indented block', 'a\n\n    ## X\n'],
    ['a word', 'a\n##X\n'],
    ['a paragraph that goes on', 'a\n####### X\n'],
    ['an escape', '\\## X\n'],
    ['a table', '| a |\n|---|\n| ## X |\n'],
  ] as const) {
    test(`never begins inside ${where}`, () => {
      assert.deepEqual(compile(text).sections, []);
      assert.deepEqual(compile(`## NAME\n\n${text}`).sections, [{ name: 'NAME', body: text.trim() }]);
    });
  }

  test('has LF line breaks where the body has CRLF', () => {
    const topic = compiled('---\r\ntitle: T\r\n---\r\n\r\n## NAME\r\n\r\none\r\ntwo\r\n\r\n```\r\n## X\r\n```\r\n');
    assert.equal(topic.body, '## NAME\r\n\r\none\r\ntwo\r\n\r\n```\r\n## X\r\n```\r\n');
    assert.deepEqual(topic.sections, [{ name: 'NAME', body: 'one\ntwo\n\n```\n## X\n```' }]);
    assert.equal(topic.synopsis, 'one\ntwo');
    assert.doesNotMatch(JSON.stringify([topic.html, topic.blocks, topic.tagline]), /\\r/);
  });
});

describe('the synopsis', () => {
  for (const [what, text, expected] of [
    [
      'the first block of DESCRIPTION, raw',
      '# T\n\nintro\n\n## Description\n\n### h\n\nIt *is*\n`x`.\n\nMore.\n',
      'It *is*\n`x`.',
    ],
    ['the first block of the body without a DESCRIPTION', '# T\n\n## NAME\n\na — b\n\n## OTHER\n\nc\n', 'a — b'],
    [
      'the first block of the body where DESCRIPTION is empty',
      '# T\n\nintro\n\n## DESCRIPTION\n\n## X\n\ny\n',
      'intro',
    ],
    ['a list, where that comes first', '# T\n\n- a\n- b\n\nc\n', '- a\n- b'],
    ['a fence, where that comes first', '```sh\nx\n```\n\ntext\n', '```sh\nx\n```'],
    ['a table, where that comes first', '| a |\n|---|\n| b |\n\ntext\n', '| a |\n|---|\n| b |'],
    ['a quotation, where that comes first', '> a\n\ntext\n', '> a'],
    ['nothing in a body without text', '# T\n\n---\n\n## X\n', ''],
    ['nothing in an empty body', '', ''],
    ['never a rule, a comment or a link definition', '---\n\n<!-- x -->\n\n[d]: https://e.example\n\ntext\n', 'text'],
    ['never a row of badges', '[![b](b.svg)](https://e.example) ![c](c.svg)\n\ntext\n', 'text'],
    ['a paragraph that also has an image', '![c](c.svg) Tea\n\ntext\n', '![c](c.svg) Tea'],
    ['never HTML', '<p align="center">x</p>\n\ntext\n', 'text'],
  ] as const) {
    test(`is ${what}`, () => assert.equal(compile(text).synopsis, expected));
  }
});

describe('the tagline', () => {
  for (const [what, text, expected] of [
    ['the first paragraph of NAME without the id', '## NAME\n\na.B — does it\n', 'does it'],
    ['without the last segment', '## NAME\n\nb - does it\n', 'does it'],
    ['without the id in words', '## NAME\n\n`a b` – does it\n', 'does it'],
    ['with what is no spelling of the id', '## NAME\n\nother — does it\n', 'other — does it'],
    ['with a dash that has no space', '## NAME\n\nB—does it\n', 'B—does it'],
    ['without marks, folded', '## Name\n\n*One*\n[two](x.md) `three` &amp; **four**\n', 'One two three & four'],
    ['not a later paragraph', '## NAME\n\none\n\ntwo\n', 'one'],
    ['else the synopsis, without marks', '# T\n\n## DESCRIPTION\n\nIt *is* `so`.\n', 'It is so.'],
    ['the id is only taken from NAME', '## DESCRIPTION\n\nB — does it\n', 'B — does it'],
    ['of a list its entries', '- *a*\n- b\n  - c\n', 'a; b c'],
    ['of code the code', '```\nx  y\nz\n```\n', 'x y z'],
    ['of a table its cells', '| a | b |\n|---|---|\n| c | `d` |\n', 'a b; c d'],
    ['of a quotation its text', '> a\n>\n> b\n', 'a b'],
    ['empty where nothing is said', '# T\n', ''],
    ['without an image', '## NAME\n\n![logo](x.png) Tea\n', 'Tea'],
  ] as const) {
    test(`is ${what}`, () => assert.equal(compile(text).tagline, expected));
  }

  test('is cut at 80 characters', () => {
    const { tagline } = compile(`## NAME\n\na.B — ${'word '.repeat(40)}\n`);
    assert.match(tagline, /^(word )+word…$/);
    assert.ok(tagline.length <= 80);
  });
});

describe('a heading that repeats what the page says is not shown again', () => {
  const shownHeadings = (text: string, options: Partial<MarkdownOptions> = {}) =>
    compile(text, options).outline.map((entry) => entry.text);

  for (const [what, text, options, expected] of [
    ['the title', '# T\n\n## X\n', {}, ['X']],
    ['the id', '# A.b\n\n## X\n', {}, ['X']],
    ['the last segment', '# B\n', {}, []],
    ['the id in words', '# a B\n', {}, []],
    ['the heading that is the title', '# Anything\n\n## X\n', { title: undefined }, ['X']],
    ['not another title', '# Another\n\n## X\n', {}, ['Another', 'X']],
    ['not a second one', '# T\n\n# T\n', {}, ['T']],
  ] as const) {
    test(what, () => assert.deepEqual(shownHeadings(text, options), expected));
  }

  test('but it stays in the terminal and the page alike when it says something else', () => {
    const { html, blocks } = compile('# Another\n');
    assert.match(html, /<h2 id="another">Another<\/h2>/);
    assert.deepEqual(blocks, [{ type: 'heading', level: 1, spans: ['Another'] }]);
    assert.deepEqual(compile('# T\n').blocks, []);
    assert.equal(compile('# T\n').html, '');
  });
});

describe('a SEE ALSO section', () => {
  const text = '## NAME\n\nx\n\n## See also\n\n- errors\n- `errors/GONE`\n- [cli run](cli/run.md)\n\n## AFTER\n\ny\n';

  test('that only lists ids is not shown where the front matter lists them', () => {
    const { outline, html, blocks, sections } = compile(text, { ownsSeeAlso: true });
    assert.deepEqual(
      outline.map((entry) => entry.text),
      ['NAME', 'AFTER'],
    );
    assert.doesNotMatch(html, /errors/);
    assert.doesNotMatch(JSON.stringify(blocks), /errors/);
    assert.equal(sections[1]?.body, '- errors\n- `errors/GONE`\n- [cli run](cli/run.md)');
  });

  test('is shown where the front matter lists none', () => {
    assert.match(compile(text).html, /<li>errors<\/li>/);
  });

  test('gives its ids, in any spelling', () => {
    assert.deepEqual(compile(text).seeAlso, ['errors', 'errors.GONE', 'cli.run']);
  });

  for (const [what, section] of [
    ['a sentence', 'Read errors.'],
    ['a word about an id', '- errors, all of them'],
    ['nested lists', '- errors\n  - a'],
    ['two lists', '- a\n\ntext\n\n- b'],
    ['nothing', ''],
  ] as const) {
    test(`with ${what} is shown and gives no ids`, () => {
      const { seeAlso, outline } = compile(`## SEE ALSO\n\n${section}\n`, { ownsSeeAlso: true });
      assert.equal(seeAlso, undefined);
      assert.deepEqual(
        outline.map((entry) => entry.text),
        ['SEE ALSO'],
      );
    });
  }
});
