// What a key tells: its state, its request and its status; to its own sandbox, and to nobody else.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RETENTION_MS } from '../../src/idempotency/index.ts';
import { DIALECTS, type Dialect } from '../../src/reference/errors.ts';
import { SANDBOX_LIFETIME_MS } from '../../src/reference/ledger.ts';
import {
  type Answer,
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
  update,
} from './support.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
let now = NOW;
const api = await startApi({ ledger: { now: () => now } });
const { url, path } = api;
const token = await newToken(url);

/** Where the key of a header is looked up. */
const pathOf = (key: string) => `${API}/idempotency-keys/${encodeURIComponent(key.replace(/^"(.*)"$/, '$1'))}`;

const lookUp = (key: string, as = token) => read(url, as, pathOf(key));

const time = (ms: number) => new Date(ms).toISOString();

function assertFound(answer: Answer, expected: object): void {
  assert.deepEqual([answer.status, answer.text], [200, `${JSON.stringify(expected)}\n`]);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assertCommon(answer);
}

describe('a key that is looked up', () => {
  test('tells the request that it was first used for, and how that ended', async () => {
    const key = newKey();
    const created = await charge(url, { token, key, path: `${API}/charges?expand=all` });
    const before = rows(path);
    const found = await lookUp(key);
    assertFound(found, {
      key: JSON.parse(key),
      state: 'completed',
      first_seen_at: time(NOW),
      // The sandbox ends before the retention does.
      expires_at: time(NOW + SANDBOX_LIFETIME_MS),
      method: 'POST',
      path: `${API}/charges?expand=all`,
      status: 201,
      request_id: created.headers.get('request-id'),
    });
    assert.ok(!found.text.includes(created.json.id));
    assert.deepEqual(rows(path), before);
  });

  test('tells so of a change, and of one that found nothing', async () => {
    const { json: created } = await charge(url, { token });
    for (const [id, status] of [
      [created.id, 200],
      ['ch_0', 404],
    ] as const) {
      const key = newKey();
      const { headers } = await update(url, id, { token, key });
      const { json } = await lookUp(key);
      assert.deepEqual([json.method, json.path, json.status], ['PATCH', `${API}/charges/${id}`, status]);
      assert.equal(json.request_id, headers.get('request-id'));
    }
  });

  test('is in progress while the request is at work, and completed then', async () => {
    const key = newKey();
    const working = charge(url, { token, key, simulate: 'delay=300' });
    while (!hasRecord(path, key)) await sleep(2);
    const found = await lookUp(key);
    const { request_id: requestId, expires_at: expiresAt } = found.json;
    assertFound(found, {
      key: JSON.parse(key),
      state: 'in_progress',
      first_seen_at: time(NOW),
      expires_at: expiresAt,
      method: 'POST',
      path: `${API}/charges`,
      status: null,
      request_id: requestId,
    });
    assert.ok(Date.parse(expiresAt) > NOW && Date.parse(expiresAt) <= NOW + SANDBOX_LIFETIME_MS);
    const created = await working;
    assert.equal(requestId, created.headers.get('request-id'));
    assert.equal((await lookUp(key)).json.state, 'completed');
  });

  test('tells of the first request, whatever has been tried with it since', async () => {
    const key = newKey();
    await charge(url, { token, key });
    const first = await lookUp(key);
    await charge(url, { token, key });
    await charge(url, { token, key, body: { ...CHARGE, amount: 2 } });
    await update(url, 'ch_0', { token, key });
    assert.equal((await lookUp(key)).text, first.text);
  });

  for (const [header, segment] of [
    ['plain', 'plain'],
    ['"plain quoted"', 'plain%20quoted'],
    ['shop/4711:a', 'shop%2F4711%3Aa'],
    ['shop/4711:b', 'shop%2f4711:b'],
    ['"50% \\"off\\" \\\\ +?#&"', '50%25%20%22off%22%20%5C%20%2B%3F%23%26'],
    ['"a+b"', 'a+b'],
    ['"%41"', '%2541'],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
    ['"..."', '...'],
    ['"%2F"', '%252F'],
    ['"\' OR 1=1 --"', "'%20OR%201=1%20--"],
  ] as const) {
    test(`${header.slice(0, 30)} is found at ${segment.slice(0, 50)}`, async () => {
      assert.equal(await charge(url, { token, key: header }).then(({ status }) => status), 201);
      const { status, json } = await read(url, token, `${API}/idempotency-keys/${segment}`);
      assert.deepEqual([status, json.key], [200, decodeURIComponent(segment)]);
    });
  }
});

describe('a key is not found, and always in the same words,', () => {
  /** All answers but for what is about the request. */
  const seen = new Set<string>();

  async function assertNotFound(segment: string, as = token, dialect: Dialect = 'problem'): Promise<void> {
    const before = rows(path);
    const instance = `${API}/idempotency-keys/${segment}`;
    const answer = await read(url, as, instance);
    seen.add(assertError(answer, 'IDEMPOTENCY_KEY_NOT_FOUND', { param: 'key', instance, dialect }));
    assert.deepEqual(rows(path), before);
    assert.equal(seen.size, 1, [...seen].join('\n'));
  }

  for (const dialect of DIALECTS) {
    test(`when it was never used, in dialect ${dialect}`, async () => {
      await assertNotFound('never-used', await newToken(url, dialect), dialect);
    });
  }

  test('when it is another sandbox’s, and it is not used up either', async () => {
    const key = newKey();
    await charge(url, { token, key });
    const stranger = await newToken(url);
    await assertNotFound(encodeURIComponent(JSON.parse(key)), stranger);
    assert.equal((await charge(url, { token: stranger, key })).status, 201);
  });

  for (const segment of [
    '%00',
    'a%00b',
    '%',
    '%zz',
    'a%2',
    '%FF',
    '%C3%A9',
    '%E9',
    '%09',
    '%0A',
    '%F0%9F%8D%94',
    'x'.repeat(256),
    'x'.repeat(4000),
    '%22quoted%22',
    '*',
    '%25',
    '_',
  ]) {
    test(`when it is none: ${segment.slice(0, 20)}`, async () => {
      await charge(url, { token, key: 'quoted' });
      await assertNotFound(segment);
    });
  }

  test('when nothing was executed under it', async () => {
    const key = newKey();
    await charge(url, { token, key, body: { amount: 0, currency: 'usd' } });
    await charge(url, { token, key, simulate: 'error=500' });
    await charge(url, { token, key, simulate: 'error=429' });
    await assertNotFound(encodeURIComponent(JSON.parse(key)));
  });

  test('when it has expired, while its sandbox lives', async () => {
    const retainMs = 60_000;
    let now = NOW;
    const { url } = await startApi({ ledger: { now: () => now }, execute: { retainMs } });
    const token = await newToken(url);
    const key = newKey();
    await charge(url, { token, key });
    now += retainMs - 1;
    const found = await read(url, token, pathOf(key));
    assert.deepEqual([found.json.state, found.json.expires_at], ['completed', time(NOW + retainMs)]);
    now += 1;
    const expected = { param: 'key', instance: pathOf(key), retentionSeconds: 60 };
    seen.add(assertError(await read(url, token, pathOf(key)), 'IDEMPOTENCY_KEY_NOT_FOUND', expected));
    assert.equal(seen.size, 1);
    assert.notEqual(retainMs, RETENTION_MS);
  });
});

test('a look-up needs a token that is good', async () => {
  const key = newKey();
  await charge(url, { token, key });
  const instance = pathOf(key);
  assertError(await send(url, { method: 'GET', path: instance }), 'TOKEN_MISSING', {
    param: 'Authorization',
    instance,
  });
  assertError(await lookUp(key, 'unknown'), 'TOKEN_INVALID', { param: 'Authorization', instance });
  now += SANDBOX_LIFETIME_MS;
  assertError(await lookUp(key), 'TOKEN_INVALID', { param: 'Authorization', instance });
  now -= SANDBOX_LIFETIME_MS;
});

test('nothing was reported as the server’s own fault', () => {
  assert.deepEqual(api.reported, []);
});
