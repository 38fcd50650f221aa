import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS, type Dialect } from '../../src/reference/errors.ts';
import {
  API,
  assertCommon,
  assertError,
  CHARGE,
  charge,
  hasRecord,
  newKey,
  newToken,
  read,
  rows,
  send,
  startApi,
} from './support.ts';

const api = await startApi();
const { url, path } = api;
const token = await newToken(url);

describe('a sandbox', () => {
  for (const [what, message, dialect] of [
    ['without a body', {}, 'problem'],
    ['with an empty object', { body: '{}' }, 'problem'],
    ...DIALECTS.map((dialect) => [`of dialect ${dialect}`, { body: JSON.stringify({ dialect }) }, dialect] as const),
  ] as const) {
    test(`${what} is made`, async () => {
      const before = Date.now();
      const headers: [string, string][] = 'body' in message ? [['Content-Type', 'application/json']] : [];
      const answer = await send(url, { path: `${API}/sandboxes`, headers, ...message });
      assert.equal(answer.status, 201, answer.text);
      const { id, token, expires_at } = answer.json;
      assert.equal(answer.text, `${JSON.stringify({ id, token, dialect, expires_at })}\n`);
      assert.match(id, /^sbx_[0-9a-f]{18}$/);
      assert.match(token, /^sk_sandbox_[0-9a-f]{32}$/);
      const day = 24 * 60 * 60 * 1000;
      assert.equal(new Date(expires_at).toISOString(), expires_at);
      assert.ok(Date.parse(expires_at) >= before + day && Date.parse(expires_at) <= Date.now() + day);
      assert.equal(answer.headers.get('content-type'), 'application/json');
      assertCommon(answer);
    });
  }

  test('has a token of its own each time', async () => {
    assert.notEqual(await newToken(url), await newToken(url));
  });
});

describe('a charge', () => {
  for (const body of [
    CHARGE,
    { ...CHARGE, description: null },
    { ...CHARGE, description: '' },
    { ...CHARGE, description: '🍔'.repeat(500) },
    { ...CHARGE, description: 'zero \0, "quotes" and \u2028' },
    { amount: 1, currency: 'jpy' },
    { amount: Number.MAX_SAFE_INTEGER, currency: 'eur', description: 'a lot' },
  ] as { amount: number; currency: string; description?: string | null }[]) {
    test(`${JSON.stringify(body).slice(0, 70)} is created, and can be read`, async () => {
      const created = await charge(url, { token, body });
      assert.equal(created.status, 201, created.text);
      const { id, created_at } = created.json;
      const { amount, currency, description = null } = body;
      assert.equal(created.text, `${JSON.stringify({ id, amount, currency, description, created_at })}\n`);
      assert.match(id, /^ch_[0-9a-f]{18}$/);
      assert.equal(new Date(created_at).toISOString(), created_at);
      assert.equal(created.headers.get('location'), `${API}/charges/${id}`);
      assert.equal(created.headers.get('content-type'), 'application/json');
      assert.equal(created.headers.get('idempotent-replayed'), null);
      assertCommon(created);
      const found = await read(url, token, `${API}/charges/${id}`);
      assert.equal(found.status, 200);
      assert.equal(found.text, created.text);
      assertCommon(found);
    });
  }

  for (const [what, first, second] of [
    ['the same', {}, {}],
    ['a bare key', { key: '"abc-1:2/3"' }, { key: 'abc-1:2/3' }],
    [
      'members in another order',
      { body: '{"amount":5,"currency":"usd"}' },
      { body: ' {"currency" : "usd", "amount":5.0}\n' },
    ],
    [
      'an escaped name',
      { body: '{"amount":6,"currency":"usd"}' },
      { body: '{"\\u0061mount":6,"currency":"u\\u0073d"}' },
    ],
    ['a charset', {}, { type: 'application/json; charset=utf-8' }],
    ['a delay that is asked for', {}, { simulate: 'delay=1' }],
    ['an error that is asked for', {}, { simulate: 'error=500' }],
    ['chunks', {}, { chunked: true }],
  ] as [string, object, object][]) {
    test(`is executed once when it is sent again with ${what}`, async () => {
      const key = newKey();
      const created = await charge(url, { token, key, ...first });
      const before = rows(path);
      const again = await charge(url, { token, key, ...first, ...second });
      assert.equal(again.status, 201, again.text);
      assert.deepEqual(again.bytes, created.bytes);
      for (const name of ['location', 'content-type'])
        assert.equal(again.headers.get(name), created.headers.get(name), name);
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      assert.notEqual(again.headers.get('request-id'), created.headers.get('request-id'));
      assertCommon(again);
      assert.deepEqual(rows(path), before);
    });
  }

  for (const [what, change, difference] of [
    ['another amount', { body: { ...CHARGE, amount: 1001 } }, ' with another body'],
    ['another description', { body: { ...CHARGE, description: '' } }, ' with another body'],
    ['an explicit null', { body: { ...CHARGE, description: null } }, ' with another body'],
    ['a query', { path: `${API}/charges?a=b` }, ''],
  ] as const) {
    test(`with ${what} under the same key is a conflict, and harms nothing`, async () => {
      const key = newKey();
      const created = await charge(url, { token, key });
      const before = rows(path);
      const answer = await charge(url, { token, key, ...change });
      const detail = assertError(answer, 'IDEMPOTENCY_CONFLICT', { param: 'Idempotency-Key' });
      const [, time = ''] = / at (\S+) /.exec(detail) ?? [];
      // Before the charge is made, or when it is written.
      assert.ok(Math.abs(Date.parse(time) - Date.parse(created.json.created_at)) < 60_000);
      const request = created.headers.get('request-id');
      const what = `POST /api/charges${difference} (request ${request})`;
      assert.equal(detail, `The key was first used at ${time} for ${what}.`);
      assert.deepEqual(rows(path), before);
      assert.deepEqual((await charge(url, { token, key })).bytes, created.bytes);
    });
  }

  for (const dialect of DIALECTS) {
    test(`under a key that was used for another is refused in dialect ${dialect}`, async () => {
      const token = await newToken(url, dialect);
      const key = newKey();
      await charge(url, { token, key });
      const answer = await charge(url, { token, key, body: { ...CHARGE, amount: 2 } });
      assertError(answer, 'IDEMPOTENCY_CONFLICT', { param: 'Idempotency-Key', dialect });
      assert.equal(answer.status, dialect === 'ietf' ? 422 : 409);
    });
  }

  test('that is still under way is told so in every dialect, and answered then', async () => {
    const before = rows(path);
    await Promise.all(DIALECTS.map(meetAtWork));
    assert.deepEqual(rows(path), { charges: before.charges + 4, records: before.records + 4 });
  });

  async function meetAtWork(dialect: Dialect): Promise<void> {
    const token = await newToken(url, dialect);
    const key = newKey();
    const first = charge(url, { token, key, simulate: 'delay=500' });
    while (!hasRecord(path, key)) await sleep(5);
    const second = await charge(url, { token, key });
    if (second.status === 201) {
      // The machine was too slow to meet the first one at work.
      assert.equal(second.headers.get('idempotent-replayed'), 'true');
    } else {
      assertError(second, 'IDEMPOTENCY_IN_PROGRESS', { param: 'Idempotency-Key', dialect });
      assert.match(second.headers.get('retry-after') ?? '', /^[1-3]$/);
      const other = await charge(url, { token, key, body: { ...CHARGE, amount: 2 } });
      assertError(other, 'IDEMPOTENCY_CONFLICT', { param: 'Idempotency-Key', dialect });
    }
    const created = await first;
    assert.equal(created.status, 201);
    assert.deepEqual((await charge(url, { token, key })).bytes, created.bytes);
  }

  test('is another one in another sandbox with the same key', async () => {
    const key = newKey();
    const other = await newToken(url);
    const [mine, theirs] = [
      await charge(url, { token, key }),
      await charge(url, { token: other, key, body: { ...CHARGE, amount: 7 } }),
    ];
    assert.deepEqual([mine.status, theirs.status], [201, 201]);
    assert.notEqual(mine.json.id, theirs.json.id);
    const foreign = await read(url, token, `${API}/charges/${theirs.json.id}`);
    const instance = `${API}/charges/${theirs.json.id}`;
    const detail = assertError(foreign, 'CHARGE_NOT_FOUND', { param: 'id', instance });
    const unknown = await read(url, token, `${API}/charges/ch_000000000000000000`);
    const unknownDetail = assertError(unknown, 'CHARGE_NOT_FOUND', {
      param: 'id',
      instance: `${API}/charges/ch_000000000000000000`,
    });
    // Nobody learns from the answer whether a foreign charge is there.
    assert.equal(detail.replace(theirs.json.id, 'ID'), unknownDetail.replace('ch_000000000000000000', 'ID'));
  });

  test('that many send at once with one key is executed once', async () => {
    const key = newKey();
    const before = rows(path);
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => charge(url, { token, key, simulate: 'delay=5' })),
    );
    const fresh = answers.filter(({ status, headers }) => status === 201 && !headers.has('idempotent-replayed'));
    assert.equal(fresh.length, 1);
    for (const answer of answers) {
      if (answer.status === 201) assert.deepEqual(answer.bytes, fresh[0]?.bytes);
      else assertError(answer, 'IDEMPOTENCY_IN_PROGRESS', { param: 'Idempotency-Key' });
    }
    assert.deepEqual(rows(path), { charges: before.charges + 1, records: before.records + 1 });
  });

  test('each with a key of its own are all executed', async () => {
    const before = rows(path);
    const answers = await Promise.all(Array.from({ length: 60 }, () => charge(url, { token })));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
    assert.equal(new Set(answers.map(({ json }) => json.id)).size, 60);
    assert.equal(rows(path).charges, before.charges + 60);
  });
});

for (const [simulate, error, retryAfter] of [
  ['error=500', 'INTERNAL_ERROR', null],
  ['error=503', 'STORE_UNAVAILABLE', '5'],
  ['error=507', 'STORE_FULL', '60'],
  ['delay=10, error=503', 'STORE_UNAVAILABLE', '5'],
  ['error=429', 'RATE_LIMITED', '1'],
  ['error=403', 'SANDBOX_FULL', null],
] as const) {
  for (const dialect of DIALECTS) {
    test(`${simulate} is answered as ${error} in dialect ${dialect}, executes nothing, and a retry executes`, async () => {
      const token = await newToken(url, dialect);
      const key = newKey();
      const before = rows(path);
      const answer = await charge(url, { token, key, simulate });
      assertError(answer, error, { dialect });
      assert.equal(answer.headers.get('retry-after'), retryAfter);
      assert.deepEqual(rows(path), before);
      assert.equal((await charge(url, { token, key })).status, 201);
    });
  }
}

test('nothing was reported as the server’s own fault', () => {
  assert.deepEqual(api.reported, []);
});
