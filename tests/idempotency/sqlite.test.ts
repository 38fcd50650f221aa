import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Reply, StoreProblem } from '../../src/idempotency/index.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import { claimed, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { type OpenStore, openFile, readLines, writeLine } from './sqlite-support.ts';
import { testStore } from './store-contract.ts';

const CLAIMER = fileURLToPath(new URL('claimer.ts', import.meta.url));

const connections: DatabaseSync[] = [];
after(() => {
  for (const db of connections) if (db.isOpen) db.close();
});

function newFile(): string {
  return join(temporaryFolder(), 'records.sqlite');
}

function open(path: string, now?: () => number, timeout?: number): OpenStore {
  const db = openFile(path, timeout);
  connections.push(db);
  return { db, store: new SqliteStore(db, now === undefined ? {} : { now }) };
}

function records(db: DatabaseSync): number {
  return db.prepare('SELECT count(*) AS count FROM idempotency_record').get()?.count as number;
}

/** Matches a StoreError. */
const storeError = (problem: StoreProblem) => ({ name: 'StoreError', problem });

testStore<DatabaseSync>({
  name: 'SQLite',
  transactional: true,
  make: (now) => {
    const path = newFile();
    const { db, store } = open(path, now);
    return { store, other: open(path, now).store, write: writeLine, lines: () => readLines(db) };
  },
});

describe('an effect on SQLite', () => {
  test('commits together with the record and the reply: until then no other connection sees any of them', async () => {
    const path = newFile();
    const { store } = open(path);
    const { db: reader, store: other } = open(path);
    const claim = await claimed(store);
    const effect = (db: DatabaseSync) => {
      writeLine(db, 'done');
      assert.deepEqual(readLines(reader), []);
      assert.equal(reader.prepare('SELECT status FROM idempotency_record').get()?.status, null);
      return replyOf('done');
    };
    await store.commit(claim, effect, RETAIN);
    assert.deepEqual(readLines(reader), ['done']);
    assert.equal((await other.lookup(ID))?.state, 'completed');
  });

  test('is undone when the reply cannot be stored', async () => {
    const { db, store } = open(newFile());
    const claim = await claimed(store);
    for (const wrong of [undefined, {}, { status: undefined }, { body: undefined }, { headers: undefined }]) {
      const effect = (transaction: DatabaseSync) => {
        writeLine(transaction, 'half');
        return (wrong && Object.keys(wrong).length > 0 ? { ...replyOf('done'), ...wrong } : wrong) as unknown as Reply;
      };
      await assert.rejects(store.commit(claim, effect, RETAIN), Error);
      assert.deepEqual(readLines(db), []);
      assert.equal((await store.lookup(ID))?.state, 'in-progress');
    }
    assert.equal(await store.renew(claim, LEASE), 'renewed');
  });

  for (const [what, end] of [
    ['succeeds', async () => replyOf('late')],
    ['fails', async () => Promise.reject(new Error('late'))],
    [
      'would start when it is awaited, as a query builder’s does',
      // biome-ignore lint/suspicious/noThenProperty: it is what query builders have
      () => ({ then: () => assert.fail('it was started') }),
    ],
  ] as unknown as [string, () => Promise<Reply>][]) {
    test(`that is asynchronous and ${what} is refused, and undone`, async () => {
      const { db, store } = open(newFile());
      const claim = await claimed(store);
      const effect = (transaction: DatabaseSync) => {
        writeLine(transaction, 'half');
        return end();
      };
      await assert.rejects(store.commit(claim, effect, RETAIN), /has to be synchronous/);
      assert.deepEqual(readLines(db), []);
      assert.equal(await store.renew(claim, LEASE), 'renewed');
    });
  }

  test('may fail on a constraint, which is its own affair and not the store’s', async () => {
    const { db, store } = open(newFile());
    db.exec('CREATE UNIQUE INDEX one ON line (text)');
    writeLine(db, 'taken');
    const claim = await claimed(store);
    const effect = (transaction: DatabaseSync) => {
      writeLine(transaction, 'free');
      writeLine(transaction, 'taken');
      return replyOf('done');
    };
    await assert.rejects(store.commit(claim, effect, RETAIN), { errcode: 2067, name: 'Error' });
    assert.deepEqual(readLines(db), ['taken']);
  });
});

describe('a SQLite file', () => {
  test('keeps replies and claims when it is closed and opened again', async () => {
    const path = newFile();
    const { db, store } = open(path);
    const token = (await claimed(store)).token;
    await store.commit({ ...ID, token }, () => replyOf('done'), RETAIN);
    const running = { principal: 'p', key: 'running' };
    const claim = await claimed(store, running, FACTS, 60_000);
    await store.release(await claimed(store, { principal: 'p', key: 'released' }));
    db.close();
    const { store: again } = open(path);
    assert.deepEqual(await again.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
    assert.equal((await again.claim(running, FACTS, LEASE)).kind, 'in-progress');
    assert.equal(await again.renew(claim, LEASE), 'renewed');
    assert.equal((await claimed(again, { principal: 'p', key: 'new' })).token, claim.token + 2);
  });

  test('is used by several processes as by one', async () => {
    const path = newFile();
    const { db } = open(path);
    const count = 60;
    const processes = Array.from({ length: 3 }, () => {
      const child = spawn(process.execPath, [CLAIMER, path, 'race', String(count)], { timeout: 60_000 });
      return Promise.all([once(child, 'close'), child.stderr.toArray()]);
    });
    for (const [[code], stderr] of await Promise.all(processes)) assert.equal(code, 0, String(stderr));
    const numbers = readLines(db).map((line) => Number.parseInt(line, 10));
    assert.deepEqual(
      numbers.sort((a, b) => a - b),
      Array.from({ length: count }, (_, index) => index),
    );
  });

  test('of a process that was killed has its claim taken over after the lease, by the same request only', async () => {
    const path = newFile();
    let ahead = 0;
    const { db, store } = open(path, () => Date.now() + ahead);
    const child = spawn(process.execPath, [CLAIMER, path, 'claim'], { timeout: 60_000 });
    const [said] = await once(child.stdout, 'data');
    assert.equal(String(said), 'claimed\n');
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.equal(records(db), 1);
    assert.equal((await store.lookup(ID))?.state, 'in-progress');
    ahead = -LEASE;
    assert.equal((await store.claim(ID, FACTS, LEASE)).kind, 'in-progress');
    ahead = LEASE;
    assert.deepEqual(await store.claim(ID, OTHER_FACTS, LEASE), { kind: 'mismatch', original: FACTS });
    const claim = await claimed(store);
    assert.equal((await store.commit(claim, () => replyOf('done'), RETAIN)).kind, 'stored');
  });
});

describe('a SQLite store that cannot answer', () => {
  test('because another connection has locked the file, is unavailable, changes nothing, and recovers', async () => {
    const path = newFile();
    const { store } = open(path, undefined, 0);
    const { db: stranger } = open(path);
    const claim = await claimed(store);
    stranger.exec('BEGIN IMMEDIATE');
    let executed = false;
    const effect = () => {
      executed = true;
      return replyOf('done');
    };
    for (const verb of [
      () => store.claim({ principal: 'p', key: 'another' }, FACTS, LEASE),
      () => store.renew(claim, LEASE),
      () => store.commit(claim, effect, RETAIN),
      () => store.release(claim),
      () => store.purge(Number.MAX_SAFE_INTEGER, 10),
    ])
      await assert.rejects(verb(), storeError('unavailable'));
    const claims = Array.from({ length: 5 }, (_, index) => store.claim({ ...ID, key: `k${index}` }, FACTS, LEASE));
    for (const { status } of await Promise.allSettled(claims)) assert.equal(status, 'rejected');
    assert.equal(executed, false);
    // What it knows it tells.
    assert.equal((await store.claim(ID, FACTS, LEASE)).kind, 'in-progress');
    assert.equal((await store.lookup(ID))?.state, 'in-progress');
    stranger.exec('ROLLBACK');
    assert.equal(records(stranger), 1);
    assert.equal((await store.commit(claim, effect, RETAIN)).kind, 'stored');
  });

  test('because it has no room, is full, changes nothing, still replays, and recovers', async () => {
    const { db, store } = open(newFile());
    const reply = replyOf('done');
    const first = await claimed(store);
    await store.commit(first, () => reply, RETAIN);
    const second = { principal: 'p', key: 'second' };
    const claim = await claimed(store, second);
    db.exec('PRAGMA max_page_count = 1');
    const large = replyOf('x'.repeat(100_000));
    const effect = (transaction: DatabaseSync) => {
      writeLine(transaction, 'half');
      return large;
    };
    await assert.rejects(store.commit(claim, effect, RETAIN), storeError('full'));
    assert.equal(db.isTransaction, false);
    assert.deepEqual(readLines(db), []);
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply });
    const facts = { ...FACTS, path: `/${'x'.repeat(100_000)}` };
    await assert.rejects(store.claim({ principal: 'p', key: 'third' }, facts, LEASE), storeError('full'));
    assert.equal(records(db), 2);
    db.exec('PRAGMA max_page_count = 1000000');
    assert.equal((await store.commit(claim, effect, RETAIN)).kind, 'stored');
  });

  test('because it must not write, is unavailable, and still tells what it knows', async () => {
    const path = newFile();
    const { db, store: writer } = open(path);
    const claim = await claimed(writer);
    db.exec('PRAGMA query_only = ON');
    await assert.rejects(
      writer.commit(claim, () => replyOf('done'), RETAIN),
      storeError('unavailable'),
    );
    assert.equal((await writer.lookup(ID))?.state, 'in-progress');
    db.exec('PRAGMA query_only = OFF');
    assert.equal((await writer.commit(claim, () => replyOf('done'), RETAIN)).kind, 'stored');
    const readOnly = new DatabaseSync(path, { readOnly: true });
    connections.push(readOnly);
    const store = new SqliteStore(readOnly);
    await assert.rejects(store.claim({ principal: 'p', key: 'k' }, FACTS, LEASE), storeError('unavailable'));
    assert.equal((await store.lookup(ID))?.state, 'completed');
  });

  test('because the file is no database, cannot be made, and leaves the file alone', () => {
    const path = newFile();
    const text =
      'Dear diary, this is no database at all, but a text of more than a hundred bytes, of which SQLite reads.';
    writeFileSync(path, text);
    const db = new DatabaseSync(path);
    connections.push(db);
    assert.throws(() => new SqliteStore(db), storeError('unavailable'));
    assert.equal(readFileSync(path, 'utf8'), text);
  });

  test('because of a mistake in the effect’s SQL, is told as the mistake that it is', async () => {
    const { db, store } = open(newFile());
    const claim = await claimed(store);
    const effect = (transaction: DatabaseSync) => {
      writeLine(transaction, 'half');
      transaction.exec('INSERT INTO nowhere VALUES (1)');
      return replyOf('done');
    };
    await assert.rejects(store.commit(claim, effect, RETAIN), { message: /no such table: nowhere/, name: 'Error' });
    assert.deepEqual(readLines(db), []);
  });
});
