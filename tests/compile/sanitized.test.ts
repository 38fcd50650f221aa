// HTML that the sanitizer would not change does not go through it. That must never be seen: neither in what is written, nor by an attacker.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import common from 'highlight.js/lib/common';
import core from 'highlight.js/lib/core';
import http from 'highlight.js/lib/languages/http';
import { compileMarkdown } from '../../src/compile/markdown/markdown.ts';

const compile = (text: string, allowHtml: boolean): string =>
  compileMarkdown(text, { id: 'a.b', title: undefined, ownsSeeAlso: true, allowHtml, firstLine: 1 }).html;

/** A tag that the sanitizer writes otherwise, so that all of the text goes through it. */
const UNTIDY = '<HR>\n\n';
const TIDIED = '<hr />';

/** @returns the HTML of a text, after a look at whether the sanitizer makes the same of it. */
function compileBothWays(text: string): string {
  for (const allowHtml of [false, true]) {
    // Below the tag, with nothing raw in it when raw HTML is text.
    const through = compile(`${UNTIDY}${text}`, true);
    assert.ok(through.startsWith(TIDIED), through.slice(0, 40));
    if (allowHtml || !/<|&lt;/.test(text)) assert.equal(compile(text, allowHtml), through.slice(TIDIED.length));
  }
  return compile(text, false);
}

/** highlight.js as it comes, without the emitter of ours. */
const stock = core.newInstance();
for (const name of common.listLanguages())
  stock.registerLanguage(name, (common.getLanguage(name) as unknown as { rawDefinition: () => never }).rawDefinition);
stock.registerLanguage('http', http);
stock.configure({ languages: ['json'] });

/** What a sanitizer would make of it: no name of a language within another, no escapes that a text does not need. */
const highlighted = (code: string, language: string): string =>
  stock
    .highlight(code, { language, ignoreIllegals: true })
    .value.replace(/<span class="language-[^"]*">/g, '<span>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#x27;', "'");

const SAMPLE = `#!/bin/sh
# comment // comment /* comment */ -- comment <!-- comment -->
<?php echo "a" . 'b'; ?><script>let x = \`\${a < b && c}\`;</script><style>a { color: #fff }</style>
@Decorator class Foo extends Bar<T> implements Baz { constructor(a, b = 1.5e3) { return this.a?.b ?? null; } }
function name(arg: string): void { if (arg !== "x\\n") throw new Error('y'); }
def name(self, *args): return f"{args!r}" # __init__
SELECT * FROM t WHERE a = 'b' AND c > 1; key: value; [section] key = "value" $var \${var} %d @var :symbol
{"a": [1, true, null, "b"], 'c': {}} &amp; &lt; &nbsp; é \u00a0 😀
- removed
+ added
@@ -1,2 +3,4 @@
fn main() -> Result<(), E> { let x: &'static str = r#"raw"#; println!("{}", x); }
`;
const MESSAGE = 'POST /a?b="c"&d=<e> HTTP/1.1\nContent-Type: application/json\n\n{"a": "<&>\'", "b": [1, true, null]}';

describe('the sanitizer would not change', () => {
  for (const language of [...common.listLanguages(), 'http', 'nobody-knows', ''])
    test(`code in ${language || 'no language'}`, () => {
      const isKnown = stock.getLanguage(language) !== undefined;
      for (const code of [SAMPLE, MESSAGE, ...SAMPLE.split('\n').filter((line) => line.trim() !== '')]) {
        const html = compile(`~~~~${language}\n${code.trimEnd()}\n~~~~\n`, false);
        const through = compile(`${UNTIDY}~~~~${language}\n${code.trimEnd()}\n~~~~\n`, true);
        assert.equal(`${TIDIED}${html}`, through);
        const inner = /<code[^>]*>([\s\S]*)\n<\/code>/.exec(html)?.[1];
        if (isKnown) assert.equal(inner, highlighted(code.trimEnd(), language));
      }
    });

  const PROSE = [
    '# a\n\n## a `b` *c*\n\n### Überschrift "q"\n\ntext\u00a0text & more > less "q" \'a\'',
    '| a | b | c |\n|:-|:-:|-:|\n| `x` | [l](a.md) | **s** ~~d~~ |\n| 1 |',
    '- [ ] a\n- [x] b\n  - c\n\n    d\n\n> e\n> - f\n> ```js\n> let a\n> ```\n',
    '3. a\n4. b\n\n   ```sh\n   c\n   ```\n\n***\n\na  \nb\\\nc',
    '[a](b.md "title") [c](d.md \'<t> & "q"\') ![e](f.png) ![g "h"](i.png "j/") [k]() ![l]()',
    'https://example.org/?a=b&c=d <mailto:a@b.example> [x](https://example.org/"q") <a@b.example>',
    '    indented <code>\n\n&nbsp;&copy;&#x41;&lt;b&gt;',
    'ab c0ffee00-0000-4000-8000-000000000000:0; `c0ffee00-0000-4000-8000-000000000000`',
  ];
  for (const text of PROSE) test(JSON.stringify(text.slice(0, 40)), () => void compileBothWays(text));

  test('any Markdown', () => {
    const piece = fc.constantFrom(
      ...[
        '# a',
        '## `b`',
        '\n\n',
        '\n',
        '- c',
        '  - d',
        '1. e',
        '> f',
        '**g**',
        '*h*',
        '`i`',
        '[j](k.md)',
        '![l](m.png)',
      ],
      ...[
        '| n | o |\n|---|:-:|\n| p | q |',
        '~~~js\nlet r = "s"\n~~~',
        '- [x] t',
        '***',
        '  \n',
        '    u',
        '&',
        '"',
        "'",
        'ü\u00a0',
      ],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 12 }), (pieces) => {
        // Raw HTML is text in one way and not in the other.
        compileBothWays(pieces.join('').replaceAll('<', ''));
      }),
      { numRuns: 500 },
    );
  });
});

describe('nobody passes the sanitizer by', () => {
  const HOSTILE = [
    '```js\n</code></pre><script>alert(1)</script>\n```',
    '```html\n<span class="hljs-tag" onclick="alert(1)">x</span>\n```',
    '<pre tabindex="0" onclick="alert(1)"><code>x</code></pre>',
    '<span class="hljs-x" style="color:red">x</span>',
    '<span class="hljs-x evil">x</span>',
    '<a href="docent-link:0">x</a> [y](z.md "t")',
    '<a href="docent-link:9">x</a>',
    '<a href="javascript:alert(1)">x</a>',
    '<img src="docent-link:0" alt="x" onerror="alert(1)" /> ![y](z.png)',
    '<p>a<p>b</p></p>',
    '<div title="\n\n```js\nlet onclick = "alert(1)"\n```\n\n">',
    '<div class="example-request" data-example="1">\n\n```http\nGET / HTTP/1.1\n```\n\n</div>',
    '<textarea>\n\n```js\nlet a\n```\n\n</textarea>',
    '<strong>a</em>',
    '</p><p>',
    '<input type="checkbox" disabled checked />',
    '<input type="checkbox" disabled checked autofocus onfocus="alert(1)" />',
    '<h2 id="a">b</h2>',
    '<ol start="3"><li>a</li></ol>',
    '<td>a</td><li>b',
    '<table tabindex="0"><tr><td>a<td>b</table>',
    '<strong>a',
    '<pre><code>a</code></pre>',
    '<p>&quot;</p>',
    '<p>&nbsp;</p>',
    '<p>&amp</p>',
    '<hr>',
    'a<br>b',
  ];
  for (const text of HOSTILE)
    test(JSON.stringify(text.slice(0, 50)), () => {
      const html = compile(text, true);
      assert.equal(`${TIDIED}${html}`.trimEnd(), compile(`${UNTIDY}${text}`, true).trimEnd());
      assert.doesNotMatch(
        html.replace(/<code[\s\S]*?<\/code>/g, ''),
        /<[^>]* (on\w+|style|autofocus)|<script|href="j|data-example/,
      );
      assert.doesNotMatch(compile(text, false), /<(script|input|textarea)|<[^>"]* (on\w+|style)=/);
    });

  test('any raw HTML', () => {
    const names = [
      'p',
      'li',
      'ul',
      'ol',
      'table',
      'tr',
      'td',
      'tbody',
      'strong',
      'a',
      'pre',
      'code',
      'blockquote',
      'h2',
      'div',
      'span',
      'br',
    ];
    const attribute = fc.constantFrom(
      ...[
        '',
        ' /',
        ' tabindex="0"',
        ' class="hljs-a b_"',
        ' class="language-a"',
        ' href="docent-link:0"',
        ' id="a"',
        ' start="1"',
      ],
      ...[
        ' align="left"',
        ' class="raw-html"',
        ' class="example" data-example="1"',
        ' title=">"',
        " id='a'",
        ' onclick="a"',
      ],
    );
    const tag = fc.tuple(fc.constantFrom('<', '</'), fc.constantFrom(...names), attribute);
    const piece = fc.oneof(tag, fc.constantFrom(['x'], ['&amp;'], ['&quot;'], ['>'], ['\n'], ['[l](m.md)']));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.map((parts) => (parts.length === 3 ? `${parts.join('')}>` : parts.join(''))).join('');
        assert.equal(`${TIDIED}${compile(text, true)}`.trimEnd(), compile(`${UNTIDY}${text}`, true).trimEnd());
      }),
      { numRuns: 1000 },
    );
  });
});
