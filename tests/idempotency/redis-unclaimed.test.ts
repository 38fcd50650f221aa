// Commits without a claim on Redis, which undoes nothing: what becomes of a command that fails, and of a condition that does not hold.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { execute } from '../../src/idempotency/index.ts';
import { PartialEffectError, RedisStore, type RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import { startRedis } from '../servers/redis.ts';
import { claimed, commitUnclaimed, DAY, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf, START } from './bench.ts';
import { effectOf, type OpenStore, openStore, storeError } from './redis-support.ts';

/** What Redis waits before it forgets a record that has expired by our reckoning. Milliseconds. */
const MINUTE = 60 * 1000;

/** A key space in which `text` is no number. */
async function withText(now = Date.now): Promise<OpenStore> {
  const opened = await openStore(undefined, { now });
  await opened.client.set(`${opened.prefix}text`, 'no number');
  return opened;
}

/** Nothing was written, and the key is free. */
async function assertUntouched(opened: OpenStore) {
  assert.deepEqual([await opened.lines(), await opened.store.lookup(ID)], [[], undefined]);
  assert.deepEqual(await opened.client.keys(`${opened.prefix}record:*`), []);
  assert.equal((await commitUnclaimed(opened.store, effectOf(opened, 'done'))).kind, 'stored');
  assert.deepEqual(await opened.lines(), ['done']);
}

/** An effect that writes, then does something that may not work, then writes again. */
const half =
  ({ prefix, write }: OpenStore) =>
  (transaction: RedisTransaction) => {
    write(transaction, 'half');
    transaction.command('INCR', `${prefix}text`);
    write(transaction, 'rest');
    return replyOf('done');
  };

describe('an effect without a claim on Redis', () => {
  test('commits together with the record: until then no other connection sees any of them', async () => {
    const opened = await openStore();
    const other = await openStore(opened);
    const outcome = await commitUnclaimed(opened.store, async (transaction: RedisTransaction) => {
      opened.write(transaction, 'one');
      opened.write(transaction, 'two');
      assert.deepEqual([await other.lines(), await other.store.lookup(ID)], [[], undefined]);
      return replyOf('done');
    });
    assert.equal(outcome.kind, 'stored');
    assert.deepEqual(await other.lines(), ['one', 'two']);
  });

  test('leaves a record that Redis forgets a minute after its retention', async () => {
    const opened = await openStore();
    await commitUnclaimed(opened.store, effectOf(opened, 'done'), { retainMs: 2 * DAY });
    const ttl = await opened.client.pTTL(`${opened.prefix}record:["sbx_1","order-4711"]`);
    assert.ok(ttl > 2 * DAY && ttl <= 2 * DAY + MINUTE, `${ttl} is not just below two days and a minute`);
  });

  test('draws no token, and is in the way of none', async () => {
    const opened = await openStore();
    await commitUnclaimed(opened.store, effectOf(opened, 'done'));
    const { token } = await claimed(opened.store, { ...ID, key: 'another' });
    assert.equal(await opened.client.get(`${opened.prefix}meta`), `1 ${token}`);
  });

  test('is not executed where the records have a format of later', async () => {
    const opened = await openStore();
    for (const meta of ['2 17', 'something else', '']) {
      await opened.client.set(`${opened.prefix}meta`, meta);
      await assert.rejects(commitUnclaimed(opened.store, effectOf(opened, 'done')), {
        ...storeError('unavailable'),
        message: /have a format/,
      });
      assert.equal(await opened.client.get(`${opened.prefix}meta`), meta);
    }
    await opened.client.del(`${opened.prefix}meta`);
    await assertUntouched(opened);
  });

  test('that fails at its first command leaves nothing', async () => {
    const opened = await withText();
    const failing = (transaction: RedisTransaction) => {
      transaction.command('INCR', `${opened.prefix}text`);
      opened.write(transaction, 'rest');
      return replyOf('done');
    };
    await assert.rejects(commitUnclaimed(opened.store, failing), /ERR value is not an integer/);
    await assertUntouched(opened);
  });

  test('with a command that Redis does not know leaves nothing', async () => {
    const opened = await openStore();
    const failing = (transaction: RedisTransaction) => {
      opened.write(transaction, 'half');
      transaction.command('RPUHS', 'lines', 'rest');
      return replyOf('done');
    };
    await assert.rejects(commitUnclaimed(opened.store, failing), { name: 'TypeError', message: /no command RPUHS/ });
    await assertUntouched(opened);
  });

  test('may throw when it was not to be called: the key is known', async () => {
    const { store } = await openStore();
    await claimed(store);
    const outcome = await commitUnclaimed(store, () => {
      throw new Error('it was called');
    });
    assert.deepEqual(outcome, { kind: 'known' });
  });
});

describe('an effect without a claim on Redis that fails half-way', () => {
  const failed = async (now = Date.now) => {
    const opened = await withText(now);
    await assert.rejects(commitUnclaimed(opened.store, half(opened)), {
      name: 'PartialEffectError',
      message: /command 2 of 3 has failed: ERR value is not an integer/,
    });
    return opened;
  };

  test('is not undone, because Redis cannot; and is not executed again, by nobody', async () => {
    const opened = await failed();
    const { store } = opened;
    assert.deepEqual(await commitUnclaimed(store, effectOf(opened, 'again')), { kind: 'known' });
    await assert.rejects(store.claim(ID, FACTS, LEASE), PartialEffectError);
    assert.deepEqual(await store.claim(ID, OTHER_FACTS, LEASE), { kind: 'mismatch', original: FACTS });
    const { fingerprint: _, ...facts } = FACTS;
    const { firstSeenMs, expiresMs, ...info } = (await store.lookup(ID)) ?? { firstSeenMs: 0, expiresMs: 0 };
    assert.deepEqual([info, expiresMs], [{ state: 'in-progress', ...facts }, firstSeenMs + DAY]);
    const claim = { ...ID, token: 0 };
    assert.deepEqual(await store.commit(claim, effectOf(opened, 'again'), RETAIN), { kind: 'lease-lost' });
    assert.deepEqual(await opened.lines(), ['half']);
  });

  test('blocks its key until somebody deletes the record that is named, or a day is over', async () => {
    let now = Date.now();
    for (const end of ['deleted', 'expired']) {
      const opened = await failed(() => now);
      const error = await opened.store.claim(ID, FACTS, LEASE).catch((error) => error);
      assert.ok(error instanceof PartialEffectError && error.message.includes(error.record));
      if (end === 'deleted') assert.equal(await opened.client.del(error.record), 1);
      now += end === 'deleted' ? 0 : DAY - 1;
      if (end === 'expired') await assert.rejects(opened.store.claim(ID, FACTS, LEASE), PartialEffectError);
      now += 1;
      await claimed(opened.store);
    }
  });

  test('is told to every retry of the request, in every process, and only the first executes anything', async () => {
    const opened = await withText();
    const other = new RedisStore(opened.client, { prefix: opened.prefix });
    for (const store of [opened.store, other, opened.store, other]) {
      await assert.rejects(
        execute(store, ID, FACTS, (work) => work.transaction(half(opened)), { optimistic: true }),
        PartialEffectError,
      );
    }
    assert.deepEqual(await opened.lines(), ['half']);
  });
});

describe('effects without a claim on Redis that come at once', () => {
  const idOf = (key: string) => ({ id: { ...ID, key } });

  /** On a server of its own: what is set or counted there is nobody else's. */
  const openAlone = async () => openStore({ url: (await startRedis()).url, prefix: 'alone:' });

  /** How many scripts Redis has executed. */
  const scriptsOf = async ({ client }: OpenStore) => {
    const told = /cmdstat_evalsha:calls=(\d+)/.exec(String(await client.sendCommand(['INFO', 'commandstats'])));
    return Number(told?.[1] ?? 0);
  };

  /** Each writes a line; in between are some of every kind that ends before its last command. */
  const mixed = (opened: OpenStore) => {
    const { prefix, write, store } = opened;
    class Unmet extends Error {}
    const kinds: Record<string, (transaction: RedisTransaction) => void> = {
      unmet: (transaction) => {
        transaction.require(['GET', `${prefix}one`], '=', '2', () => new Unmet());
        transaction.require(['GET', `${prefix}one`], '=', '1', () => new Error('the first is not told'));
        write(transaction, 'never');
      },
      first: (transaction) => {
        transaction.command('INCR', `${prefix}text`);
        write(transaction, 'never');
      },
      half: (transaction) => {
        write(transaction, 'half');
        transaction.command('INCR', `${prefix}text`);
        transaction.command('SET', `${prefix}never`, 'more', 'PX', '1000');
      },
      used: (transaction) => {
        transaction.require(['GET', `${prefix}one`], '=', '1', () => new Error('it does'));
        write(transaction, 'never');
      },
    };
    const commits = ['a', 'unmet', 'b', 'first', 'c', 'half', 'd', 'used', 'e'].map((key) =>
      commitUnclaimed(
        store,
        (transaction: RedisTransaction) => {
          (kinds[key] ?? ((own) => write(own, key)))(transaction);
          return replyOf(key);
        },
        idOf(key),
      ),
    );
    return { commits, Unmet };
  };

  test('share a script, and what becomes of one is no other’s affair', async () => {
    const opened = await openAlone();
    await opened.client.set(`${opened.prefix}text`, 'no number');
    await opened.client.set(`${opened.prefix}one`, '1');
    await claimed(opened.store, { ...ID, key: 'used' });
    // What a command is like, the server is asked once.
    await commitUnclaimed(
      opened.store,
      (transaction: RedisTransaction) => {
        transaction.require(['GET', `${opened.prefix}one`], '=', '1', () => new Error('it does'));
        transaction.command('INCR', `${opened.prefix}one`);
        transaction.command('SET', `${opened.prefix}one`, '1');
        opened.write(transaction, 'z');
        return replyOf('z');
      },
      idOf('z'),
    );
    const before = await scriptsOf(opened);
    const { commits, Unmet } = mixed(opened);
    const outcomes = await Promise.allSettled(commits);
    assert.ok((await scriptsOf(opened)) - before <= 2);
    const told = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value.kind : (outcome.reason as Error).constructor.name,
    );
    const expected = ['stored', Unmet.name, 'stored', 'Error', 'stored', 'PartialEffectError', 'stored', 'known'];
    assert.deepEqual(told, [...expected, 'stored']);
    assert.deepEqual(await opened.lines(), ['z', 'a', 'b', 'c', 'half', 'd', 'e']);
    for (const key of ['a', 'e'])
      assert.deepEqual(await opened.store.claim({ ...ID, key }, FACTS, LEASE), {
        kind: 'completed',
        reply: replyOf(key),
      });
  });

  test('are so many scripts as keep each short, when they are large', async () => {
    const opened = await openAlone();
    await commitUnclaimed(opened.store, effectOf(opened, 'z'), idOf('z'));
    const before = await scriptsOf(opened);
    const body = 'x'.repeat(200 * 1024);
    const commits = Array.from({ length: 6 }, (_, index) =>
      commitUnclaimed(opened.store, () => replyOf(body), idOf(`large ${index}`)),
    );
    assert.deepEqual(new Set((await Promise.all(commits)).map(({ kind }) => kind)), new Set(['stored']));
    assert.equal((await scriptsOf(opened)) - before, 6);
  });

  test('are kept for as long as each is to be', async () => {
    const opened = await openStore(undefined, { now: () => START });
    const times = [RETAIN, RETAIN, DAY, RETAIN, 2 * DAY];
    await Promise.all(
      times.map((retainMs, index) =>
        commitUnclaimed(opened.store, effectOf(opened, 'done'), { ...idOf(`key ${index}`), retainMs }),
      ),
    );
    const kept = times.map(async (_, index) => (await opened.store.lookup({ ...ID, key: `key ${index}` }))?.expiresMs);
    assert.deepEqual(
      await Promise.all(kept),
      times.map((retainMs) => START + retainMs),
    );
  });

  test('all fail when Redis refuses to write, with nothing done', async () => {
    const opened = await openAlone();
    await commitUnclaimed(opened.store, effectOf(opened, 'z'), idOf('z'));
    await opened.client.configSet('min-replicas-to-write', '1');
    const commits = ['a', 'b', 'c'].map((key) => commitUnclaimed(opened.store, effectOf(opened, key), idOf(key)));
    const outcomes = await Promise.allSettled(commits);
    await opened.client.configSet('min-replicas-to-write', '0');
    for (const outcome of outcomes)
      assert.equal(outcome.status === 'rejected' && outcome.reason.problem, 'unavailable');
    assert.deepEqual(await opened.lines(), ['z']);
  });
});

describe('a condition of an effect without a claim on Redis', () => {
  class Taken extends Error {}

  /** One order of a name, whoever makes it. */
  const order = ({ prefix, write }: OpenStore) => {
    const name = `${prefix}order`;
    return (transaction: RedisTransaction) => {
      transaction.require(['EXISTS', name], '=', 0, () => new Taken());
      transaction.command('SET', name, '1');
      write(transaction, 'ordered');
      return replyOf('done');
    };
  };

  test('that does not hold throws, with nothing done', async () => {
    const opened = await openStore();
    await opened.client.set(`${opened.prefix}order`, '0');
    await assert.rejects(commitUnclaimed(opened.store, order(opened)), Taken);
    await assertUntouched(opened);
  });

  test('that does not hold because the request was executed before is told as that', async () => {
    const opened = await openStore();
    assert.equal((await commitUnclaimed(opened.store, order(opened))).kind, 'stored');
    assert.deepEqual(await commitUnclaimed(opened.store, order(opened)), { kind: 'known' });
    const again = commitUnclaimed(opened.store, order(opened), { id: { ...ID, key: 'another' } });
    await assert.rejects(again, Taken);
    assert.deepEqual(await opened.lines(), ['ordered']);
  });

  test('makes no request fail that is sent many times at once', async () => {
    const opened = await openStore();
    const other = await openStore(opened);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => commitUnclaimed((index % 2 ? opened : other).store, order(opened))),
    );
    assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), [...Array(19).fill('known'), 'stored']);
    assert.deepEqual(await opened.lines(), ['ordered']);
  });

  test('that compares what is no number is a mistake, and nothing is done', async () => {
    const opened = await withText();
    const failing = (transaction: RedisTransaction) => {
      transaction.require(['GET', `${opened.prefix}text`], '<', 5, () => new Taken());
      opened.write(transaction, 'half');
      return replyOf('done');
    };
    await assert.rejects(commitUnclaimed(opened.store, failing), /reads one value/);
    await assertUntouched(opened);
  });
});
