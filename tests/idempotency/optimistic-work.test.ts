// What the work of a request that claims nothing first has at hand, and what an observer is told of it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { type Decision, execute, LEASE_MS, type Reply, type Work } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import { claimed, DAY, FACTS, ID, OTHER_FACTS, replyOf, START } from './bench.ts';
import { openFile, readLines, writeLine } from './sqlite-support.ts';

type WorkOf<T> = (work: Work<T>) => Promise<Reply>;

const DONE = replyOf('done');
const done: WorkOf<unknown> = ({ transaction }) => transaction(() => DONE);

function opened() {
  const db = openFile(join(temporaryFolder(), 'records.sqlite'));
  const store = new SqliteStore(db);
  const run = (work: WorkOf<DatabaseSync>) => execute(store, ID, FACTS, work, { optimistic: true });
  return { db, store, run, state: async () => (await store.lookup(ID))?.state };
}

const writing =
  (line: string, reply = replyOf(line), then = () => {}) =>
  (db: DatabaseSync) => {
    writeLine(db, line);
    then();
    return reply;
  };
const fail = () => {
  throw new Error('declined');
};

describe('the transaction of a request that claims nothing first', () => {
  test('is what is answered, whatever the work returns, and whether it waits or not', async () => {
    for (const awaited of [true, false]) {
      const { db, run } = opened();
      const execution = await run(async ({ transaction }) => {
        const stored = transaction(writing('done'));
        if (awaited) assert.deepEqual(await stored, DONE);
        return replyOf('something else', 503);
      });
      assert.deepEqual(execution, { kind: 'executed', reply: DONE });
      db.close();
    }
  });

  test('is stored even if its status asks for a retry: that must not repeat the effect', async () => {
    const { db, run } = opened();
    const reply = replyOf('half done', 500);
    await run(({ transaction }) => transaction(writing('half', reply)));
    assert.deepEqual(await run(done), { kind: 'replayed', reply });
    db.close();
  });

  test('is one: a second is refused, whether the first is awaited or not', async () => {
    for (const awaited of [true, false]) {
      const { db, run } = opened();
      const twice = run(async ({ transaction }) => {
        const first = transaction(writing('one'));
        if (awaited) await first;
        return transaction(writing('two'));
      });
      await assert.rejects(twice, { name: 'TypeError', message: /called twice/ });
      assert.deepEqual(await run(done), { kind: 'replayed', reply: replyOf('one') });
      assert.deepEqual(readLines(db), ['one']);
      db.close();
    }
  });

  test('that fails may be followed by another one', async () => {
    const { db, run } = opened();
    const declined = replyOf('declined', 402);
    const execution = await run(({ transaction }) =>
      transaction(writing('half', DONE, fail)).catch(() => transaction(writing('declined', declined))),
    );
    assert.deepEqual(execution, { kind: 'executed', reply: declined });
    assert.deepEqual(readLines(db), ['declined']);
    db.close();
  });

  test('that fails may be followed by an answer without an effect', async () => {
    const { db, run } = opened();
    const declined = replyOf('declined', 402);
    const execution = await run(({ transaction }) => transaction(writing('half', DONE, fail)).catch(() => declined));
    assert.deepEqual(execution, { kind: 'executed', reply: declined });
    assert.deepEqual([await run(done), readLines(db)], [{ kind: 'replayed', reply: declined }, []]);
    db.close();
  });

  const failures: Record<string, WorkOf<DatabaseSync>> = {
    'and the work lets it': ({ transaction }) => transaction(writing('half', DONE, fail)),
    'and the work answers without waiting': async ({ transaction }) => {
      void transaction(writing('half', DONE, fail));
      return DONE;
    },
    'and the work fails itself, without waiting': async ({ transaction }) => {
      void transaction(writing('half', DONE, fail));
      throw new Error('declined');
    },
  };
  for (const [what, work] of Object.entries(failures)) {
    test(`that fails leaves the key free, ${what}`, async () => {
      const { db, run, state } = opened();
      await assert.rejects(run(work), /declined/);
      await new Promise(setImmediate);
      assert.deepEqual([await state(), readLines(db)], [undefined, []]);
      assert.equal((await run(done)).kind, 'executed');
      db.close();
    });
  }

  test('stands even if the work throws after it, or before it has ended', async () => {
    for (const awaited of [true, false]) {
      const { db, run } = opened();
      const late = run(async ({ transaction }) => {
        const stored = transaction(writing('done'));
        if (awaited) await stored;
        throw new Error('too late');
      });
      await assert.rejects(late, /too late/);
      assert.deepEqual(await run(done), { kind: 'replayed', reply: DONE });
      assert.deepEqual(readLines(db), ['done']);
      db.close();
    }
  });
});

describe('the work of a request that claims nothing first', () => {
  const wrong: Record<string, WorkOf<unknown>> = {
    'phase()': ({ phase }) => phase('ride', () => DONE),
    'foreign()': ({ foreign }) => foreign('charge', async () => DONE),
    token: async ({ token }) => replyOf(`${token}`),
  };
  for (const [name, work] of Object.entries(wrong)) {
    test(`has no ${name}, which is told with what to leave out`, async () => {
      const { db, run, state } = opened();
      const message = `${name} needs a claim before the effect: leave "optimistic" out`;
      await assert.rejects(run(work), { name: 'TypeError', message });
      assert.equal(await state(), undefined);
      db.close();
    });
  }

  test('has a signal, which is always the same and never aborted', async () => {
    const { db, run } = opened();
    const signals: AbortSignal[] = [];
    await run(async (tools) => {
      signals.push(tools.signal, tools.signal);
      return tools.transaction(() => DONE);
    });
    assert.equal(signals[0], signals[1]);
    assert.equal(signals[0]?.aborted, false);
    db.close();
  });
});

/** A store whose clock the test moves, and what is observed on another handle of it, as in a process that has met no key. */
function watched() {
  const clock = { now: START };
  const store = new MemoryStore({ now: () => clock.now });
  const decisions: Decision[] = [];
  const run = async (work: WorkOf<unknown>, facts = FACTS) => {
    const observe = (decision: Decision) => decisions.push(decision);
    await execute(new Proxy(store, {}), ID, facts, work, { optimistic: true, observe }).catch(() => {});
    // What is told is told soon after, not before.
    await new Promise(setImmediate);
    return decisions.splice(0).map(({ kind, token, status }) => [kind, token, status]);
  };
  return { clock, store, run };
}

describe('an observer of a request that claims nothing first', () => {
  const fails: WorkOf<unknown> = async () => Promise.reject(new Error('no'));

  test('is told that it is claimed and stored, without a token', async () => {
    for (const work of [done, async () => DONE]) {
      assert.deepEqual(await watched().run(work), [
        ['claimed', undefined, undefined],
        ['stored', undefined, 201],
      ]);
    }
  });

  test('is told once that it is repeated, is another one, or has to wait', async () => {
    const { store, run } = watched();
    const claim = await claimed(store);
    assert.deepEqual(await run(done), [['in-progress', undefined, undefined]]);
    await store.commit(claim, () => DONE, DAY);
    for (const work of [done, fails, async () => replyOf('later', 503)])
      assert.deepEqual(await run(work), [['replayed', undefined, 201]]);
    assert.deepEqual(await run(done, OTHER_FACTS), [['mismatch', undefined, undefined]]);
  });

  test('is told that it was taken over, or has expired, and stored', async () => {
    const { clock, store, run } = watched();
    await claimed(store);
    clock.now += LEASE_MS;
    assert.deepEqual(await run(done), [
      ['taken-over', 2, undefined],
      ['stored', 2, 201],
    ]);
    clock.now += DAY;
    assert.deepEqual(await run(done), [
      ['expired', 3, undefined],
      ['stored', 3, 201],
    ]);
  });

  test('is told that it is released when its work or its effect fails, or asks for a retry', async () => {
    const { run } = watched();
    for (const work of [
      fails,
      ({ transaction }) => transaction(fail),
      async () => replyOf('later', 503),
    ] as WorkOf<unknown>[])
      assert.deepEqual(
        (await run(work)).map(([kind]) => kind),
        ['claimed', 'released'],
      );
  });

  test('is told when the store cannot answer', async () => {
    const { db, store } = opened();
    db.exec('PRAGMA query_only = ON');
    const told: unknown[] = [];
    const options = { optimistic: true, observe: ({ kind, reason }: Decision) => told.push([kind, reason]) };
    await assert.rejects(execute(store, ID, FACTS, done, options), { name: 'StoreError' });
    await new Promise(setImmediate);
    assert.deepEqual(told, [['store-failed', 'attempt to write a readonly database']]);
    db.close();
  });
});
