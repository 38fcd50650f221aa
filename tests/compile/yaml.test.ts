// What front matter says, and where: every value as its author wrote it, every problem at its line and column.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { splitFrontMatter } from '../../src/compile/frontmatter.ts';
import { compileFile, printed } from '../support.ts';

const dataOf = (...lines: string[]) => splitFrontMatter(`---\n${lines.join('\n')}\n---\n`).data;
const problemsOf = (...lines: string[]) => printed(compileFile(`---\n${lines.join('\n')}\n---\nbody\n`).diagnostics);

describe('a scalar stays the text that was written', () => {
  for (const text of ['2026-01-02', 'no', 'yes', 'on', '1:30', '1.10', '007', '0x10', '1e3', '~', 'null', 'true', '.5'])
    test(text, () => assert.deepEqual(dataOf(`title: ${text}`), { title: text }));

  test('unless it is quoted, folded or a block: that is only how it is written', () => {
    const data = dataOf('a: "x\\ty"', "b: 'it''s'", 'c: >', '  one', '  two', 'd: |', '  one', '  two', 'e:');
    assert.deepEqual(data, { a: 'x\ty', b: "it's", c: 'one two\n', d: 'one\ntwo\n', e: '' });
  });

  test('also where a tag wants to make something of it', () => {
    const data = dataOf('a: !!int 3', 'b: !!js/function "x"', 'c: !!binary aGk=', 'd: !!timestamp 2026-01-02');
    assert.deepEqual(data, { a: '3', b: 'x', c: 'aGk=', d: '2026-01-02' });
  });
});

test('lists and mappings nest, in flow and in block', () => {
  const data = dataOf('see_also: [a, b.C]', 'error:', '  status: 409', '  codes: { x: y }', 'tags:', '- p', '- q');
  assert.deepEqual(data, {
    see_also: ['a', 'b.C'],
    error: { status: '409', codes: { x: 'y' } },
    tags: ['p', 'q'],
  });
});

test('an anchor may be used again', () => {
  assert.deepEqual(dataOf('a: &x [p, q]', 'b: *x'), { a: ['p', 'q'], b: ['p', 'q'] });
});

describe('what YAML cannot be is said at its place', () => {
  const quoteHint = '  hint: put a value that holds ": ", " #" or begins with a special character in quotes';
  for (const [what, lines, expected] of [
    [
      'a colon in a plain value',
      ['topic: topic', 'title: a: b'],
      [`docs/topic.md:3:8: error yaml-syntax: Nested mappings are not allowed in compact mappings\n${quoteHint}`],
    ],
    ['an open quote', ['title: "a'], [`docs/topic.md:2:10: error yaml-syntax: Missing closing "quote\n${quoteHint}`]],
    [
      'a tab as indentation',
      ['error:', '\tstatus: 400'],
      [`docs/topic.md:3:1: error yaml-syntax: Tabs are not allowed as indentation\n${quoteHint}`],
    ],
    [
      'a key twice',
      ['title: a', 'tags: [x]', 'title: b'],
      ['docs/topic.md:4:1: error yaml-syntax: Map keys must be unique\n  hint: keep one of them'],
    ],
    [
      'a second document',
      ['title: a', '...', 'title: b'],
      [
        'docs/topic.md:4:1: error yaml-syntax: front matter is one YAML document, and here begins another\n  hint: remove the line before',
      ],
    ],
    [
      'an alias of nothing',
      ['title: a', 'see_also: [*x]'],
      [
        'docs/topic.md:2:1: error yaml-syntax: the YAML cannot be read: Unresolved alias (the anchor must be set before the alias): x\n' +
          '  hint: see https://yaml.org/spec/1.2.2/',
      ],
    ],
  ] as const) {
    test(what, () => assert.deepEqual(problemsOf(...lines), expected));
  }

  test('with CRLF at the same place', () => {
    const text = '---\r\ntopic: topic\r\ntitle: a: b\r\n---\r\nbody\r\n';
    assert.match(printed(compileFile(text).diagnostics).join(), /^docs\/topic\.md:3:8: error yaml-syntax: /);
  });

  test('several, each once', () => {
    const places = problemsOf('title: [a', 'foo: b', 'q: }').map((line) => /:(\d+:\d+):/.exec(line)?.[1]);
    assert.deepEqual(places, ['3:1', '4:4']);
  });
});

describe('what would harm the compiler is refused', () => {
  test('an alias bomb', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih'])
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`);
    assert.deepEqual(problemsOf(...bomb), [
      'docs/topic.md:2:1: error yaml-aliases: too many YAML aliases\n  hint: write the values out',
    ]);
  });

  test('a value that contains itself', () => {
    assert.deepEqual(problemsOf('see_also: &a [*a]'), [
      'docs/topic.md:2:15: error invalid-value: "see_also.0" must be of type string, not a value that contains itself\n  hint: write a string',
    ]);
  });

  test('brackets beyond all depth', () => {
    const [problem, ...others] = problemsOf(`see_also: ${'['.repeat(20_000)}`);
    assert.match(problem ?? '', /^docs\/topic\.md:2:\d+: error yaml-syntax: the YAML is nested too deeply\n/);
    assert.deepEqual(others, []);
  });

  test('a key that is the prototype of everything', () => {
    assert.deepEqual(
      problemsOf('__proto__: { title: polluted }', 'constructor: x').map((line) => line.split('\n')[0]),
      [
        'docs/topic.md:2:1: error unknown-key: unknown key "__proto__"',
        'docs/topic.md:3:1: error unknown-key: unknown key "constructor"',
      ],
    );
    assert.equal('title' in {}, false);
  });

  test('a value that is no text where text is quoted', () => {
    for (const [key, value] of [
      ['topic', '{ toString: x }'],
      ['see_also', '[{ toString: x }]'],
      ['title', '[a]'],
    ]) {
      const { topic, diagnostics } = compileFile(`---\n${key}: ${value}\n---\n# A\n\n## SEE ALSO\n\n- b\n`);
      assert.equal(topic, undefined);
      assert.deepEqual(
        diagnostics.map(({ code, line }) => `${line} ${code}`),
        ['2 invalid-value'],
      );
    }
  });
});
