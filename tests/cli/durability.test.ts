// What a store that `docent serve` opens promises about a power loss, and what it warns of.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { referenceStore } from '../../src/cli/stores.ts';
import { readStore, type StoreLocation } from '../../src/config/store.ts';
import type { PostgresClient } from '../../src/idempotency/stores/postgres.ts';
import type { Ledger } from '../../src/reference/ledger.ts';
import { FACTS, LEASE, RETAIN, replyOf } from '../idempotency/bench.ts';
import { postgresDatabase, startPostgres } from '../servers/postgres.ts';
import { startRedis } from '../servers/redis.ts';
import { temporaryFolder } from '../support.ts';

function locationOf(store: string): StoreLocation {
  const location = readStore(store);
  assert.ok('kind' in location);
  return location;
}

/** What a transaction sees in which a charge would be made. */
async function insideCommit<T, Seen>(ledger: Ledger, look: (transaction: T) => Seen | Promise<Seen>): Promise<Seen> {
  const { store } = ledger as Ledger<T>;
  const outcome = await store.claim({ principal: 'p', key: 'k' }, FACTS, LEASE);
  assert.ok(outcome.kind === 'claimed');
  let seen: Seen | undefined;
  const effect = (transaction: T) => {
    const found = look(transaction);
    const answer = (value: Seen) => {
      seen = value;
      return replyOf('done');
    };
    return found instanceof Promise ? found.then(answer) : answer(found);
  };
  await store.commit(outcome.claim, effect, RETAIN);
  await ledger.close();
  return seen as Seen;
}

for (const [durability, level] of [
  ['full', 2],
  ['relaxed', 1],
] as const) {
  test(`SQLite, ${durability}: PRAGMA synchronous = ${level}`, async () => {
    const location = locationOf(`sqlite:${join(temporaryFolder(), 'a.sqlite')}`);
    const { open } = await referenceStore(location, durability);
    const look = (db: DatabaseSync) => db.prepare('PRAGMA synchronous').get()?.synchronous;
    assert.equal(await insideCommit(open(), look), level);
  });
}

for (const [durability, setting] of [
  ['full', 'on'],
  ['relaxed', 'off'],
] as const) {
  test(`PostgreSQL, ${durability}: synchronous_commit = ${setting}`, async () => {
    const { open } = await referenceStore(locationOf(await postgresDatabase()), durability);
    const show = async (client: PostgresClient, name: string) =>
      (await client.query({ text: `SHOW ${name}` })).rows[0]?.[name];
    const seen = await insideCommit(open(), async (client: PostgresClient) => [
      await show(client, 'synchronous_commit'),
      await show(client, 'idle_in_transaction_session_timeout'),
    ]);
    assert.deepEqual(seen, [setting, '5s']);
  });
}

describe('PostgreSQL is told about, unless that is accepted', () => {
  for (const [settings, warning] of [
    [{}, undefined],
    [{ synchronous_commit: 'off' }, /^it answers before it has written \(synchronous_commit off\)/],
    [{ fsync: 'off' }, /^it does not wait for its disk \(fsync off\)/],
  ] as const) {
    test(JSON.stringify(settings), async () => {
      const location = locationOf((await startPostgres({ durable: true, settings })).url);
      await assertWarning(location, warning);
    });
  }
});

/** Checks that a store tells this at its start, and nothing where that was accepted. */
async function assertWarning(location: StoreLocation, warning: RegExp | undefined): Promise<void> {
  for (const durability of ['full', 'relaxed'] as const) {
    const { open, server } = await referenceStore(location, durability);
    const warnings = (await server?.prepare()) ?? [];
    await open().close();
    if (warning === undefined || durability === 'relaxed') assert.deepEqual(warnings, []);
    else {
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', warning);
      assert.match(warnings[0] ?? '', /; set .*, or accept it with --durability relaxed$/);
    }
  }
}

describe('Redis is told about, unless that is accepted', () => {
  for (const [settings, warning] of [
    [{ appendonly: 'yes', appendfsync: 'always' }, undefined],
    [{ appendonly: 'yes', appendfsync: 'everysec' }, /^it writes to its disk once a second \(appendfsync everysec\)/],
    [{ appendonly: 'yes', appendfsync: 'no' }, /^it leaves the disk to the system \(appendfsync no\)/],
    [{ appendonly: 'no' }, /^it keeps no append-only file \(appendonly no\)/],
  ] as const) {
    test(JSON.stringify(settings), async () => {
      await assertWarning(locationOf((await startRedis({ settings })).url), warning);
    });
  }

  test('a server that may drop keys is not used at all', async () => {
    const { url } = await startRedis({ settings: { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' } });
    const { open, server } = await referenceStore(locationOf(url), 'relaxed');
    await assert.rejects(async () => server?.prepare(), { name: 'StoreError', message: /allkeys-lru.*set noeviction/ });
    await open().close();
  });
});
