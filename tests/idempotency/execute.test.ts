import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExecuteOptions,
  type Execution,
  execute,
  type IdempotencyStore,
  LEASE_MS,
  RETENTION_MS,
  type Reply,
  type Work,
} from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import { FACTS, ID, OTHER_FACTS, replyOf, START } from './bench.ts';
import { openFile, readLines, writeLine } from './sqlite-support.ts';

/** A store whose clock stands still unless the test moves it. */
function held() {
  const clock = { now: START };
  return { clock, store: new MemoryStore({ now: () => clock.now }) };
}

function run<T>(
  store: IdempotencyStore<T>,
  work: (work: Work<T>) => Promise<Reply>,
  options?: ExecuteOptions,
): Promise<Execution> {
  return execute(store, ID, FACTS, work, options);
}

const stateOf = async <T>(store: IdempotencyStore<T>) => (await store.lookup(ID))?.state;
const never = async () => assert.fail('it was executed again');

describe('a request with a key', () => {
  for (const status of [200, 201, 204, 404, 422, 499]) {
    test(`is executed once, and its ${status} is repeated`, async () => {
      const { store, clock } = held();
      const reply = replyOf('done', status);
      assert.deepEqual(await run(store, async () => reply), { kind: 'executed', reply });
      clock.now += RETENTION_MS - 1;
      assert.deepEqual(await run(store, never), { kind: 'replayed', reply });
      clock.now += 1;
      assert.equal((await run(store, async () => reply)).kind, 'executed');
    });
  }

  test('is told to wait while the first one is at work, and gets its reply then', async () => {
    const { store } = held();
    const reply = replyOf('done');
    const first = await run(store, async () => {
      assert.deepEqual(await run(store, never), { kind: 'in-progress', retryAfterMs: LEASE_MS });
      return reply;
    });
    assert.deepEqual(first, { kind: 'executed', reply });
    assert.deepEqual(await run(store, never), { kind: 'replayed', reply });
  });

  for (const name of ['\ud800', 'a\udc00', 'a\0b']) {
    test(`of a principal, or with a key, that is no text is refused: ${JSON.stringify(name)}`, async () => {
      const { store } = held();
      for (const id of [
        { ...ID, principal: name },
        { ...ID, key: name },
      ])
        await assert.rejects(execute(store, id, FACTS, never), TypeError);
    });
  }

  test('that is another one is told what the key was used for', async () => {
    const { store } = held();
    await run(store, async () => replyOf('done'));
    const other = await execute(store, ID, OTHER_FACTS, never);
    assert.deepEqual(other, { kind: 'mismatch', original: FACTS });
  });

  test('whose work throws leaves the key free, and the error is thrown on', async () => {
    const { store } = held();
    const failure = new Error('no');
    const failing = run(store, async () => {
      throw failure;
    });
    await assert.rejects(failing, (error) => error === failure);
    assert.equal(await stateOf(store), undefined);
    assert.equal((await execute(store, ID, OTHER_FACTS, async () => replyOf('done'))).kind, 'executed');
  });

  test('keeps its error when the store cannot even release it', async () => {
    const db = openFile(join(temporaryFolder(), 'records.sqlite'));
    const failing = run(new SqliteStore(db), async () => {
      db.close();
      throw new Error('the work failed');
    });
    await assert.rejects(failing, /the work failed/);
  });

  test('is not executed when the store cannot answer', async () => {
    const db = openFile(join(temporaryFolder(), 'records.sqlite'));
    const store = new SqliteStore(db);
    db.exec('PRAGMA query_only = ON');
    await assert.rejects(run(store, never), { name: 'StoreError', problem: 'unavailable' });
    db.close();
  });

  for (const status of [500, 503, 401, 408, 425, 429]) {
    test(`that ends in ${status} without an effect is not stored: a retry executes`, async () => {
      const { store } = held();
      assert.equal((await run(store, async () => replyOf('no', status))).kind, 'executed');
      assert.equal(await stateOf(store), undefined);
      assert.equal((await run(store, async () => replyOf('done'))).kind, 'executed');
    });
  }

  test('that ends in 500 with an effect is stored: a retry must not repeat the effect', async () => {
    const { store } = held();
    const reply = replyOf('half done', 500);
    await run(store, ({ transaction }) => transaction(() => reply));
    assert.deepEqual(await run(store, never), { kind: 'replayed', reply });
  });
});

describe('the transaction of a request', () => {
  function sqlite(): { db: DatabaseSync; store: SqliteStore } {
    const db = openFile(join(temporaryFolder(), 'records.sqlite'));
    return { db, store: new SqliteStore(db) };
  }
  const writing = (line: string, reply = replyOf(line)) => {
    return (db: DatabaseSync) => {
      writeLine(db, line);
      return reply;
    };
  };

  test('is the effect and the reply', async () => {
    const { db, store } = sqlite();
    const reply = replyOf('one');
    const execution = await run(store, ({ transaction }) => transaction(writing('one')));
    assert.deepEqual(execution, { kind: 'executed', reply });
    assert.deepEqual(await run(store, never), { kind: 'replayed', reply });
    assert.deepEqual(readLines(db), ['one']);
    db.close();
  });

  test('is one: a second is refused, whether the first is awaited or not', async () => {
    for (const awaited of [true, false]) {
      const { db, store } = sqlite();
      const twice = run(store, async ({ transaction }) => {
        const first = transaction(writing('one'));
        if (awaited) await first;
        return transaction(writing('two'));
      });
      await assert.rejects(twice, TypeError);
      assert.deepEqual(await run(store, never), { kind: 'replayed', reply: replyOf('one') });
      assert.deepEqual(readLines(db), ['one']);
      db.close();
    }
  });

  test('that fails may be followed by another one', async () => {
    const { db, store } = sqlite();
    const declined = replyOf('declined', 402);
    const execution = await run(store, async ({ transaction }) => {
      const failing = transaction((db) => {
        writeLine(db, 'half');
        throw new Error('declined');
      });
      return failing.catch(() => transaction(writing('declined', declined)));
    });
    assert.deepEqual(execution, { kind: 'executed', reply: declined });
    assert.deepEqual(readLines(db), ['declined']);
    db.close();
  });

  test('that fails frees the key when the work does not mend it', async () => {
    const { db, store } = sqlite();
    const failing = run(store, ({ transaction }) =>
      transaction((db) => {
        writeLine(db, 'half');
        throw new Error('declined');
      }),
    );
    await assert.rejects(failing, /declined/);
    assert.deepEqual(readLines(db), []);
    assert.equal(await stateOf(store), undefined);
    db.close();
  });

  test('is what is answered, so that the first request and its retries get the same', async () => {
    const { store } = held();
    for (const awaited of [true, false]) {
      const execution = await execute(store, { ...ID, key: String(awaited) }, FACTS, async ({ transaction }) => {
        const stored = transaction(() => replyOf('stored'));
        if (awaited) await stored;
        return replyOf('something else');
      });
      assert.deepEqual(execution, { kind: 'executed', reply: replyOf('stored') });
    }
  });

  test('stands even if the work throws after it', async () => {
    const { store } = held();
    const failing = run(store, async ({ transaction }) => {
      await transaction(() => replyOf('done'));
      throw new Error('too late');
    });
    await assert.rejects(failing, /too late/);
    assert.deepEqual(await run(store, never), { kind: 'replayed', reply: replyOf('done') });
  });
});

test('many requests with one key are executed once, and none is left without an answer', async () => {
  const { store } = held();
  let executions = 0;
  const request = async (): Promise<Reply> => {
    for (;;) {
      const execution = await run(store, async ({ transaction }) => {
        await sleep(5);
        return transaction(() => {
          executions += 1;
          return replyOf('done');
        });
      });
      if (execution.kind === 'executed' || execution.kind === 'replayed') return execution.reply;
      await sleep(1);
    }
  };
  const replies = await Promise.all(Array.from({ length: 50 }, request));
  assert.equal(executions, 1);
  for (const reply of replies) assert.deepEqual(reply, replyOf('done'));
});
