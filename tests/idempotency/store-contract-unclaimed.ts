// The part of the contract of stores that is about requests that claim nothing: effect, record and reply in one step.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordId, Reply } from '../../src/idempotency/index.ts';
import {
  type Bench,
  claimed,
  commitUnclaimed,
  DAY,
  FACTS,
  ID,
  LEASE,
  OTHER_FACTS,
  RETAIN,
  replyOf,
  START,
} from './bench.ts';

export function testUnclaimed<T>(bench: () => Bench<T>, transactional: boolean): void {
  testStored(bench);
  testKnown(bench);
  testFailing(bench, transactional);
  testAtOnce(bench, transactional);
}

const keys = (count: number): RecordId[] => Array.from({ length: count }, (_, index) => ({ ...ID, key: `k${index}` }));

function testStored<T>(bench: () => Bench<T>): void {
  const replies: [string, Reply][] = [
    ['text', replyOf('{"id":"ch_1"}\n')],
    ['no body', replyOf('', 204)],
    ['what is no UTF-8', replyOf(Uint8Array.of(0xc3, 0x28, 0xff, 0, 0x0a, 0x0d), 404)],
    ['every byte', replyOf(Uint8Array.from({ length: 256 }, (_, byte) => byte))],
    ['no headers', { ...replyOf('x', 500), headers: [] }],
    ['quotes and a backslash in a header', { ...replyOf("it's"), headers: [['X', '"\\ é \'$1']] }],
  ];
  for (const [what, reply] of replies) {
    test(`it is executed, and its reply is what all others get: ${what}`, async () => {
      assert.deepEqual(await bench().commitUnclaimed('one', { reply }), { kind: 'stored', reply });
      assert.deepEqual(await bench().lines(), ['one']);
      for (const store of [bench().store, bench().subject.other])
        assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply });
    });
  }

  test('it is told what it was, since and until when', async () => {
    const { fingerprint: _, ...told } = { ...FACTS, requestId: 'req_1' };
    await bench().commitUnclaimed('done', { facts: { ...FACTS, requestId: 'req_1' }, reply: replyOf('x', 402) });
    bench().now += 500;
    const times = { firstSeenMs: START, expiresMs: START + RETAIN };
    const info = { state: 'completed', status: 402, ...told, ...times };
    assert.deepEqual(await bench().subject.other.lookup(ID), info);
    assert.deepEqual(await bench().store.claim(ID, OTHER_FACTS, LEASE), {
      kind: 'mismatch',
      original: { ...FACTS, requestId: 'req_1' },
    });
  });

  test('it is kept for as long as was asked for, by the store’s clock', async () => {
    await bench().commitUnclaimed('done', { retainMs: 2 * DAY });
    bench().now += 2 * DAY - 1;
    assert.equal(await bench().kindOf(), 'completed');
    assert.equal(await bench().store.purge(Number.MAX_SAFE_INTEGER, 10), 0);
    bench().now += 1;
    assert.equal(await bench().store.lookup(ID), undefined);
    assert.equal(await bench().kindOf(OTHER_FACTS), 'claimed');
  });

  test('what the caller does with the bytes later does not reach what is stored', async () => {
    const reply = replyOf('as it was');
    await bench().commitUnclaimed('done', { reply });
    reply.body.fill(0);
    reply.headers.push(['X', 'late']);
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('as it was') });
  });

  test('the same key of another principal is another one', async () => {
    const other = { ...ID, principal: 'sbx_2' };
    await bench().commitUnclaimed('one');
    assert.equal((await bench().commitUnclaimed('two', { id: other, facts: OTHER_FACTS })).kind, 'stored');
    assert.deepEqual(await bench().lines(), ['one', 'two']);
    assert.equal(await bench().kindOf(), 'completed');
    assert.equal(await bench().kindOf(OTHER_FACTS, other), 'completed');
  });

  test('no token is of use against it, neither an older one nor one that is made up', async () => {
    const { store } = bench();
    const released = await claimed(store);
    await store.release(released);
    assert.equal((await bench().commitUnclaimed('done')).kind, 'stored');
    for (const claim of [released, { ...ID, token: 0 }, { ...ID, token: released.token + 1 }]) {
      assert.deepEqual(await bench().commit(claim, 'again'), { kind: 'lease-lost' });
      assert.equal(await store.renew(claim, LEASE), 'lease-lost');
      await store.release(claim);
    }
    assert.equal(await bench().kindOf(), 'completed');
    assert.deepEqual(await bench().lines(), ['done']);
  });
}

function testKnown<T>(bench: () => Bench<T>): void {
  /** Nothing is done, from wherever it is tried, and whatever the request. */
  const assertKnown = async () => {
    const before = await bench().lines();
    for (const store of [bench().store, bench().subject.other]) {
      for (const facts of [FACTS, OTHER_FACTS])
        assert.deepEqual(await bench().commitUnclaimed('again', { facts, store }), { kind: 'known' });
    }
    assert.deepEqual(await bench().lines(), before);
  };

  test('a key that somebody is at work under is known, and the owner is not disturbed', async () => {
    const claim = await claimed(bench().store);
    await assertKnown();
    assert.equal((await bench().commit(claim, 'done')).kind, 'stored');
    assert.deepEqual(await bench().lines(), ['done']);
  });

  test('a key whose request is completed is known, and its reply stays', async () => {
    await bench().complete();
    await assertKnown();
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
  });

  test('a key whose request was completed without a claim is known, and its reply stays', async () => {
    await bench().commitUnclaimed('first');
    await assertKnown();
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('first') });
  });

  test('a key that was abandoned is known, and may be taken over with what is behind it', async () => {
    const claim = await claimed(bench().store);
    await bench().store.checkpoint(claim, 'ride', () => '1', LEASE);
    bench().now += LEASE;
    await assertKnown();
    const outcome = await bench().store.claim(ID, FACTS, LEASE);
    assert.ok(outcome.kind === 'claimed' && outcome.previous === 'abandoned', outcome.kind);
    assert.deepEqual(outcome.points, [{ phase: 'ride', result: '1' }]);
  });

  test('a key that has expired is known until it is purged', async () => {
    await bench().complete();
    bench().now += RETAIN;
    await assertKnown();
    assert.equal(await bench().store.purge(bench().now, 10), 1);
    assert.equal((await bench().commitUnclaimed('next')).kind, 'stored');
  });

  test('a key that was given up is free', async () => {
    await bench().store.release(await claimed(bench().store));
    assert.equal((await bench().commitUnclaimed('done')).kind, 'stored');
  });
}

function testFailing<T>(bench: () => Bench<T>, transactional: boolean): void {
  test('what it throws is thrown on, and neither its writes nor a record stay', async () => {
    const failure = new Error('the till is closed');
    const effect = bench().effect('half', replyOf('half'), () => {
      throw failure;
    });
    await assert.rejects(commitUnclaimed(bench().store, effect), (error) => error === failure);
    assert.deepEqual(await bench().lines(), transactional ? [] : ['half']);
    assert.equal(await bench().subject.other.lookup(ID), undefined);
    assert.equal((await bench().commitUnclaimed('whole', { facts: OTHER_FACTS })).kind, 'stored');
    assert.equal((await bench().lines()).at(-1), 'whole');
  });

  test('one without a reply is a mistake, and neither its writes nor a record stay', async () => {
    const effect = bench().effect('half', undefined as unknown as Reply);
    await assert.rejects(commitUnclaimed(bench().store, effect), TypeError);
    assert.deepEqual(await bench().lines(), transactional ? [] : ['half']);
    assert.equal(await bench().store.lookup(ID), undefined);
    assert.equal((await bench().commitUnclaimed('whole')).kind, 'stored');
  });

  test('what one throws does not disturb those that are committed at the same time', async () => {
    const ids = keys(10);
    const fail = () => {
      throw new Error('odd');
    };
    const outcomes = await Promise.allSettled(
      ids.map((id, index) =>
        commitUnclaimed(bench().store, bench().effect(`line ${index}`, replyOf(''), index % 2 ? fail : undefined), {
          id,
        }),
      ),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ids.map((_, index) => (index % 2 ? 'rejected' : 'fulfilled')),
    );
    const stays = (index: number) => !transactional || index % 2 === 0;
    const lines = ids.flatMap((_, index) => (stays(index) ? [`line ${index}`] : []));
    assert.deepEqual((await bench().lines()).sort(), lines);
    for (const [index, id] of ids.entries())
      assert.equal(await bench().kindOf(FACTS, id), index % 2 ? 'claimed' : 'completed');
  });
}

function testAtOnce<T>(bench: () => Bench<T>, transactional: boolean): void {
  const side = (index: number) => bench().subject[index % 2 ? 'other' : 'store'];

  test('of many at once one is stored, and its effect is there once', async () => {
    const commits = Array.from({ length: 20 }, (_, index) =>
      bench().commitUnclaimed(`line ${index}`, { store: side(index) }),
    );
    const outcomes = await Promise.all(commits);
    assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), [...Array(19).fill('known'), 'stored']);
    const line = `line ${outcomes.findIndex(({ kind }) => kind === 'stored')}`;
    assert.deepEqual(await bench().lines(), [line]);
    assert.deepEqual(await bench().store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf(line) });
  });

  test('those with keys of their own do not meet', async () => {
    const ids = keys(40);
    const outcomes = await Promise.all(
      ids.map((id, index) => bench().commitUnclaimed(`line ${index}`, { id, store: side(index) })),
    );
    outcomes.forEach((outcome, index) => {
      assert.deepEqual(outcome, { kind: 'stored', reply: replyOf(`line ${index}`) });
    });
    assert.equal(new Set(await bench().lines()).size, 40);
  });

  test('beside somebody who claims the key, one of the two is executed', async () => {
    const claiming = async (id: RecordId, store = bench().store): Promise<string> => {
      const outcome = await store.claim(id, FACTS, LEASE);
      if (outcome.kind !== 'claimed') return outcome.kind;
      return (await bench().commit(outcome.claim, id.key, replyOf('claimed'), RETAIN, store)).kind;
    };
    const unclaimed = async (id: RecordId, store = bench().store): Promise<string> =>
      (await bench().commitUnclaimed(id.key, { id, store, reply: replyOf('unclaimed') })).kind;
    const ids = keys(20);
    for (const [index, id] of ids.entries()) {
      const ways = [claiming(id, side(index)), unclaimed(id, side(index + 1))];
      const kinds = await Promise.all(index % 4 < 2 ? ways : ways.reverse());
      assert.equal(kinds.filter((kind) => kind === 'stored').length, 1, kinds.join());
      assert.equal(await bench().kindOf(FACTS, id), 'completed');
    }
    assert.deepEqual((await bench().lines()).sort(), ids.map(({ key }) => key).sort());
  });

  test('one that fails leaves the key to another, which may even be the reason that it is told', async () => {
    const fail = () => {
      throw new Error('no');
    };
    const failing = commitUnclaimed(bench().store, bench().effect('half', replyOf(''), fail)).catch(
      ({ message }) => message,
    );
    let kind = 'known';
    for (let time = 0; time < 1000 && kind === 'known'; time += 1) {
      await new Promise(setImmediate);
      ({ kind } = await bench().commitUnclaimed('whole'));
    }
    assert.equal(kind, 'stored');
    const told = await failing;
    assert.ok(told === 'no' || told.kind === 'known', told);
    assert.equal(await bench().kindOf(), 'completed');
    assert.deepEqual(await bench().lines(), transactional ? ['whole'] : ['half', 'whole']);
  });
}
