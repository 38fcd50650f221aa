import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DIALECTS } from '../../src/reference/errors.ts';
import { SANDBOX_LIFETIME_MS } from '../../src/reference/ledger.ts';
import {
  API,
  assertError,
  CHARGE,
  charge,
  chargeMessage,
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
const CHALLENGE = 'Bearer realm="docent"';

const withAuthorization = (...lines: string[]) => {
  const message = chargeMessage({});
  message.headers?.push(...lines.map((line): [string, string] => ['Authorization', line]));
  return message;
};

describe('a request', () => {
  test('without a token is told to send one', async () => {
    const before = rows(path);
    const answer = await charge(url, {});
    assert.match(assertError(answer, 'TOKEN_MISSING', { param: 'Authorization' }), /POST \/api\/sandboxes/);
    assert.equal(answer.headers.get('www-authenticate'), CHALLENGE);
    assert.deepEqual(rows(path), before);
    const instance = `${API}/charges/ch_1`;
    assertError(await send(url, { method: 'GET', path: instance }), 'TOKEN_MISSING', {
      param: 'Authorization',
      instance,
    });
  });

  for (const lines of [
    [''],
    ['Bearer'],
    ['Bearer '],
    [token],
    ['Basic c2s6'],
    [`Basic ${token}`],
    ['Bearer sk_sandbox_'],
    [`Bearer ${token}0`],
    [`Bearer ${token.slice(0, -1)}`],
    [`Bearer ${token.toUpperCase()}`],
    [`Bearer "${token}"`],
    [`Bearer ${token} ${token}`],
    [`Bearer ${token}, Bearer ${token}`],
    [`Bearer ${token}`, `Bearer ${token}`],
    [`Bearer ${'x'.repeat(8000)}`],
    ["Bearer ' OR 1=1 --"],
    ["Bearer '/**/OR/**/1=1"],
    ['Bearer %00'],
    ['Bearer \u00e9'],
  ]) {
    test(`with Authorization: ${lines.join(' | ').slice(0, 60).replaceAll(token, 'TOKEN')} is refused`, async () => {
      const before = rows(path);
      const answer = await send(url, withAuthorization(...lines));
      assertError(answer, 'TOKEN_INVALID', { param: 'Authorization' });
      assert.equal(answer.headers.get('www-authenticate'), `${CHALLENGE}, error="invalid_token"`);
      assert.ok(!answer.text.includes(token));
      assert.deepEqual(rows(path), before);
    });
  }

  test('may name the scheme in any case', async () => {
    for (const scheme of ['bearer', 'BEARER'])
      assert.equal((await send(url, withAuthorization(`${scheme} ${token}`))).status, 201);
  });
});

test('a token is not in the file', async () => {
  const { readFileSync, readdirSync } = await import('node:fs');
  const { dirname, join } = await import('node:path');
  const files = readdirSync(dirname(path)).map((name) => readFileSync(join(dirname(path), name), 'latin1'));
  assert.ok(files.some((text) => text.includes('idempotency_record')));
  assert.ok(files.every((text) => !text.includes(token.slice('sk_sandbox_'.length))));
});

describe('a sandbox', () => {
  for (const dialect of DIALECTS) {
    test(`ends after a day, as its dialect ${dialect} tells it`, async () => {
      let now = Date.now();
      const { url, path } = await startApi({ ledger: { now: () => now } });
      const token = await newToken(url, dialect);
      const key = newKey();
      const created = await charge(url, { token, key });
      now += SANDBOX_LIFETIME_MS - 1;
      assert.equal((await charge(url, { token, key })).headers.get('idempotent-replayed'), 'true');
      now += 1;
      const before = rows(path);
      const late = await charge(url, { token, key: newKey() });
      assert.match(assertError(late, 'TOKEN_INVALID', { param: 'Authorization', dialect }), /expired at \d{4}-/);
      assert.equal(late.headers.get('www-authenticate'), `${CHALLENGE}, error="invalid_token"`);
      const instance = `${API}/charges/${created.json.id}`;
      assertError(await read(url, token, instance), 'TOKEN_INVALID', { param: 'Authorization', dialect, instance });
      assert.deepEqual(rows(path), before);
    });
  }

  test('that has ended is cleared up with all that belongs to it when new ones are made, and others stay', async () => {
    let now = Date.now();
    const { url, path } = await startApi({ ledger: { now: () => now } });
    const old = await newToken(url);
    await Promise.all(Array.from({ length: 130 }, () => charge(url, { token: old })));
    now += SANDBOX_LIFETIME_MS / 2;
    const young = await newToken(url);
    const key = newKey();
    const kept = await charge(url, { token: young, key, body: CHARGE });
    assert.deepEqual(rows(path), { charges: 131, records: 131 });
    now += SANDBOX_LIFETIME_MS / 2;
    for (let index = 0; index < 4; index += 1) await newToken(url);
    assert.deepEqual(rows(path), { charges: 1, records: 1 });
    assert.equal((await read(url, young, `${API}/charges/${kept.json.id}`)).text, kept.text);
    assert.deepEqual((await charge(url, { token: young, key })).bytes, kept.bytes);
    // Nobody remembers the token any more, nor its dialect.
    assertError(await charge(url, { token: old }), 'TOKEN_INVALID', { param: 'Authorization' });
  });
});

test('nothing was reported as the server’s own fault', () => {
  assert.deepEqual(api.reported, []);
});
