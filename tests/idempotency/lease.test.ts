import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExecuteOptions,
  type Execution,
  execute,
  HEARTBEAT_MS,
  type IdempotencyStore,
  LEASE_MS,
  RETENTION_MS,
  type Reply,
  type Work,
} from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import { claimed, FACTS, ID, replyOf, START } from './bench.ts';
import { openFile } from './sqlite-support.ts';

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
/** Longer than any of these tests takes: no heart beats. */
const NO_HEARTBEAT = { heartbeatMs: 600_000 };
/** For tests that wait for a heartbeat, however long it takes. */
const QUICK_HEARTBEAT = { heartbeatMs: 5 };

describe('a lease', () => {
  test('survives a heartbeat or two that are late', () => {
    assert.ok(LEASE_MS >= 3 * HEARTBEAT_MS);
  });

  test('is kept alive by the heart for as long as the work takes', async () => {
    const { store, clock } = held();
    const leaseMs = 1000;
    const execution = await run(
      store,
      async ({ signal }) => {
        for (let round = 0; round < 5; round += 1) {
          const before = (await store.lookup(ID))?.expiresMs;
          clock.now += leaseMs - 1;
          // The store tells a longer life when the heart has beaten, however long that takes on a busy machine.
          while ((await store.lookup(ID))?.expiresMs === before) await sleep(1);
          assert.equal((await store.claim(ID, FACTS, leaseMs)).kind, 'in-progress');
        }
        assert.equal(signal.aborted, false);
        return replyOf('done');
      },
      { leaseMs, ...QUICK_HEARTBEAT },
    );
    assert.equal(execution.kind, 'executed');
    const { expiresMs } = (await store.lookup(ID)) ?? {};
    assert.equal(expiresMs, clock.now + RETENTION_MS);
  });

  test('that is short is kept alive all the same', async ({ mock }) => {
    mock.timers.enable({ apis: ['setInterval'] });
    const { store } = held();
    const renew = mock.method(store, 'renew');
    await run(
      store,
      async () => {
        for (const ms of [150, 149]) {
          mock.timers.tick(ms);
          // The next beat waits for the answer to this one.
          await renew.mock.calls.at(-1)?.result;
          await Promise.resolve();
        }
        return replyOf('done');
      },
      { leaseMs: 300 },
    );
    assert.ok(renew.mock.callCount() >= 2);
  });

  test('that was lost ends in being told to wait, without an effect', async () => {
    const { store, clock } = held();
    let effects = 0;
    const effect = () => {
      effects += 1;
      return replyOf('stale');
    };
    const ways: ((work: Work<undefined>) => Promise<Reply>)[] = [
      ({ transaction }) => transaction(effect),
      async () => replyOf('stale'),
      ({ transaction }) => transaction(effect).catch(() => replyOf('stale')),
    ];
    for (const [index, finish] of ways.entries()) {
      const id = { ...ID, key: `k${index}` };
      const work = async (work: Work<undefined>) => {
        clock.now += LEASE_MS;
        const fresh = await claimed(store, id);
        assert.ok(fresh.token > work.token);
        return finish(work);
      };
      const execution = await execute(store, id, FACTS, work, NO_HEARTBEAT);
      assert.deepEqual(execution, { kind: 'in-progress', retryAfterMs: LEASE_MS });
      assert.equal((await store.lookup(id))?.state, 'in-progress');
    }
    assert.equal(effects, 0);
  });

  test('that was lost is told to the work by its signal', async () => {
    const { store, clock } = held();
    const execution = await run(
      store,
      async ({ signal, transaction }) => {
        clock.now += LEASE_MS;
        // Taken over with a lease of its own, before the heart can beat.
        const taken = store.claim(ID, FACTS, LEASE_MS);
        await once(signal, 'abort');
        assert.equal((await taken).kind, 'claimed');
        return transaction(() => assert.fail('it was executed'));
      },
      QUICK_HEARTBEAT,
    );
    assert.equal(execution.kind, 'in-progress');
  });

  for (const [what, wait] of [
    ['the reason', (signal: AbortSignal) => once(signal, 'abort').then(() => signal.throwIfAborted())],
    ['an error with the reason as its cause', (signal: AbortSignal) => sleep(600_000, undefined, { signal })],
  ] as const) {
    test(`that was lost ends work that is aborted with ${what}`, async () => {
      const { store, clock } = held();
      const execution = await run(
        store,
        async ({ signal }) => {
          clock.now += LEASE_MS;
          const taken = store.claim(ID, FACTS, LEASE_MS);
          await wait(signal);
          assert.fail(`it went on: ${(await taken).kind}`);
        },
        QUICK_HEARTBEAT,
      );
      assert.deepEqual(execution, { kind: 'in-progress', retryAfterMs: LEASE_MS });
      assert.equal(await stateOf(store), 'in-progress');
    });
  }

  /** A store that takes its time to renew, and tells what it was asked. */
  class SlowStore extends MemoryStore {
    readonly asked: string[] = [];
    readonly renewing = Promise.withResolvers<void>();
    readonly answer = Promise.withResolvers<void>();

    override async renew(...args: Parameters<MemoryStore['renew']>) {
      this.asked.push('renew');
      this.renewing.resolve();
      await this.answer.promise;
      this.asked.push('renewed');
      return super.renew(...args);
    }

    override async release(...args: Parameters<MemoryStore['release']>) {
      this.asked.push('release');
      return super.release(...args);
    }
  }

  test('is not extended twice at a time', async ({ mock }) => {
    mock.timers.enable({ apis: ['setInterval'] });
    const store = new SlowStore();
    await run(store, async () => {
      for (let beat = 0; beat < 5; beat += 1) mock.timers.tick(HEARTBEAT_MS);
      store.answer.resolve();
      return replyOf('done');
    });
    assert.equal(store.asked.filter((verb) => verb === 'renew').length, 1);
  });

  test('is not extended by a late renewal when it has been given up', async () => {
    const store = new SlowStore();
    const failing = run(
      store,
      async () => {
        await store.renewing.promise;
        setImmediate(() => store.answer.resolve());
        throw new Error('no');
      },
      QUICK_HEARTBEAT,
    );
    await assert.rejects(failing, /no/);
    assert.deepEqual(store.asked, ['renew', 'renewed', 'release']);
  });

  test('that ended with the transaction is not a lost one for the work that goes on', async () => {
    const store = new SlowStore();
    const execution = await run(
      store,
      async ({ transaction, signal }) => {
        await store.renewing.promise;
        const reply = await transaction(() => replyOf('done'));
        store.answer.resolve();
        await sleep(20);
        assert.deepEqual([store.asked.length, signal.aborted], [2, false]);
        return reply;
      },
      QUICK_HEARTBEAT,
    );
    assert.equal(execution.kind, 'executed');
  });

  for (const wrong of [{ leaseMs: 0 }, { retainMs: Number.NaN }, { heartbeatMs: -1 }, { leaseMs: 0.5 }]) {
    test(`has a length: ${JSON.stringify(wrong)} is refused, and nothing is claimed`, async () => {
      const { store } = held();
      await assert.rejects(run(store, never, wrong), {
        name: 'RangeError',
        message: new RegExp(`^${Object.keys(wrong)}`),
      });
      assert.equal(await stateOf(store), undefined);
    });
  }

  test('of work that throws after losing it is not released: it is somebody else’s', async () => {
    const { store, clock } = held();
    const failing = run(
      store,
      async () => {
        clock.now += LEASE_MS;
        await claimed(store);
        throw new Error('no');
      },
      NO_HEARTBEAT,
    );
    await assert.rejects(failing, /no/);
    assert.equal(await stateOf(store), 'in-progress');
  });

  test('survives a store that cannot answer a heartbeat', async () => {
    const db = openFile(join(temporaryFolder(), 'records.sqlite'), 0);
    const store = new SqliteStore(db);
    const stranger = openFile(db.location() ?? '', 0);
    const execution = await run(
      store,
      async ({ transaction, signal }) => {
        stranger.exec('BEGIN IMMEDIATE');
        await assert.rejects(store.renew({ ...ID, token: 1 }, LEASE_MS), { problem: 'unavailable' });
        await sleep(30);
        stranger.exec('ROLLBACK');
        assert.equal(signal.aborted, false);
        return transaction(() => replyOf('done'));
      },
      QUICK_HEARTBEAT,
    );
    assert.equal(execution.kind, 'executed');
    db.close();
    stranger.close();
  });
});
