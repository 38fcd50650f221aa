// What Redis loses, and what a store on it makes of that: each of these is written in the docstring of RedisStore.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { execute } from '../../src/idempotency/index.ts';
import type { RedisStore } from '../../src/idempotency/stores/redis.ts';
import { startRedis } from '../servers/redis.ts';
import { claimed, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { connect, effectOf, openStore } from './redis-support.ts';

const PREFIX = 'loss:';
const DURABLE = { appendonly: 'yes', appendfsync: 'always' };
const LONG_LEASE = 20 * 60_000;
const another = { ...ID, key: 'another' };

type Claim = Awaited<ReturnType<typeof claimed>>;

/** A server, and a way to kill it and to open it again. */
async function crashing(settings: Record<string, string>, options = {}) {
  const server = await startRedis({ settings });
  const open = () => openStore({ url: server.url, prefix: PREFIX }, options);
  const crash = async () => {
    await server.kill();
    await server.restart();
    return open();
  };
  return { ...(await open()), crash };
}

describe('when Redis crashes', () => {
  test('without an appended file, what it has answered is lost, and a retry executes once more', async () => {
    const opened = await crashing({});
    // Business data elsewhere, which do not crash.
    const executed: string[] = [];
    const request = (store: RedisStore) =>
      execute(store, ID, FACTS, async () => {
        executed.push('done');
        return replyOf('done');
      });
    assert.equal((await request(opened.store)).kind, 'executed');
    assert.equal((await request(opened.store)).kind, 'replayed');
    const { store } = await opened.crash();
    assert.equal(await store.lookup(ID), undefined);
    assert.equal((await request(store)).kind, 'executed');
    assert.deepEqual(executed, ['done', 'done']);
  });

  test('with an appended file and `appendfsync always`, what it has answered is kept: it is replayed', async () => {
    const opened = await crashing(DURABLE);
    const ids = Array.from({ length: 50 }, (_, index) => ({ principal: 'p', key: `k${index}` }));
    const request = (store: RedisStore, key: string) =>
      execute(store, { principal: 'p', key }, FACTS, (work) => work.transaction(effectOf(opened, key)));
    await Promise.all(ids.map(({ key }) => request(opened.store, key)));
    const { store, lines } = await opened.crash();
    for (const { key } of ids) assert.deepEqual(await request(store, key), { kind: 'replayed', reply: replyOf(key) });
    assert.deepEqual((await lines()).sort(), ids.map(({ key }) => key).sort());
  });

  test('a claim of a free key is lost; its owner, who does not know, writes nothing', async () => {
    const opened = await crashing(DURABLE);
    const stale = await claimed(opened.store, ID, FACTS, LONG_LEASE);
    const { store, lines } = await opened.crash();
    assert.equal(await store.lookup(ID), undefined);
    assert.equal(await store.renew(stale, LEASE), 'lease-lost');
    assert.deepEqual(await store.commit(stale, effectOf(opened, 'stale'), RETAIN), { kind: 'lease-lost' });
    const fresh = await claimed(store, ID, OTHER_FACTS);
    assert.ok(fresh.token > stale.token);
    assert.deepEqual(await store.commit(stale, effectOf(opened, 'stale'), RETAIN), { kind: 'lease-lost' });
    assert.equal((await store.commit(fresh, effectOf(opened, 'fresh'), RETAIN)).kind, 'stored');
    assert.deepEqual(await lines(), ['fresh']);
  });

  test('a claim is kept with `durableClaims`, and once it was renewed, taken over, or has a phase behind it', async () => {
    for (const [options, make] of [
      [{ durableClaims: true }, async () => undefined],
      [{}, async (store, claim) => void (await store.renew(claim, LONG_LEASE))],
      [{}, async (store, claim) => void (await store.checkpoint(claim, 'ride', () => '"r_1"', LONG_LEASE))],
      [
        {},
        async (store, claim) => {
          await store.renew(claim, 0);
          // In one script with a claim of a free key, which is not kept.
          const [, taken] = await Promise.all([claimed(store, another), claimed(store, ID, FACTS, LONG_LEASE)]);
          return taken;
        },
      ],
    ] as [object, (store: RedisStore, claim: Claim) => Promise<Claim | undefined>][]) {
      const opened = await crashing(DURABLE, options);
      const first = await claimed(opened.store, ID, FACTS, LONG_LEASE);
      const claim = (await make(opened.store, first)) ?? first;
      const { store, lines } = await opened.crash();
      assert.equal((await store.claim(ID, FACTS, LEASE)).kind, 'in-progress');
      assert.equal((await store.claim(ID, OTHER_FACTS, LEASE)).kind, 'mismatch');
      assert.equal((await store.commit(claim, effectOf(opened, 'done'), RETAIN)).kind, 'stored');
      assert.deepEqual(await lines(), ['done']);
    }
  });

  test('phases are kept, and whoever takes over goes on after them', async () => {
    const opened = await crashing(DURABLE);
    const claim = await claimed(opened.store);
    const ride = (transaction: Parameters<typeof opened.write>[0]) => {
      opened.write(transaction, 'ride');
      return '"r_1"';
    };
    await opened.store.checkpoint(claim, 'ride', ride, LEASE);
    const { store, lines } = await opened.crash();
    await store.renew(claim, 0);
    const outcome = await store.claim(ID, FACTS, LEASE);
    assert.ok(outcome.kind === 'claimed');
    assert.deepEqual(outcome.points, [{ phase: 'ride', result: '"r_1"' }]);
    assert.deepEqual(await lines(), ['ride']);
  });
});

test('a fail-over loses what the replica was not told, and a retry executes once more; tokens go on growing', async () => {
  const primary = await startRedis({ settings: { 'repl-diskless-sync-delay': '0' } });
  const replica = await startRedis();
  const opened = await openStore({ url: primary.url, prefix: PREFIX });
  const promoted = await connect(replica.url);
  await promoted.replicaOf('127.0.0.1', primary.port);
  const early = await claimed(opened.store);
  await opened.store.commit(early, effectOf(opened, 'early'), RETAIN);
  assert.equal(await opened.client.wait(1, 0), 1);
  // The replica hears no more, and is made the primary after the next commit.
  await promoted.sendCommand(['REPLICAOF', 'NO', 'ONE']);
  const late = await claimed(opened.store, another);
  await opened.store.commit(late, effectOf(opened, 'late'), RETAIN);
  const { store, lines } = await openStore({ url: replica.url, prefix: PREFIX });
  assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('early') });
  assert.equal(await store.lookup(another), undefined);
  const again = await claimed(store, another);
  assert.ok(again.token > late.token);
  await store.commit(again, effectOf(opened, 'late'), RETAIN);
  assert.deepEqual(await opened.lines(), ['early', 'late']);
  assert.deepEqual(await lines(), ['early', 'late']);
});

test('a server that drops keys may drop a record, and a retry executes once more', async () => {
  const server = await startRedis({ settings: { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-random' } });
  const opened = await openStore({ url: server.url, prefix: PREFIX }, { acceptEviction: true });
  const executed: string[] = [];
  const request = () =>
    execute(opened.store, ID, FACTS, async () => {
      executed.push('done');
      return replyOf('done');
    });
  await request();
  // More than fits into what is left: Redis makes room.
  const { used_memory: used } = Object.fromEntries(
    (await opened.client.info('memory')).split('\r\n').map((line) => line.split(':')),
  );
  await opened.client.configSet('maxmemory', String(Number(used) + 1_000_000));
  for (let index = 0; (await opened.store.lookup(ID)) !== undefined; index += 1)
    await opened.client.set(`${PREFIX}filler:${index}`, 'x'.repeat(50_000));
  assert.equal((await request()).kind, 'executed');
  assert.deepEqual(executed, ['done', 'done']);
});
