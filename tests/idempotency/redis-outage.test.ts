// A Redis that is away, hangs, has been started again or must not write: what a store says then, and that it finds back by itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { execute } from '../../src/idempotency/index.ts';
import { startRedis } from '../servers/redis.ts';
import { claimed, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { type Client, connect, effectOf, type OpenStore, openStore, storeError } from './redis-support.ts';

const PREFIX = 'outage:';
const DURABLE = { appendonly: 'yes', appendfsync: 'always' };
/** So short that a test can wait for it, so long that a busy machine answers within it. Milliseconds. */
const SHORT_MS = 1000;

/** Unlike `once`, it waits on through errors. */
const event = (client: Client, name: string) => new Promise((resolve) => client.once(name, resolve));

const another = { ...ID, key: 'another' };

/** Every verb is refused, and nothing is executed. */
async function assertUnavailable({ store }: OpenStore, claim: Awaited<ReturnType<typeof claimed>>) {
  for (const verb of [
    () => store.claim(another, FACTS, LEASE),
    () => store.renew(claim, LEASE),
    () => store.commit(claim, () => replyOf('done'), RETAIN),
    () => store.checkpoint(claim, 'ride', () => '1', LEASE),
    () => store.release(claim),
    () => store.lookup(ID),
    () => store.purge(Number.MAX_SAFE_INTEGER, 10),
  ])
    await assert.rejects(verb(), storeError('unavailable'));
}

for (const disableOfflineQueue of [true, false]) {
  describe(`a Redis store whose server is away, and whose client ${disableOfflineQueue ? 'keeps no' : 'keeps'} commands`, () => {
    test('is unavailable at once, executes nothing, and finds back by itself', async () => {
      const server = await startRedis({ settings: DURABLE });
      const opened = await openStore({ url: server.url, prefix: PREFIX }, {}, { disableOfflineQueue });
      const { store, client, lines } = opened;
      const claim = await claimed(store, ID, FACTS, 20 * 60_000);
      await store.commit(claim, effectOf(opened, 'before'), RETAIN);
      const standing = await claimed(store, another);
      await store.renew(standing, 20 * 60_000);
      // Requests that are under way when it dies are told as well.
      const stranded = Promise.allSettled(['a', 'b', 'c'].map((key) => store.claim({ ...ID, key }, FACTS, LEASE)));
      const lost = event(client, 'error');
      await server.kill();
      await lost;
      for (const outcome of await stranded)
        assert.ok(outcome.status === 'fulfilled' || outcome.reason.problem === 'unavailable', JSON.stringify(outcome));
      await assertUnavailable(opened, standing);
      let executed = false;
      const request = execute(store, { ...ID, key: 'new' }, FACTS, async () => {
        executed = true;
        return replyOf('done');
      });
      await assert.rejects(request, storeError('unavailable'));
      assert.equal(executed, false);
      const back = event(client, 'ready');
      await server.restart();
      await back;
      assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('before') });
      assert.equal((await store.claim(another, FACTS, LEASE)).kind, 'in-progress');
      assert.deepEqual(await store.commit(standing, effectOf(opened, 'after'), RETAIN), {
        kind: 'stored',
        reply: replyOf('after'),
      });
      assert.deepEqual(await lines(), ['before', 'after']);
    });
  });
}

test('a Redis store that is not connected yet is unavailable, and available when it is', async () => {
  const server = await startRedis();
  const opened = await openStore({ url: server.url, prefix: PREFIX });
  opened.client.destroy();
  await assert.rejects(opened.store.claim(ID, FACTS, LEASE), storeError('unavailable'));
  await opened.client.connect();
  await claimed(opened.store);
});

test('a Redis store whose server hangs gives up after a while; what has become of a request, its retry finds out', async () => {
  const server = await startRedis();
  const opened = await openStore({ url: server.url, prefix: PREFIX }, { answerLimitMs: SHORT_MS });
  const { store, client, lines } = opened;
  const claim = await claimed(store, ID, FACTS, 20 * 60_000);
  // So that the script and the commands are known.
  await store.commit(await claimed(store, another), effectOf(opened, 'another'), RETAIN);
  const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
  process.kill(pid, 'SIGSTOP');
  try {
    const committed = store.commit(claim, effectOf(opened, 'done'), RETAIN);
    await assert.rejects(committed, { ...storeError('unavailable'), message: /not answered within 1000 ms/ });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await client.ping();
  // It was told that nobody knows, and Redis has executed it when it went on.
  assert.deepEqual(await lines(), ['another', 'done']);
  assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
});

describe('a Redis store', () => {
  test('goes on when Redis has forgotten its scripts', async () => {
    const opened = await openStore();
    const claim = await claimed(opened.store);
    await opened.client.scriptFlush();
    assert.equal((await opened.store.commit(claim, effectOf(opened, 'done'), RETAIN)).kind, 'stored');
    await opened.client.scriptFlush();
    const retries = Array.from({ length: 20 }, () => opened.store.claim(ID, FACTS, LEASE));
    for (const outcome of await Promise.all(retries)) assert.equal(outcome.kind, 'completed');
    assert.deepEqual(await opened.lines(), ['done']);
  });

  test('whose server has no memory left is full, changes nothing, still replays, and recovers', async () => {
    const server = await startRedis({ settings: { maxmemory: '64mb', 'maxmemory-policy': 'noeviction' } });
    const opened = await openStore({ url: server.url, prefix: PREFIX });
    const { store, client, lines } = opened;
    await store.commit(await claimed(store), effectOf(opened, 'done'), RETAIN);
    const claim = await claimed(store, another);
    await client.configSet('maxmemory', '1');
    await assert.rejects(store.commit(claim, effectOf(opened, 'half'), RETAIN), storeError('full'));
    await assert.rejects(
      store.commit(claim, () => replyOf('half'), RETAIN),
      storeError('full'),
    );
    await assert.rejects(
      store.checkpoint(claim, 'ride', () => '1', LEASE),
      storeError('full'),
    );
    await assert.rejects(store.claim({ ...ID, key: 'third' }, FACTS, LEASE), storeError('full'));
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
    assert.equal((await store.lookup(another))?.state, 'in-progress');
    assert.deepEqual(await lines(), ['done']);
    await client.configSet('maxmemory', '0');
    assert.equal((await store.commit(claim, effectOf(opened, 'whole'), RETAIN)).kind, 'stored');
    assert.deepEqual(await lines(), ['done', 'whole']);
  });

  test('runs out of memory before the first command of an effect, never half-way', async () => {
    const server = await startRedis({ settings: { maxmemory: '64mb' } });
    const opened = await openStore({ url: server.url, prefix: PREFIX });
    const { store, client, prefix } = opened;
    await client.set(`${prefix}old`, 'old');
    const claim = await claimed(store);
    await client.configSet('maxmemory', '1');
    // A command that frees memory may be executed, and then all the others are as well.
    const effect = (transaction: Parameters<typeof opened.write>[0]) => {
      transaction.command('DEL', `${prefix}old`);
      opened.write(transaction, 'one');
      opened.write(transaction, 'x'.repeat(100_000));
      return replyOf('done');
    };
    assert.equal((await store.commit(claim, effect, RETAIN)).kind, 'stored');
    assert.deepEqual(
      (await opened.lines()).map((line) => line.length),
      [3, 100_000],
    );
  });

  test('whose server has become a replica is unavailable for what it would have to write, and tells what it knows', async () => {
    const server = await startRedis();
    const opened = await openStore({ url: server.url, prefix: PREFIX });
    const { store, client } = opened;
    await store.commit(await claimed(store), effectOf(opened, 'done'), RETAIN);
    const claim = await claimed(store, another);
    // A primary that is not there: so it keeps its data.
    await client.replicaOf('127.0.0.1', 1);
    const executed = store.commit(claim, effectOf(opened, 'half'), RETAIN);
    await assert.rejects(executed, { ...storeError('unavailable'), message: /^READONLY/ });
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
    assert.deepEqual(await store.claim(ID, OTHER_FACTS, LEASE), { kind: 'mismatch', original: FACTS });
    assert.equal((await store.lookup(another))?.state, 'in-progress');
    await client.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    assert.equal((await store.commit(claim, effectOf(opened, 'whole'), RETAIN)).kind, 'stored');
    assert.deepEqual(await opened.lines(), ['done', 'whole']);
  });

  test('whose server waits for replicas is unavailable without them', async () => {
    const server = await startRedis();
    const opened = await openStore({ url: server.url, prefix: PREFIX });
    const claim = await claimed(opened.store);
    await opened.client.configSet('min-replicas-to-write', '1');
    const committed = opened.store.commit(claim, effectOf(opened, 'half'), RETAIN);
    await assert.rejects(committed, { ...storeError('unavailable'), message: /^NOREPLICAS/ });
    await opened.client.configSet('min-replicas-to-write', '0');
    assert.equal((await opened.store.commit(claim, effectOf(opened, 'whole'), RETAIN)).kind, 'stored');
    assert.deepEqual(await opened.lines(), ['whole']);
  });
});

describe('a Redis server', () => {
  test('tells what it is like', async () => {
    for (const [settings, durability] of [
      [{}, 'off'],
      [{ appendonly: 'yes' }, 'everysec'],
      [DURABLE, 'always'],
      [{ appendonly: 'yes', appendfsync: 'no' }, 'no'],
    ] as const) {
      const server = await startRedis({ settings });
      const { store } = await openStore({ url: server.url, prefix: PREFIX });
      const { version, ...rest } = await store.server();
      assert.match(version, /^\d+\.\d+\.\d+$/);
      assert.deepEqual(rest, { durability, eviction: 'noeviction' });
      await server.stop();
    }
  });

  test('that drops keys when its memory is full is refused, until it does not, or that is accepted', async () => {
    const server = await startRedis({ settings: { maxmemory: '64mb', 'maxmemory-policy': 'volatile-lru' } });
    const opened = await openStore({ url: server.url, prefix: PREFIX });
    const refused = { ...storeError('unavailable'), message: /maxmemory-policy volatile-lru/ };
    await assert.rejects(opened.store.server(), refused);
    await assert.rejects(opened.store.claim(ID, FACTS, LEASE), refused);
    const accepting = await openStore(opened, { acceptEviction: true });
    await claimed(accepting.store, another);
    await opened.client.configSet('maxmemory-policy', 'noeviction');
    await claimed(opened.store);
  });

  test('that could drop keys, but has no limit of memory, is taken', async () => {
    const server = await startRedis({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
    const { store } = await openStore({ url: server.url, prefix: PREFIX });
    assert.equal((await store.server()).eviction, 'allkeys-lru');
  });

  test('that is part of a cluster is refused', async () => {
    const server = await startRedis({ settings: { 'cluster-enabled': 'yes' } });
    const { store } = await openStore({ url: server.url, prefix: PREFIX });
    await assert.rejects(store.claim(ID, FACTS, LEASE), { ...storeError('unavailable'), message: /Cluster/ });
  });

  test('that says nothing about itself is taken; one that forbids scripts is unavailable', async () => {
    const server = await startRedis();
    const admin = await connect(server.url);
    const asUser = async (username: string, ...rules: string[]) => {
      await admin.aclSetUser(username, ['on', '>secret', `~${PREFIX}*`, '+@all', ...rules]);
      return openStore({ url: server.url, prefix: PREFIX }, {}, { username, password: 'secret' });
    };
    const silent = await asUser('silent', '-info', '-config', '-command');
    assert.deepEqual(await silent.store.server(), { version: 'unknown', durability: 'unknown', eviction: 'unknown' });
    assert.equal(
      (await silent.store.commit(await claimed(silent.store), effectOf(silent, 'done'), RETAIN)).kind,
      'stored',
    );
    const forbidden = await asUser('forbidden', '-@scripting');
    await assert.rejects(forbidden.store.claim(ID, FACTS, LEASE), {
      ...storeError('unavailable'),
      message: /^NOPERM/,
    });
  });
});
