// Every request that is refused before anything is done: its documented error, in every dialect, and what becomes of the key.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DIALECTS, type Dialect, type ErrorName } from '../../src/reference/errors.ts';
import { BODY_LIMIT_BYTES } from '../../src/reference/request.ts';
import { BODIES, CHANGES, HEADERS, KEYS, MEMBERS, padded, type Refusal, SIZES } from './refusals.ts';
import {
  type Answer,
  API,
  assertError,
  CHARGE,
  type ChargeMessage,
  charge,
  chargeMessage,
  newKey,
  newToken,
  read,
  rows,
  send,
  startApi,
  update,
} from './support.ts';

const api = await startApi();
const { url, path } = api;
const tokens = Object.fromEntries(
  await Promise.all(DIALECTS.map(async (dialect) => [dialect, await newToken(url, dialect)])),
) as Record<Dialect, string>;

const existing = await charge(url, { token: tokens.problem });

/** What takes a body and a key. */
const OPERATIONS: {
  name: string;
  /** What is accepted, and how it is told. */
  accept: [field: string, types: string];
  instance: string;
  done: number;
  refusals: Refusal[];
  send(given: ChargeMessage): Promise<Answer>;
}[] = [
  {
    name: 'a charge',
    accept: ['accept-post', 'application/json'],
    instance: `${API}/charges`,
    done: 201,
    refusals: [
      ...BODIES,
      ...MEMBERS,
      ...HEADERS,
      ['a merge patch', { type: 'application/merge-patch+json' }, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type'],
      ...KEYS,
      ...SIZES,
    ],
    send: (given) => charge(url, given),
  },
  {
    name: 'a change',
    accept: ['accept-patch', 'application/merge-patch+json, application/json'],
    instance: `${API}/charges/ch_0`,
    // There is no such charge; that is a result as well.
    done: 404,
    refusals: [...BODIES, ...CHANGES, ...HEADERS, ...KEYS, ...SIZES],
    send: (given) => update(url, 'ch_0', given),
  },
];

for (const { name, accept, instance, done, refusals, send } of OPERATIONS) {
  describe(`${name} with`, () => {
    const refused: ChargeMessage[] = [];
    for (const [index, [what, given, error, param, why]] of refusals.entries()) {
      test(`${what} is refused with ${error}, and nothing is executed`, async () => {
        const key = newKey();
        refused.push({ key, token: tokens[DIALECTS[index % DIALECTS.length] as Dialect] });
        const before = rows(path);
        for (const dialect of DIALECTS) {
          const answer = await send({ token: tokens[dialect], key, ...given });
          // The size is decided before anybody asks who it is: in the dialect of those who are unknown.
          const known = error === 'CONTENT_TOO_LARGE' ? {} : { dialect };
          const detail = assertError(answer, error, { param, instance, ...known });
          if (why !== undefined) assert.match(detail, why);
          const [field, types] = accept;
          assert.equal(answer.headers.get(field), error === 'UNSUPPORTED_MEDIA_TYPE' ? types : null);
        }
        assert.deepEqual(rows(path), before);
      });
    }

    test('any of these mistakes executes under the same key once it is mended', async () => {
      assert.equal(refused.length, refusals.length);
      const before = rows(path);
      const answers = await Promise.all(refused.map(send));
      for (const [index, { status, headers, text }] of answers.entries()) {
        assert.equal(status, done, `${refusals[index]?.[0]}: ${text}`);
        assert.equal(headers.get('idempotent-replayed'), null);
      }
      const { charges, records } = before;
      const made = done === 201 ? refusals.length : 0;
      assert.deepEqual(rows(path), { charges: charges + made, records: records + refusals.length });
    });

    test('a body of exactly the limit is read', async () => {
      const body = padded(BODY_LIMIT_BYTES - padded(0).length);
      assert.equal(body.length, BODY_LIMIT_BYTES);
      const [error, param] =
        done === 201 ? (['PARAMETER_MISSING', 'amount'] as const) : (['PARAMETER_INVALID', 'description'] as const);
      assertError(await send({ token: tokens.problem, body }), error, { param, instance });
    });
  });
}

describe('a charge with', () => {
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

describe('what is wrong with a change is told in this order:', () => {
  const { id } = existing.json;
  const instance = `${API}/charges/${id}`;
  const steps: [error: ErrorName, param: string | null, mend: ChargeMessage][] = [
    ['CONTENT_TOO_LARGE', null, { body: '{"amount":1' }],
    ['TOKEN_MISSING', 'Authorization', { token: 'unknown' }],
    ['TOKEN_INVALID', 'Authorization', { token: tokens.problem }],
    ['UNSUPPORTED_MEDIA_TYPE', 'Content-Type', { type: 'application/json' }],
    ['SIMULATION_INVALID', 'Docent-Simulate', { simulate: 'delay=0' }],
    ['IDEMPOTENCY_KEY_MISSING', 'Idempotency-Key', { key: '"the order of a change"' }],
    ['JSON_INVALID', null, { body: '{"descripton":1,"amount":1}' }],
    ['PARAMETER_READ_ONLY', 'amount', { body: '{"descripton":1}' }],
    ['PARAMETER_UNKNOWN', 'descripton', { body: '{"description":1}' }],
    ['PARAMETER_INVALID', 'description', { body: '{"description":"1"}' }],
  ];

  test(steps.map(([error]) => error).join(', '), async () => {
    let given: ChargeMessage = {
      type: 'text/plain',
      key: undefined,
      simulate: '!',
      body: 'x'.repeat(BODY_LIMIT_BYTES + 1),
    };
    for (const [error, param, mend] of steps) {
      assertError(await update(url, id, given), error, { param, instance });
      given = { ...given, ...mend };
    }
    assert.equal((await update(url, id, given)).status, 200);
  });
});

describe('a list with', () => {
  for (const [query, error, param, why] of [
    ['limt=5', 'QUERY_PARAMETER_UNKNOWN', 'limt', /Did you mean "limit"\?/],
    ['Limit=5', 'QUERY_PARAMETER_UNKNOWN', 'Limit', /"limit"/],
    ['page=2', 'QUERY_PARAMETER_UNKNOWN', 'page', /Known: limit, after/],
    ['constructor=1', 'QUERY_PARAMETER_UNKNOWN', 'constructor'],
    ['=5', 'QUERY_PARAMETER_UNKNOWN', ''],
    [`${'x'.repeat(3000)}=1`, 'QUERY_PARAMETER_UNKNOWN', `${'x'.repeat(59)}…`],
    ['limit=5&zzz=1', 'QUERY_PARAMETER_UNKNOWN', 'zzz'],
    ...['', '0', '-1', '101', '1000', '1e1', '0x10', '05', '5.0', 'ten', '%20', '5%00', '+5', '５', '99999999999'].map(
      (limit) => [`limit=${limit}`, 'QUERY_PARAMETER_INVALID', 'limit', /from 1 to 100/] as const,
    ),
    [`limit=${'9'.repeat(4000)}`, 'QUERY_PARAMETER_INVALID', 'limit', /^.{0,200}$/],
    ['limit=5&limit=5', 'QUERY_PARAMETER_INVALID', 'limit', /2 times/],
    ['after=a&limit=1&after=b', 'QUERY_PARAMETER_INVALID', 'after', /2 times/],
    ...['', 'ch_0', '%00', '%FF', "'%20OR%201=1", '*', '0', '2026-11-22', 'x'.repeat(3000)].map(
      (after) => [`after=${after}`, 'CURSOR_UNKNOWN', 'after', /^.{0,200}$/] as const,
    ),
  ] as [query: string, error: ErrorName, param: string, why?: RegExp][]) {
    test(`${query.slice(0, 40)} is refused with ${error}`, async () => {
      for (const dialect of DIALECTS) {
        const answer = await read(url, tokens[dialect], encodeURI(`${API}/charges?${query}`).replaceAll('%25', '%'));
        const detail = assertError(answer, error, { param, dialect });
        if (why !== undefined) assert.match(detail, why);
      }
    });
  }
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
