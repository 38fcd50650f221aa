// The HTML fragment of a page: headings, code, entities, raw HTML.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileMarkdown } from '../../src/compile/markdown/markdown.ts';

const compile = (text: string, allowHtml = false) =>
  compileMarkdown(text, { id: 'a', title: 'T', ownsSeeAlso: false, allowHtml, firstLine: 1 });
const html = (text: string, allowHtml = false) => compile(text, allowHtml).html;

describe('a heading has the id that GitHub gives it', () => {
  for (const [text, id] of [
    ['Simple', 'simple'],
    ['Two  Words', 'two--words'],
    ['With `code` and *stress*', 'with-code-and-stress'],
    ['What? Really! (yes)', 'what-really-yes'],
    ['a/b & c', 'ab--c'],
    ['Ünïcode 日本', 'ünïcode-日本'],
    ['under_score-dash', 'under_score-dash'],
    ['🚀 Launch', '-launch'],
    ['A [link](x.md)', 'a-link'],
    ['&copy; 2026 &amp; on', '-2026--on'],
    ['`<T>` types', 't-types'],
    ['`&amp;` raw', 'amp-raw'],
    ['a <b>x</b>', 'a-x'],
    ['Note <!-- for authors -->', 'note-'],
    ['![logo](x.png) Docs', '-docs'],
    ['![logo](x.png)', 'logo'],
    ['?!', 'section'],
  ] as const) {
    test(`## ${text}`, () => {
      for (const allowHtml of [false, true]) {
        const { outline, html } = compile(`## ${text}\n`, allowHtml);
        assert.equal(outline[0]?.id, id);
        assert.ok(html.startsWith(`<h2 id="${id}">`), html);
      }
    });
  }

  test('with a number when the same comes again', () => {
    const ids = compile('## A\n\n## A\n\n### a\n\n## A-1\n').outline.map((entry) => entry.id);
    assert.deepEqual(ids, ['a', 'a-1', 'a-2', 'a-1-1']);
  });
});

test('the outline lists the headings as they read', () => {
  const text =
    '# One\n\n### *Two* `<b>` &amp;  3\n\nFour\nfive\n---\n\n- # In a list\n\n##\n\n## x<!-- y --> <i>z</i>\n';
  assert.deepEqual(compile(text, true).outline, [
    { level: 2, id: 'one', text: 'One' },
    { level: 3, id: 'two-b---3', text: 'Two <b> & 3' },
    { level: 2, id: 'fourfive', text: 'Four five' },
    { level: 2, id: 'in-a-list', text: 'In a list' },
    { level: 2, id: 'x-z', text: 'x z' },
  ]);
  assert.equal(compile('## x <i>z</i>\n').outline[0]?.text, 'x <i>z</i>');
});

describe('text', () => {
  test('has its entities decoded once, and what only looks like one left alone', () => {
    assert.equal(
      html('&lt;b&gt; &amp;amp; &copy; ?a=1&copy=2&region=eu &nope;\n'),
      '<p>&lt;b&gt; &amp;amp; © ?a=1&amp;copy=2&amp;region=eu &amp;nope;</p>\n',
    );
  });

  test('in code has nothing decoded', () => {
    assert.equal(html('`&lt; <b>`\n'), '<p><code>&amp;lt; &lt;b&gt;</code></p>\n');
    assert.equal(html('```\n&lt; <b>\n```\n'), '<pre tabindex="0"><code>&amp;lt; &lt;b&gt;\n</code></pre>\n');
  });

  test('in indented code ends in one line break', () => {
    assert.equal(html('x\n\n\ta\n\n'), '<p>x</p>\n<pre tabindex="0"><code>a\n</code></pre>\n');
  });
});

describe('code', () => {
  test('in a known language has classes, no styles', () => {
    assert.equal(
      html('```json\n{"a": 1}\n```\n'),
      '<pre tabindex="0"><code class="language-json"><span class="hljs-punctuation">{</span><span class="hljs-attr">"a"</span><span class="hljs-punctuation">:</span> <span class="hljs-number">1</span><span class="hljs-punctuation">}</span>\n</code></pre>\n',
    );
    assert.match(html('```http\nGET /help/ HTTP/1.1\n```\n'), /<span class="hljs-keyword">GET<\/span>/);
  });

  test('that is an HTTP message has colours for a body of JSON, and for no other', () => {
    const message = (body: string) => html(`\`\`\`http\nHTTP/1.1 200 OK\nA: b\n\n${body}\n\`\`\`\n`);
    assert.match(message('{"a": 1}'), /<span class="hljs-attr">"a"<\/span>/);
    assert.match(message('if this is not null then return'), /\n\n(<span>)?if this is not null then return\n/);
  });

  test('in an unknown one keeps its name', () => {
    assert.equal(
      html('```brew-script x=1\na < b\n```\n'),
      '<pre tabindex="0"><code class="language-brew-script">a &lt; b\n</code></pre>\n',
    );
  });

  test('has no class of a language that is no name', () => {
    assert.equal(
      html('```"><img/src=x>\na\n```\n'),
      '<pre tabindex="0"><code class="language-imgsrcx">a\n</code></pre>\n',
    );
    assert.equal(html('```{}\na\n```\n'), '<pre tabindex="0"><code>a\n</code></pre>\n');
  });

  test('that is very long has no colours', () => {
    assert.doesNotMatch(html(`\`\`\`json\n[${'1,'.repeat(30_000)}1]\n\`\`\`\n`), /hljs/);
  });
});

describe('raw HTML', () => {
  test('is shown as text, unless the configuration allows it', () => {
    assert.equal(html('<div class="x">a</div>\n'), '<pre class="raw-html">&lt;div class="x"&gt;a&lt;/div&gt;</pre>\n');
    assert.equal(html('a <kbd>b</kbd>\n'), '<p>a &lt;kbd&gt;b&lt;/kbd&gt;</p>\n');
  });

  test('where it is allowed keeps what is harmless', () => {
    assert.equal(
      html('<details open>\n<summary>s</summary>\n\n**b** <kbd>k</kbd>\n\n</details>\n', true),
      '<details open>\n<summary>s</summary><p><strong>b</strong> <kbd>k</kbd></p>\n</details>\n',
    );
  });

  test('where it is allowed loses what is not: the tag goes, its text stays', () => {
    assert.equal(
      html('a <blink style="x" onclick="y">b</blink> <i id="z" class="w">c</i>\n', true),
      '<p>a b <i>c</i></p>\n',
    );
    assert.equal(html('<script>alert(1)</script>\n\n<style>p {}</style>\n\nx\n', true).trim(), '<p>x</p>');
    assert.equal(
      html('<form action="/x"><input name="q" type="text"><button>Go</button></form>\n', true).trim(),
      '<input type="checkbox" disabled />Go',
    );
  });

  test('may have links, which are judged like all others', () => {
    const { html, links, findings } = compile(
      '<a href="x.md">a</a> <a href="vbscript:x">b</a> <img src="data:image/png,x">\n',
      true,
    );
    assert.equal(html, '<p><a href="docent-link:0">a</a> <a>b</a> <img /></p>\n');
    assert.deepEqual(
      links.map(({ href }) => href),
      ['x.md'],
    );
    assert.deepEqual(
      findings.map(({ message }) => message),
      ['"vbscript:" is not a scheme for a link', '"data:" is not a scheme for an image'],
    );
  });

  test('cannot pass for a link that the compiler made', () => {
    for (const href of ['docent-link:0', 'docent-link:1', 'docent-link:x', 'docent-link:']) {
      const { html, findings } = compile(`<a href="${href}">a</a>\n`, true);
      assert.equal(html, '<p><a>a</a></p>\n');
      assert.deepEqual(
        findings.map(({ code }) => code),
        ['unsafe-link'],
      );
    }
  });

  test('in a comment is for the author alone', () => {
    for (const allowHtml of [false, true]) {
      assert.equal(html('a <!-- b --> c\n\n<!-- d\n\ne -->\n\nf\n', allowHtml), '<p>a  c</p>\n<p>f</p>\n');
    }
  });
});

describe('GitHub’s extensions', () => {
  test('task lists have boxes that cannot be ticked', () => {
    assert.equal(
      html('- [ ] a\n- [x] b\n'),
      '<ul>\n<li><input type="checkbox" disabled /> a</li>\n<li><input type="checkbox" disabled checked /> b</li>\n</ul>\n',
    );
  });

  test('tables keep their alignment', () => {
    assert.equal(
      html('| a | b |\n|:-:|--:|\n| `x\\|y` | ~~z~~ |\n'),
      '<table tabindex="0">\n<thead>\n<tr>\n<th align="center">a</th>\n<th align="right">b</th>\n</tr>\n</thead>\n<tbody><tr>\n<td align="center"><code>x|y</code></td>\n<td align="right"><del>z</del></td>\n</tr>\n</tbody></table>\n',
    );
  });
});

test('an image has its text as plain text', () => {
  assert.equal(
    html('![a *b* `<c>` &quot;d&quot;](x.png "say &quot;hi&quot;")\n'),
    '<p><img src="docent-link:0" alt="a b &lt;c&gt; &quot;d&quot;" title="say &quot;hi&quot;" /></p>\n',
  );
});
