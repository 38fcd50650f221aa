// The second half of the contract of stores: how a claim ends, and what remains of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClaimOutcome, RecordInfo } from '../../src/idempotency/index.ts';
import { type Bench, claimed, DAY, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf, START } from './bench.ts';

export function testCommit<T>(bench: () => Bench<T>, transactional: boolean): void {
  test('it is executed and its reply is stored', async () => {
    const claim = await claimed(bench().store);
    const reply = replyOf('{"id":1}');
    assert.deepEqual(await bench().commit(claim, 'one', reply), { kind: 'stored', reply });
    assert.deepEqual(await bench().lines(), ['one']);
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'completed', reply });
  });

  test('the lease may have ended, as long as nobody has taken over', async () => {
    const claim = await claimed(bench().store);
    bench().now += 10 * LEASE;
    assert.equal((await bench().commit(claim)).kind, 'stored');
  });

  test('without a claim that stands it is not executed', async () => {
    const { store } = bench();
    const released = await claimed(store);
    await store.release(released);
    const current = await claimed(store);
    for (const claim of [
      released,
      { ...current, token: current.token + 1 },
      { ...current, key: 'another' },
      { ...current, principal: 'another' },
    ])
      assert.deepEqual(await bench().commit(claim), { kind: 'lease-lost' });
    assert.deepEqual(await bench().lines(), []);
    assert.equal((await bench().commit(current)).kind, 'stored');
  });

  test('it is executed once, however often and from wherever it is committed', async () => {
    const { store, other } = bench().subject;
    const claim = await claimed(store);
    const outcomes = await Promise.all(
      [store, other, store, other].map((from) => bench().commit(claim, 'done', replyOf('done'), RETAIN, from)),
    );
    outcomes.push(await bench().commit(claim, 'again'));
    assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), [...Array(4).fill('lease-lost'), 'stored']);
    assert.deepEqual(await bench().lines(), ['done']);
  });

  test('one that is given up at the same time is executed and stored, or neither', async () => {
    const claim = await claimed(bench().store);
    const committed = bench().commit(claim);
    await bench().store.release(claim);
    const { kind } = await committed;
    assert.equal((await bench().store.lookup(ID))?.state, kind === 'stored' ? 'completed' : undefined);
    assert.deepEqual(await bench().lines(), kind === 'stored' ? ['done'] : []);
  });

  test('what it throws is thrown on, and the claim stands', async () => {
    const { store } = bench();
    const claim = await claimed(store);
    const failure = new Error('the till is closed');
    const effect = bench().effect('half', replyOf('half'), () => {
      throw failure;
    });
    await assert.rejects(store.commit(claim, effect, RETAIN), (error) => error === failure);
    assert.deepEqual(await bench().lines(), transactional ? [] : ['half']);
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: LEASE });
    assert.equal((await store.lookup(ID))?.state, 'in-progress');
    assert.equal(await store.renew(claim, LEASE), 'renewed');
    assert.equal((await bench().commit(claim, 'whole')).kind, 'stored');
    assert.equal((await bench().lines()).at(-1), 'whole');
  });

  test('what one throws does not disturb those that are committed at the same time', async () => {
    const { store } = bench();
    const ids = Array.from({ length: 10 }, (_, index) => ({ principal: 'p', key: `k${index}` }));
    const claims = await Promise.all(ids.map((id) => claimed(store, id)));
    const fail = () => {
      throw new Error('odd');
    };
    const outcomes = await Promise.allSettled(
      claims.map((claim, index) =>
        store.commit(claim, bench().effect(`line ${index}`, replyOf(`${index}`), index % 2 ? fail : undefined), RETAIN),
      ),
    );
    const even = ['line 0', 'line 2', 'line 4', 'line 6', 'line 8'];
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ids.map((_, index) => (index % 2 ? 'rejected' : 'fulfilled')),
    );
    const all = ids.map((_, index) => `line ${index}`);
    assert.deepEqual((await bench().lines()).sort(), transactional ? even : all);
    for (const [index, id] of ids.entries())
      assert.equal(await bench().kindOf(FACTS, id), index % 2 ? 'in-progress' : 'completed');
  });

  test('the retention counts from completion', async () => {
    const claim = await claimed(bench().store);
    bench().now += DAY / 2;
    await bench().commit(claim);
    assert.equal((await bench().store.lookup(ID))?.expiresMs, START + DAY / 2 + RETAIN);
    bench().now += RETAIN - 1;
    assert.equal(await bench().kindOf(), 'completed');
    bench().now += 1;
    assert.equal(await bench().kindOf(), 'claimed');
  });

  test('what the caller does with the bytes later does not reach what is stored', async () => {
    const claim = await claimed(bench().store);
    const reply = replyOf('as it was');
    await bench().commit(claim, 'done', reply);
    reply.body.fill(0);
    reply.headers.push(['X', 'late']);
    const first = await bench().store.claim(ID, FACTS, LEASE);
    assert.deepEqual(first, { kind: 'completed', reply: replyOf('as it was') });
    if (first.kind === 'completed') first.reply.body.fill(0);
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('as it was') });
  });
}

export function testRelease<T>(bench: () => Bench<T>): void {
  test('the key is free, for another request too', async () => {
    const claim = await claimed(bench().store);
    await bench().subject.other.release(claim);
    assert.equal(await bench().store.lookup(ID), undefined);
    await claimed(bench().store, ID, OTHER_FACTS);
  });

  test('nothing happens to a key that somebody else has claimed since', async () => {
    const claim = await claimed(bench().store);
    await bench().store.release(claim);
    await claimed(bench().store, ID, OTHER_FACTS);
    await bench().store.release(claim);
    await bench().store.release({ ...claim, token: claim.token + 100 });
    assert.equal(await bench().kindOf(OTHER_FACTS), 'in-progress');
  });

  test('nothing happens to a reply', async () => {
    await bench().store.release(await bench().complete());
    assert.equal(await bench().kindOf(), 'completed');
  });

  test('a token is of use for its own key only', async () => {
    const claim = await claimed(bench().store);
    const neighbour = await claimed(bench().store, { ...ID, key: 'another' });
    await bench().store.release({ ...claim, token: neighbour.token });
    await bench().store.release({ ...neighbour, token: claim.token });
    assert.equal(await bench().kindOf(), 'in-progress');
    assert.equal(await bench().kindOf(FACTS, { ...ID, key: 'another' }), 'in-progress');
  });
}

export function testLookup<T>(bench: () => Bench<T>): void {
  const { method, path } = FACTS;

  test('it is told what state it is in, and since and until when', async () => {
    const { store, other } = bench().subject;
    assert.equal(await store.lookup(ID), undefined);
    const claim = await claimed(store);
    const inProgress: RecordInfo = {
      state: 'in-progress',
      method,
      path,
      firstSeenMs: START,
      expiresMs: START + LEASE + DAY,
    };
    assert.deepEqual(await other.lookup(ID), inProgress);
    bench().now += 500;
    await bench().commit(claim, 'done', replyOf('x', 402));
    const completed: Omit<RecordInfo, 'expiresMs'> = {
      state: 'completed',
      status: 402,
      method,
      path,
      firstSeenMs: START,
    };
    assert.deepEqual(await other.lookup(ID), { ...completed, expiresMs: START + 500 + RETAIN });
    bench().now += RETAIN;
    assert.equal(await store.lookup(ID), undefined);
  });

  test('it is nobody else’s business', async () => {
    await bench().complete();
    assert.equal(await bench().store.lookup({ ...ID, principal: 'sbx_2' }), undefined);
    assert.equal(await bench().store.lookup({ ...ID, key: 'order' }), undefined);
  });
}

export function testPurge<T>(bench: () => Bench<T>): void {
  const keys = (count: number) => Array.from({ length: count }, (_, index) => ({ principal: 'p', key: `k${index}` }));

  test('as many are deleted as is allowed, and it is told how many', async () => {
    for (const id of keys(5)) await bench().complete(id);
    bench().now += RETAIN;
    const purge = () => bench().store.purge(bench().now, 2);
    assert.deepEqual([await purge(), await purge(), await purge(), await purge()], [2, 2, 1, 0]);
  });

  test('what has not expired by then stays', async () => {
    const [early, late, running] = keys(3);
    assert.ok(early && late && running);
    await bench().complete(early);
    bench().now += 10;
    await bench().complete(late);
    await claimed(bench().store, running);
    bench().now += RETAIN - 10;
    assert.equal(await bench().store.purge(bench().now - 1, 10), 0);
    assert.equal(await bench().store.purge(bench().now, 10), 1);
    assert.equal(await bench().kindOf(FACTS, early), 'claimed');
    assert.equal(await bench().kindOf(FACTS, late), 'completed');
    assert.equal((await bench().store.lookup(running))?.state, 'in-progress');
  });

  test('a claim that nobody has finished goes a day after its lease', async () => {
    await claimed(bench().store);
    bench().now += LEASE + DAY - 1;
    assert.equal(await bench().store.purge(bench().now, 10), 0);
    bench().now += 1;
    assert.equal(await bench().store.purge(bench().now, 10), 1);
  });

  test('a caller whose clock is ahead of the store’s deletes nothing before its time', async () => {
    const [done, running] = keys(2);
    assert.ok(done && running);
    await bench().complete(done);
    await claimed(bench().store, running);
    for (const time of [bench().now + 10 * DAY, Number.MAX_SAFE_INTEGER])
      assert.equal(await bench().store.purge(time, 10), 0);
    assert.equal(await bench().kindOf(FACTS, done), 'completed');
    bench().now += RETAIN;
    assert.equal(await bench().store.purge(Number.MAX_SAFE_INTEGER, 10), 1);
  });
}

export function testConcurrency<T>(bench: () => Bench<T>): void {
  const kinds = (outcomes: ClaimOutcome[]) => outcomes.map(({ kind }) => kind).sort();
  const askers = () => Array.from({ length: 40 }, (_, index) => bench().subject[index % 2 ? 'other' : 'store']);

  test('one of them claims the key, and the others wait', async () => {
    const outcomes = await Promise.all(askers().map((store) => store.claim(ID, FACTS, LEASE)));
    assert.deepEqual(kinds(outcomes), ['claimed', ...Array(39).fill('in-progress')]);
  });

  test('one of them takes over', async () => {
    const stale = await claimed(bench().store);
    bench().now += LEASE;
    const outcomes = await Promise.all(askers().map((store) => store.claim(ID, FACTS, LEASE)));
    assert.deepEqual(kinds(outcomes), ['claimed', ...Array(39).fill('in-progress')]);
    assert.equal(await bench().store.renew(stale, LEASE), 'lease-lost');
  });

  test('requests with keys of their own do not meet', async () => {
    const done = askers().map(async (store, index) => {
      const claim = await claimed(store, { principal: 'p', key: `k${index}` });
      return bench().commit(claim, `line ${index}`, replyOf(`reply ${index}`), RETAIN, store);
    });
    const outcomes = await Promise.all(done);
    outcomes.forEach((outcome, index) => {
      assert.deepEqual(outcome, { kind: 'stored', reply: replyOf(`reply ${index}`) });
    });
    assert.equal(new Set(await bench().lines()).size, 40);
  });
}
