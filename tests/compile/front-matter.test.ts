// Where front matter begins and ends, and what must never happen to what stands around it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { splitFrontMatter } from '../../src/compile/frontmatter.ts';
import { codes, compileFile, printed } from '../support.ts';

describe('front matter is split off', () => {
  for (const [what, text, data, body, bodyLine] of [
    ['from a body', '---\ntitle: A\n---\nbody\n', { title: 'A' }, 'body\n', 4],
    ['when nothing follows', '---\ntitle: A\n---\n', { title: 'A' }, '', 4],
    ['at the end of the file, without a line break', '---\ntitle: A\n---', { title: 'A' }, '', 3],
    ['with CRLF', '---\r\ntitle: A\r\ntags: [x]\r\n---\r\nbody\r\n', { title: 'A', tags: ['x'] }, 'body\r\n', 5],
    ['with CRLF, at the end of the file', '---\r\ntitle: A\r\n---', { title: 'A' }, '', 3],
    ['with white space after the fences', '--- \t\ntitle: A\n---  \nbody', { title: 'A' }, 'body', 4],
    ['when it is empty', '---\n---\nbody', {}, 'body', 3],
    ['when it is only a comment', '---\n# nothing yet\n---\nbody', {}, 'body', 4],
    ['when it names its language', '---yaml\ntitle: A\n---\nbody', { title: 'A' }, 'body', 4],
    ['when it names its language in capitals', '--- YML\ntitle: A\n---\nbody', { title: 'A' }, 'body', 4],
    ['and the body is not looked into', '---\ntitle: A\n---\n---\nb: 1\n---\n', { title: 'A' }, '---\nb: 1\n---\n', 4],
    [
      'also from a line of dashes that is longer',
      '---\ntitle: A\n----: x\n---\nb',
      { title: 'A', '----': 'x' },
      'b',
      5,
    ],
    [
      'and closes at no line that only begins so',
      '---\ntitle: A\n---x: b\n---\nc',
      { title: 'A', '---x': 'b' },
      'c',
      5,
    ],
    ['and closes at no U+2028', '---\ntitle: a\u2028---\nx: b\n---\nc', { title: 'a\u2028---', x: 'b' }, 'c', 5],
    ['and closes at no line that U+2028 seems to end', '---\n---\u2028: b\n---\nc', { '---\u2028': 'b' }, 'c', 4],
    ['and closes at no indented line', '---\ntitle: |\n  a\n  ---\n---\nb', { title: 'a\n---\n' }, 'b', 6],
  ] as const) {
    test(what, () => {
      const split = splitFrontMatter(text);
      assert.deepEqual(split.findings, []);
      assert.deepEqual(split.data, data);
      assert.equal(split.body, body);
      assert.equal(split.bodyLine, bodyLine);
    });
  }
});

describe('all is body', () => {
  for (const [what, text] of [
    ['when there is none', '# Title\n\ntext\n'],
    ['when it is never closed', '---\ntitle: A\n\ntext\n'],
    ['when the first line has more than a language', '---x y\ntitle: A\n---\n'],
    ['when the first line is longer', '----\ntitle: A\n----\n'],
    ['when a blank line stands before it', '\n---\ntitle: A\n---\n'],
    ['when the fence is indented', ' ---\ntitle: A\n---\n'],
    ['when only the fence is there', '---'],
    ['when the closing fence is indented', '---\ntitle: A\n ---\n'],
    ['of an empty file', ''],
  ] as const) {
    test(what, () => {
      const split = splitFrontMatter(text);
      assert.equal(split.data, undefined);
      assert.equal(split.body, text);
      assert.equal(split.bodyLine, 1);
      assert.deepEqual(split.findings, []);
    });
  }

  test('when a file opens with a thematic break, which is said', () => {
    const text = '---\n\nThe first *rule* is prose.\n\n---\n\nAnd so is the rest.\n';
    const { topic, diagnostics } = compileFile(text);
    assert.deepEqual(printed(diagnostics), [
      'docs/topic.md:1:1: warning front-matter-not-a-map: what stands between the first two --- lines is no mapping, so it is taken as text\n' +
        '  hint: write "key: value" lines, or *** for a rule',
    ]);
    assert.equal(topic?.body, text);
  });

  test('for every text that does not open with a fence', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('-', '\n', '\r', 'a', ':', ' ', '---\n') }), (text) => {
        fc.pre(!text.startsWith('---'));
        assert.equal(splitFrontMatter(text).body, text);
      }),
    );
  });
});

test('nothing is ever lost: the body is the end of the file, from the line that is said', () => {
  const line = fc.constantFrom('---', '---x', '--- ', 'a: b', '# c', '', '- d', '  ---', 'e: [', '...', '---\r');
  fc.assert(
    fc.property(fc.array(line, { maxLength: 10 }), (lines) => {
      const text = ['---', ...lines].join('\n');
      const { body, bodyLine } = splitFrontMatter(text);
      assert.ok(text.endsWith(body));
      const head = text.slice(0, text.length - body.length);
      assert.equal(bodyLine, head.split('\n').length);
    }),
  );
});

describe('no other language is read', () => {
  for (const language of ['js', 'javascript', 'json', 'coffee', 'toml', 'css']) {
    test(language, () => {
      const marker = `docentRan${language}`;
      const text = `---${language}\n{ title: (globalThis.${marker} = true, "A") }\n---\nbody\n`;
      const { topic, diagnostics } = compileFile(text);
      assert.equal(topic, undefined);
      assert.deepEqual(printed(diagnostics), [
        `docs/topic.md:1:1: error front-matter-language: front matter in "${language}" is not read\n` +
          '  hint: write it in YAML, after a plain ---',
      ]);
      assert.equal(marker in globalThis, false);
    });
  }
});

describe('a byte order mark', () => {
  test('does not hide the front matter, and is not part of the body', () => {
    assert.equal(compileFile('\ufeff---\ntitle: A\n---\nbody\n').topic?.title, 'A');
    assert.equal(compileFile('\ufeff# A\n').topic?.body, '# A\n');
  });
});

describe('the body', () => {
  for (const [what, text, body] of [
    ['keeps its CRLF', '---\r\ntitle: A\r\n---\r\n\r\none\r\n\r\ntwo\r\n', 'one\r\n\r\ntwo\r\n'],
    ['loses leading blank lines, not leading spaces', '---\ntitle: A\n---\n\n \t\n    code\n', '    code\n'],
    ['keeps what is at its end', '# A\n\ntext  \n\n\n\t', '# A\n\ntext  \n\n\n\t'],
    ['keeps a missing last line break', '# A\n\ntext', '# A\n\ntext'],
    ['keeps a single CR', '# A\n\none\rtwo\n', '# A\n\none\rtwo\n'],
    ['keeps comments', '<!-- for the author -->\n# A\n', '<!-- for the author -->\n# A\n'],
  ] as const) {
    test(what, () => assert.equal(compileFile(text).topic?.body, body));
  }

  test('of a file that is only front matter is empty', () => {
    const { topic, diagnostics } = compileFile('---\ntitle: A\n---\n\n\n');
    assert.deepEqual(diagnostics, []);
    assert.equal(topic?.body, '');
  });
});

test('broken front matter is found again when the same text is read again', () => {
  const text = '---\ntitle: "A\n---\nbody\n';
  assert.deepEqual(codes(compileFile(text).diagnostics), ['yaml-syntax']);
  assert.deepEqual(codes(compileFile(text).diagnostics), ['yaml-syntax']);
});

test('front matter that is longer than any author writes is not parsed', () => {
  const keys = Array.from({ length: 5000 }, (_, index) => `a-rather-long-key-${index}: x`).join('\n');
  assert.deepEqual(printed(compileFile(`---\n${keys}\n---\nbody\n`).diagnostics), [
    'docs/topic.md:1:1: error file-too-large: the front matter has 128898 characters; at most 65536 are read\n' +
      '  hint: move what is text below it',
  ]);
});
