// A store that cannot be opened, read, written or grown: nothing is executed, nothing is lost, and it comes back without a restart.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { DIALECTS } from '../../src/reference/errors.ts';
import { temporaryFolder } from '../support.ts';
import {
  type Answer,
  API,
  assertError,
  CHARGE,
  charge,
  newKey,
  newToken,
  read,
  rows,
  send,
  startApi,
  startServer,
} from './support.ts';

/** Who may write nowhere, whoever runs the tests. */
const NOBODY = process.getuid?.() === 0 ? { user: 65534 } : {};

const sandboxes = (url: string) => send(url, { path: `${API}/sandboxes` });

function assertUnavailable(answer: Answer, instance = `${API}/charges`, given = {}): void {
  const detail = assertError(answer, 'STORE_UNAVAILABLE', { instance, ...given });
  assert.equal(answer.headers.get('retry-after'), '5');
  assert.doesNotMatch(detail, /sqlite|\/tmp|EACCES/i);
}

describe('the data folder', () => {
  test('is made when it is not there, for nobody else to read', async () => {
    const path = join(temporaryFolder(), 'state', 'docent', 'reference.sqlite');
    const { url } = await startApi({ path });
    assert.ok(!existsSync(dirname(path)), 'it was made before it was needed');
    assert.equal((await charge(url, { token: await newToken(url) })).status, 201);
    for (const folder of [dirname(path), dirname(dirname(path))]) assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  test('that cannot be made is told, and is made as soon as it can be', async () => {
    const file = join(temporaryFolder(), 'state');
    writeFileSync(file, 'a file where a folder has to be');
    const path = join(file, 'docent', 'reference.sqlite');
    const { url, reported } = await startApi({ path });
    assertUnavailable(await sandboxes(url), `${API}/sandboxes`);
    assertUnavailable(await charge(url, { token: 'sk_sandbox_1' }));
    assertUnavailable(await read(url, 'sk_sandbox_1', `${API}/charges/ch_1`), `${API}/charges/ch_1`);
    assert.equal(reported.length, 3);
    // What needs no store is answered as always.
    assertError(await charge(url, {}), 'TOKEN_MISSING', { param: 'Authorization' });
    assertError(await read(url, 'sk_sandbox_1', `${API}/x`), 'NOT_FOUND', { instance: `${API}/x` });
    assert.equal(readFileSync(file, 'utf8'), 'a file where a folder has to be');
    rmSync(file);
    assert.equal((await charge(url, { token: await newToken(url) })).status, 201);
  });

  test('that may not be written is told, and written as soon as it may be', async () => {
    const folder = temporaryFolder();
    // A user who is not root has to get through to it.
    chmodSync(dirname(folder), 0o755);
    chmodSync(folder, 0o555);
    const path = join(folder, 'reference.sqlite');
    const { url } = await startServer({ path, ...NOBODY });
    assertUnavailable(await sandboxes(url), `${API}/sandboxes`);
    assert.ok(!existsSync(path));
    chmodSync(folder, 0o777);
    const token = await newToken(url);
    const key = newKey();
    const created = await charge(url, { token, key });
    assert.equal(created.status, 201);

    // The disk has become read-only, and the server has been started again.
    for (const name of [path, `${path}-wal`, `${path}-shm`]) chmodSync(name, 0o444);
    chmodSync(folder, 0o555);
    const later = await startServer({ path, ...NOBODY });
    const second = newKey();
    assert.equal((await charge(later.url, { token, key: second })).status, 503);
    chmodSync(folder, 0o777);
    for (const name of [path, `${path}-wal`, `${path}-shm`]) chmodSync(name, 0o666);
    const retry = await charge(later.url, { token, key: second });
    assert.deepEqual([retry.status, retry.headers.get('idempotent-replayed')], [201, null], retry.text);
    assert.deepEqual((await charge(later.url, { token, key })).bytes, created.bytes);
    assert.equal((await read(later.url, token, created.headers.get('location') ?? '')).text, created.text);
    assert.deepEqual(rows(path), { charges: 2, records: 2 });
  });

  test('that is taken away while the server runs is noticed: nothing is promised that is not kept', async () => {
    const path = join(temporaryFolder(), 'data', 'reference.sqlite');
    const { url } = await startApi({ path });
    const token = await newToken(url);
    const kept = await charge(url, { token });
    const away = `${dirname(path)}-away`;
    renameSync(dirname(path), away);
    // The token is in the file that is gone.
    assertError(await charge(url, { token }), 'TOKEN_INVALID', { param: 'Authorization' });
    assert.equal((await charge(url, { token: await newToken(url) })).status, 201);
    assert.deepEqual(rows(path), { charges: 1, records: 1 });
    rmSync(dirname(path), { recursive: true });
    renameSync(away, dirname(path));
    assert.equal((await read(url, token, kept.headers.get('location') ?? '')).text, kept.text);
    assert.equal((await charge(url, { token })).status, 201);
    assert.deepEqual(rows(path), { charges: 2, records: 2 });
  });
});

describe('the file', () => {
  for (const [what, content] of [
    ['a text', 'Dear diary, this is no database. '.repeat(10)],
    ['a damaged database', `SQLite format 3\0${'\xff'.repeat(5000)}`],
  ] as const) {
    test(`that is ${what} is left alone, and used as soon as it is away`, async () => {
      const path = join(temporaryFolder(), 'reference.sqlite');
      writeFileSync(path, content, 'latin1');
      const { url } = await startApi({ path });
      assertUnavailable(await sandboxes(url), `${API}/sandboxes`);
      assertUnavailable(await charge(url, { token: 'sk_sandbox_1' }));
      assert.equal(readFileSync(path, 'latin1'), content);
      rmSync(path);
      assert.equal((await charge(url, { token: await newToken(url) })).status, 201);
    });
  }

  test('that is a folder is told', async () => {
    const path = join(temporaryFolder(), 'reference.sqlite');
    mkdirSync(path);
    const { url } = await startApi({ path });
    assertUnavailable(await sandboxes(url), `${API}/sandboxes`);
  });

  test('that another program has locked is told; what was done before is repeated, and the key executes later', async () => {
    const { url, path } = await startApi();
    const tokens = await Promise.all(DIALECTS.map((dialect) => newToken(url, dialect)));
    const [token = ''] = tokens;
    const [done, key] = [newKey(), newKey()];
    const created = await charge(url, { token, key: done });
    const stranger = new DatabaseSync(path);
    stranger.exec('BEGIN IMMEDIATE');
    const refused = await Promise.all(tokens.map((token) => charge(url, { token, key })));
    for (const [index, dialect] of DIALECTS.entries())
      assertUnavailable(refused[index] as Answer, undefined, { dialect });
    assert.deepEqual((await charge(url, { token, key: done })).bytes, created.bytes);
    assert.equal((await read(url, token, created.headers.get('location') ?? '')).text, created.text);
    stranger.exec('ROLLBACK');
    stranger.close();
    assert.deepEqual(rows(path), { charges: 1, records: 1 });
    for (const retry of await Promise.all(tokens.map((token) => charge(url, { token, key }))))
      assert.deepEqual([retry.status, retry.headers.get('idempotent-replayed')], [201, null]);
    assert.deepEqual(rows(path), { charges: 5, records: 5 });
  });

  test('that is locked between claim and commit leaves the key to a retry, and executes once', async () => {
    const { url, path } = await startApi({ execute: { leaseMs: 60_000 } });
    const token = await newToken(url);
    const key = newKey();
    const first = charge(url, { token, key, simulate: 'delay=100' });
    while (rows(path).records === 0) await new Promise(setImmediate);
    const stranger = new DatabaseSync(path);
    stranger.exec('BEGIN IMMEDIATE');
    assertUnavailable(await first);
    stranger.exec('ROLLBACK');
    stranger.close();
    assert.equal(rows(path).charges, 0);
    // The claim could not be released either: it is in progress until its lease ends.
    assertError(await charge(url, { token, key }), 'IDEMPOTENCY_IN_PROGRESS', { param: 'Idempotency-Key' });
  });
});

describe('a store without room', () => {
  /** Enough for the tables and some charges. Bytes. */
  const sizeLimitBytes = 160 * 1024;
  const large = { ...CHARGE, description: '日'.repeat(500) };

  test('is told, executes nothing, tells what was done before, and executes the same key when there is room', async () => {
    const { url, path, close } = await startApi({ ledger: { sizeLimitBytes } });
    const tokens = await Promise.all(DIALECTS.map((dialect) => newToken(url, dialect)));
    const [token = ''] = tokens;
    const done: { key: string; answer: Answer }[] = [];
    for (;;) {
      const key = newKey();
      const answer = await charge(url, { token, key, body: large });
      if (answer.status !== 201) break;
      done.push({ key, answer });
      assert.ok(done.length < 100, 'the limit is not kept');
    }
    assert.ok(statSync(path).size <= sizeLimitBytes);
    assert.ok(done.length > 3);
    const key = newKey();
    const before = rows(path);
    assert.equal(before.charges, done.length);
    for (const [index, dialect] of DIALECTS.entries()) {
      const refused = await charge(url, { token: tokens[index] ?? '', key, body: large });
      assertError(refused, 'STORE_FULL', { dialect });
      assert.equal(refused.headers.get('retry-after'), '60');
    }
    assert.deepEqual(rows(path), before);
    for (const { key, answer } of done) {
      const again = await charge(url, { token, key, body: large });
      assert.deepEqual(again.bytes, answer.bytes);
      assert.equal((await read(url, token, answer.headers.get('location') ?? '')).text, answer.text);
    }
    await close();
    const roomier = await startApi({ path, ledger: { sizeLimitBytes: 2 * sizeLimitBytes } });
    const retry = await charge(roomier.url, { token, key, body: large });
    assert.deepEqual([retry.status, retry.headers.get('idempotent-replayed')], [201, null]);
    assert.equal(rows(path).charges, done.length + 1);
  });

  test('makes room by itself when sandboxes have ended', async () => {
    let now = Date.now();
    const { url, path } = await startApi({ ledger: { sizeLimitBytes, now: () => now } });
    const old = await newToken(url);
    while ((await charge(url, { token: old, body: large })).status === 201) assert.ok(rows(path).charges < 100);
    now += 24 * 60 * 60 * 1000;
    const token = await newToken(url);
    assert.equal((await charge(url, { token, body: large })).status, 201);
  });

  test('is not what many charges of one sandbox lead to: as many go as come', async () => {
    let now = Date.now();
    const { url, path } = await startApi({ ledger: { now: () => now } });
    const chargeOften = (token: string) => Promise.all(Array.from({ length: 300 }, () => charge(url, { token })));
    await chargeOften(await newToken(url));
    assert.deepEqual(rows(path), { charges: 300, records: 300 });
    now += 24 * 60 * 60 * 1000;
    const answers = await chargeOften(await newToken(url));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
    assert.deepEqual(rows(path), { charges: 300, records: 300 });
  });

  test('for the tables is told, too', async () => {
    const { url } = await startApi({ ledger: { sizeLimitBytes: 8192 } });
    assertError(await sandboxes(url), 'STORE_FULL', { instance: `${API}/sandboxes` });
    assertError(await charge(url, { token: 'sk_sandbox_1' }), 'STORE_FULL');
  });
});
