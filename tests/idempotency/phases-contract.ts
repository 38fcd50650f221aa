// What the phases of a request keep, whatever its store.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { derivedKey, type Execution, execute, LEASE_MS, type Reply, type Work } from '../../src/idempotency/index.ts';
import { Bench, claimed, FACTS, ID, OTHER_FACTS, replyOf, type StoreUnderTest } from './bench.ts';

/** Longer than any of these tests takes: no heart beats. */
const NO_HEARTBEAT = { heartbeatMs: 600_000 };
const DONE = replyOf('done');

/** What a process does that has been killed: nothing. The owners that wait for it end with the tests, and their timers. */
const { promise: forEver, reject: endAll } = Promise.withResolvers<never>();
forEver.catch(() => undefined);
after(() => endAll(new Error('the tests are over')));

/** Runs the suite over one store. */
export function testPhases<T>(subject: StoreUnderTest<T>): void {
  const run = (bench: Bench<T>, work: (work: Work<T>) => Promise<Reply>, facts = FACTS): Promise<Execution> =>
    execute(bench.store, ID, facts, work, NO_HEARTBEAT);
  const write = (bench: Bench<T>, line: string) => (transaction: T) => {
    const written = bench.subject.write(transaction, line);
    return written instanceof Promise ? written.then(() => line) : line;
  };
  /** Begins as a process that is killed at `crashed()`: nothing of it comes to an end any more. */
  const crash = async (bench: Bench<T>, work: (work: Work<T>, crashed: () => Promise<never>) => Promise<unknown>) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const crashed = () => {
      resolve();
      return forEver;
    };
    run(bench, async (tools) => {
      await work(tools, crashed);
      return crashed();
    }).catch(() => undefined);
    await promise;
    bench.now += LEASE_MS;
  };

  describe(`phases on ${subject.name}`, () => {
    test('that are behind a request are not executed again by the one that takes over', async () => {
      const bench = await Bench.make(subject);
      await crash(bench, async ({ phase }) => {
        assert.equal(await phase('ride', write(bench, 'ride')), 'ride');
        await phase('nothing', () => undefined);
      });
      const execution = await run(bench, async ({ phase, transaction }) => {
        assert.equal(await phase('ride', write(bench, 'again')), 'ride');
        assert.equal(await phase<null | undefined>('nothing', () => assert.fail('again')), null);
        assert.deepEqual(await phase('fare', () => ({ amount: 7, tax: [1, 'é'] })), { amount: 7, tax: [1, 'é'] });
        return transaction(bench.effect('paid', DONE));
      });
      assert.deepEqual(execution, { kind: 'executed', reply: DONE });
      assert.deepEqual(await bench.lines(), ['ride', 'paid']);
    });

    test('have a result that nobody changes by changing what was returned', async () => {
      const bench = await Bench.make(subject);
      await run(bench, async ({ phase }) => {
        const first = await phase('fare', () => ({ amount: 7 }));
        first.amount = 8;
        assert.deepEqual(await phase('fare', () => assert.fail('again')), { amount: 7 });
        return DONE;
      });
    });

    test('that fail leave the key free when they are the first, and to the same request otherwise', async () => {
      const bench = await Bench.make(subject);
      const failing = (first: boolean) =>
        run(bench, async ({ phase }) => {
          if (!first) await phase('ride', write(bench, 'ride'));
          return phase('pay', () => {
            throw new Error('declined');
          });
        });
      await assert.rejects(failing(true), /declined/);
      assert.equal(await bench.store.lookup(ID), undefined);
      await assert.rejects(failing(false), /declined/);
      // Abandoned: no lease to wait for, but nobody else's.
      assert.equal(await bench.kindOf(OTHER_FACTS), 'mismatch');
      const execution = await run(bench, async ({ phase }) => {
        await phase('ride', write(bench, 'again'));
        return DONE;
      });
      assert.equal(execution.kind, 'executed');
      assert.deepEqual(await bench.lines(), ['ride']);
    });

    for (const status of [500, 429]) {
      test(`leave the key to the same request when it ends in ${status}`, async () => {
        const bench = await Bench.make(subject);
        const reply = replyOf('later', status);
        const execution = await run(bench, async ({ phase }) => {
          await phase('ride', write(bench, 'ride'));
          return reply;
        });
        assert.deepEqual(execution, { kind: 'executed', reply });
        assert.equal(await bench.kindOf(OTHER_FACTS), 'mismatch');
        assert.equal((await run(bench, async () => DONE)).kind, 'executed');
      });
    }

    test('of an owner that has lost its lease are not executed, even if it goes on', async () => {
      const bench = await Bench.make(subject);
      const loses = (goOn: (error: unknown) => Promise<Reply>) =>
        run(bench, async ({ phase, transaction }) => {
          bench.now += LEASE_MS;
          await claimed(bench.subject.other);
          return phase('ride', write(bench, 'stale')).then(() => transaction(bench.effect('stale', DONE)), goOn);
        });
      const told = { kind: 'in-progress', retryAfterMs: LEASE_MS };
      for (const goOn of [
        async (error: unknown) => Promise.reject(error),
        async (error: unknown) => Promise.reject(new Error('wrapped', { cause: error })),
        async () => replyOf('stale'),
        async () => replyOf('stale', 503),
      ]) {
        assert.deepEqual(await loses(goOn), told);
        assert.deepEqual(await bench.lines(), []);
        assert.equal((await bench.store.lookup(ID))?.state, 'in-progress');
        bench.now += LEASE_MS;
      }
      await assert.rejects(
        loses(async () => Promise.reject(new Error('of another kind'))),
        /of another kind/,
      );
      assert.equal((await bench.store.lookup(ID))?.state, 'in-progress', 'it was not released');
    });

    test('follow one another: side by side or inside one another they are refused', async () => {
      const bench = await Bench.make(subject);
      const message =
        /^(phase "b"|the transaction) was begun inside phase "a", or beside it: await one before the next$/;
      const execution = await run(bench, async ({ phase, transaction }) => {
        const a = phase('a', write(bench, 'a'));
        await assert.rejects(phase('b', write(bench, 'b')), { name: 'TypeError', message });
        await assert.rejects(transaction(bench.effect('b', DONE)), { name: 'TypeError', message });
        await a;
        await phase('b', write(bench, 'b'));
        return transaction(bench.effect('c', DONE));
      });
      assert.equal(execution.kind, 'executed');
      assert.deepEqual(await bench.lines(), ['a', 'b', 'c']);
    });

    test('refuse a result that is no JSON, with nothing done', async () => {
      const bench = await Bench.make(subject);
      const results: [unknown, RegExp][] = [
        [() => 1, /^phase "a" returned a function, which JSON does not have$/],
        [1n, /BigInt/],
        // biome-ignore lint/suspicious/noThenProperty: it is what query builders have
        [{ then: () => assert.fail('it was started') }, /returned a query that has not been started: await it$/],
      ];
      for (const [result, message] of results) {
        const failing = run(bench, ({ phase }) => phase('a', () => result).then(() => DONE));
        await assert.rejects(failing, { name: 'TypeError', message });
        assert.equal(await bench.store.lookup(ID), undefined);
      }
    });
  });

  describe(`a foreign call on ${subject.name}`, () => {
    test('has a derived key, and its result is remembered', async () => {
      const bench = await Bench.make(subject);
      const expected = await derivedKey(ID, FACTS.fingerprint, 'charge');
      const keys: string[] = [];
      const call = async (key: string) => {
        keys.push(key);
        return { id: `ch_${keys.length}` };
      };
      await crash(bench, ({ foreign }) => foreign('charge', call));
      await run(bench, async ({ foreign }) => {
        assert.deepEqual(await foreign('charge', call), { id: 'ch_1' });
        return DONE;
      });
      assert.deepEqual(keys, [expected]);
    });

    test('is made again with the same key when its result was not remembered', async () => {
      const bench = await Bench.make(subject);
      const keys: string[] = [];
      await crash(bench, ({ foreign }, crashed) =>
        foreign('charge', (key) => {
          keys.push(key);
          return crashed();
        }),
      );
      await run(bench, async ({ foreign }) => {
        await foreign('charge', async (key) => keys.push(key));
        return DONE;
      });
      assert.equal(keys.length, 2);
      assert.equal(keys[0], keys[1]);
    });

    test('that fails may have changed something: only the same request may go on', async () => {
      const bench = await Bench.make(subject);
      const failing = run(bench, ({ foreign }) => foreign('charge', async () => Promise.reject(new Error('timeout'))));
      await assert.rejects(failing, /timeout/);
      assert.equal(await bench.kindOf(OTHER_FACTS), 'mismatch');
      assert.equal((await run(bench, async () => DONE)).kind, 'executed');
    });

    test('that is under way when the work fails keeps the key from others as well', async () => {
      const bench = await Bench.make(subject);
      let calls = 0;
      const failing = run(bench, async ({ foreign }) => {
        const call = foreign('charge', async () => {
          calls += 1;
        });
        call.catch(() => undefined);
        throw new Error('at once');
      });
      await assert.rejects(failing, /at once/);
      await sleep(5);
      // It comes too late to be made, or was made; either way nobody else has the key.
      assert.ok(calls <= 1);
      assert.equal(await bench.kindOf(OTHER_FACTS), 'mismatch');
    });

    test('that succeeds after one beside it has failed is remembered, and holds nobody up', async () => {
      const bench = await Bench.make(subject);
      const { promise, resolve } = Promise.withResolvers<string>();
      let late: Promise<string> | undefined;
      const failing = run(bench, async ({ foreign }) => {
        late = foreign('slow', () => promise);
        await Promise.all([late, foreign('quick', async () => Promise.reject(new Error('refused')))]);
        return DONE;
      });
      await assert.rejects(failing, /refused/);
      resolve('done');
      await late;
      const execution = await run(bench, async ({ foreign }) => {
        assert.equal(await foreign('slow', async () => assert.fail('again')), 'done');
        return DONE;
      });
      assert.equal(execution.kind, 'executed');
    });

    test('is not begun after the end of the work', async () => {
      const bench = await Bench.make(subject);
      let late: Work<T> | undefined;
      await run(bench, async (tools) => {
        late = tools;
        return DONE;
      });
      await assert.rejects(late?.foreign('charge', async () => assert.fail('it was made')) ?? assert.fail(), {
        name: 'LeaseLost',
      });
    });

    test('goes on beside others, whose results are all remembered', async () => {
      const bench = await Bench.make(subject);
      const names = ['a', 'b', 'c', 'd'];
      await crash(bench, async ({ foreign, phase }) => {
        const calls = Promise.all(names.map((name) => foreign(name, async () => name.toUpperCase())));
        await phase('between', write(bench, 'between'));
        assert.deepEqual(await calls, ['A', 'B', 'C', 'D']);
      });
      await run(bench, async ({ foreign, transaction }) => {
        for (const name of names)
          assert.equal(await foreign(name, async () => assert.fail('again')), name.toUpperCase());
        return transaction(bench.effect('done', DONE));
      });
      assert.deepEqual(await bench.lines(), ['between', 'done']);
    });
  });
}
