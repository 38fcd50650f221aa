import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepPurged, purgeExpired, StoreError } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { claimed, DAY, FACTS, RETAIN, replyOf, START } from './bench.ts';

/** A store with some records that have expired and one that has not. */
async function filled(expired: number) {
  const clock = { now: START };
  const store = new MemoryStore({ now: () => clock.now });
  const complete = async (key: string) => {
    const claim = await claimed(store, { principal: 'p', key }, FACTS);
    await store.commit(claim, () => replyOf('done'), RETAIN);
  };
  for (let index = 0; index < expired; index += 1) await complete(`k${index}`);
  clock.now += RETAIN;
  await complete('fresh');
  return { store, clock };
}

const kept = async (store: MemoryStore) => (await store.lookup({ principal: 'p', key: 'fresh' }))?.state;

test('what is no batch and no time is told', async () => {
  const { store } = await filled(0);
  await assert.rejects(purgeExpired(store, { batch: 0 }), /batch is 0; it has to be a whole number, at least 1/);
  await assert.rejects(purgeExpired(store, { pauseMs: -1 }), /pauseMs is -1/);
  assert.throws(() => keepPurged(store, { everyMs: 2 ** 31 }), /everyMs is 2147483648; .* at most 2147483647/);
  assert.throws(() => keepPurged(store, { batch: 0.5 }), /batch is 0.5/);
});

test('everything that has expired is deleted, batch by batch, and nothing else', async () => {
  const { store } = await filled(25);
  const asked: number[] = [];
  const watched = {
    purge: (beforeMs: number, limit: number) => {
      asked.push(limit);
      return store.purge(beforeMs, limit);
    },
  };
  assert.equal(await purgeExpired(watched, { batch: 10, pauseMs: 1 }), 25);
  assert.deepEqual(asked, [10, 10, 10]);
  assert.equal(await kept(store), 'completed');
  assert.equal(await purgeExpired(store), 0);
});

test('a purge that is called off ends after its batch', async () => {
  const { store } = await filled(25);
  const controller = new AbortController();
  const watched = {
    purge: (beforeMs: number, limit: number) => {
      controller.abort();
      return store.purge(beforeMs, limit);
    },
  };
  assert.equal(await purgeExpired(watched, { batch: 10, pauseMs: 1, signal: controller.signal }), 10);
  assert.equal(await purgeExpired(store, { batch: 10, pauseMs: 1 }), 15);
});

test('a server is kept purged, over a time when the store cannot answer, until it ends', async () => {
  const { store, clock } = await filled(5);
  let calls = 0;
  const failing = {
    purge: async (beforeMs: number, limit: number) => {
      calls += 1;
      if (calls === 1) throw new StoreError('unavailable', 'away', undefined);
      return store.purge(beforeMs, limit);
    },
  };
  const stop = keepPurged(failing, { everyMs: 1 });
  while (calls < 3) await sleep(1);
  assert.equal(await store.purge(Number.MAX_SAFE_INTEGER, 10), 0);
  await stop();
  const before = calls;
  clock.now += 10 * DAY;
  await sleep(20);
  assert.equal(calls, before);
  assert.equal(await store.purge(Number.MAX_SAFE_INTEGER, 10), 1);
});
