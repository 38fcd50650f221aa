// Texts that make Markdown parsers slow or overflow their stack. Every one of them is compiled, or refused with a diagnostic.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { blocksOf, buildFiles, codes, compileFile, printed } from '../support.ts';

/** About 60 kB of the same. */
const many = (text: string) => text.repeat(Math.ceil(60_000 / text.length));
/** Far more levels than a stack has room for. */
const LEVELS = 5000;

describe('what is nested beyond all sense is refused, and nothing else suffers', () => {
  const hint = '  hint: write fewer lists or quotes inside one another';
  for (const [what, text] of [
    ['quotations', '> '.repeat(LEVELS)],
    ['quotations without spaces', '>'.repeat(LEVELS)],
    ['lists', `${'- '.repeat(LEVELS)}x`],
    ['numbered lists', '1. '.repeat(LEVELS)],
    ['lists in quotations', '> - '.repeat(LEVELS)],
    ['stress', `${'**a '.repeat(2500)}${'b**'.repeat(2500)}`],
  ] as const) {
    test(what, () => {
      const { topic, diagnostics } = compileFile(`# T\n\n${text}\n`);
      assert.equal(topic === undefined, true);
      assert.deepEqual(printed(diagnostics), [
        `docs/topic.md:1:1: error markdown-too-deep: the Markdown is nested too deeply\n${hint}`,
      ]);
    });
  }

  test('the other files of a build', () => {
    const { catalog, diagnostics } = buildFiles({ 'a.md': `${'> '.repeat(LEVELS)}x\n`, 'b.md': '# B\n' });
    assert.deepEqual(codes(diagnostics), ['markdown-too-deep']);
    assert.deepEqual(
      catalog?.topics.map(({ descriptor }) => descriptor.topic),
      ['b'],
    );
  });
});

test('two hundred levels are the limit, however much room the stack has', () => {
  for (const one of ['> ', '- ', '**a ']) {
    const close = one === '**a ' ? 'b**' : '';
    const nested = (levels: number) =>
      codes(compileFile(`# T\n\n${one.repeat(levels)}x${close.repeat(levels)}\n`).diagnostics);
    assert.deepEqual(nested(190), [], one);
    assert.deepEqual(nested(210), ['markdown-too-deep'], one);
  }
});

describe('what is nested no deeper than a person would is kept', () => {
  test('thirty levels of quotations and lists', () => {
    const { topic } = compileFile(`${'> - '.repeat(30)}deep\n`);
    assert.equal(topic?.html.match(/<blockquote>/g)?.length, 30);
    assert.match(topic?.blocks ?? '', /"deep"/);
  });
});

describe('60 kB of the same are compiled', () => {
  for (const text of [
    '[',
    '](',
    '[a](',
    '![',
    '[a](b) ',
    '[a]: x\n',
    '[^a]',
    '~',
    '~~a',
    '`',
    '`a',
    '```\n',
    '<',
    '<a ',
    '</',
    '<?',
    '<b>',
    '<div>\n',
    '<a href="',
    '|',
    '\\',
    '&',
    '&#1',
    '# a\n',
    '===\n',
    'a\n\n',
    '    a\n',
    '> a\n',
    '- a\n',
    'a  \n',
    '\\*',
    '😀',
    ' \n',
    'www.',
    'a\n',
  ]) {
    test(JSON.stringify(text), () => {
      const source = `# T\n\n${many(text)}\n\n## END\n\nlast words\n`;
      const { topic, diagnostics } = compileFile(source, 'topic.md', { allowHtml: text.startsWith('<b') });
      assert.ok(topic, printed(diagnostics).slice(0, 3).join('\n'));
      assert.equal(topic.body === source, true);
      assert.equal(JSON.stringify(blocksOf(topic).at(-1)).includes('last words'), true);
    });
  }

  test('as a table whose rows, filled up, would not fit into memory: it is no table', () => {
    const { topic } = compileFile(`${'|a'.repeat(2000)}|\n${'|-'.repeat(2000)}|\n${many('|x|\n')}\n## END\n`);
    assert.deepEqual(topic && blocksOf(topic).map((block) => block.type), ['paragraph', 'heading']);
  });

  test('as the rows of a table', () => {
    const { topic } = compileFile(`| a | b |\n|---|---|\n${many('| x | y |\n')}`);
    const [table] = topic === undefined ? [] : blocksOf(topic);
    assert.equal(table?.type === 'table' && table.rows.length, 6001);
  });

  test('as one long line of code in a language', () => {
    for (const lang of ['js', 'html', 'json', 'sh', 'yaml', 'http', 'css', 'md'])
      for (const text of ['(', '"', '<', '\\', '{', '#', '* '])
        assert.ok(compileFile(`\`\`\`${lang}\n${text.repeat(5000)}\n\`\`\`\n`).topic?.html.startsWith('<pre '));
  });
});

// Where each one would be looked at again from every one before it, this would take hours.
describe('a million of the same are read once', () => {
  const LONG = 1_000_000;
  const response = '```http\nHTTP/1.1 200 OK\n```\n';

  test('line breaks in code', () => {
    const { topic } = compileFile(`# T\n\n    a${'\n'.repeat(LONG)}    b\n`);
    assert.equal(topic?.html === `<pre tabindex="0"><code>a${'\n'.repeat(LONG)}b\n</code></pre>\n`, true);
  });

  test('blanks in a header line of an http fence', () => {
    const value = `a${' '.repeat(LONG)}b`;
    const { topic } = compileFile(`\`\`\`http\nGET /a\nX-A: ${value} \t\n\`\`\`\n\n${response}`);
    assert.equal(topic?.examples[0]?.request.headers[0]?.value === value, true);
  });

  test('letters in the reason of an http fence without its closing quote', () => {
    const info = `skip="${'a'.repeat(LONG)}`;
    const { topic, diagnostics } = compileFile(`\`\`\`http ${info}\nGET /a\n\`\`\`\n\n${response}`);
    assert.deepEqual([topic?.examples, codes(diagnostics)], [[], ['example-invalid']]);
  });
});
