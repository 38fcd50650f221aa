import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type Decision,
  type DecisionKind,
  type ExecuteOptions,
  execute,
  keyTag,
  LEASE_MS,
  type RecordId,
  type Reply,
  type Work,
} from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import { claimed, DAY, FACTS, ID, OTHER_FACTS, replyOf, START } from './bench.ts';
import { openFile } from './sqlite-support.ts';

const DONE = replyOf('done');
const NAMED = { ...FACTS, requestId: 'req_1' };

/** A store whose clock the test moves, and everything that is observed. */
function watched() {
  const clock = { now: START };
  const store = new MemoryStore({ now: () => clock.now });
  const decisions: Decision[] = [];
  const run = async (
    work: (work: Work<undefined>) => Promise<Reply>,
    { facts = NAMED, id = ID, ...options }: ExecuteOptions & { facts?: typeof FACTS; id?: RecordId } = {},
  ) => {
    const observe = (decision: Decision) => decisions.push(decision);
    const outcome = await execute(store, id, facts, work, { observe, heartbeatMs: 600_000, ...options }).catch(
      (error) => error,
    );
    // What is told is told soon after, not before.
    await new Promise(setImmediate);
    return outcome;
  };
  const kinds = () => decisions.splice(0).map(({ kind }) => kind);
  return { clock, store, decisions, run, kinds };
}

/** Every way that a request can take, and what is told about it. */
const WAYS: Record<string, [expected: DecisionKind[], take: (bench: ReturnType<typeof watched>) => Promise<unknown>]> =
  {
    'is executed': [['claimed', 'stored'], ({ run }) => run(async () => DONE)],
    'is executed in a transaction': [
      ['claimed', 'stored'],
      ({ run }) => run(({ transaction }) => transaction(() => DONE)),
    ],
    'is repeated': [
      ['replayed'],
      async ({ run, kinds }) => {
        await run(async () => DONE);
        kinds();
        await run(async () => assert.fail());
      },
    ],
    'is another one': [
      ['mismatch'],
      async ({ run, store }) => {
        await claimed(store);
        await run(async () => assert.fail(), { facts: OTHER_FACTS });
      },
    ],
    'has to wait': [
      ['in-progress'],
      async ({ run, store }) => {
        await claimed(store);
        await run(async () => assert.fail());
      },
    ],
    'takes over': [
      ['taken-over', 'stored'],
      async ({ run, store, clock }) => {
        await claimed(store);
        clock.now += LEASE_MS;
        await run(async () => DONE);
      },
    ],
    'finds an expired record': [
      ['expired', 'stored'],
      async ({ run, kinds, clock }) => {
        await run(async () => DONE);
        kinds();
        clock.now += DAY;
        await run(async () => DONE);
      },
    ],
    fails: [
      ['claimed', 'released'],
      async ({ run }) => {
        const outcome = await run(async () => Promise.reject(new Error('no')));
        assert.equal(outcome.message, 'no');
      },
    ],
    'ends in 503': [['claimed', 'released'], ({ run }) => run(async () => replyOf('no', 503))],
    'fails after a phase': [
      ['claimed', 'abandoned'],
      ({ run }) =>
        run(async ({ phase }) => {
          await phase('a', () => 1);
          throw new Error('no');
        }),
    ],
    'loses its lease': [
      ['claimed', 'lease-lost'],
      ({ run, store, clock }) =>
        run(async ({ transaction }) => {
          clock.now += LEASE_MS;
          await claimed(store);
          return transaction(() => assert.fail());
        }),
    ],
    'loses its lease and fails otherwise': [
      ['claimed', 'lease-lost'],
      ({ run, store, clock }) =>
        run(async ({ phase }) => {
          clock.now += LEASE_MS;
          await claimed(store);
          await phase('a', () => assert.fail()).catch(() => undefined);
          throw new Error('no');
        }),
    ],
    'loses its lease after a phase, unnoticed until it ends': [
      ['claimed', 'lease-lost'],
      ({ run, store, clock }) =>
        run(async ({ phase }) => {
          await phase('a', () => 1);
          clock.now += LEASE_MS;
          await claimed(store);
          throw new Error('no');
        }),
    ],
  };

describe('an observer', () => {
  for (const [what, [expected, take]] of Object.entries(WAYS)) {
    test(`is told of a request that ${what}: ${expected.join(', ')}`, async () => {
      const bench = watched();
      await take(bench);
      assert.deepEqual(bench.kinds(), expected);
    });
  }

  test('is told when the store cannot answer, wherever that is, and why', async () => {
    const path = join(temporaryFolder(), 'records.sqlite');
    const db = openFile(path, 0);
    const stranger = openFile(path, 0);
    const decisions: Decision[] = [];
    const options = { observe: (decision: Decision) => decisions.push(decision), heartbeatMs: 600_000 };
    const store = new SqliteStore(db);
    const lock = () => stranger.exec('BEGIN IMMEDIATE');
    const unlock = () => stranger.exec('ROLLBACK');
    const told = async () => {
      await new Promise(setImmediate);
      return decisions.splice(0).map(({ kind, reason }) => (reason === undefined ? kind : [kind, reason]));
    };
    const failed = ['store-failed', 'database is locked'];
    lock();
    await assert.rejects(
      execute(store, ID, FACTS, async () => DONE, options),
      { name: 'StoreError' },
    );
    assert.deepEqual(await told(), [failed]);
    unlock();
    const during = (work: (work: Work<unknown>) => Promise<Reply>) =>
      assert.rejects(
        execute(
          store,
          ID,
          FACTS,
          async (tools) => {
            lock();
            return work(tools).finally(unlock);
          },
          options,
        ),
      );
    await during(({ transaction }) => transaction(() => DONE));
    assert.deepEqual(await told(), ['claimed', failed, 'released']);
    await during(({ phase }) => phase('a', () => assert.fail()));
    assert.deepEqual(await told(), ['claimed', failed, 'released']);
    // The end of the claim fails as well: the lease will end.
    const lost = execute(
      store,
      ID,
      FACTS,
      async () => {
        lock();
        throw new Error('no');
      },
      options,
    );
    await assert.rejects(lost, { message: 'no' });
    assert.deepEqual(await told(), ['claimed', failed]);
    unlock();
    db.close();
    stranger.close();
  });

  test('is told everything that a log line needs, and no key in clear', async () => {
    const id = { principal: 'alice@example.com', key: 'order 4711 "secret"' };
    const bench = watched();
    const facts = { ...NAMED, path: '/charges?token=secret&order=4711' };
    await bench.run(({ transaction }) => transaction(() => DONE), { id, facts });
    await bench.run(async () => assert.fail(), { id, facts });
    const tag = await keyTag(id);
    const common = { tag, method: 'POST', path: '/charges', requestId: 'req_1' };
    const elapsed = bench.decisions.map(({ elapsedMs }) => elapsedMs);
    assert.ok(elapsed.every((ms) => ms >= 0 && Number.isFinite(ms)));
    assert.deepEqual(
      bench.decisions.map(({ elapsedMs: _, ...decision }) => decision),
      [
        { kind: 'claimed', ...common, token: 1 },
        { kind: 'stored', ...common, token: 1, status: 201 },
        { kind: 'replayed', ...common, status: 201 },
      ],
    );
    const all = [...bench.decisions];
    for (const [, take] of Object.values(WAYS)) {
      const each = watched();
      await take(each);
      all.push(...each.decisions);
    }
    const text = JSON.stringify(all);
    for (const part of ['order', '4711', 'secret', 'alice', 'example', 'body', ID.key, ID.principal])
      assert.ok(!text.includes(part), part);
  });

  test('does no harm when it throws, or promises and fails', async () => {
    const observers = [
      () => {
        throw new Error('the log is full');
      },
      async () => Promise.reject(new Error('the log is away')),
    ];
    for (const observe of observers) {
      const bench = watched();
      assert.deepEqual(await bench.run(async () => DONE, { observe }), { kind: 'executed', reply: DONE });
    }
  });
});

describe('the tag of a record', () => {
  test('is the same for one principal and key, and another one for every other', async () => {
    const tags = await Promise.all(
      [ID, { ...ID, key: 'b' }, { ...ID, principal: 'b' }, { principal: 'sbx_1o', key: 'rder-4711' }].map((id) =>
        keyTag(id),
      ),
    );
    assert.equal(new Set(tags).size, tags.length);
    assert.equal(await keyTag({ ...ID }), tags[0]);
    for (const tag of tags) assert.match(tag, /^[0-9a-f]{16}$/);
  });

  test('is an HMAC where there is a secret, so that nobody can try out keys', async () => {
    const expected = createHmac('sha256', 'pepper')
      .update(JSON.stringify([ID.principal, ID.key]))
      .digest('hex');
    const bench = watched();
    await bench.run(async () => DONE, { tagSecret: 'pepper' });
    // Another thread makes it.
    while (bench.decisions.length === 0) await new Promise(setImmediate);
    assert.equal(bench.decisions[0]?.tag, expected.slice(0, 16));
    assert.equal(await keyTag(ID, 'pepper'), bench.decisions[0]?.tag);
    assert.notEqual(await keyTag(ID), bench.decisions[0]?.tag);
  });
});
