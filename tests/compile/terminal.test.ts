// A body as blocks and spans, from which a terminal page is laid out without parsing Markdown.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileMarkdown } from '../../src/compile/markdown/markdown.ts';
import { plainText } from '../../src/topic/block.ts';

const blocks = (text: string) =>
  compileMarkdown(text, { id: 'a', title: 'T', ownsSeeAlso: false, allowHtml: false, firstLine: 1 }).blocks;
const paragraph = (...spans: unknown[]) => ({ type: 'paragraph', spans });

describe('blocks', () => {
  for (const [what, text, expected] of [
    ['headings', '### A *b*\n', [{ type: 'heading', level: 3, spans: ['A ', { type: 'em', spans: ['b'] }] }]],
    ['a fence with its language', '```js {1}\na\n\nb\n```\n', [{ type: 'code', lang: 'js', text: 'a\n\nb' }]],
    ['a fence without', '~~~\n<b>&amp;</b>\n~~~\n', [{ type: 'code', text: '<b>&amp;</b>' }]],
    ['indented code', '    a\n\n    b\n', [{ type: 'code', text: 'a\n\nb' }]],
    ['indented code at the end of a text', 'x\n\n\ta\n', [paragraph('x'), { type: 'code', text: 'a' }]],
    ['rules', 'a\n\n***\n', [paragraph('a'), { type: 'rule' }]],
    [
      'quotations',
      '> a\n>\n> > b\n',
      [{ type: 'quote', blocks: [paragraph('a'), { type: 'quote', blocks: [paragraph('b')] }] }],
    ],
    ['tight lists', '- a\n- b\n', [{ type: 'list', items: [[paragraph('a')], [paragraph('b')]] }]],
    [
      'loose lists',
      '- a\n\n- b\n\n  c\n',
      [{ type: 'list', items: [[paragraph('a')], [paragraph('b'), paragraph('c')]] }],
    ],
    [
      'numbered lists with their start',
      '7. a\n8. b\n',
      [{ type: 'list', start: 7, items: [[paragraph('a')], [paragraph('b')]] }],
    ],
    ['numbered lists from zero', '0. a\n', [{ type: 'list', start: 0, items: [[paragraph('a')]] }]],
    [
      'nested lists',
      '- a\n  1. b\n',
      [{ type: 'list', items: [[paragraph('a'), { type: 'list', start: 1, items: [[paragraph('b')]] }]] }],
    ],
    [
      'tight task lists',
      '- [ ] a *b*\n- [x] c\n',
      [{ type: 'list', items: [[paragraph('[ ] a ', { type: 'em', spans: ['b'] })], [paragraph('[x] c')]] }],
    ],
    [
      'loose task lists',
      '- [ ] a\n\n- [X] b\n',
      [{ type: 'list', items: [[paragraph('[ ] a')], [paragraph('[x] b')]] }],
    ],
    [
      'tables',
      '| a | `b` | c | d |\n|---|:--|--:|:-:|\n| 1 | x\\|y | |\n',
      [
        {
          type: 'table',
          align: [null, 'left', 'right', 'center'],
          rows: [
            [['a'], [{ type: 'code', text: 'b' }], ['c'], ['d']],
            [['1'], ['x|y'], [], []],
          ],
        },
      ],
    ],
    [
      'raw HTML as code',
      '<details>\n<summary>x</summary>\n</details>\n',
      [{ type: 'code', lang: 'html', text: '<details>\n<summary>x</summary>\n</details>' }],
    ],
    ['no comments', 'a\n\n<!-- b\n\nc -->\n\nd <!-- e -->f\n', [paragraph('a'), paragraph('d f')]],
    ['no link definitions', '[a]: https://e.example\n', []],
    ['nothing', '', []],
  ] as const) {
    test(`of ${what}`, () => assert.deepEqual(blocks(text), expected));
  }
});

describe('spans', () => {
  const spans = (text: string) => {
    const [block] = blocks(text);
    assert.equal(block?.type, 'paragraph');
    return block.spans;
  };

  for (const [what, text, expected] of [
    [
      'strong, emphasized and struck out',
      '**a *b*** ~~c~~',
      [{ type: 'strong', spans: ['a ', { type: 'em', spans: ['b'] }] }, ' ', { type: 'del', spans: ['c'] }],
    ],
    ['code, with nothing decoded', '`&amp; <b> \\*`', [{ type: 'code', text: '&amp; <b> \\*' }]],
    ['entities, decoded', '&lt;b&gt; &copy; &#x1F600; &amp;amp;', ['<b> © 😀 &amp;']],
    ['what only looks like an entity', 'a?b=1&copy=2&region=eu &unknown;', ['a?b=1&copy=2&region=eu &unknown;']],
    ['escapes', '\\*a\\* \\<b\\>', ['*a* <b>']],
    ['line breaks', 'a  \nb\\\nc<br>d', ['a', { type: 'break' }, 'b', { type: 'break' }, 'c', { type: 'break' }, 'd']],
    ['soft line breaks', 'a\nb', ['a\nb']],
    [
      'links, whose address the catalog fills in',
      '[a **b**](x.md)',
      [{ type: 'link', href: 'docent-link:0', spans: ['a ', { type: 'strong', spans: ['b'] }] }],
    ],
    ['links that lead nowhere', '[a](javascript:x)', [{ type: 'link', spans: ['a'] }]],
    [
      'images, by their text',
      '![a *b* `c` &amp;](x.png)',
      [{ type: 'link', href: 'docent-link:0', spans: ['[a b c &]'] }],
    ],
    ['images without a text', '![](x.png)', [{ type: 'link', href: 'docent-link:0', spans: ['[image]'] }]],
    ['inline HTML as it is', 'a <kbd>b</kbd>', ['a <kbd>b</kbd>']],
  ] as const) {
    test(`of ${what}`, () => assert.deepEqual(spans(text), expected));
  }

  test('give their text without marks', () => {
    const text = '**a** `b` [c *d*](x.md)  \ne';
    assert.equal(plainText(spans(text)), 'a b c d e');
  });
});
