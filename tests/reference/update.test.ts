// Changing a charge: what changes, what is kept under the key, and what becomes of a request whose sandbox ends under it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS } from '../../src/reference/errors.ts';
import { SANDBOX_LIFETIME_MS } from '../../src/reference/ledger.ts';
import {
  API,
  assertCommon,
  assertError,
  CHANGE,
  CHARGE,
  charge,
  hasRecord,
  newKey,
  newToken,
  read,
  rows,
  startApi,
  update,
} from './support.ts';

const api = await startApi();
const { url, path } = api;
const token = await newToken(url);

describe('a change', () => {
  for (const [what, before, body, after] of [
    ['a new description', 'two', { description: 'three' }, 'three'],
    ['one where there was none', null, { description: 'three' }, 'three'],
    ['null, which takes it away', 'two', { description: null }, null],
    ['an empty description', 'two', { description: '' }, ''],
    ['the same one', 'two', { description: 'two' }, 'two'],
    ['500 characters', 'two', { description: '🍔'.repeat(500) }, '🍔'.repeat(500)],
    ['any character', 'two', { description: 'zero \0, "quotes" and \u2028' }, 'zero \0, "quotes" and \u2028'],
    ['no member, which changes nothing', 'two', {}, 'two'],
  ] as const) {
    test(`with ${what} is answered with the whole charge, and nothing else is changed`, async () => {
      const { json: other } = await charge(url, { token });
      const { json: created } = await charge(url, { token, body: { ...CHARGE, description: before } });
      const answer = await update(url, created.id, { token, body });
      const changed = { ...created, description: after };
      assert.deepEqual([answer.status, answer.text], [200, `${JSON.stringify(changed)}\n`]);
      assert.equal(answer.headers.get('content-type'), 'application/json');
      assert.equal(answer.headers.get('idempotent-replayed'), null);
      assertCommon(answer);
      assert.equal((await read(url, token, `${API}/charges/${created.id}`)).text, answer.text);
      assert.deepEqual((await read(url, token, `${API}/charges/${other.id}`)).json, other);
    });
  }

  test('is executed once: the retry gets the first answer, whatever has changed since', async () => {
    const { json: created } = await charge(url, { token });
    const key = newKey();
    const first = await update(url, created.id, { token, key, body: { description: 'first' } });
    await update(url, created.id, { token, body: { description: 'second' } });
    const before = rows(path);
    const again = await update(url, created.id, { token, key, body: ' {"description" : "f\\u0069rst"}\n' });
    assert.deepEqual([again.status, again.bytes], [200, first.bytes]);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(rows(path), before);
    assert.equal((await read(url, token, `${API}/charges/${created.id}`)).json.description, 'second');
  });

  for (const type of [
    'application/json',
    'application/merge-patch+json',
    'Application/Merge-Patch+JSON; charset=utf-8',
    'application/json;charset="UTF-8"',
  ]) {
    test(`may be declared as ${type}`, async () => {
      const { json: created } = await charge(url, { token });
      assert.equal((await update(url, created.id, { token, type })).json.description, CHANGE.description);
    });
  }

  for (const [what, change] of [
    ['another body', { body: { description: 'other' } }],
    ['another media type', { type: 'application/json' }],
    ['a query', { path: '?a=b' }],
    ['another charge', { path: '0' }],
  ] as const) {
    test(`with ${what} under the same key is a conflict, and harms nothing`, async () => {
      const { json: created } = await charge(url, { token });
      const key = newKey();
      const first = await update(url, created.id, { token, key });
      const before = rows(path);
      const target = `${API}/charges/${created.id}`;
      const given = 'path' in change ? { path: `${target}${change.path}` } : change;
      const answer = await update(url, created.id, { token, key, ...given });
      const instance = change === undefined || !('path' in change) ? target : `${target}${change.path}`.split('?')[0];
      const expected = { param: 'Idempotency-Key', ...(instance === undefined ? {} : { instance }) };
      assert.match(assertError(answer, 'IDEMPOTENCY_CONFLICT', expected), new RegExp(`for PATCH ${target}`));
      assert.deepEqual(rows(path), before);
      assert.deepEqual((await update(url, created.id, { token, key })).bytes, first.bytes);
    });
  }

  test('cannot have the key of the charge that it changes', async () => {
    const key = newKey();
    const { json: created } = await charge(url, { token, key });
    const instance = `${API}/charges/${created.id}`;
    const answer = await update(url, created.id, { token, key });
    const detail = assertError(answer, 'IDEMPOTENCY_CONFLICT', { param: 'Idempotency-Key', instance });
    assert.match(detail, /for POST \/api\/charges \(request req_/);
  });

  for (const dialect of DIALECTS) {
    test(`of a charge that is not there has 404 as its result in dialect ${dialect}, kept under the key`, async () => {
      const token = await newToken(url, dialect);
      const { json: foreign } = await charge(url, { token: await newToken(url) });
      for (const id of ['ch_000000000000000000', foreign.id]) {
        const instance = `${API}/charges/${id}`;
        const key = newKey();
        const before = rows(path);
        const first = await update(url, id, { token, key });
        assertError(first, 'CHARGE_NOT_FOUND', { param: 'id', instance, dialect });
        assert.deepEqual(rows(path), { charges: before.charges, records: before.records + 1 });
        const again = await update(url, id, { token, key });
        const requestId = first.headers.get('request-id');
        assertError({ ...again, headers: first.headers }, 'CHARGE_NOT_FOUND', {
          param: 'id',
          instance,
          dialect,
          requestId,
        });
        assert.deepEqual(again.bytes, first.bytes);
        assert.equal(again.headers.get('content-type'), first.headers.get('content-type'));
        assert.equal(again.headers.get('idempotent-replayed'), 'true');
        assert.notEqual(again.headers.get('request-id'), requestId);
      }
    });
  }

  test('that many send at once with one key is executed once', async () => {
    const { json: created } = await charge(url, { token });
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => update(url, created.id, { token, key, simulate: 'delay=5' })),
    );
    const fresh = answers.filter(({ status, headers }) => status === 200 && !headers.has('idempotent-replayed'));
    assert.equal(fresh.length, 1);
    const instance = `${API}/charges/${created.id}`;
    for (const answer of answers) {
      if (answer.status === 200) assert.deepEqual(answer.bytes, fresh[0]?.bytes);
      else assertError(answer, 'IDEMPOTENCY_IN_PROGRESS', { param: 'Idempotency-Key', instance });
    }
  });

  test('that fails by wish changes nothing, and a retry executes', async () => {
    const { json: created } = await charge(url, { token });
    const key = newKey();
    const instance = `${API}/charges/${created.id}`;
    assertError(await update(url, created.id, { token, key, simulate: 'error=500' }), 'INTERNAL_ERROR', { instance });
    assert.deepEqual((await read(url, token, instance)).json, created);
    assert.equal((await update(url, created.id, { token, key })).json.description, CHANGE.description);
  });
});

for (const dialect of DIALECTS) {
  test(`a request whose sandbox is cleared up under it is refused like its token, in dialect ${dialect}`, async () => {
    let now = Date.now();
    const { url, path, reported } = await startApi({ ledger: { now: () => now } });
    const token = await newToken(url, dialect);
    const { json: created } = await charge(url, { token });
    const keys = [newKey(), newKey()] as const;
    const simulate = 'delay=400';
    const [post, patch] = [
      charge(url, { token, key: keys[0], simulate }),
      update(url, created.id, { token, key: keys[1], simulate }),
    ];
    while (!keys.every((key) => hasRecord(path, key))) await sleep(2);
    now += SANDBOX_LIFETIME_MS;
    // Whoever makes a sandbox clears up one that has expired.
    for (let index = 0; index < 3; index += 1) await newToken(url);
    assertError(await post, 'TOKEN_INVALID', { param: 'Authorization', dialect });
    const instance = `${API}/charges/${created.id}`;
    assertError(await patch, 'TOKEN_INVALID', { param: 'Authorization', dialect, instance });
    assert.equal((await post).headers.get('www-authenticate'), 'Bearer realm="docent", error="invalid_token"');
    assert.equal(rows(path).charges, 0);
    assert.deepEqual(reported, []);
  });
}

test('nothing was reported as the server’s own fault', () => {
  assert.deepEqual(api.reported, []);
});
