// Every request that is refused before anything is done: its documented error, in every dialect, and what becomes of the key.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DIALECTS, type Dialect, type ErrorName } from '../../src/reference/errors.ts';
import { BODY_LIMIT_BYTES, DELAY_LIMIT_MS, DESCRIPTION_LIMIT } from '../../src/reference/request.ts';
import {
  API,
  assertError,
  CHARGE,
  type ChargeMessage,
  charge,
  chargeMessage,
  newKey,
  newToken,
  rows,
  send,
  startApi,
} from './support.ts';

const api = await startApi();
const { url, path } = api;
const tokens = Object.fromEntries(
  await Promise.all(DIALECTS.map(async (dialect) => [dialect, await newToken(url, dialect)])),
) as Record<Dialect, string>;

type Refusal = [what: string, given: ChargeMessage, error: ErrorName, param: string | null, detail?: RegExp];

const padded = (size: number) => JSON.stringify({ ...CHARGE, description: 'x'.repeat(size) });

const BODIES: Refusal[] = [
  ['an empty body', { body: '' }, 'JSON_INVALID', null, /line 1, column 1/],
  ['truncated JSON', { body: '{"amount": 1000, "currency": "us' }, 'JSON_INVALID', null, /line 1, column/],
  ['a body that is no UTF-8', { body: Uint8Array.of(0x7b, 0xff, 0x7d) }, 'JSON_INVALID', null, /UTF-8/],
  ['a byte order mark', { body: `\ufeff${JSON.stringify(CHARGE)}` }, 'JSON_INVALID', null],
  ['half of a surrogate pair', { body: '{"description":"\\ud800"}' }, 'JSON_INVALID', null, /surrogate/],
  ['33 levels', { body: '['.repeat(33) + ']'.repeat(33) }, 'JSON_INVALID', null, /32 levels/],
  ['60,000 levels', { body: '['.repeat(60_000) }, 'JSON_INVALID', null, /32 levels/],
  ['form data', { body: 'amount=1000&currency=usd' }, 'JSON_INVALID', null],
  [
    'a member twice',
    { body: '{"amount":1,"amount":2,"currency":"usd"}' },
    'JSON_DUPLICATE_MEMBER',
    'amount',
    /"amount" twice/,
  ],
  ['a member twice, escaped', { body: '{"amount":1,"\\u0061mount":1}' }, 'JSON_DUPLICATE_MEMBER', 'amount'],
  ['a member twice, deep', { body: '{"a":[{"b":1,"b":1}]}' }, 'JSON_DUPLICATE_MEMBER', 'a.0.b'],
  [
    'an amount of 2^53 + 1',
    { body: '{"amount":9007199254740993,"currency":"usd"}' },
    'JSON_NUMBER_INEXACT',
    'amount',
    /9007199254740993/,
  ],
  ['an amount of 1e400', { body: '{"amount":1e400,"currency":"usd"}' }, 'JSON_NUMBER_INEXACT', 'amount'],
  ['an inexact number alone', { body: '9007199254740993' }, 'JSON_NUMBER_INEXACT', null],
  ['an array', { body: [] }, 'BODY_NOT_OBJECT', null, /an array/],
  ['an array of one charge', { body: [CHARGE] }, 'BODY_NOT_OBJECT', null, /an array/],
  ['null', { body: 'null' }, 'BODY_NOT_OBJECT', null, /null/],
  ['a string', { body: '"x"' }, 'BODY_NOT_OBJECT', null, /a string/],
  ['a number', { body: '5' }, 'BODY_NOT_OBJECT', null, /a number/],
  ['true', { body: 'true' }, 'BODY_NOT_OBJECT', null, /a boolean/],
];

const changed = (change: object) => ({ body: { ...CHARGE, ...change } });

const MEMBERS: Refusal[] = [
  ['no member', { body: {} }, 'PARAMETER_MISSING', 'amount'],
  ['no amount', { body: { currency: 'usd' } }, 'PARAMETER_MISSING', 'amount'],
  ['no currency', { body: { amount: 1 } }, 'PARAMETER_MISSING', 'currency'],
  ['a misspelled member', changed({ ammount: 1 }), 'PARAMETER_UNKNOWN', 'ammount', /Did you mean "amount"\?/],
  ['an unknown member', changed({ zzz: 1 }), 'PARAMETER_UNKNOWN', 'zzz', /amount, currency, description/],
  ['a member in upper case', changed({ Amount: 1 }), 'PARAMETER_UNKNOWN', 'Amount', /"amount"/],
  ['__proto__', { body: '{"__proto__":{"amount":1},"currency":"usd"}' }, 'PARAMETER_UNKNOWN', '__proto__'],
  ['constructor', changed({ constructor: 1 }), 'PARAMETER_UNKNOWN', 'constructor'],
  ['an empty name', changed({ '': 1 }), 'PARAMETER_UNKNOWN', ''],
  ['an amount of 0', changed({ amount: 0 }), 'PARAMETER_INVALID', 'amount', /is 0; .* from 1 to 9007199254740991/],
  ['an amount of -0', { body: '{"amount":-0,"currency":"usd"}' }, 'PARAMETER_INVALID', 'amount'],
  ['an amount of -1', changed({ amount: -1 }), 'PARAMETER_INVALID', 'amount', /is -1/],
  ['an amount of 1.5', changed({ amount: 1.5 }), 'PARAMETER_INVALID', 'amount', /is 1\.5/],
  ['an amount of 2^53', changed({ amount: 2 ** 53 }), 'PARAMETER_INVALID', 'amount', /is 9007199254740992/],
  ['an amount of 1e300', changed({ amount: 1e300 }), 'PARAMETER_INVALID', 'amount'],
  ['an amount that is a string', changed({ amount: '1000' }), 'PARAMETER_INVALID', 'amount', /is "1000"/],
  ['an amount that is null', changed({ amount: null }), 'PARAMETER_INVALID', 'amount', /is null/],
  ['an amount that is true', changed({ amount: true }), 'PARAMETER_INVALID', 'amount'],
  ['an amount that is an array', changed({ amount: [1] }), 'PARAMETER_INVALID', 'amount', /an array/],
  ['an amount that is an object', changed({ amount: { minor: 1 } }), 'PARAMETER_INVALID', 'amount', /an object/],
  ['a currency that is null', changed({ currency: null }), 'PARAMETER_INVALID', 'currency', /is null/],
  ['a currency that is a number', changed({ currency: 840 }), 'PARAMETER_INVALID', 'currency', /is 840/],
  ['an unknown currency', changed({ currency: 'zzz' }), 'CURRENCY_UNKNOWN', 'currency', /"zzz"/],
  ['an empty currency', changed({ currency: '' }), 'CURRENCY_UNKNOWN', 'currency'],
  ['a currency in upper case', changed({ currency: 'USD' }), 'CURRENCY_UNKNOWN', 'currency', /lower case: "usd"/],
  ['a currency with a blank', changed({ currency: 'usd ' }), 'CURRENCY_UNKNOWN', 'currency'],
  [
    'a currency of a novel’s length',
    changed({ currency: 'u'.repeat(9000) }),
    'CURRENCY_UNKNOWN',
    'currency',
    /^.{0,200}$/,
  ],
  [
    'a description of 501 characters',
    changed({ description: 'é'.repeat(DESCRIPTION_LIMIT + 1) }),
    'PARAMETER_INVALID',
    'description',
    /more than 500/,
  ],
  ['a description that is a number', changed({ description: 5 }), 'PARAMETER_INVALID', 'description', /is 5/],
  ['a description that is an array', changed({ description: ['a'] }), 'PARAMETER_INVALID', 'description'],
];

const HEADERS: Refusal[] = [
  ['no Content-Type', { type: undefined }, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type', /without Content-Type/],
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json-patch+json',
    'application/problem+json',
    'application/jsonx',
    'json',
    '*/*',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-16',
    'application/json, text/plain',
  ].map((type): Refusal => [`Content-Type ${type}`, { type }, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type']),
  ...[
    'error=418',
    'error=500.5',
    'error="500"',
    'error=constructor',
    'error',
    'error=(500)',
    'delay=-1',
    `delay=${DELAY_LIMIT_MS + 1}`,
    'delay=1.5',
    'delay="1"',
    'delay',
    'delay=',
    'toString=1',
    'crash',
    'DELAY=1',
    '500',
    'delay=1 error=500',
    '"',
  ].map((simulate): Refusal => [`Docent-Simulate: ${simulate}`, { simulate }, 'SIMULATION_INVALID', 'Docent-Simulate']),
];

/** Keys that no later request can mend: what is refused is the key. */
const KEYS: Refusal[] = [
  ['no key', { key: undefined }, 'IDEMPOTENCY_KEY_MISSING', 'Idempotency-Key', /1 to 255/],
  ...(
    [
      ['', /empty/],
      ['""', /empty/],
      ['"abc', /not closed/],
      ['"', /not closed/],
      [`"${'x'.repeat(256)}"`, /256 characters/],
      ['y'.repeat(256), /256 characters/],
      ['"a", "b"', /several/],
      ['a,b', /several/],
      ['"a";v=1', /parameters/],
      ['.', /URL/],
      ['".."', /URL/],
      ['a b', /quotes/],
      ['"k\u00e9y"', /ASCII/],
      ['"a\\b"', /backslash/],
      ['"a\tb"', /tab/],
    ] as const
  ).map(
    ([key, why]): Refusal => [
      `the key ${key.slice(0, 12)}`,
      { key },
      'IDEMPOTENCY_KEY_INVALID',
      'Idempotency-Key',
      why,
    ],
  ),
];

const SIZES: Refusal[] = [
  [
    'a body of one byte too many',
    { body: padded(BODY_LIMIT_BYTES - padded(0).length + 1) },
    'CONTENT_TOO_LARGE',
    null,
    /65536 bytes/,
  ],
  ['the same in chunks', { body: padded(BODY_LIMIT_BYTES), chunked: true }, 'CONTENT_TOO_LARGE', null],
  ['a body that is nothing but large', { body: 'x'.repeat(100_000) }, 'CONTENT_TOO_LARGE', null],
];

describe('a charge with', () => {
  const refused: ChargeMessage[] = [];
  const all = [...BODIES, ...MEMBERS, ...HEADERS, ...KEYS, ...SIZES];
  for (const [index, [what, given, error, param, why]] of all.entries()) {
    test(`${what} is refused with ${error}, and nothing is executed`, async () => {
      const key = newKey();
      refused.push({ key, token: tokens[DIALECTS[index % DIALECTS.length] as Dialect] });
      const before = rows(path);
      for (const dialect of DIALECTS) {
        const answer = await charge(url, { token: tokens[dialect], key, ...given });
        // The size is decided before anybody asks who it is: in the dialect of those who are unknown.
        const detail = assertError(answer, error, error === 'CONTENT_TOO_LARGE' ? { param } : { param, dialect });
        if (why !== undefined) assert.match(detail, why);
        assert.equal(answer.headers.get('accept-post'), error === 'UNSUPPORTED_MEDIA_TYPE' ? 'application/json' : null);
      }
      assert.deepEqual(rows(path), before);
    });
  }

  test('any of these mistakes executes under the same key once it is mended', async () => {
    assert.equal(refused.length, all.length);
    const before = rows(path);
    const answers = await Promise.all(refused.map((same) => charge(url, same)));
    for (const [index, { status, headers, text }] of answers.entries()) {
      assert.equal(status, 201, `${all[index]?.[0]}: ${text}`);
      assert.equal(headers.get('idempotent-replayed'), null);
    }
    const { charges, records } = before;
    assert.deepEqual(rows(path), { charges: charges + all.length, records: records + all.length });
  });

  test('a body of exactly the limit is read', async () => {
    const body = padded(BODY_LIMIT_BYTES - padded(0).length);
    assert.equal(body.length, BODY_LIMIT_BYTES);
    assertError(await charge(url, { token: tokens.problem, body }), 'PARAMETER_INVALID', { param: 'description' });
  });

  test('two header lines for the key is refused, also when both say the same', async () => {
    for (const lines of [
      ['"a"', '"b"'],
      ['"a"', '"a"'],
      ['a', 'a'],
    ]) {
      const message = chargeMessage({ token: tokens.problem, key: undefined });
      message.headers?.push(...lines.map((line): [string, string] => ['Idempotency-Key', line]));
      const before = rows(path);
      assertError(await send(url, message), 'IDEMPOTENCY_KEY_INVALID', { param: 'Idempotency-Key' });
      assert.deepEqual(rows(path), before);
    }
  });
});

describe('what is wrong is told in this order:', () => {
  /** Everything is wrong; each error is mended by what stands beside it. */
  const steps: [error: ErrorName, param: string | null, mend: ChargeMessage][] = [
    ['CONTENT_TOO_LARGE', null, { body: '{"ammount":1' }],
    ['TOKEN_MISSING', 'Authorization', { token: 'unknown' }],
    ['TOKEN_INVALID', 'Authorization', { token: tokens.problem }],
    ['UNSUPPORTED_MEDIA_TYPE', 'Content-Type', { type: 'application/json' }],
    ['SIMULATION_INVALID', 'Docent-Simulate', { simulate: 'delay=0' }],
    ['IDEMPOTENCY_KEY_MISSING', 'Idempotency-Key', { key: '"' }],
    ['IDEMPOTENCY_KEY_INVALID', 'Idempotency-Key', { key: '"the order"' }],
    ['JSON_INVALID', null, { body: '{"ammount":1,"ammount":1}' }],
    ['JSON_DUPLICATE_MEMBER', 'ammount', { body: '{"ammount":1}' }],
    ['PARAMETER_UNKNOWN', 'ammount', { body: '{"amount":0}' }],
    ['PARAMETER_MISSING', 'currency', { body: '{"amount":0,"currency":"zzz"}' }],
    ['PARAMETER_INVALID', 'amount', { body: '{"amount":1,"currency":"zzz"}' }],
    ['CURRENCY_UNKNOWN', 'currency', { body: '{"amount":1,"currency":"usd"}' }],
  ];

  test(steps.map(([error]) => error).join(', '), async () => {
    let given: ChargeMessage = {
      type: 'text/plain',
      key: undefined,
      simulate: '!',
      body: 'x'.repeat(BODY_LIMIT_BYTES + 1),
    };
    for (const [error, param, mend] of steps) {
      assertError(await charge(url, given), error, { param });
      given = { ...given, ...mend };
    }
    assert.equal((await charge(url, given)).status, 201);
    assertError(await charge(url, { ...given, body: CHARGE }), 'IDEMPOTENCY_CONFLICT', { param: 'Idempotency-Key' });
  });
});

describe('a sandbox with', () => {
  const instance = `${API}/sandboxes`;
  for (const [what, body, type, error, param] of [
    ['an unknown dialect', '{"dialect":"xml"}', 'application/json', 'PARAMETER_INVALID', 'dialect'],
    ['a dialect of every object', '{"dialect":"constructor"}', 'application/json', 'PARAMETER_INVALID', 'dialect'],
    ['no dialect at all', '{"dialect":null}', 'application/json', 'PARAMETER_INVALID', 'dialect'],
    ['an unknown member', '{"dialct":"ietf"}', 'application/json', 'PARAMETER_UNKNOWN', 'dialct'],
    ['an array', '[]', 'application/json', 'BODY_NOT_OBJECT', null],
    ['truncated JSON', '{', 'application/json', 'JSON_INVALID', null],
    ['a member twice', '{"dialect":"ietf","dialect":"ietf"}', 'application/json', 'JSON_DUPLICATE_MEMBER', 'dialect'],
    ['another media type', '{}', 'text/plain', 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type'],
    ['a body that is too large', ' '.repeat(BODY_LIMIT_BYTES + 1), 'application/json', 'CONTENT_TOO_LARGE', null],
  ] as const) {
    test(`${what} is refused with ${error}`, async () => {
      const answer = await send(url, { path: instance, headers: [['Content-Type', type]], body });
      assertError(answer, error, { param, instance });
    });
  }
});

test('nothing was reported as the server’s own fault', () => {
  assert.deepEqual(api.reported, []);
});
