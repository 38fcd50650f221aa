// The part of the contract of stores that a request with several phases needs: recovery points, and what becomes of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Claim, ClaimOutcome, RequestFacts } from '../../src/idempotency/index.ts';
import { type Bench, claimed, DAY, FACTS, ID, LEASE, OTHER_FACTS, replyOf, START } from './bench.ts';

const NAMED: RequestFacts = { ...FACTS, requestId: 'req_1' };

export function testPhases<T>(bench: () => Bench<T>, transactional: boolean): void {
  const reach = (claim: Claim, phase: string, result: string, store = bench().store) =>
    store.checkpoint(claim, phase, bench().phaseEffect(phase, result), LEASE);
  const takeOver = async (store = bench().subject.other) => {
    const outcome = await store.claim(ID, FACTS, LEASE);
    assert.equal(outcome.kind, 'claimed');
    return outcome as ClaimOutcome & { kind: 'claimed' };
  };

  test('the effect is executed, and whoever takes over is told how far the request came', async () => {
    const claim = await claimed(bench().store);
    assert.deepEqual(await reach(claim, 'ride', '{"id":"r_1"}'), { kind: 'reached', result: '{"id":"r_1"}' });
    assert.deepEqual(await reach(claim, 'charge', '"ch_1 é"'), { kind: 'reached', result: '"ch_1 é"' });
    bench().now += LEASE;
    const { claim: fresh, previous, points } = await takeOver();
    assert.equal(previous, 'abandoned');
    assert.deepEqual(points, [
      { phase: 'ride', result: '{"id":"r_1"}' },
      { phase: 'charge', result: '"ch_1 é"' },
    ]);
    assert.deepEqual(await reach(fresh, 'mail', 'null'), { kind: 'reached', result: 'null' });
    bench().now += LEASE;
    assert.deepEqual(
      (await takeOver()).points.map(({ phase }) => phase),
      ['ride', 'charge', 'mail'],
    );
    assert.deepEqual(await bench().lines(), ['ride', 'charge', 'mail']);
  });

  test('a phase is executed once', async () => {
    const claim = await claimed(bench().store);
    await reach(claim, 'ride', '1');
    assert.deepEqual(await reach(claim, 'ride', '2'), { kind: 'reached', result: '1' });
    bench().now += LEASE;
    const { claim: fresh } = await takeOver();
    assert.deepEqual(await reach(fresh, 'ride', '3', bench().subject.other), { kind: 'reached', result: '1' });
    assert.deepEqual(await bench().lines(), ['ride']);
  });

  test('several that are reached at the same time are all executed, each once', async () => {
    const { store, other } = bench().subject;
    const claim = await claimed(store);
    const [ride, mail, again] = await Promise.all([
      reach(claim, 'ride', '1'),
      reach(claim, 'mail', '2', other),
      reach(claim, 'ride', '3', other),
    ]);
    assert.deepEqual(mail, { kind: 'reached', result: '2' });
    assert.equal(ride.kind, 'reached');
    assert.deepEqual(again, ride);
    assert.deepEqual((await bench().lines()).sort(), ['mail', 'ride']);
    bench().now += LEASE;
    assert.deepEqual((await takeOver()).points.map(({ phase }) => phase).sort(), ['mail', 'ride']);
  });

  test('a stale owner reaches nothing, and one that has completed or released neither', async () => {
    const stale = await claimed(bench().store);
    bench().now += LEASE;
    const { claim: fresh } = await takeOver();
    assert.deepEqual(await reach(stale, 'late', '1'), { kind: 'lease-lost' });
    assert.deepEqual(await reach({ ...fresh, key: 'another' }, 'late', '1'), { kind: 'lease-lost' });
    await bench().commit(fresh, 'done');
    assert.deepEqual(await reach(fresh, 'late', '1'), { kind: 'lease-lost' });
    const other = { ...ID, key: 'other' };
    const released = await claimed(bench().store, other);
    await bench().store.release(released);
    assert.deepEqual(await reach(released, 'late', '1'), { kind: 'lease-lost' });
    assert.deepEqual(await bench().lines(), ['done']);
  });

  test('what the effect throws is thrown on, the phase is not reached, and the claim stands', async () => {
    const { store } = bench();
    const claim = await claimed(store);
    const failure = new Error('no ride');
    const effect = bench().phaseEffect('half', '1', () => {
      throw failure;
    });
    await assert.rejects(store.checkpoint(claim, 'ride', effect, LEASE), (error) => error === failure);
    assert.deepEqual(await bench().lines(), transactional ? [] : ['half']);
    assert.equal(await store.renew(claim, LEASE), 'renewed');
    bench().now += LEASE;
    assert.deepEqual((await takeOver()).points, []);
  });

  test('the lease counts from the checkpoint', async () => {
    const claim = await claimed(bench().store);
    bench().now += LEASE - 1;
    await reach(claim, 'ride', '1');
    bench().now += LEASE - 1;
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: 1 });
  });

  test('an abandoned claim is taken over at once, by the same request only', async () => {
    const claim = await claimed(bench().store);
    await reach(claim, 'ride', '1');
    assert.equal(await bench().store.renew(claim, 0), 'renewed');
    assert.equal((await bench().store.claim(ID, OTHER_FACTS, LEASE)).kind, 'mismatch');
    const { previous, points } = await takeOver();
    assert.deepEqual([previous, points.length], ['abandoned', 1]);
    assert.deepEqual(await bench().commit(claim, 'stale'), { kind: 'lease-lost' });
  });

  test('a later request under the same key begins at the beginning', async () => {
    await reach(await claimed(bench().store), 'ride', '1');
    bench().now += LEASE + DAY;
    const expired = await takeOver();
    assert.deepEqual([expired.previous, expired.points], ['expired', []]);
    await reach(expired.claim, 'ride', '1');
    await bench().store.release(expired.claim);
    const free = await takeOver();
    assert.deepEqual([free.previous, free.points], ['none', []]);
    await bench().commit(free.claim, 'done', replyOf('done'));
    assert.equal((await bench().store.claim(ID, FACTS, LEASE)).kind, 'completed');
  });

  test('the request id is that of the first, and is told to a mismatch and to a look-up', async () => {
    const { store, other } = bench().subject;
    await claimed(store, ID, NAMED);
    bench().now += LEASE;
    const later = { ...NAMED, requestId: 'req_2' };
    const claim = await claimed(other, ID, later);
    assert.deepEqual(await store.claim(ID, OTHER_FACTS, LEASE), { kind: 'mismatch', original: NAMED });
    assert.equal((await store.lookup(ID))?.requestId, 'req_1');
    await bench().commit(claim);
    assert.deepEqual(await other.claim(ID, OTHER_FACTS, LEASE), { kind: 'mismatch', original: NAMED });
    assert.equal((await store.lookup(ID))?.requestId, 'req_1');
  });

  test('a lease that was granted before the clock was set back ends all the same', async () => {
    const claim = await claimed(bench().store);
    bench().now -= 60 * 60 * 1000;
    assert.equal(await bench().store.renew(claim, LEASE), 'renewed');
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: LEASE });
    bench().now -= 60 * 60 * 1000;
    assert.equal((await bench().store.claim(ID, OTHER_FACTS, LEASE)).kind, 'mismatch');
    const { claim: fresh, previous } = await takeOver();
    assert.equal(previous, 'abandoned');
    assert.deepEqual(await bench().commit(claim, 'stale'), { kind: 'lease-lost' });
    assert.equal((await bench().commit(fresh, 'fresh')).kind, 'stored');
    assert.equal((await bench().store.lookup(ID))?.firstSeenMs, START);
  });

  test('a clock that is set back by less than a lease only prolongs it', async () => {
    await claimed(bench().store);
    bench().now -= LEASE;
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: 2 * LEASE });
  });
}
