// Requests that share a transaction on SQLite: what one of them does to it, and how the connection was opened.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import { claimed, FACTS, ID, LEASE, RETAIN, replyOf } from './bench.ts';
import { openNewFile } from './sqlite-files.ts';
import { type OpenStore, readLines, writeLine } from './sqlite-support.ts';

function open(): OpenStore {
  const db = openNewFile();
  return { db, store: new SqliteStore(db) };
}

const idOf = (key: string) => ({ ...ID, key });
const write = (line: string) => (db: DatabaseSync) => {
  writeLine(db, line);
  return replyOf(line);
};

/** Commits a good effect, then one that is told, then a good one, all in one transaction. */
async function between(store: SqliteStore, effect: (db: DatabaseSync) => ReturnType<typeof replyOf>) {
  const claims = await Promise.all(['a', 'b', 'c'].map((key) => claimed(store, idOf(key))));
  const effects = [write('a'), effect, write('c')];
  const settled = await Promise.allSettled(
    claims.map((claim, index) => store.commit(claim, effects[index] as typeof effect, RETAIN)),
  );
  return settled.map((one) => (one.status === 'fulfilled' ? one.value.kind : one.reason));
}

describe('an effect that shares a transaction on SQLite', () => {
  test('and violates a constraint that is checked at the commit harms itself alone', async () => {
    const { db, store } = open();
    db.exec('CREATE TABLE book (id INTEGER PRIMARY KEY)');
    db.exec(
      'CREATE TABLE page (id INTEGER PRIMARY KEY, book INTEGER REFERENCES book (id) DEFERRABLE INITIALLY DEFERRED)',
    );
    const [first, wrong, last] = await between(store, (transaction) => {
      transaction.exec('INSERT INTO page VALUES (1, 7)');
      return write('b')(transaction);
    });
    assert.deepEqual([first, last], ['stored', 'stored']);
    assert.match(String(wrong), /FOREIGN KEY constraint failed/);
    assert.equal(wrong.name, 'Error');
    assert.deepEqual(readLines(db), ['a', 'c']);
    assert.equal((await store.claim(idOf('b'), FACTS, LEASE)).kind, 'in-progress');
    assert.deepEqual(await store.claim(idOf('a'), FACTS, LEASE), { kind: 'completed', reply: replyOf('a') });
  });

  for (const thrown of [undefined, null, 'text', 7])
    test(`and throws ${thrown} harms itself alone`, async () => {
      const { db, store } = open();
      const outcomes = await between(store, () => {
        throw thrown;
      });
      assert.deepEqual(outcomes, ['stored', thrown, 'stored']);
      assert.deepEqual(readLines(db), ['a', 'c']);
    });

  for (const [what, sql, kept] of [
    ['commits it', 'COMMIT', ['a', 'b']],
    ['commits it and begins another', 'COMMIT; BEGIN', ['a', 'b']],
    ['undoes it', 'ROLLBACK', []],
  ] as const)
    test(`and ${what} is found out: nobody is told a success that is none, and retries find what there is`, async () => {
      const { db, store } = open();
      const outcomes = await between(store, (transaction) => {
        writeLine(transaction, 'b');
        transaction.exec(sql);
        return replyOf('b');
      });
      for (const outcome of outcomes) {
        assert.equal(outcome.problem, 'unavailable');
        assert.match(outcome.message, /leave BEGIN, COMMIT and ROLLBACK to the store/);
      }
      assert.equal(db.isTransaction, false);
      assert.deepEqual(readLines(db), [...kept]);
      const state = kept.length > 0 ? 'completed' : 'in-progress';
      assert.equal((await store.lookup(idOf('a')))?.state, state);
      await claimed(store, idOf('later'));
    });
});

test('a connection that is opened for rows as arrays, and numbers as bigints, serves as well', async (t) => {
  const db = new DatabaseSync(join(temporaryFolder(), 'odd.sqlite'), { readBigInts: true, returnArrays: true });
  t.after(() => db.close());
  const store = new SqliteStore(db);
  const claim = await claimed(store);
  assert.equal(await store.renew(claim, LEASE), 'renewed');
  assert.equal((await store.claim(ID, FACTS, LEASE)).kind, 'in-progress');
  assert.equal((await store.commit(claim, () => replyOf('done'), RETAIN)).kind, 'stored');
  assert.deepEqual(await new SqliteStore(db).claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
  assert.equal((await store.lookup(ID))?.status, 201);
  assert.equal(await store.purge(Date.now(), 10), 0);
});
