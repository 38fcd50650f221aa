// What an effect on Redis writes, and what becomes of it when something is wrong with it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { execute, type Reply } from '../../src/idempotency/index.ts';
import { type Comparison, PartialEffectError, type RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import { claimed, DAY, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { effectOf, type OpenStore, openStore } from './redis-support.ts';

/** Commits and answers the kind of the outcome. */
async function commit({ store }: OpenStore, effect: (transaction: RedisTransaction) => Reply | Promise<Reply>) {
  return (await store.commit(await claimed(store), effect, RETAIN)).kind;
}

/** The claim stands, nothing was written, and another effect may be committed. */
async function assertUntouched(opened: OpenStore, claim: Awaited<ReturnType<typeof claimed>>) {
  assert.deepEqual(await opened.lines(), []);
  assert.equal((await opened.store.lookup(ID))?.state, 'in-progress');
  assert.equal((await opened.store.commit(claim, effectOf(opened, 'done'), RETAIN)).kind, 'stored');
  assert.deepEqual(await opened.lines(), ['done']);
}

describe('an effect on Redis', () => {
  test('commits together with the record and the reply: until then no other connection sees any of them', async () => {
    const opened = await openStore();
    const other = await openStore(opened);
    const kind = await commit(opened, async (transaction) => {
      opened.write(transaction, 'one');
      opened.write(transaction, 'two');
      // It may be asynchronous, and may read; what it has collected is not there yet.
      assert.deepEqual(await opened.lines(), []);
      assert.equal((await other.store.lookup(ID))?.state, 'in-progress');
      return replyOf('done');
    });
    assert.equal(kind, 'stored');
    assert.deepEqual(await other.lines(), ['one', 'two']);
    assert.equal((await other.store.lookup(ID))?.state, 'completed');
  });

  test('may write any bytes, as they were when it wrote them', async () => {
    const opened = await openStore();
    const key = `${opened.prefix}bytes`;
    const bytes = randomBytes(1024 * 1024);
    const kind = await commit(opened, (transaction) => {
      const mine = Uint8Array.from(bytes);
      transaction.command('SET', key, mine);
      mine.fill(0);
      return replyOf('done');
    });
    assert.equal(kind, 'stored');
    assert.deepEqual(await opened.client.withTypeMapping({ 36: Buffer }).get(key), bytes);
  });

  test('is undone when its reply cannot be stored', async () => {
    const opened = await openStore();
    const claim = await claimed(opened.store);
    for (const wrong of [undefined, {}, { status: undefined }, { body: undefined }, { headers: undefined }]) {
      const effect = (transaction: RedisTransaction) => {
        opened.write(transaction, 'half');
        return (wrong && Object.keys(wrong).length > 0 ? { ...replyOf('done'), ...wrong } : wrong) as unknown as Reply;
      };
      await assert.rejects(opened.store.commit(claim, effect, RETAIN), TypeError);
    }
    await assertUntouched(opened, claim);
  });

  test('writes nothing after it has answered', async () => {
    const opened = await openStore();
    let late: RedisTransaction | undefined;
    await commit(opened, (transaction) => {
      late = transaction;
      return replyOf('done');
    });
    assert.throws(() => late?.command('SET', `${opened.prefix}late`, '1'), /has ended/);
  });

  for (const [what, words, message] of [
    ['does not know', ['HSTE', 'k', 'f', 'v'], /no command HSTE/],
    ['cannot execute in a script', ['subscribe', 'k'], /SUBSCRIBE cannot be part of a script/],
    ['needs more words for', ['HSET', 'k', 'f'], /HSET does not have 3 words/],
    ['needs fewer words for', ['GET', 'k', 'f'], /GET does not have 3 words/],
    ['cannot be told', ['SET', 'k', undefined], /word 3 of a command is a undefined/],
    ['would have to guess', [], /begins with its name/],
    ['could not hand to a script', ['DEL', ...Array<string>(1000).fill('k')], /1001 words/],
  ] as [string, string[], RegExp][]) {
    test(`that holds a command which Redis ${what} is refused, and nothing is done`, async () => {
      const opened = await openStore();
      const claim = await claimed(opened.store);
      const effect = (transaction: RedisTransaction) => {
        opened.write(transaction, 'half');
        transaction.command(...words);
        return replyOf('done');
      };
      await assert.rejects(opened.store.commit(claim, effect, RETAIN), message);
      await assertUntouched(opened, claim);
    });
  }

  test('may fail at its first command, which is its own affair and not the store’s, and nothing is done', async () => {
    const opened = await openStore();
    await opened.client.set(`${opened.prefix}text`, 'no number');
    const claim = await claimed(opened.store);
    const effect = (transaction: RedisTransaction) => {
      transaction.command('INCR', `${opened.prefix}text`);
      opened.write(transaction, 'half');
      return replyOf('done');
    };
    await assert.rejects(opened.store.commit(claim, effect, RETAIN), {
      name: 'Error',
      message: /^ERR value is not an integer/,
    });
    await assertUntouched(opened, claim);
  });
});

describe('an effect on Redis that fails half-way', () => {
  const half =
    ({ prefix, write }: OpenStore) =>
    (transaction: RedisTransaction) => {
      write(transaction, 'half');
      transaction.command('INCR', `${prefix}text`);
      write(transaction, 'rest');
      return replyOf('done');
    };
  const failed = async (now = Date.now) => {
    const opened = await openStore(undefined, { now });
    await opened.client.set(`${opened.prefix}text`, 'no number');
    const claim = await claimed(opened.store);
    await assert.rejects(opened.store.commit(claim, half(opened), RETAIN), {
      name: 'PartialEffectError',
      message: /command 2 of 3 has failed: ERR value is not an integer/,
    });
    return { ...opened, claim };
  };

  test('is not undone, because Redis cannot; and is not executed again, by nobody', async () => {
    const { store, lines, claim } = await failed();
    assert.deepEqual(await lines(), ['half']);
    for (const verb of [() => store.renew(claim, LEASE), () => store.release(claim)]) await verb();
    assert.deepEqual(await store.commit(claim, () => replyOf('again'), RETAIN), { kind: 'lease-lost' });
    assert.deepEqual(await store.checkpoint(claim, 'a', () => '1', LEASE), { kind: 'lease-lost' });
    await assert.rejects(store.claim(ID, FACTS, LEASE), PartialEffectError);
    assert.deepEqual(await store.claim(ID, OTHER_FACTS, LEASE), { kind: 'mismatch', original: FACTS });
    assert.equal((await store.lookup(ID))?.state, 'in-progress');
    assert.deepEqual(await lines(), ['half']);
  });

  test('blocks its key until somebody deletes the record that is named', async () => {
    const opened = await failed();
    const error = await opened.store.claim(ID, FACTS, LEASE).catch((error) => error);
    assert.ok(error instanceof PartialEffectError);
    assert.ok(error.message.includes(error.record));
    assert.equal(await opened.client.del(error.record), 1);
    await claimed(opened.store);
  });

  test('blocks its key for a day', async () => {
    let now = Date.now();
    const { store } = await failed(() => now);
    now += DAY - 1;
    await assert.rejects(store.claim(ID, FACTS, LEASE), PartialEffectError);
    assert.equal(await store.purge(now, 10), 0);
    now += 1;
    assert.equal(await store.purge(now, 10), 1);
    await claimed(store);
  });

  test('is told to every retry of the request, and only the first executes anything', async () => {
    const opened = await openStore();
    await opened.client.set(`${opened.prefix}text`, 'no number');
    for (let time = 0; time < 3; time += 1) {
      await assert.rejects(
        execute(opened.store, ID, FACTS, (work) => work.transaction(half(opened))),
        PartialEffectError,
      );
    }
    assert.deepEqual(await opened.lines(), ['half']);
  });

  test('in a phase blocks the key as well, and the phases before it are lost', async () => {
    const opened = await openStore();
    await opened.client.set(`${opened.prefix}text`, 'no number');
    const claim = await claimed(opened.store);
    const phase = (transaction: RedisTransaction) => {
      half(opened)(transaction);
      return '1';
    };
    await opened.store.checkpoint(claim, 'before', () => '0', LEASE);
    await assert.rejects(opened.store.checkpoint(claim, 'ride', phase, LEASE), PartialEffectError);
    await assert.rejects(opened.store.claim(ID, FACTS, LEASE), PartialEffectError);
    assert.deepEqual(await opened.lines(), ['half']);
  });
});

describe('a condition of an effect on Redis', () => {
  class Full extends Error {}

  const conditional =
    ({ prefix, write }: OpenStore, read: string[], is: Comparison, value: string | number) =>
    (transaction: RedisTransaction) => {
      const [name = '', key = '', ...rest] = read;
      write(transaction, 'done');
      transaction.require([name, prefix + key, ...rest], is, value, () => new Full(`${read} ${is} ${value}`));
      return replyOf('done');
    };

  for (const [read, is, value, holds] of [
    [['GET', 'text'], '=', 'abc', true],
    [['GET', 'text'], '=', 'ABC', false],
    [['GET', 'nothing'], '=', '', true],
    [['GET', 'text'], '=', '', false],
    [['TYPE', 'text'], '=', 'string', true],
    [['TYPE', 'text'], '=', 'hash', false],
    [['EXISTS', 'text'], '=', 1, true],
    [['EXISTS', 'nothing'], '=', 1, false],
    [['GET', 'large'], '=', '9007199254740991', true],
    [['STRLEN', 'text'], '<', 3, false],
    [['STRLEN', 'text'], '<', 4, true],
    [['STRLEN', 'text'], '<=', 2, false],
    [['STRLEN', 'text'], '<=', 3, true],
    [['GET', 'balance'], '>', 10.5, false],
    [['GET', 'balance'], '>', 10.4, true],
    [['GET', 'balance'], '>=', 10.6, false],
    [['GET', 'balance'], '>=', 10.5, true],
    [['GET', 'nothing'], '>=', 0, true],
    [['GET', 'nothing'], '>', 0, false],
  ] as [string[], Comparison, string | number, boolean][]) {
    test(`${read.join(' ')} ${is} ${JSON.stringify(value)} ${holds ? 'holds' : 'does not hold'}`, async () => {
      const opened = await openStore();
      const { client, prefix, store } = opened;
      await client.mSet({
        [`${prefix}text`]: 'abc',
        [`${prefix}balance`]: '10.5',
        [`${prefix}large`]: '9007199254740991',
      });
      const claim = await claimed(store);
      const committed = store.commit(claim, conditional(opened, read, is, value), RETAIN);
      if (holds) assert.equal((await committed).kind, 'stored');
      else {
        await assert.rejects(committed, Full);
        await assertUntouched(opened, claim);
      }
    });
  }

  test('that compares what is no number, reads several values or fails is a mistake, and nothing is done', async () => {
    const opened = await openStore();
    await opened.client.mSet({ [`${opened.prefix}text`]: 'abc' });
    const claim = await claimed(opened.store);
    for (const [read, message] of [
      [['GET', 'text'], /reads one value/],
      [['MGET', 'text', 'text'], /reads one value/],
      [['LLEN', 'text'], /WRONGTYPE/],
      [['INCR', 'number'], /INCR does not only read/],
    ] as [string[], RegExp][])
      await assert.rejects(opened.store.commit(claim, conditional(opened, read, '<', 5), RETAIN), message);
    assert.equal(await opened.client.exists(`${opened.prefix}number`), 0);
    await assertUntouched(opened, claim);
  });

  test('holds for all effects together, however many are committed at once', async () => {
    const opened = await openStore();
    const other = await openStore(opened);
    const limit = 7;
    const claims = await Promise.all(
      Array.from({ length: 40 }, (_, index) => claimed(opened.store, { principal: 'p', key: `k${index}` })),
    );
    const outcomes = await Promise.allSettled(
      claims.map((claim, index) =>
        (index % 2 ? opened : other).store.commit(claim, conditional(opened, ['LLEN', 'lines'], '<', limit), RETAIN),
      ),
    );
    assert.equal((await opened.lines()).length, limit);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.equal(refused.length, 40 - limit);
    for (const { reason } of refused) assert.ok(reason instanceof Full);
  });

  test('that does not hold in a phase throws, and the phase is not reached', async () => {
    const opened = await openStore();
    const claim = await claimed(opened.store);
    const effect = (transaction: RedisTransaction) => {
      conditional(opened, ['EXISTS', 'nothing'], '=', 1)(transaction);
      return '1';
    };
    await assert.rejects(opened.store.checkpoint(claim, 'ride', effect, LEASE), Full);
    await opened.store.renew(claim, 0);
    const outcome = await opened.store.claim(ID, FACTS, LEASE);
    assert.deepEqual(outcome.kind === 'claimed' && outcome.points, []);
    assert.deepEqual(await opened.lines(), []);
  });
});

describe('an effect on Redis that was not to be called', () => {
  const fail = () => {
    throw new Error('it was called');
  };

  test('of a stale owner may throw: the owner is told that it has lost its claim', async () => {
    const { store } = await openStore();
    const stale = await claimed(store);
    await store.renew(stale, 0);
    await claimed(store);
    assert.deepEqual(await store.commit(stale, fail, RETAIN), { kind: 'lease-lost' });
    assert.deepEqual(await store.checkpoint(stale, 'ride', fail, LEASE), { kind: 'lease-lost' });
  });

  test('of a phase that has been reached may throw: the result is told, and the lease extended', async () => {
    let now = Date.now();
    const { store } = await openStore(undefined, { now: () => now });
    const claim = await claimed(store);
    await store.checkpoint(claim, 'ride', () => '1', LEASE);
    now += LEASE - 1;
    assert.deepEqual(await store.checkpoint(claim, 'ride', fail, LEASE), { kind: 'reached', result: '1' });
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: LEASE });
  });
});
