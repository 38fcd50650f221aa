// How particular blocks look in a terminal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Layout, PLAIN, type TerminalStyle } from '../../src/render/terminal.ts';
import type { Block, Span } from '../../src/topic/block.ts';

function layout(draw: (layout: Layout) => void, style: Partial<TerminalStyle> = {}): string {
  const made = new Layout({ ...PLAIN, ...style });
  draw(made);
  return made.text();
}

/** Blocks from the left margin. */
function lay(blocks: Block[], style: Partial<TerminalStyle> = {}): string {
  return layout((made) => made.blocks(blocks, 0), style);
}

function paragraph(...spans: Span[]): Block {
  return { type: 'paragraph', spans };
}

function list(...items: Block[][]): Block {
  return { type: 'list', items };
}

const LONG = 'a paragraph of words that is too long for a line of thirty columns';

// Where each one would be looked at again from every one before it, this would take hours.
test('a million line breaks are read once, and those at the end are left out', () => {
  const breaks = '\n'.repeat(1_000_000);
  assert.equal(layout((made) => made.verbatim(`a${breaks}b\n\n`, 0)) === `a${breaks}b\n`, true);
});

describe('nested blocks', () => {
  test('keep the width: what stands inside has what the marker leaves', () => {
    const blocks = [list([paragraph(LONG), { type: 'quote', blocks: [paragraph(LONG)] }])];
    assert.equal(
      lay(blocks, { width: 30 }),
      '• a paragraph of words that is\n  too long for a line of\n  thirty columns\n\n' +
        '  │ a paragraph of words that\n  │ is too long for a line of\n  │ thirty columns\n',
    );
  });

  test('number on from the first number, each text beside its number', () => {
    const items = ['nine', 'ten'].map((text) => [paragraph(text), paragraph('more')]);
    assert.equal(lay([{ type: 'list', start: 9, items }]), '9. nine\n\n   more\n\n10. ten\n\n    more\n');
  });

  test('show short items close together and long ones apart', () => {
    assert.equal(lay([list([paragraph('a')], [paragraph('b')]), paragraph('c')]), '• a\n• b\n\nc\n');
    assert.equal(lay([list([paragraph('a'), paragraph('b')], [paragraph('c')])]), '• a\n\n  b\n\n• c\n');
  });

  test('can be empty', () => {
    assert.equal(
      lay([list([], [paragraph('b')]), { type: 'quote', blocks: [] }, paragraph('c')]),
      '•\n• b\n\n│\n\nc\n',
    );
    assert.equal(lay([]), '\n');
  });

  test('can be deeper than the terminal is wide', () => {
    let blocks: Block[] = [paragraph('at the bottom')];
    for (let depth = 0; depth < 40; depth++) blocks = [{ type: 'quote', blocks }];
    assert.equal(lay(blocks, { width: 30 }), `${'│ '.repeat(40)}at\n${'│ '.repeat(40)}the\n${'│ '.repeat(40)}bottom\n`);
  });
});

describe('code', () => {
  test('keeps its lines, its blank lines and its indentation; a tab is four columns', () => {
    const text = 'def a():\n\n\n\tpass  \n\n\ndef b():';
    const blocks: Block[] = [{ type: 'code', text }, paragraph('after')];
    assert.equal(lay(blocks), '  def a():\n\n\n      pass\n\n\n  def b():\n\nafter\n');
    assert.equal(lay([list(blocks)]), '•   def a():\n\n\n        pass\n\n\n    def b():\n\n  after\n');
  });

  test('is never wrapped', () => {
    const text = 'word '.repeat(40).trim();
    assert.equal(lay([{ type: 'code', text }], { width: 30 }), `  ${text}\n`);
  });
});

describe('headings', () => {
  test('stand out to the left of their text: sections at the margin, subsections by two columns', () => {
    const heading = (level: number): Block => ({ type: 'heading', level, spans: [`level ${level}`] });
    assert.equal(
      layout((made) =>
        made.blocks([heading(1), heading(2), paragraph('text'), heading(3), heading(6), paragraph('text')]),
      ),
      'level 1\nlevel 2\n    text\n\n  level 3\n  level 6\n    text\n',
    );
  });

  test('too long for a line are wrapped like text', () => {
    assert.equal(
      lay([{ type: 'heading', level: 2, spans: [LONG] }, paragraph('text')], { width: 30 }),
      'a paragraph of words that is\ntoo long for a line of thirty\ncolumns\ntext\n',
    );
  });
});

describe('colour', () => {
  test('marks what is strong, emphasized, deleted, code and linked, and nests', () => {
    const spans: Span[] = [
      { type: 'strong', spans: ['s'] },
      ' ',
      { type: 'em', spans: ['e ', { type: 'strong', spans: ['both'] }] },
      ' ',
      { type: 'del', spans: ['d'] },
      ' ',
      { type: 'code', text: 'c' },
      ' ',
      { type: 'link', href: 'https://acme.example/', spans: ['l'] },
      ' ',
      { type: 'link', href: '/help/errors/', spans: ['inside'] },
    ];
    assert.equal(
      lay([paragraph(...spans)], { color: true }),
      '\x1b[1ms\x1b[22m \x1b[3me\x1b[23m \x1b[1m\x1b[3mboth\x1b[23m\x1b[22m \x1b[9md\x1b[29m \x1b[36mc\x1b[39m ' +
        '\x1b[4ml\x1b[24m <https://acme.example/> inside\n',
    );
  });

  test('covers the blanks inside a marked phrase and ends with the line', () => {
    assert.equal(
      lay([paragraph({ type: 'strong', spans: ['words that are marked as strong'] })], { color: true, width: 30 }),
      '\x1b[1mwords that are marked as\x1b[22m\n\x1b[1mstrong\x1b[22m\n',
    );
  });

  test('marks running head, title, facts, headings, terms and code blocks', () => {
    const draw = (made: Layout) => {
      made.header('left', '', 'right');
      made.title('Title');
      made.note('fact');
      made.heading('HEAD');
      made.definitions([['term', 'meaning']]);
      made.blocks([{ type: 'code', text: 'code' }]);
    };
    assert.equal(
      layout(draw, { color: true, width: 30 }),
      `\x1b[2mleft${' '.repeat(21)}right\x1b[22m\n\n\x1b[1mTitle\x1b[22m\n\x1b[2mfact\x1b[22m\n\n` +
        '\x1b[1mHEAD\x1b[22m\n    \x1b[36mterm\x1b[39m  meaning\n\n      \x1b[36mcode\x1b[39m\n',
    );
  });
});

describe('links', () => {
  const link = (href: string | undefined, text = 'here'): Block =>
    paragraph({ type: 'link', ...(href === undefined ? {} : { href }), spans: [text] });
  const osc8 = (address: string, text: string) => `\x1b]8;;${address}\x1b\\${text}\x1b]8;;\x1b\\\n`;

  for (const [address, written] of [
    ['https://acme.example/', 'https://acme.example/'],
    ['http://acme.example/a%2Fb?q=x%26y#%25', 'http://acme.example/a%2Fb?q=x%26y#%25'],
    ['https://acme.example/übung', 'https://acme.example/%C3%BCbung'],
    ['https://acme.example/100%', 'https://acme.example/100%'],
    ['https://acme.example/\x1b]8;;\x07\u202e', 'https://acme.example/%1B%5D8;;%07%E2%80%AE'],
  ] as const) {
    test(`become a hyperlink to ${JSON.stringify(written)}`, () => {
      assert.equal(lay([link(address)], { links: true }), osc8(written, 'here'));
    });
  }

  for (const address of [
    undefined,
    '/help/errors/',
    '#here',
    'mailto:help@acme.example',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'ftp://acme.example/',
    'httpss://acme.example/',
    '//acme.example/',
  ]) {
    test(`lead nowhere for ${address}`, () => {
      assert.equal(lay([link(address)], { links: true }), 'here\n');
      assert.equal(lay([link(address)]), 'here\n');
    });
  }

  test('are written out where a terminal has none, except where the text is the address', () => {
    assert.equal(lay([link('https://acme.example/')]), 'here <https://acme.example/>\n');
    assert.equal(lay([link('https://acme.example/', 'https://acme.example/')]), 'https://acme.example/\n');
    assert.equal(lay([link('https://acme.example/\x1b\u202e')]), 'here <https://acme.example/\ufffd\ufffd>\n');
  });

  test('that break over a line lead to the same address on both', () => {
    const page = lay([link('https://acme.example/', 'a text that takes up more than a line')], {
      links: true,
      width: 30,
    });
    const [first, second] = ['a text that takes up more than', 'a line'].map((text) =>
      osc8('https://acme.example/', text),
    );
    assert.equal(page, `${first}${second}`);
  });
});

describe('what is unsafe to print', () => {
  for (const [name, character] of [
    ['ESC', '\x1b'],
    ['BEL', '\x07'],
    ['NUL', '\0'],
    ['DEL', '\x7f'],
    ['CSI of C1', '\x9b'],
    ['right-to-left override', '\u202e'],
    ['left-to-right isolate', '\u2066'],
    ['right-to-left mark', '\u200f'],
  ] as const) {
    test(`${name} becomes U+FFFD everywhere`, () => {
      const text = `a${character}b`;
      const seen = 'a\ufffdb';
      const blocks: Block[] = [paragraph(text), { type: 'code', text }, paragraph({ type: 'code', text })];
      assert.equal(lay(blocks), `${seen}\n\n  ${seen}\n\n${seen}\n`);
      assert.equal(lay([{ type: 'table', align: [null], rows: [[[text]]] }]), `${seen}\n───\n`);
      const draw = (made: Layout) => {
        made.header(text, '', '');
        made.title(text);
        made.note(text);
        made.definitions([[text, text]]);
      };
      assert.equal(layout(draw), `${seen}\n\n${seen}\n${seen}\n\n    ${seen}  ${seen}\n`);
    });
  }

  test('a carriage return moves no cursor: it is a blank in text and visible in code', () => {
    assert.equal(
      lay([paragraph('all good\rrm -rf'), { type: 'code', text: 'a\rb' }]),
      'all good rm -rf\n\n  a\ufffdb\n',
    );
  });
});
