// What a request can be refused for: how it differs from one that is executed, and what it is told.
import type { ErrorName } from '../../src/reference/errors.ts';
import { DESCRIPTION_LIMIT } from '../../src/reference/parameters.ts';
import { BODY_LIMIT_BYTES, DELAY_LIMIT_MS } from '../../src/reference/request.ts';
import { CHARGE, type ChargeMessage } from './support.ts';

export type Refusal = [what: string, given: ChargeMessage, error: ErrorName, param: string | null, detail?: RegExp];

/** A body that is too long only because of its description. */
export const padded = (size: number) => JSON.stringify({ description: 'x'.repeat(size) });

export const BODIES: Refusal[] = [
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

export const MEMBERS: Refusal[] = [
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

export const CHANGES: Refusal[] = [
  ...['id', 'amount', 'currency', 'created_at'].map(
    (name): Refusal => [
      `the member ${name}`,
      { body: { [name]: 1 } },
      'PARAMETER_READ_ONLY',
      name,
      new RegExp(`"${name}" of a charge cannot be changed; "description" can`),
    ],
  ),
  ['a read-only member that is null', { body: { amount: null } }, 'PARAMETER_READ_ONLY', 'amount'],
  ['the whole charge', { body: { description: 'x', ...CHARGE } }, 'PARAMETER_READ_ONLY', 'amount'],
  ['a misspelled member', { body: { descripton: 'x' } }, 'PARAMETER_UNKNOWN', 'descripton', /"description"\?/],
  ['an unknown member', { body: { zzz: null } }, 'PARAMETER_UNKNOWN', 'zzz', /Known: description/],
  ['__proto__', { body: '{"__proto__":{"description":"x"}}' }, 'PARAMETER_UNKNOWN', '__proto__'],
  ['an empty name', { body: { '': 1 } }, 'PARAMETER_UNKNOWN', ''],
  ['a description that is a number', { body: { description: 5 } }, 'PARAMETER_INVALID', 'description', /is 5/],
  ['a description that is true', { body: { description: true } }, 'PARAMETER_INVALID', 'description'],
  ['a description that is an object', { body: { description: {} } }, 'PARAMETER_INVALID', 'description', /an object/],
  [
    'a description of 501 characters',
    { body: { description: '🍔'.repeat(DESCRIPTION_LIMIT + 1) } },
    'PARAMETER_INVALID',
    'description',
    /more than 500/,
  ],
];

export const HEADERS: Refusal[] = [
  ['no Content-Type', { type: undefined }, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type', /without Content-Type/],
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json-patch+json',
    'application/problem+json',
    'application/merge-patch+jsonx',
    'application/json-seq',
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
export const KEYS: Refusal[] = [
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

export const SIZES: Refusal[] = [
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
