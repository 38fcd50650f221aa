// How any blocks at all are laid out for a terminal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { Layout, PLAIN, type TerminalStyle } from '../../src/render/terminal.ts';
import type { Block } from '../../src/topic/block.ts';
import { anyText, anything, everything, prose, spans, table, wordsIn } from './arbitrary.ts';

/** With a fixed seed a failure is the fault of the last change; other seeds were tried when the tests were written. */
const RUNS = { numRuns: 100, seed: 20_261_122 };
const width = fc.integer({ min: 30, max: 120 });

/** What a terminal must never receive from a text: C0 but for the line break, DEL, C1, bidirectional controls. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const UNSAFE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** The sequences that we write ourselves: attributes, and hyperlinks to web addresses of printable ASCII. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the sequences.
const OWN = /\x1b\[(?:1|2|3|4|9|22|23|24|29|36|39)m|\x1b\]8;;(?:https?:\/\/[\x21-\x7e]*)?\x1b\\/g;

function lay(blocks: Block[], style: Partial<TerminalStyle> = {}): string {
  const layout = new Layout({ ...PLAIN, ...style });
  layout.blocks(blocks);
  return layout.text();
}

/** A line without what stands before its text: indentation, bullets, numbers, bars. */
function unmarked(line: string): string {
  return line.replace(/^(?:\s|•(?= |$)|│|\d+\.(?= |$))+/, '');
}

function wordsOfPage(page: string): string[] {
  return page.split('\n').flatMap((line) =>
    unmarked(line)
      .split(' ')
      .filter((word) => word !== ''),
  );
}

/** Fails for a line that is too long although it could have been broken. */
function assertFits(page: string, columns: number): void {
  for (const line of page.split('\n'))
    if (stringWidth(line) > columns) assert.doesNotMatch(unmarked(line), / /, `over ${columns} columns: ${line}`);
}

describe('running text', () => {
  test('stays within the width, except for a single word that is longer', () => {
    fc.assert(
      fc.property(prose, width, (blocks, columns) => assertFits(lay(blocks, { width: columns }), columns)),
      RUNS,
    );
  });

  test('keeps all its words in their order', () => {
    fc.assert(
      fc.property(prose, width, (blocks, columns) => {
        assert.deepEqual(wordsOfPage(lay(blocks, { width: columns })), wordsIn(blocks));
      }),
      RUNS,
    );
  });

  test('fills its lines: no first word of a line would have fitted on the line before', () => {
    const sentence = fc.array(fc.string({ unit: fc.constantFrom('a', '水'), minLength: 1, maxLength: 20 }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(sentence, width, (words, columns) => {
        const page = lay([{ type: 'paragraph', spans: [words.join(' ')] }], { width: columns });
        const lines = page.trimEnd().split('\n');
        for (const [index, line] of lines.slice(1).entries()) {
          const longer = `${lines[index]} ${line.trim().split(' ')[0]}`;
          assert.ok(stringWidth(longer) > columns, longer);
        }
      }),
      RUNS,
    );
  });

  test('is laid out for 30 columns where there are fewer', () => {
    const blocks: Block[] = [{ type: 'paragraph', spans: ['ten letter '.repeat(20)] }];
    for (const columns of [-1, 0, 1, 29]) assert.equal(lay(blocks, { width: columns }), lay(blocks, { width: 30 }));
    assert.notEqual(lay(blocks, { width: 41 }), lay(blocks, { width: 30 }));
  });
});

describe('any text', () => {
  test('sends no control or bidirectional character to the terminal', () => {
    fc.assert(
      fc.property(anything, (blocks) => assert.doesNotMatch(lay(blocks), UNSAFE)),
      RUNS,
    );
  });

  test('adds nothing but its own sequences in colour and with links', () => {
    fc.assert(
      fc.property(anything, (blocks) => {
        assert.doesNotMatch(lay(blocks, { color: true, links: true }).replaceAll(OWN, ''), UNSAFE);
      }),
      RUNS,
    );
  });

  test('has the same text in colour', () => {
    fc.assert(
      fc.property(everything, width, (blocks, columns) => {
        const coloured = lay(blocks, { width: columns, color: true });
        assert.equal(coloured.replaceAll(OWN, ''), lay(blocks, { width: columns }));
      }),
      RUNS,
    );
  });

  test('turns every attribute and every link off again on the same line', () => {
    fc.assert(
      fc.property(anything, (blocks) => {
        for (const line of lay(blocks, { color: true, links: true }).split('\n')) assertClosed(line);
      }),
      RUNS,
    );
  });

  test('is safe in running heads, titles, facts and definitions too', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, two) => {
        const layout = new Layout(PLAIN);
        layout.header(one.replaceAll('\n', ' '), two.replaceAll('\n', ' '), one.replaceAll('\n', ' '));
        layout.title(one);
        layout.note(two);
        layout.heading(one);
        layout.definitions([[one, two]]);
        assert.doesNotMatch(layout.text(), UNSAFE);
      }),
      RUNS,
    );
  });
});

/** Every sequence that opens has its counterpart, in the opposite order. */
function assertClosed(line: string): void {
  const ends: Record<string, string> = { 1: '22', 2: '22', 3: '23', 4: '24', 9: '29', 36: '39' };
  const open: string[] = [];
  for (const [sequence] of line.matchAll(OWN)) {
    const code = sequence.startsWith('\x1b[') ? sequence.slice(2, -1) : sequence === '\x1b]8;;\x1b\\' ? 'end' : 'link';
    const closes = code === 'end' || Number(code) === 39 || (Number(code) >= 22 && Number(code) <= 29);
    if (closes) assert.equal(open.pop(), code, line);
    else open.push(code === 'link' ? 'end' : (ends[code] as string));
  }
  assert.deepEqual(open, [], line);
}

describe('a table', () => {
  const cells = spans(fc.string({ unit: fc.constantFrom('a', 'b', '水', '🧪', ' '), maxLength: 40 }), false);

  test('fits the width as columns, or becomes records that do', () => {
    fc.assert(
      fc.property(table(cells), width, (block, columns) => assertFits(lay([block], { width: columns }), columns)),
      RUNS,
    );
  });

  test('in columns begins each cell of a column at the same place', () => {
    const short = fc.string({ unit: fc.constantFrom('a', '水', '🧪'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(short, short), { minLength: 2, maxLength: 5 }), (rows) => {
        const block: Block = {
          type: 'table',
          align: [null, 'left'],
          rows: rows.map((row) => row.map((cell) => [cell])),
        };
        const lines = lay([block]).trimEnd().split('\n');
        const starts = lines.map((line) => stringWidth(/^ {4}\S+ +/.exec(line)?.[0] ?? ''));
        assert.equal(lines.length, rows.length + 1);
        assert.deepEqual([...new Set(starts)], [starts[0]], lines.join('\n'));
      }),
      RUNS,
    );
  });

  test('keeps all its words', () => {
    fc.assert(
      fc.property(table(cells), width, (block, columns) => {
        const page = wordsOfPage(lay([block], { width: columns })).map((word) => word.replace(/:$/, ''));
        for (const word of wordsIn([block])) assert.ok(page.includes(word), word);
      }),
      RUNS,
    );
  });
});
