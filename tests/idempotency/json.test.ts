import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { type JsonOutcome, NESTING_LIMIT, readJson } from '../../src/idempotency/index.ts';

const read = (text: string) => readJson(new TextEncoder().encode(text));
const canonicalOf = (text: string) => {
  const outcome = read(text);
  assert.equal(outcome.kind, 'json', `${text.slice(0, 80)}: ${JSON.stringify(outcome)}`);
  return (outcome as JsonOutcome & { kind: 'json' }).canonical;
};
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

/** What a text is written like afterwards (RFC 8785). */
const ACCEPTED: [text: string, canonical: string][] = [
  ['{"b":1,"a":[true,null,"x"]}', '{"a":[true,null,"x"],"b":1}'],
  [' \t\r\n{ "a" : 1 }\n', '{"a":1}'],
  ['{}', '{}'],
  ['null', 'null'],
  ['""', '""'],
  ['1.0', '1'],
  ['-0', '0'],
  ['0.0e5', '0'],
  ['0e999999999999', '0'],
  ['0.1', '0.1'],
  ['1E2', '100'],
  ['1e+2', '100'],
  ['100e-2', '1'],
  ['0.000001', '0.000001'],
  ['1e-7', '1e-7'],
  ['9007199254740992', '9007199254740992'],
  ['1e21', '1e+21'],
  ['1e23', '1e+23'],
  ['1000000000000000000000', '1e+21'],
  ['5e-324', '5e-324'],
  ['1.7976931348623157e308', '1.7976931348623157e+308'],
  [`1${'0'.repeat(300)}`, '1e+300'],
  [`0.${'0'.repeat(300)}1`, '1e-301'],
  [`1.${'0'.repeat(60_000)}`, '1'],
  [`0.${'0'.repeat(60_000)}1e60000`, '0.1'],
  ['"\\u0061\\/\\u00e9"', '"a/é"'],
  ['"\\ud83d\\ude00"', '"😀"'],
  ['{"é":1,"z":2,"😀":3,"\\ufb33":4}', '{"z":2,"é":1,"😀":3,"\ufb33":4}'],
  ['{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}', '{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}'],
  ['{"a":1,"A":2,"":3}', '{"":3,"A":2,"a":1}'],
  [`{"\u00e9":1,"e\u0301":2}`, `{"e\u0301":2,"\u00e9":1}`],
  ['{"__proto__":{"x":1},"constructor":2}', '{"__proto__":{"x":1},"constructor":2}'],
  [nested(NESTING_LIMIT), nested(NESTING_LIMIT)],
];

/** Texts that are no JSON, and where that shows. */
const INVALID: [text: string, detail: RegExp][] = [
  ['', /line 1, column 1\./],
  ['  \n ', /line 2/],
  ['{"amount": 1000, "curr', /line 1/],
  ['{"amount":\n1000,\n', /line 3/],
  ['[1,]', /line 1, column 4/],
  ['{"a":1,}', /line 1, column 8/],
  ['{"a" 1}', /line 1, column 6/],
  ['[1 2]', /column 4/],
  ['{a:1}', /column 2/],
  ["{'a':1}", /column 2/],
  ['1 2', /column 3/],
  ['{}{}', /column 3/],
  ['01', /column 2/],
  ['+1', /column 1/],
  ['.5', /column 1/],
  ['1.', /column 1/],
  ['1.e5', /column 1/],
  ['0x10', /column/],
  ['NaN', /column 1/],
  ['-Infinity', /column/],
  ['True', /column 1/],
  ['undefined', /column 1/],
  ['/* a */ 1', /comment/],
  ['1 // a', /comment/],
  ['\ufeff{}', /column 1/],
  ['\u00a01', /column 1/],
  ['"a\nb"', /column/],
  ['"a\tb"', /column/],
  ['"\\x"', /column/],
  ['"\\u12g4"', /column/],
  ['{"a":"\\ud800"}', /half of a surrogate pair at line 1, column 6/],
  ['{"a":"\\ude00\\ud83d"}', /half of a surrogate pair/],
  ['{"\\udfff":1}', /half of a surrogate pair in a name/],
  [nested(NESTING_LIMIT + 1), /deeper than 32 levels at line 1, column 33/],
  [`${'{"a":'.repeat(NESTING_LIMIT + 1)}1${'}'.repeat(NESTING_LIMIT + 1)}`, /deeper than 32/],
  ['['.repeat(60_000), /deeper than 32/],
  ['{"a":'.repeat(10_000), /deeper than 32/],
];

const DUPLICATES: [text: string, member: string][] = [
  ['{"a":1,"a":1}', 'a'],
  ['{"a":1,"\\u0061":2}', 'a'],
  ['{"":1,"":2}', ''],
  ['{"a":{"b":1,"c":[0,{"x":1,"y":2,"x":3}]}}', 'a.c.1.x'],
  ['[{"x":1},{"x":1,"x":2}]', '1.x'],
  ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ['{"a":1,"b":{"a":2},"a":3}', 'a'],
];

const INEXACT: [text: string, member: string, number: string][] = [
  ['{"amount":9007199254740993}', 'amount', '9007199254740993'],
  ['[0,{"a":-9007199254740993}]', '1.a', '-9007199254740993'],
  ['9007199254740993.0', '', '9007199254740993.0'],
  ['1e400', '', '1e400'],
  ['-1E400', '', '-1E400'],
  ['1e-400', '', '1e-400'],
  ['0.1000000000000000055511151231257827', '', '0.1000000000000000055511151231257827'],
  ['4.9406564584124654e-324', '', '4.9406564584124654e-324'],
  ['0.30000000000000001', '', '0.30000000000000001'],
];

describe('a JSON text', () => {
  for (const [text, canonical] of ACCEPTED) {
    test(`${text.slice(0, 50)} is read`, () => {
      const outcome = read(text);
      assert.deepEqual(outcome, { kind: 'json', value: JSON.parse(text), canonical });
    });
  }

  for (const [text, detail] of INVALID) {
    test(`${JSON.stringify(text).slice(0, 50)} is refused, and it is told where`, () => {
      const outcome = read(text);
      assert.equal(outcome.kind, 'invalid', JSON.stringify(outcome));
      assert.match((outcome as { detail: string }).detail, detail);
      assert.match((outcome as { detail: string }).detail, /^The body is no JSON: .* at line \d+, column \d+\.$/);
    });
  }

  for (const [text, member] of DUPLICATES) {
    test(`${text} has a member twice`, () => {
      assert.deepEqual(read(text), { kind: 'duplicate-member', member });
    });
  }

  for (const [text, member, number] of INEXACT) {
    test(`${text} has a number that a double does not hold`, () => {
      assert.deepEqual(read(text), { kind: 'inexact-number', member, number });
    });
  }

  for (const [name, bytes] of [
    ['a byte that begins nothing', [0x22, 0xff, 0x22]],
    ['a character that is cut off', [0x22, 0xc3, 0x22]],
    ['a longer spelling than needed', [0x22, 0xc0, 0xaf, 0x22]],
    ['half of a surrogate pair', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x31, 0x00]],
  ] as [string, number[]][]) {
    test(`with ${name} is no UTF-8`, () => {
      const outcome = readJson(Uint8Array.from(bytes));
      assert.deepEqual(outcome, { kind: 'invalid', detail: 'The body is not UTF-8.' });
    });
  }
});

test('numbers that are made to take long are read at once', () => {
  const program = `
    import { readJson } from ${JSON.stringify(new URL('../../src/idempotency/json.ts', import.meta.url).href)};
    const zeros = '0'.repeat(1_000_000);
    const nines = '9'.repeat(1_000_000);
    const numbers = [
      '1e999999999999', '1e-999999999999', '1e' + nines, '1e-' + nines, '1e' + zeros + '1',
      nines, '0.1' + zeros + '1', '0.' + '10'.repeat(500_000) + '1', '0e' + nines, '0.' + zeros,
    ];
    for (const number of numbers) console.log(readJson(new TextEncoder().encode(number)).kind);
  `;
  // Work that grows with the square of the digits would take minutes; the limit is not a measurement, but the end of waiting.
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(signal, null, `it was still at the number after ${stdout.trim().split('\n').length}`);
  const [refused, read] = ['inexact-number', 'json'];
  const kinds = [refused, refused, refused, refused, read, refused, refused, refused, read, read];
  assert.deepEqual(stdout.trim().split('\n'), kinds);
});

/** Values that JSON can hold and RFC 8785 can write, within the limit of nesting. */
const value = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });
/** So few that two of them are often equal. */
const small = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 2 }, fc.constantFrom(1, '1', true, null, 'true', ''), tie('array'), tie('object')),
  array: fc.array(tie('value'), { maxLength: 2 }),
  object: fc.dictionary(fc.constantFrom('a', 'b', '1', 'true'), tie('value'), { maxKeys: 2 }),
})).value;
const space = fc.constantFrom('', ' ', '\n', '\t ', '\r\n');

/** The same value with its members in another order and white space between all tokens. */
function rewritten(value: unknown, blank: string): string {
  if (Array.isArray(value)) return `[${value.map((item) => `${blank}${rewritten(item, blank)}`).join(`${blank},`)}]`;
  if (typeof value !== 'object' || value === null) return `${blank}${JSON.stringify(value)}${blank}`;
  const members = Object.entries(value).reverse();
  const write = ([name, item]: [string, unknown]) =>
    `${blank}${JSON.stringify(name)}${blank}:${rewritten(item, blank)}`;
  return `{${members.map(write).join(',')}${blank}}`;
}

/** Whether JavaScript's own reader takes a text. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('any JSON value', () => {
  test('is read as it was written, and its canonical form is that of RFC 8785', () => {
    fc.assert(
      fc.property(value, (value) => {
        const text = JSON.stringify(value);
        assert.deepEqual(read(text), { kind: 'json', value: JSON.parse(text), canonical: canonicalize(value) });
      }),
      { numRuns: 500 },
    );
  });

  test('has one canonical form, whatever the order of members and the white space', () => {
    fc.assert(
      fc.property(value, space, (value, blank) => {
        assert.equal(canonicalOf(rewritten(value, blank)), canonicalOf(JSON.stringify(value)));
      }),
      { numRuns: 500 },
    );
  });

  test('has another canonical form than a value that is not equal', () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
        assert.equal(canonicalOf(x) === canonicalOf(y), isDeepStrictEqual(JSON.parse(x), JSON.parse(y)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('any text', () => {
  const token = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"b"',
      '1',
      '-',
      '.',
      'e',
      '0',
      'true',
      'null',
      ' ',
      '\\',
      '//',
      '\u0001',
    ],
  );
  const text = fc.oneof(
    fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join('')),
    fc.string({ unit: 'binary' }),
    fc.tuple(value, fc.nat(), fc.string({ maxLength: 2 })).map(([value, at, put]) => {
      const whole = JSON.stringify(value);
      return whole.slice(0, at % (whole.length + 1)) + put + whole.slice((at % (whole.length + 1)) + 1);
    }),
  );

  test('that JavaScript’s reader refuses is refused, and none throws', () => {
    fc.assert(
      fc.property(text, (text) => {
        const { kind } = read(text);
        // Halves of surrogate pairs become replacement characters as bytes; everything else is what JSON.parse reads.
        if (!isJson(text.toWellFormed())) assert.notEqual(kind, 'json');
      }),
      { numRuns: 1000 },
    );
  });

  test('of any bytes is read or refused, and none throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        assert.match(readJson(bytes).kind, /^(json|invalid|duplicate-member|inexact-number)$/);
      }),
    );
  });
});
