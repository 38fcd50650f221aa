// Whatever an author writes, in whatever way it is broken: nothing of it may run, get lost, or stop the compiler.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { marked } from '../../src/compile/markdown/html.ts';
import { type CompiledMarkdown, compileMarkdown } from '../../src/compile/markdown/markdown.ts';
import type { Span } from '../../src/topic/block.ts';
import type { Example } from '../../src/topic/descriptor.ts';

const compile = (text: string, allowHtml: boolean): CompiledMarkdown =>
  compileMarkdown(text, { id: 'a.b', title: undefined, ownsSeeAlso: true, allowHtml, firstLine: 1 });

const TAGS = new Set(
  (
    'h1 h2 h3 h4 h5 h6 p div blockquote pre hr ul ol li dl dt dd details summary figure figcaption a img picture br span strong em ' +
    'b i u del ins s sub sup small mark abbr q cite code kbd samp var table caption thead tbody tfoot tr th td input'
  ).split(' '),
);
const ATTRIBUTES = new Set(
  'href src alt title width height align type checked disabled start open id class colspan rowspan tabindex data-example'.split(
    ' ',
  ),
);

/** The strictest reading there is: text without `<` and `>`, and tags with quoted attributes. What it cannot read fails. */
function assertHarmless(html: string, examples: Example[]): void {
  let rest = html;
  while (rest !== '') {
    const [piece, closing, opening, attributes] =
      /^(?:[^<>]+|<\/([a-z][a-z0-9]*)>|<([a-z][a-z0-9]*)((?: [a-z-]+(?:="[^"<>]*")?)*)(?: \/)?>)/.exec(rest) ?? [];
    assert.ok(piece, `no well-formed HTML: ${rest.slice(0, 80)}`);
    const tag = closing ?? opening;
    if (tag !== undefined) assert.ok(TAGS.has(tag), `<${tag}>`);
    for (const [, name = '', value] of (attributes ?? '').matchAll(/ ([a-z-]+)(?:="([^"]*)")?/g)) {
      assert.ok(ATTRIBUTES.has(name), `${name} on <${tag}>`);
      // Links are still placeholders: whatever else stands there did not go through the one that judges them.
      if (name === 'href' || name === 'src') assert.match(value ?? '', /^docent-link:\d+$/);
      // A page sends the example of this name when somebody presses Run, so nothing else may be marked.
      if (name === 'data-example') assert.ok(examples.some(({ id }) => id === value));
      if (name === 'type') assert.equal(value, 'checkbox');
      if (name === 'tabindex') assert.equal(value, '0');
      if (name === 'class')
        assert.match(value ?? '', /^(language-[\w+#.-]+|hljs-[\w-]+( \w+_)*|raw-html|example(-request|-response)?)$/);
    }
    rest = rest.slice(piece.length);
  }
}

/** As a browser reads a scheme: without control characters and white space. */
const isSafe = (href: string) =>
  !/^[a-z][a-z0-9+.-]*:/i.test(href.replace(/[\p{Cc}\s]/gu, '')) || /^(https?|mailto):/i.test(href.trim());

function hrefsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(hrefsOf);
  if (typeof value !== 'object' || value === null) return [];
  const { href } = value as Span & { href?: string };
  return [...(href === undefined ? [] : [href]), ...Object.values(value).flatMap(hrefsOf)];
}

function assertSound(text: string): void {
  const raw = marked.lexer(text).map((token) => token.raw);
  // Of the white space after a last, empty list item marked makes a line break.
  assert.equal(raw.join('').trimEnd(), text.trimEnd(), 'the tokens are not the text');
  for (const allowHtml of [false, true]) {
    const { html, blocks, links, examples, sections, synopsis, tagline, outline } = compile(text, allowHtml);
    assertHarmless(html, examples);
    for (const { href } of links) assert.ok(isSafe(href), href);
    for (const href of hrefsOf(blocks)) assert.match(href, /^docent-link:\d+$/);
    for (const { body } of sections) assert.ok(text.includes(body), body);
    assert.ok(text.includes(synopsis));
    assert.ok(tagline.length <= 80 && !/[\r\n]/.test(tagline));
    for (const entry of outline) assert.notEqual(entry.id, '');
  }
}

/** What has hurt Markdown renderers before. */
const XSS = [
  '[x](javascript:alert(1))',
  '[x](<javascript:alert(1)>)',
  '[x](java&#10;script:alert(1))',
  '[x](javascript&colon;alert(1))',
  '[x](&#x6A;avascript:alert(1) "t")',
  '[x](data:text/html;base64,PHN2Zz4=)',
  '![x](javascript:alert(1))',
  '![x](data:image/svg+xml,<svg/onload=alert(1)>)',
  '![x" onerror="alert(1)](x.png)',
  '[x](y "a\\" onclick=\\"alert(1)")',
  '[x]: javascript:alert(1)\n[x]\n',
  '<javascript:alert(1)>',
  '<https://e.example/"onclick="alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  '<a href="jav&#x09;ascript:alert(1)">x</a>',
  '<a href=" &#14; javascript:alert(1)">x</a>',
  '<a href=`javascript:alert(1)`>x</a>',
  '<img src=x onerror=alert(1)>',
  '<img src="x`><script>alert(1)</script>">',
  '<svg><script>alert(1)</script></svg>',
  '<svg/onload=alert(1)>',
  '<math><mi//xlink:href="data:x,<script>alert(1)</script>">',
  '<svg><style><img src=x onerror=alert(1)></style></svg>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<textarea></textarea><script>alert(1)</script>',
  '<xmp></xmp><img src=x onerror=alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<object data="javascript:alert(1)"></object>',
  '<form action="javascript:alert(1)"><button>x</button></form>',
  '<base href="//evil.example/">',
  '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
  '<style>@import "//evil.example"</style>',
  '<p style="background:url(javascript:x)">x</p>',
  '<input type=image src=x onerror=alert(1)>',
  '<details ontoggle=alert(1) open>',
  '<!--><script>alert(1)</script>-->',
  '<!-- --!><script>alert(1)</script> -->',
  '<![CDATA[<script>alert(1)</script>]]>',
  '<?php <script>alert(1)</script> ?>',
  '</p><script>',
  '```"><script>alert(1)</script>\nx\n```\n',
  '```html\n<script>alert(1)</script>\n```\n',
  '`<script>`',
  '<scr<script>ipt>alert(1)</scr</script>ipt>',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '<a href="docent-link:0">x</a>',
  '<h1 id="x" onclick=alert(1)>',
  '<span class="hljs-x evil">',
  '<div class="example-request" data-example="1">',
  '```http\nGET /x HTTP/1.1\n```\n',
  '```http\nHTTP/1.1 200 OK\n```\n',
];
const SYNTAX = [
  '*',
  '**',
  '_',
  '`',
  '```\n',
  '~~',
  '[',
  ']',
  '(',
  ')',
  '](',
  '![',
  '<',
  '>',
  '"',
  '\\',
  '|',
  '&',
  ';',
  '#',
  '## ',
  '- ',
  '1. ',
  '> ',
  '    ',
  '\n',
  '\n\n',
  '\t',
  '---\n',
  '===\n',
  '|-|\n',
  '- [ ] ',
  '<!--',
  '-->',
  '</',
  '/>',
  '&#',
  'https://',
  'a@b.c',
  ' ',
];
const WORDS = [
  'tea',
  'NAME',
  'DESCRIPTION',
  'SEE ALSO',
  'é',
  '日本',
  '😀',
  '\u0000',
  '\u2028',
  '\u202e',
  '\u00a0',
  '\ufeff',
  '\u001b',
];

const adversary = fc
  .array(fc.constantFrom(...XSS, ...SYNTAX, ...SYNTAX, ...WORDS), { maxLength: 14 })
  .map((pieces) => pieces.join(''));

describe('nothing that an author writes runs', () => {
  for (const text of XSS) test(text.replaceAll('\n', ' '), () => assertSound(text));

  test('inside one another', () => {
    const wrap = fc.constantFrom(
      '[%](x)',
      '![%](x)',
      '<b title="%">',
      '**%**',
      '`%`',
      '> %',
      '- %',
      '| % |\n|---|\n',
      '# %',
      '<a href="%">',
      '<!-- % -->',
      '[x](y "%")',
      '<div>\n\n%\n\n</div>',
    );
    fc.assert(
      fc.property(fc.constantFrom(...XSS), fc.array(wrap, { minLength: 1, maxLength: 4 }), (text, wraps) =>
        assertSound(wraps.reduce((inner, outer) => outer.replace('%', () => inner), text)),
      ),
      { numRuns: 400 },
    );
  });

  test('and in every mixture the tokens are the text, sections are parts of it, and links are safe', () => {
    fc.assert(fc.property(adversary, assertSound), { numRuns: 800 });
  });

  test('nor in text of any characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => assertSound(text.replace(/\r\n?/g, '\n'))),
      { numRuns: 300 },
    );
  });
});

test('the reading of HTML that these tests rely on refuses what is not harmless', () => {
  for (const html of [
    '<script>x</script>',
    '<img src="x.png" />',
    '<a href="javascript:x">x</a>',
    '<p onclick="x">x</p>',
    '<p style="x">x</p>',
    '<input type="image" />',
    '<b',
    'a < b',
    '<a href=docent-link:0>x</a>',
  ]) {
    assert.throws(() => assertHarmless(html, []), html);
  }
  assertHarmless('<p>a &lt; <a href="docent-link:0" title="x">b</a><br /></p>\n', []);
});
