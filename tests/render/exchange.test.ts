// One example as a terminal shows it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import type { Outcome } from '../../src/example/run.ts';
import { outcomeText } from '../../src/render/exchange.ts';

const STYLE = { width: 60, color: false, links: false };

const example = {
  id: 'pay',
  request: { method: 'POST', target: '/api/charges/{{id}}', headers: [] },
  response: { status: 201, headers: [{ name: 'Date', value: '{{d}}' }], body: '{ "...": "..." }' },
};
const sent = { method: 'POST', url: 'http://a/v1/api/charges/7', headers: [{ name: 'A', value: 'b' }], body: 'x' };
const headers = ['Date', 'Access-Control-Allow-Origin', 'connection', 'X-Y'].map((name) => ({ name, value: 'v' }));
const actual = { status: 201, reason: 'Created', headers, body: '{"n":9007199254740993,"a":[1,{"b":null}]}\n', ms: 12 };

test('what was sent, promised and answered stands there in this order', () => {
  assert.equal(
    outcomeText({ kind: 'kept', example, sent, actual }, STYLE),
    `✓ kept pay POST /api/charges/{{id}}

    POST /v1/api/charges/7 HTTP/1.1
    A: b

    x

    promised
      HTTP/1.1 201
      Date: {{d}}

      { "...": "..." }

    answered in 12 ms
      HTTP/1.1 201 Created
      Date: v
      X-Y: v

      {
        "n": 9007199254740993,
        "a": [
          1,
          {
            "b": null
          }
        ]
      }
`,
  );
});

test('differences, failures and reasons stand at the end', () => {
  const differences = [
    { where: 'status', promised: '201', actual: '200' },
    { where: 'header A', promised: 'b' },
    { where: 'body /x', actual: '1' },
  ];
  const end = (outcome: Outcome) => outcomeText(outcome, STYLE).split('\n').slice(-12).join('\n');
  assert.match(
    end({ kind: 'broken', example, sent, actual, differences }),
    / {4}status\n {6}promised {2}201\n {6}answered {2}200\n\n {4}header A\n {6}promised {2}b\n {6}answered {2}nothing\n\n {4}body \/x\n {6}promised {2}nothing\n {6}answered {2}1\n$/,
  );
  assert.match(end({ kind: 'failed', example, reason: 'unbound', message: 'no value' }), / {4}no value\n$/);
  const skipped = outcomeText({ kind: 'skipped', example, reason: 'not today' }, STYLE);
  assert.match(skipped, /^– skipped pay POST .*\n\n {4}not sent: not today\n\n {4}POST \/api\/charges\//);
});

test('what was not sent is shown as the topic has it', () => {
  for (const outcome of [
    { kind: 'failed', example, reason: 'unbound', message: 'no value' },
    { kind: 'skipped', example, reason: 'not today' },
  ] as const)
    assert.match(outcomeText(outcome, STYLE), /\n {4}POST \/api\/charges\/\{\{id\}\} HTTP\/1\.1\n/);
});

test('differences that nobody would read to their end are cut, and it is said how many are left out', () => {
  const differences = Array.from({ length: 100_000 }, (_, index) => ({ where: `body /${index}` }));
  const text = outcomeText({ kind: 'broken', example, sent, actual, differences }, STYLE);
  assert.match(text, /\n {4}body \/19\n.*\n.*\n\n {4}… and 99980 more\n$/);
});

test('a body that nobody would read to its end is cut, and it is said how much is left out', () => {
  for (const body of ['x'.repeat(1_000_000), 'x\n'.repeat(10_000), `{"a":"${'y'.repeat(10_000)}"}`]) {
    const text = outcomeText({ kind: 'kept', example, sent, actual: { ...actual, body } }, STYLE);
    assert.match(text, /\n {6}… \d+ more characters\n$/);
    assert.ok(text.length < 10_000);
  }
});

describe('whatever a server sends, no line is wider than the terminal, and nothing of it is obeyed', () => {
  for (const width of [40, 60, 80, 120]) {
    test(`${width} columns`, () => {
      const text = fc.string({
        unit: fc.constantFrom('a', ' ', '日', '"', '\u001b', '\u202e', '\n', '\t', '{', 'é'),
        maxLength: 200,
      });
      const check = (header: string, body: string, difference: string) => {
        const answer = { ...actual, headers: [{ name: 'X-Y', value: header }], body };
        const differences = [{ where: 'body', promised: difference, actual: body }];
        const request = { ...sent, body: difference };
        const outcome: Outcome = { kind: 'broken', example, sent: request, actual: answer, differences };
        for (const line of outcomeText(outcome, { ...STYLE, width }).split('\n')) {
          assert.ok(stringWidth(line) <= width, `${stringWidth(line)}: ${line}`);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
          assert.ok(!/[\u0000-\u001f\u202e]/.test(line));
        }
      };
      check('x'.repeat(999), '日'.repeat(999), `${'a '.repeat(99)}${'b'.repeat(99)}`);
      fc.assert(
        fc.property(text, text, text, (header, body, difference) => check(header, body, difference)),
        { numRuns: 300 },
      );
    });
  }
});
