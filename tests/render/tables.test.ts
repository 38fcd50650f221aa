// Tables, running heads and lists of definitions: what is aligned in columns.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Layout, PLAIN } from '../../src/render/terminal.ts';
import type { Align, Span } from '../../src/topic/block.ts';

const HEAD_MIDDLE = 'acme help';

function table(width: number, align: Align[], ...rows: Span[][]): string {
  const layout = new Layout({ ...PLAIN, width });
  layout.blocks([{ type: 'table', align, rows: rows.map((row) => row.map((cell) => [cell])) }], 0);
  return layout.text();
}

describe('a table', () => {
  test('aligns columns left, right and in the middle', () => {
    assert.equal(
      table(
        80,
        ['left', 'right', 'center', null],
        ['a', 'b', 'c', 'd'],
        ['left', '10', 'abc', 'x'],
        ['l', '5', 'abcde', 'y'],
      ),
      'a      b    c    d\n────  ──  ─────  ─\nleft  10   abc   x\nl      5  abcde  y\n',
    );
  });

  test('counts wide characters, emoji and accents as a terminal shows them', () => {
    assert.equal(
      table(80, [null, null], ['名', 'x'], ['🧪 ab', 'x'], ['👩‍👩‍👧‍👦', 'x'], ['e\u0301', 'x'], ['abcde', 'x']),
      '名     x\n─────  ─\n🧪 ab  x\n👩‍👩‍👧‍👦     x\ne\u0301      x\nabcde  x\n',
    );
  });

  test('aligns by what is seen, not by the sequences in it', () => {
    const layout = new Layout({ width: 80, color: true, links: true });
    const linked: Span = { type: 'link', href: 'https://acme.example/', spans: ['ab'] };
    layout.blocks(
      [
        {
          type: 'table',
          align: [null, null],
          rows: [
            [['h'], ['h']],
            [[linked], [{ type: 'code', text: 'c' }]],
          ],
        },
      ],
      0,
    );
    assert.equal(
      layout.text(),
      'h   h\n──  ─\n\x1b]8;;https://acme.example/\x1b\\\x1b[4mab\x1b[24m\x1b]8;;\x1b\\  \x1b[36mc\x1b[39m\n',
    );
  });

  const cells = ['abcdefghijkl', 'abcdefghijklmnop'];

  test('that just fits stays a table; one column less, and each row becomes a record', () => {
    assert.equal(
      table(30, [null, null], ['one', 'two'], cells),
      `one           two\n${'─'.repeat(12)}  ${'─'.repeat(16)}\n${cells.join('  ')}\n`,
    );
    const wider = ['abcdefghijklm', 'abcdefghijklmnop'];
    assert.equal(table(30, [null, null], ['one', 'two'], wider), `one: ${wider[0]}\n  two: ${wider[1]}\n`);
  });

  test('that is too wide wraps its widest columns', () => {
    const row = ['name', 'a text that does not fit into one line of the terminal'];
    assert.equal(
      table(40, [null, 'right'], ['Name', 'What it is'], row, ['other', 'x']),
      [
        `Name   ${'What it is'.padStart(33)}`,
        `─────  ${'─'.repeat(33)}`,
        `name   ${'a text that does not fit into one'.padStart(33)}`,
        `       ${'line of the terminal'.padStart(33)}`,
        `other  ${'x'.padStart(33)}`,
        '',
      ].join('\n'),
    );
  });

  test('as records wraps long cells and sets rows apart', () => {
    const row = ['a-name-that-is-long', 'a text that does not fit into one line of the terminal'];
    assert.equal(
      table(30, [null, 'right'], ['Name', 'What it is'], row, ['other', '']),
      'Name: a-name-that-is-long\n  What it is: a text that does\n  not fit into one line of the\n  terminal\n\nName: other\n  What it is:\n',
    );
  });

  test('as records without a row still shows its header', () => {
    assert.equal(
      table(30, [null, null], ['a header that is', 'too wide to be a table']),
      'a header that is:\n  too wide to be a table:\n',
    );
  });

  test('breaks a line inside a cell', () => {
    const layout = new Layout(PLAIN);
    layout.blocks([{ type: 'table', align: [null], rows: [[['h']], [['a', { type: 'break' }, 'b']]] }], 0);
    assert.equal(layout.text(), 'h\n─\na\nb\n');
  });

  test('may have more rows than a function can have arguments', () => {
    const rows = Array.from({ length: 150_000 }, () => [['x']]);
    const layout = new Layout(PLAIN);
    layout.blocks([{ type: 'table', align: [null], rows }], 0);
    assert.equal(layout.text(), `x\n─\n${'x\n'.repeat(rows.length - 1)}`);
  });
});

describe('a running head', () => {
  function header(width: number, left: string, right: string): string {
    const layout = new Layout({ ...PLAIN, width });
    layout.header(left, HEAD_MIDDLE, right);
    return layout.text();
  }

  test('has its middle in the middle and its right at the edge', () => {
    assert.equal(header(40, 'errors', '1.4.2'), 'errors         acme help           1.4.2\n');
    assert.equal(header(41, 'errors', ''), `errors${' '.repeat(10)}acme help\n`);
  });

  test('leaves out the middle first, then the right', () => {
    assert.equal(header(30, 'errors.NOT_FOUND', '1.4.2'), `errors.NOT_FOUND${' '.repeat(9)}1.4.2\n`);
    assert.equal(header(30, 'errors.NOT_FOUND_ANYWHERE', '1.4.2'), 'errors.NOT_FOUND_ANYWHERE\n');
    assert.equal(
      header(60, 'errors', '1.4.2-rc.1+build.20261122.abcdef0'),
      `errors${' '.repeat(21)}1.4.2-rc.1+build.20261122.abcdef0\n`,
    );
  });

  test('never runs over the edge while its left part fits', () => {
    for (let width = 30; width <= 100; width++)
      for (let left = 1; left <= width; left += 3)
        for (let right = 0; right <= 60; right += 3)
          assert.ok(
            header(width, 'l'.repeat(left), 'r'.repeat(right)).length <= width + 1,
            `${width} ${left} ${right}`,
          );
  });
});

describe('definitions', () => {
  function definitions(width: number, ...entries: [string, string][]): string {
    const layout = new Layout({ ...PLAIN, width });
    layout.definitions(entries);
    return layout.text();
  }

  test('stand in two columns, the second wrapped below itself', () => {
    assert.equal(
      definitions(40, ['run', 'bottles rain until it is told to stop'], ['水', 'wide'], ['help', '']),
      '    run   bottles rain until it is told\n          to stop\n    水    wide\n    help\n',
    );
  });

  test('stand below their terms where these take up half the width', () => {
    const meaning = 'no topic has that name';
    assert.equal(
      definitions(40, ['errors HELP', meaning], ['run', '']),
      '    errors HELP  no topic has that name\n    run\n',
    );
    assert.equal(
      definitions(40, ['errors HELP_TOPIC', meaning], ['run', '']),
      '    errors HELP_TOPIC\n        no topic has that name\n    run\n',
    );
  });
});
