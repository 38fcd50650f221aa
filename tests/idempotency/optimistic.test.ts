// Requests that claim nothing before their effect: `execute` with `optimistic`.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import {
  type ExecuteOptions,
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
import { claimed, FACTS, ID, OTHER_FACTS, replyOf, START } from './bench.ts';
import { openFile, readLines, writeLine } from './sqlite-support.ts';

type WorkOf<T> = (work: Work<T>) => Promise<Reply>;

const DONE = replyOf('done');

/** A store whose clock the test moves; and the same records as another process has them, which has met none of their keys. */
function held() {
  const clock = { now: START };
  const store = new MemoryStore({ now: () => clock.now });
  return { clock, store, elsewhere: () => new Proxy(store, {}) };
}

/** Two processes on one file. */
function files() {
  const path = join(temporaryFolder(), 'records.sqlite');
  const [db, other] = [openFile(path), openFile(path)];
  const close = () => {
    for (const each of [db, other]) each.close();
  };
  return { db, store: new SqliteStore(db), elsewhere: new SqliteStore(other), close };
}

const writing =
  (line: string, reply = replyOf(line)) =>
  (db: DatabaseSync) => {
    writeLine(db, line);
    return reply;
  };

function run<T>(store: IdempotencyStore<T>, work: WorkOf<T>, options: ExecuteOptions & { facts?: typeof FACTS } = {}) {
  return execute(store, ID, options.facts ?? FACTS, work, { optimistic: true, ...options });
}

const done: WorkOf<unknown> = ({ transaction }) => transaction(() => DONE);
const failing = async (): Promise<Reply> => {
  throw new Error('no such order');
};
const stateOf = async <T>(store: IdempotencyStore<T>) => (await store.lookup(ID))?.state;

describe('a request that claims nothing first', () => {
  test('is executed in its transaction, during which nobody has the key', async () => {
    const { db, store, elsewhere, close } = files();
    const execution = await run(store, async ({ transaction }) => {
      assert.equal(await stateOf(elsewhere), undefined);
      return transaction(writing('done'));
    });
    assert.deepEqual(execution, { kind: 'executed', reply: DONE });
    assert.equal(await stateOf(elsewhere), 'completed');
    assert.deepEqual(readLines(db), ['done']);
    close();
  });

  test('is not even worked on again where it was executed', async () => {
    const { clock, store } = held();
    let calls = 0;
    const counted: WorkOf<undefined> = ({ transaction }) => {
      calls += 1;
      return transaction(() => DONE);
    };
    await run(store, counted);
    clock.now += RETENTION_MS - 1;
    assert.deepEqual([await run(store, counted), calls], [{ kind: 'replayed', reply: DONE }, 1]);
    clock.now += 1;
    assert.deepEqual([await run(store, counted), calls], [{ kind: 'executed', reply: DONE }, 2]);
  });

  test('keeps its reply for as long as it is told to', async () => {
    const { clock, store, elsewhere } = held();
    await run(store, done, { retainMs: 1000 });
    clock.now += 999;
    assert.equal((await run(elsewhere(), done)).kind, 'replayed');
    clock.now += 1;
    assert.equal((await run(elsewhere(), done)).kind, 'executed');
  });

  const reactions: Record<string, WorkOf<DatabaseSync>> = {
    'lets it end the work': ({ transaction }) => transaction(writing('again')),
    'is sure of it': async ({ transaction }) => {
      await assert.rejects(transaction(writing('again')), /the key is known/);
      return replyOf('something else');
    },
    'does not wait for it': async ({ transaction }) => {
      void transaction(writing('again'));
      return replyOf('something else');
    },
    'answers otherwise': ({ transaction }) => transaction(writing('again')).catch(() => replyOf('sorry', 404)),
    'asks for a retry': ({ transaction }) => transaction(writing('again')).catch(() => replyOf('later', 503)),
    'throws something else': ({ transaction }) => transaction(writing('again')).catch(() => failing()),
    'throws without waiting for it': async ({ transaction }) => {
      void transaction(writing('again'));
      throw new Error('impatient');
    },
    'tries another one': ({ transaction }) =>
      transaction(writing('again')).catch(() => transaction(writing('once more'))),
  };
  for (const [what, work] of Object.entries(reactions)) {
    test(`is worked on elsewhere in vain, and its work ${what}: the answer is the one that is stored`, async () => {
      const { db, store, elsewhere, close } = files();
      await run(store, ({ transaction }) => transaction(writing('done')));
      let isCalled = false;
      const execution = await run(elsewhere, (tools) => {
        isCalled = true;
        return work(tools);
      });
      assert.deepEqual(execution, { kind: 'replayed', reply: DONE });
      assert.equal(isCalled, true);
      // What is not awaited comes to its end all the same.
      await new Promise(setImmediate);
      assert.deepEqual(readLines(db), ['done']);
      close();
    });
  }

  test('that is another one is told what the key was used for, where it was executed and elsewhere', async () => {
    const { store, elsewhere } = held();
    await run(store, done);
    for (const from of [store, elsewhere()])
      assert.deepEqual(await run(from, done, { facts: OTHER_FACTS }), { kind: 'mismatch', original: FACTS });
  });

  test('waits for somebody who has claimed the key, whatever its work comes to', async () => {
    const { store, elsewhere } = held();
    await claimed(store);
    for (const work of [done, failing, async () => DONE, async () => replyOf('later', 503)])
      assert.deepEqual(await run(elsewhere(), work), { kind: 'in-progress', retryAfterMs: LEASE_MS });
  });

  test('takes over what was abandoned, with its effect', async () => {
    const { db, store, close } = files();
    await store.renew(await claimed(store), 0);
    const execution = await run(store, ({ transaction }) => transaction(writing('done')));
    assert.deepEqual(execution, { kind: 'executed', reply: DONE });
    assert.deepEqual(readLines(db), ['done']);
    close();
  });

  test('that was abandoned by another one is refused', async () => {
    const { clock, store, elsewhere } = held();
    await claimed(store);
    clock.now += LEASE_MS;
    assert.equal((await run(elsewhere(), done, { facts: OTHER_FACTS })).kind, 'mismatch');
    assert.equal((await run(elsewhere(), done)).kind, 'executed');
  });

  test('is told when the store cannot answer', async () => {
    const { db, store, close } = files();
    db.exec('PRAGMA query_only = ON');
    for (const work of [done, async () => DONE] as WorkOf<unknown>[])
      await assert.rejects(run(store, work), { name: 'StoreError', problem: 'unavailable' });
    db.exec('PRAGMA query_only = OFF');
    assert.equal((await run(store, done)).kind, 'executed');
    close();
  });

  test('claims its key all the same where the store can do nothing else', async () => {
    const store: IdempotencyStore<undefined> = Object.create(held().store, { commitUnclaimed: { value: undefined } });
    const execution = await run(store, async ({ token, transaction }) => {
      assert.deepEqual([token, await stateOf(store)], [1, 'in-progress']);
      return transaction(() => DONE);
    });
    assert.deepEqual(execution, { kind: 'executed', reply: DONE });
  });

  test('is not taken for another principal’s with the same key', async () => {
    const { store } = held();
    await run(store, done);
    const other = { ...ID, principal: 'sbx_2' };
    const execution = await execute(store, other, OTHER_FACTS, done, { optimistic: true });
    assert.equal(execution.kind, 'executed');
  });

  test('has its effect once, however many come at once and from wherever, and all get one answer', async () => {
    const { db, store, elsewhere, close } = files();
    const executions = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        run(index % 2 ? store : elsewhere, async ({ transaction }) => {
          await new Promise(setImmediate);
          return transaction(writing('done', replyOf(`${index}`)));
        }),
      ),
    );
    assert.deepEqual(readLines(db), ['done']);
    assert.deepEqual(executions.map(({ kind }) => kind).sort(), ['executed', ...Array(39).fill('replayed')]);
    const replies = executions.map((execution) => ('reply' in execution ? execution.reply : undefined));
    for (const reply of replies) assert.deepEqual(reply, replies[0]);
    close();
  });
});

describe('a request that claims nothing first, and has no transaction', () => {
  test('is stored after its work', async () => {
    const { store, elsewhere } = held();
    assert.deepEqual(await run(store, async () => DONE), { kind: 'executed', reply: DONE });
    const other = async () => replyOf('something else', 404);
    assert.deepEqual(await run(elsewhere(), other), { kind: 'replayed', reply: DONE });
  });

  for (const status of [500, 503, 401, 408, 425, 429]) {
    test(`is not stored if it ends in ${status}; what is stored is the better answer`, async () => {
      const { store, elsewhere } = held();
      const reply = replyOf('later', status);
      assert.deepEqual(await run(store, async () => reply), { kind: 'executed', reply });
      assert.equal(await stateOf(store), undefined);
      assert.equal((await run(store, done)).kind, 'executed');
      assert.deepEqual(await run(elsewhere(), async () => reply), { kind: 'replayed', reply: DONE });
    });
  }

  test('throws on what its work throws, and the key is free', async () => {
    const { store } = held();
    await assert.rejects(run(store, failing), /no such order/);
    assert.equal(await stateOf(store), undefined);
    assert.equal((await run(store, done, { facts: OTHER_FACTS })).kind, 'executed');
  });

  test('may have failed because it was done before: then that is the answer', async () => {
    const { store, elsewhere } = held();
    await run(store, done);
    assert.deepEqual(await run(elsewhere(), failing), { kind: 'replayed', reply: DONE });
    assert.equal((await run(elsewhere(), failing, { facts: OTHER_FACTS })).kind, 'mismatch');
  });
});
