import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createClientPool } from 'redis';
import { execute } from '../../src/idempotency/index.ts';
import { RedisStore, type RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import { redisDatabase } from '../servers/redis.ts';
import { claimed, DAY, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { effectOf, openStore, storeError } from './redis-support.ts';
import { testStore } from './store-contract.ts';

/** What Redis waits before it forgets a record that has expired by our reckoning. Milliseconds. */
const MINUTE = 60 * 1000;

testStore<RedisTransaction>({
  name: 'Redis',
  transactional: true,
  make: async (now) => {
    const opened = await openStore(undefined, { now });
    const { store } = await openStore(opened, { now }, { RESP: 2 });
    return { ...opened, other: store };
  },
});

describe('records in Redis', () => {
  test('have the server’s clock by default', async () => {
    const { client, store } = await openStore();
    const clock = async () => {
      const [seconds, micros] = (await client.sendCommand(['TIME'])) as string[];
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    };
    const before = await clock();
    await claimed(store);
    const info = await store.lookup(ID);
    const after = await clock();
    assert.ok(info !== undefined && before <= info.firstSeenMs && info.firstSeenMs <= after, JSON.stringify(info));
    assert.equal(info.expiresMs, info.firstSeenMs + LEASE + DAY);
  });

  test('of one prefix are none of another’s', async () => {
    const one = await openStore();
    const two = await openStore({ url: one.url, prefix: `${one.prefix}two:` });
    await claimed(one.store);
    await claimed(two.store, ID, OTHER_FACTS);
    assert.equal((await one.store.claim(ID, OTHER_FACTS, LEASE)).kind, 'mismatch');
  });

  test('are forgotten by Redis itself a minute after they have expired, so that there is nothing to purge', async () => {
    const { client, store, prefix } = await openStore();
    const record = `${prefix}record:["sbx_1","order-4711"]`;
    const left = async (ms: number) => {
      const ttl = await client.pTTL(record);
      assert.ok(ttl > ms - MINUTE && ttl <= ms, `${ttl} is not just below ${ms}`);
    };
    const claim = await claimed(store);
    await left(LEASE + DAY + MINUTE);
    await store.renew(claim, 10 * LEASE);
    await left(10 * LEASE + DAY + MINUTE);
    await store.commit(claim, () => replyOf('done'), 2 * DAY);
    await left(2 * DAY + MINUTE);
    await store.commit(await claimed(store, { ...ID, key: 'short' }), () => replyOf('done'), 1);
    while ((await store.lookup({ ...ID, key: 'short' })) !== undefined);
    assert.equal(await store.purge(Number.MAX_SAFE_INTEGER, 10), 0);
  });

  test('are purged in batches, as many as was asked for, where Redis does not know the clock', async () => {
    let now = Date.now();
    const database = await redisDatabase();
    const { client, store, prefix } = await openStore(
      { ...database, prefix: `${database.prefix}[*?\\]:` },
      { now: () => now },
    );
    const stranger = await openStore({ ...database, prefix: `${database.prefix}[ab\\]:` }, { now: () => now });
    await claimed(stranger.store);
    await Promise.all(Array.from({ length: 250 }, (_, index) => claimed(store, { principal: 'p', key: `k${index}` })));
    now += 2 * DAY;
    await claimed(store);
    assert.equal(await store.purge(now, 130), 130);
    assert.equal(await store.purge(now, 1000), 120);
    assert.equal((await client.keys('*')).filter((name) => name.startsWith(prefix)).length, 2);
    assert.equal(await stranger.store.purge(now, 1000), 1);
  });

  test('of a later format are left alone, and of none are begun', async () => {
    const { client, store, prefix } = await openStore();
    assert.equal(await client.get(`${prefix}meta`), null);
    const { token } = await claimed(store);
    assert.equal(await client.get(`${prefix}meta`), `1 ${token}`);
    for (const meta of ['2 17', 'something else', '']) {
      await client.set(`${prefix}meta`, meta);
      const free = { ...ID, key: 'another' };
      await assert.rejects(store.claim(free, FACTS, LEASE), { ...storeError('unavailable'), message: /have a format/ });
      assert.equal(await client.get(`${prefix}meta`), meta);
      assert.equal(await store.lookup(free), undefined);
    }
  });

  test('are in the way of no token, also when Redis has lost the last one', async () => {
    const { client, store, prefix } = await openStore();
    const { token } = await claimed(store);
    await client.unlink(await client.keys(`${prefix}*`));
    assert.ok((await claimed(store)).token > token);
    const ahead = Number.MAX_SAFE_INTEGER - 1000;
    await client.set(`${prefix}meta`, `1 ${ahead}`);
    assert.equal((await claimed(store, { ...ID, key: 'another' })).token, ahead + 1);
  });

  test('are reached through a pool of connections as well', async () => {
    const { url, prefix } = await redisDatabase();
    const pool = createClientPool({ url }, { minimum: 2 });
    await pool.connect();
    try {
      const store = new RedisStore(pool, { prefix });
      const claim = await claimed(store);
      await store.commit(claim, () => replyOf('done'), RETAIN);
      assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
    } finally {
      pool.destroy();
    }
  });

  test('replay what was executed', async () => {
    const opened = await openStore();
    const once = () => execute(opened.store, ID, FACTS, (work) => work.transaction(effectOf(opened, 'done')));
    assert.deepEqual(await once(), { kind: 'executed', reply: replyOf('done') });
    assert.deepEqual(await once(), { kind: 'replayed', reply: replyOf('done') });
    assert.deepEqual(await opened.lines(), ['done']);
  });
});
