// Claims on Redis that come at the same time: they share a script, and nothing else.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRedis } from '../servers/redis.ts';
import { commitUnclaimed, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { effectOf, openStore, storeError } from './redis-support.ts';

/** More than go into one script. */
const MANY = 30;

const idOf = (key: string | number) => ({ ...ID, key: `k${key}` });

describe('claims on Redis at the same time', () => {
  test('have tokens of their own, which grow', async () => {
    const { store } = await openStore();
    const outcomes = await Promise.all(
      Array.from({ length: MANY }, (_, index) => store.claim(idOf(index), FACTS, LEASE)),
    );
    const tokens = outcomes.map((outcome) => (outcome.kind === 'claimed' ? outcome.claim.token : 0));
    assert.deepEqual(
      [...new Set(tokens)].sort((a, b) => a - b),
      tokens,
    );
  });

  test('are each told what becomes of their own key', async () => {
    const opened = await openStore();
    const { store } = opened;
    await commitUnclaimed(store, effectOf(opened, 'done'), { id: idOf('done') });
    await store.claim(idOf('running'), FACTS, LEASE);
    const outcomes = await Promise.all([
      store.claim(idOf('done'), FACTS, LEASE),
      store.claim(idOf('new'), FACTS, LEASE),
      store.claim(idOf('running'), FACTS, LEASE),
      store.claim(idOf('done'), OTHER_FACTS, LEASE),
      store.claim(idOf('new'), FACTS, LEASE),
    ]);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['completed', 'claimed', 'in-progress', 'mismatch', 'in-progress'],
    );
    assert.deepEqual(outcomes[0], { kind: 'completed', reply: replyOf('done') });
  });

  test('have their claims when one of them meets what is no record', async () => {
    const { client, prefix, store } = await openStore();
    const nameOf = (key: string) => `${prefix}record:${JSON.stringify([ID.principal, `k${key}`])}`;
    await client.hSet(nameOf('hash'), 'a', 'b');
    await client.set(nameOf('text'), 'Dear diary');
    const asked = ['one', 'hash', 'two', 'text', 'three'].map((key) => store.claim(idOf(key), FACTS, LEASE));
    const settled = await Promise.allSettled(asked);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
    );
    assert.match(String((settled[1] as PromiseRejectedResult).reason), /WRONGTYPE/);
    assert.match(String((settled[3] as PromiseRejectedResult).reason), /ERR user_script/);
    for (const index of [0, 2, 4]) {
      const outcome = (settled[index] as PromiseFulfilledResult<Awaited<(typeof asked)[0]>>).value;
      assert.ok(outcome.kind === 'claimed');
      assert.equal((await store.commit(outcome.claim, () => replyOf('done'), RETAIN)).kind, 'stored');
    }
  });

  test('are refused or replayed, each by itself, when the server has no memory left', async () => {
    const server = await startRedis({ settings: { maxmemory: '64mb', 'maxmemory-policy': 'noeviction' } });
    const opened = await openStore({ url: server.url, prefix: 'claims:' });
    const { store, client } = opened;
    await commitUnclaimed(store, effectOf(opened, 'done'));
    await client.configSet('maxmemory', '1');
    const [refused, replayed] = await Promise.allSettled([
      store.claim(idOf('new'), FACTS, LEASE),
      store.claim(ID, FACTS, LEASE),
    ]);
    assert.throws(() => {
      throw (refused as PromiseRejectedResult).reason;
    }, storeError('full'));
    assert.deepEqual((replayed as PromiseFulfilledResult<unknown>).value, {
      kind: 'completed',
      reply: replyOf('done'),
    });
    await client.configSet('maxmemory', '0');
    assert.equal((await store.claim(idOf('new'), FACTS, LEASE)).kind, 'claimed');
  });
});
