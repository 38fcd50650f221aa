// The server as a process that is killed, started again, and run side by side with another one on the same file.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../support.ts';
import { assertError, charge, newKey, newToken, read, rows, startApi, startServer } from './support.ts';

/** Longer than a test takes, however busy the machine is. Milliseconds. */
const LONG_LEASE_MS = 10 * 60_000;

const newPath = () => join(temporaryFolder(), 'reference.sqlite');

test('what was answered before kill -9 is repeated after it, byte by byte', async () => {
  const path = newPath();
  const server = await startServer({ path });
  const token = await newToken(server.url);
  const key = newKey();
  const first = await charge(server.url, { token, key });
  await server.kill();
  assert.equal(first.status, 201);

  const { url } = await startApi({ path });
  const again = await charge(url, { token, key });
  assert.equal(again.status, 201);
  assert.deepEqual(again.bytes, first.bytes);
  for (const name of ['location', 'content-type']) assert.equal(again.headers.get(name), first.headers.get(name));
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.equal((await read(url, token, first.headers.get('location') ?? '')).text, first.text);
  assert.deepEqual(rows(path), { charges: 1, records: 1 });
});

test('what was answered before an orderly restart is repeated after it, too', async () => {
  const before = await startApi();
  const token = await newToken(before.url);
  const key = newKey();
  const first = await charge(before.url, { token, key });
  await before.close();
  const { url } = await startApi({ path: before.path });
  const again = await charge(url, { token, key });
  assert.deepEqual([again.status, again.bytes], [201, first.bytes]);
  assert.deepEqual(rows(before.path), { charges: 1, records: 1 });
});

test('a request that kill -9 has met at work is in progress for its lease, and executed once after it', async () => {
  const path = newPath();
  const server = await startServer({ path, leaseMs: LONG_LEASE_MS });
  const token = await newToken(server.url);
  const key = newKey();
  const broken = assert.rejects(charge(server.url, { token, key, simulate: 'delay=5000' }));
  while (rows(path).records === 0) await sleep(2);
  await server.kill();
  await broken;
  assert.deepEqual(rows(path), { charges: 0, records: 1 });

  let now = Date.now();
  const soon = await startApi({ path, ledger: { now: () => now } });
  const refused = await charge(soon.url, { token, key });
  assertError(refused, 'IDEMPOTENCY_IN_PROGRESS', { param: 'Idempotency-Key' });
  const seconds = Number(refused.headers.get('retry-after'));
  assert.ok(seconds > 0 && seconds <= LONG_LEASE_MS / 1000);
  const other = await charge(soon.url, { token, key, body: { amount: 1, currency: 'eur' } });
  assertError(other, 'IDEMPOTENCY_CONFLICT', { param: 'Idempotency-Key' });

  now += LONG_LEASE_MS;
  const executed = await charge(soon.url, { token, key });
  assert.deepEqual([executed.status, executed.headers.get('idempotent-replayed')], [201, null]);
  const replayed = await charge(soon.url, { token, key });
  assert.deepEqual(replayed.bytes, executed.bytes);
  assert.deepEqual(rows(path), { charges: 1, records: 1 });
});

test('kill -9 at any moment loses no charge that was answered, and executes none twice', async () => {
  const path = newPath();
  const answered = new Map<string, string>();
  const keys = Array.from({ length: 200 }, newKey);
  const first = await startServer({ path });
  const token = await newToken(first.url);
  const sending = keys.map(async (key, index) => {
    await sleep(index);
    const answer = await charge(first.url, { token, key });
    assert.equal(answer.status, 201);
    answered.set(key, answer.text);
  });
  const settled = Promise.allSettled(sending);
  while (answered.size < 40) await sleep(1);
  await first.kill();
  await settled;
  assert.ok(rows(path).charges >= answered.size);

  // Whatever was claimed and not finished has lost its lease by then.
  const { url } = await startApi({ path, ledger: { now: () => Date.now() + 60_000 } });
  const answers = await Promise.all(keys.map((key) => charge(url, { token, key })));
  for (const [index, answer] of answers.entries()) {
    assert.equal(answer.status, 201, answer.text);
    const before = answered.get(keys[index] ?? '');
    if (before !== undefined)
      assert.deepEqual([answer.text, answer.headers.get('idempotent-replayed')], [before, 'true']);
  }
  assert.deepEqual(rows(path), { charges: keys.length, records: keys.length });
});

test('two servers on one file execute a key once, and each repeats what the other has answered', async () => {
  const path = newPath();
  const servers = await Promise.all([startServer({ path }), startServer({ path })]);
  const [{ url: one }, { url: two }] = servers;
  const token = await newToken(one);
  const keys = Array.from({ length: 15 }, newKey);
  const answers = await Promise.all(keys.flatMap((key) => [one, two].map((url) => charge(url, { token, key }))));
  for (const answer of answers) {
    // A lock that the other one has held for too long is no execution either.
    if (answer.status !== 201 && answer.status !== 503)
      assertError(answer, 'IDEMPOTENCY_IN_PROGRESS', { param: 'Idempotency-Key' });
  }
  for (const key of keys) {
    const [mine, theirs] = [await charge(one, { token, key }), await charge(two, { token, key })];
    assert.deepEqual([mine.status, theirs.status], [201, 201]);
    assert.deepEqual(mine.bytes, theirs.bytes);
    assert.equal(theirs.headers.get('idempotent-replayed'), 'true');
  }
  assert.deepEqual(rows(path), { charges: keys.length, records: keys.length });
});
