// What every store has to do, whatever it keeps its records in. A store's own test file runs this with a way to make one.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import type { RecordId, Reply } from '../../src/idempotency/index.ts';
import {
  Bench,
  claimed,
  DAY,
  FACTS,
  ID,
  LEASE,
  OTHER_FACTS,
  RETAIN,
  replyOf,
  START,
  type StoreUnderTest,
} from './bench.ts';
import { testCommit, testConcurrency, testLookup, testPurge, testRelease } from './store-contract-commit.ts';
import { testPhases } from './store-contract-phases.ts';
import { testUnclaimed } from './store-contract-unclaimed.ts';

/** Runs the contract. */
export function testStore<T>(under: StoreUnderTest<T>): void {
  describe(`a ${under.name} store`, () => {
    let bench: Bench<T>;
    beforeEach(async () => {
      bench = await Bench.make(under);
    });
    const held = () => bench;
    describe('when a key is claimed', () => testClaim(held));
    describe('when a lease has ended', () => testTakeOver(held));
    describe('when a claim is renewed', () => testRenew(held));
    describe('when an effect is committed', () => testCommit(held, under.transactional));
    describe('when an effect is committed under a key that nobody has claimed', () =>
      testUnclaimed(held, under.transactional));
    describe('when a phase is reached', () => testPhases(held, under.transactional));
    describe('when a claim is released', () => testRelease(held));
    describe('when a key is looked up', () => testLookup(held));
    describe('when records are purged', () => testPurge(held));
    describe('with many at once', () => testConcurrency(held));
  });
}

function testClaim<T>(bench: () => Bench<T>): void {
  test('one owns it, and everybody else is told how long to wait', async () => {
    await claimed(bench().store);
    bench().now += 1000;
    for (const store of [bench().store, bench().subject.other])
      assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: 2000 });
    bench().now += 1999;
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: 1 });
  });

  for (const [what, reply] of [
    ['text', replyOf('{"id":"ch_1"}\n')],
    ['no body', replyOf('', 204)],
    [
      'every byte',
      replyOf(
        Uint8Array.from({ length: 256 }, (_, byte) => byte),
        200,
      ),
    ],
    ['what is no UTF-8', replyOf(Uint8Array.of(0xc3, 0x28, 0xff, 0, 0xed, 0xa0, 0x80), 404)],
    ['a mebibyte', replyOf(randomBytes(1024 * 1024), 422)],
    ['no headers', { ...replyOf('x', 500), headers: [] }],
    [
      'a header twice, and one with quotes',
      {
        ...replyOf('x', 599),
        headers: [
          ['Link', '<a>'],
          ['link', '<b>'],
          ['X', '"\\ é ,'],
        ] as Reply['headers'],
      },
    ],
  ] as [string, Reply][]) {
    test(`a completed request is answered as it was before: ${what}`, async () => {
      await bench().complete(ID, FACTS, reply);
      for (const store of [bench().store, bench().subject.other])
        assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply });
      assert.deepEqual(await bench().lines(), ['done']);
    });
  }

  test('another request is a mismatch, while the first is in progress and after it, and harms neither', async () => {
    const claim = await claimed(bench().store);
    const mismatch = { kind: 'mismatch', original: FACTS };
    assert.deepEqual(await bench().store.claim(ID, OTHER_FACTS, LEASE), mismatch);
    assert.equal(await bench().store.renew(claim, LEASE), 'renewed');
    const reply = replyOf('first');
    assert.deepEqual(await bench().commit(claim, 'first', reply), { kind: 'stored', reply });
    assert.deepEqual(await bench().subject.other.claim(ID, OTHER_FACTS, LEASE), mismatch);
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'completed', reply });
  });

  test('only the fingerprint decides whether a request is the same', async () => {
    await claimed(bench().store);
    assert.equal(await bench().kindOf({ ...OTHER_FACTS, fingerprint: FACTS.fingerprint }), 'in-progress');
    assert.equal(await bench().kindOf({ ...FACTS, fingerprint: FACTS.fingerprint.toUpperCase() }), 'mismatch');
  });

  test('a reply that has expired is as if it had never been, whether purged or not', async () => {
    await bench().complete();
    bench().now += RETAIN - 1;
    assert.equal(await bench().kindOf(FACTS), 'completed');
    bench().now += 1;
    assert.equal(await bench().kindOf(OTHER_FACTS), 'claimed');
    await bench().complete();
    bench().now += RETAIN;
    assert.equal(await bench().store.purge(bench().now, 10), 1);
    assert.equal(await bench().kindOf(OTHER_FACTS), 'claimed');
  });

  for (const [a, b] of [
    [
      { principal: 'a', key: 'k' },
      { principal: 'b', key: 'k' },
    ],
    [
      { principal: 'a', key: 'k' },
      { principal: 'a', key: 'K' },
    ],
    [
      { principal: 'a', key: 'k' },
      { principal: 'A', key: 'k' },
    ],
    [
      { principal: 'a', key: 'k' },
      { principal: 'a', key: 'k ' },
    ],
    [
      { principal: 'a', key: 'b:c' },
      { principal: 'a:b', key: 'c' },
    ],
    [
      { principal: 'a', key: '","b' },
      { principal: 'a","', key: 'b' },
    ],
    [
      { principal: 'a', key: '%' },
      { principal: 'a', key: '_' },
    ],
    [
      { principal: '', key: 'ab' },
      { principal: 'a', key: 'b' },
    ],
    [
      { principal: 'a', key: '1' },
      { principal: 'a', key: '1.0' },
    ],
    [
      { principal: 'a', key: `${'x'.repeat(254)}1` },
      { principal: 'a', key: `${'x'.repeat(254)}2` },
    ],
  ] as [RecordId, RecordId][]) {
    test(`${JSON.stringify([a.principal, a.key.slice(-9)])} is another key than ${JSON.stringify([b.principal, b.key.slice(-9)])}`, async () => {
      await bench().complete(a, FACTS, replyOf('a'));
      assert.equal(await bench().store.lookup(b), undefined);
      const claim = await claimed(bench().store, b, OTHER_FACTS);
      assert.deepEqual(await bench().store.claim(a, FACTS, LEASE), { kind: 'completed', reply: replyOf('a') });
      await bench().store.release(claim);
      assert.equal(await bench().kindOf(FACTS, a), 'completed');
    });
  }

  test('all the characters that a key may have are kept', async () => {
    const key = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index)).join('');
    await bench().complete({ principal: 'é"日', key });
    assert.equal(await bench().kindOf(FACTS, { principal: 'é"日', key }), 'completed');
    assert.equal(await bench().kindOf(FACTS, { principal: 'é', key }), 'claimed');
  });

  test('tokens grow, and none is used again after a release or a purge', async () => {
    const { store, other } = bench().subject;
    const tokens: number[] = [];
    const draw = async (id: RecordId, from = store) => {
      const claim = await claimed(from, id);
      tokens.push(claim.token);
      return claim;
    };
    await draw({ principal: 'p', key: 'a' });
    await store.release(await draw({ principal: 'p', key: 'b' }));
    await store.release(await draw({ principal: 'p', key: 'b' }, other));
    await bench().commit(await draw({ principal: 'p', key: 'b' }));
    bench().now += 2 * DAY;
    assert.equal(await store.purge(bench().now, 10), 2);
    await draw({ principal: 'p', key: 'a' });
    bench().now += LEASE;
    await draw({ principal: 'p', key: 'a' }, other);
    assert.deepEqual(
      tokens,
      [...new Set(tokens)].sort((a, b) => a - b),
    );
    assert.ok(tokens.every(Number.isSafeInteger));
  });
}

function testTakeOver<T>(bench: () => Bench<T>): void {
  test('the same request takes over with a greater token, and the stale owner can do nothing any more', async () => {
    const stale = await claimed(bench().store);
    bench().now += LEASE;
    const fresh = await claimed(bench().subject.other);
    assert.ok(fresh.token > stale.token);
    assert.equal(await bench().store.renew(stale, LEASE), 'lease-lost');
    assert.deepEqual(await bench().commit(stale, 'stale'), { kind: 'lease-lost' });
    await bench().store.release(stale);
    assert.equal(await bench().kindOf(), 'in-progress');
    assert.deepEqual(await bench().commit(fresh, 'fresh'), { kind: 'stored', reply: replyOf('fresh') });
    assert.deepEqual(await bench().commit(stale, 'stale'), { kind: 'lease-lost' });
    await bench().store.release(stale);
    assert.equal(await bench().kindOf(), 'completed');
    assert.deepEqual(await bench().lines(), ['fresh']);
  });

  test('another request does not, for as long as the abandoned claim is remembered', async () => {
    await claimed(bench().store);
    bench().now += LEASE;
    assert.deepEqual(await bench().store.claim(ID, OTHER_FACTS, LEASE), { kind: 'mismatch', original: FACTS });
    bench().now += DAY - 1;
    assert.equal(await bench().kindOf(OTHER_FACTS), 'mismatch');
    bench().now += 1;
    assert.equal(await bench().kindOf(OTHER_FACTS), 'claimed');
  });

  test('the next lease counts from the take-over', async () => {
    await claimed(bench().store);
    bench().now += 10 * LEASE;
    await claimed(bench().store, ID, FACTS, 5000);
    bench().now += 4000;
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: 1000 });
  });

  test('the key is known since the first claim', async () => {
    await claimed(bench().store);
    bench().now += LEASE;
    await claimed(bench().store);
    assert.equal((await bench().store.lookup(ID))?.firstSeenMs, START);
  });
}

function testRenew<T>(bench: () => Bench<T>): void {
  test('the lease counts from now', async () => {
    const claim = await claimed(bench().store);
    bench().now += 2000;
    assert.equal(await bench().subject.other.renew(claim, LEASE), 'renewed');
    bench().now += LEASE - 1;
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: 1 });
    bench().now += 1;
    assert.equal(await bench().kindOf(), 'claimed');
  });

  test('also when it has ended and nobody has taken over', async () => {
    const claim = await claimed(bench().store);
    bench().now += 10 * LEASE;
    assert.equal(await bench().store.renew(claim, LEASE), 'renewed');
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'in-progress', retryAfterMs: LEASE });
  });

  test('it is remembered for so much longer', async () => {
    const claim = await claimed(bench().store);
    bench().now += DAY;
    assert.equal(await bench().store.renew(claim, LEASE), 'renewed');
    bench().now += DAY;
    assert.equal(await bench().kindOf(OTHER_FACTS), 'mismatch');
    assert.equal((await bench().store.lookup(ID))?.expiresMs, START + 2 * DAY + LEASE);
  });

  test('it is lost once the request is completed, released, or was never claimed', async () => {
    const { store } = bench();
    assert.equal(await store.renew({ ...ID, token: 1 }, LEASE), 'lease-lost');
    const released = await claimed(store);
    await store.release(released);
    assert.equal(await store.renew(released, LEASE), 'lease-lost');
    const completed = await bench().complete();
    assert.equal(await store.renew(completed, LEASE), 'lease-lost');
    assert.equal(await bench().kindOf(), 'completed');
  });

  test('a token is of use for its own key only', async () => {
    const claim = await claimed(bench().store);
    assert.equal(await bench().store.renew({ ...claim, key: 'another' }, LEASE), 'lease-lost');
    assert.equal(await bench().store.renew({ ...claim, principal: 'another' }, LEASE), 'lease-lost');
  });
}
