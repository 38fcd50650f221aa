// Where the table of a SQLite store comes from, and how a record is found in it.
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { nameHashOf } from '../../src/idempotency/stores/sqlite-schema.ts';
import { claimed, commitUnclaimed, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { openNewFile } from './sqlite-files.ts';

/** By version: the table as it was made then. */
const EARLIER: Record<string, string> = {
  '0, from before versions were kept': `
    CREATE TABLE idempotency_record (
      token INTEGER PRIMARY KEY AUTOINCREMENT, principal TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
      method TEXT NOT NULL, path TEXT NOT NULL, first_seen_ms INTEGER NOT NULL, lease_ends_ms INTEGER,
      expires_ms INTEGER NOT NULL, status INTEGER, headers TEXT, body BLOB, UNIQUE (principal, key)
    ) STRICT;
    CREATE INDEX idempotency_record_expires ON idempotency_record (expires_ms)`,
  '2, with one index of principal and key': `
    CREATE TABLE idempotency_record (
      token INTEGER PRIMARY KEY AUTOINCREMENT, principal TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
      method TEXT NOT NULL, path TEXT NOT NULL, first_seen_ms INTEGER NOT NULL, lease_ends_ms INTEGER,
      expires_ms INTEGER NOT NULL, status INTEGER, headers TEXT, body BLOB, request_id TEXT,
      lease_ms INTEGER NOT NULL DEFAULT 3000, points TEXT, UNIQUE (principal, key)
    ) STRICT;
    CREATE INDEX idempotency_record_expires ON idempotency_record (expires_ms);
    CREATE TABLE idempotency_schema (version INTEGER NOT NULL) STRICT;
    INSERT INTO idempotency_schema VALUES (2)`,
};

/** What a process of an earlier version does for a key. */
function claimAsThen(db: DatabaseSync, key: string, fingerprint: string): void {
  const now = Date.now();
  db.prepare(
    `INSERT OR REPLACE INTO idempotency_record
       (principal, key, fingerprint, method, path, first_seen_ms, lease_ends_ms, expires_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(ID.principal, key, fingerprint, FACTS.method, FACTS.path, now, now + LEASE, now + RETAIN);
}

function completeAsThen(db: DatabaseSync, key: string, body: string): void {
  const { status, headers, body: bytes } = replyOf(body);
  db.prepare('UPDATE idempotency_record SET status = ?, headers = ?, body = ?, lease_ends_ms = NULL WHERE key = ?').run(
    status,
    JSON.stringify(headers),
    bytes,
    key,
  );
}

describe('the table of a SQLite store', () => {
  for (const [version, tables] of Object.entries(EARLIER))
    test(`of version ${version}, is brought up to date with all that is in it`, async () => {
      const db = openNewFile();
      db.exec(tables);
      for (const key of ['done', 'running', 'released']) claimAsThen(db, key, FACTS.fingerprint);
      completeAsThen(db, 'done', 'kept');
      db.exec("DELETE FROM idempotency_record WHERE key = 'released'");
      const store = new SqliteStore(db);
      const { principal } = ID;
      const reply = replyOf('kept');
      assert.deepEqual(await store.claim({ principal, key: 'done' }, FACTS, LEASE), { kind: 'completed', reply });
      assert.equal((await store.claim({ principal, key: 'done' }, OTHER_FACTS, LEASE)).kind, 'mismatch');
      assert.equal((await store.claim({ principal, key: 'running' }, FACTS, LEASE)).kind, 'in-progress');
      const owner = { principal, key: 'running', token: 2 };
      assert.equal((await store.commit(owner, () => replyOf('late'), RETAIN)).kind, 'stored');
      // The third token was that of the record that is gone.
      assert.equal((await claimed(store, { principal, key: 'released' })).token, 4);
      assert.deepEqual(await new SqliteStore(db).claim(owner, FACTS, LEASE), {
        kind: 'completed',
        reply: replyOf('late'),
      });
    });

  test('is brought up to date when it is empty, and was never anything else', async () => {
    const db = openNewFile();
    db.exec(EARLIER['2, with one index of principal and key'] as string);
    assert.equal((await claimed(new SqliteStore(db))).token, 1);
  });

  test('is brought up to date beneath a view of the application’s', async () => {
    const db = openNewFile();
    db.exec(EARLIER['2, with one index of principal and key'] as string);
    db.exec('CREATE VIEW busy AS SELECT key FROM idempotency_record WHERE status IS NULL');
    await claimed(new SqliteStore(db));
    assert.deepEqual(
      db
        .prepare('SELECT key FROM busy')
        .all()
        .map(({ key }) => key),
      [ID.key],
    );
  });

  test('takes no record from a process of the version before, which nobody would find', () => {
    const db = openNewFile();
    db.exec(EARLIER['2, with one index of principal and key'] as string);
    new SqliteStore(db);
    assert.throws(() => claimAsThen(db, 'k', FACTS.fingerprint), /NOT NULL constraint failed: .*name_hash/);
  });

  test('of a later version is left alone', () => {
    const db = openNewFile();
    new SqliteStore(db);
    db.exec('UPDATE idempotency_schema SET version = 99');
    assert.throws(() => new SqliteStore(db), { name: 'StoreError', message: /have version 99.*use a later one/ });
    assert.equal(db.prepare('SELECT version FROM idempotency_schema').get()?.version, 99);
  });
});

/** Found by trying: the first two of three million keys. */
const [ONE, SAME] = [
  { principal: 'p', key: 'key-2235602' },
  { principal: 'p', key: 'key-3253457' },
];

describe('two keys with the same hash', () => {
  test('have it', () => {
    assert.equal(nameHashOf(ONE), nameHashOf(SAME));
  });

  test('are two keys', async () => {
    const db = openNewFile();
    const store = new SqliteStore(db);
    const one = await claimed(store, ONE);
    assert.equal(await store.lookup(SAME), undefined);
    const same = await claimed(store, SAME, OTHER_FACTS);
    assert.equal((await store.commit(one, () => replyOf('one'), RETAIN)).kind, 'stored');
    assert.equal(await store.renew(same, LEASE), 'renewed');
    await store.release(same);
    const asked = { id: SAME, facts: OTHER_FACTS };
    assert.equal((await commitUnclaimed(store, () => replyOf('same'), asked)).kind, 'stored');
    for (const [id, facts, body] of [
      [ONE, FACTS, 'one'],
      [SAME, OTHER_FACTS, 'same'],
    ] as const)
      assert.deepEqual(await store.claim(id, facts, LEASE), { kind: 'completed', reply: replyOf(body) });
  });
});
