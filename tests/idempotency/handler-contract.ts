// What a handler keeps, whatever its store.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type IdempotentOptions,
  idempotent,
  jsonReply,
  LEASE_MS,
  type Reply,
  toReply,
} from '../../src/idempotency/index.ts';
import { Bench, DAY, type StoreUnderTest } from './bench.ts';
import { answerOf, principal, problemOf, type RequestParts, requestOf } from './handler-bench.ts';

/** Runs the suite over one store. @param optimistic whether the handler claims nothing before its transaction. */
export function testHandler<T>(subject: StoreUnderTest<T>, { optimistic = false } = {}): void {
  const bench = async (options: Partial<IdempotentOptions<T>> = {}) => {
    const made = await Bench.make(subject);
    /** Charges: a line in the business data, and a reply that tells how many there are. */
    const charge = idempotent<T>(
      async (request, { transaction }) => {
        const { amount } = (await request.json()) as { amount: number };
        const before = (await made.lines()).length;
        const reply = jsonReply(201, { charge: before + 1, amount }, { Location: `/charges/${before + 1}` });
        return transaction(made.effect(`charge ${amount}`, reply));
      },
      { store: made.store, principal, optimistic, ...options },
    );
    return { made, charge };
  };

  describe(`a handler on ${subject.name}${optimistic ? ' that claims nothing first' : ''}`, () => {
    test('charges once; a retry gets status, bytes and headers again, marked as a replay', async () => {
      const { made, charge } = await bench();
      const first = await answerOf(charge(requestOf()));
      assert.deepEqual([first.status, first.replayed, first.text], [201, false, '{"charge":1,"amount":1000}']);
      assert.equal(first.headers.get('location'), '/charges/1');
      const retry = await answerOf(charge(requestOf()));
      assert.deepEqual([retry.status, retry.replayed, retry.text], [201, true, first.text]);
      assert.equal(retry.headers.get('location'), '/charges/1');
      assert.equal(retry.headers.get('content-type'), 'application/json');
      assert.deepEqual(await made.lines(), ['charge 1000']);
    });

    test('keeps a reply for a day from its completion, and executes again after that', async () => {
      const { made, charge } = await bench();
      await charge(requestOf());
      made.now += DAY - 1;
      assert.equal((await answerOf(charge(requestOf()))).replayed, true);
      made.now += 1;
      const again = await answerOf(charge(requestOf()));
      assert.deepEqual([again.replayed, again.text], [false, '{"charge":2,"amount":1000}']);
    });

    const same: [string, unknown, RequestParts][] = [
      ['the bare spelling of the key', { amount: 1000 }, { key: 'order-4711' }],
      ['another order and spelling of the JSON', '{ "note": [1.0], "amount": 1e3 }', {}],
      ['a charset that says nothing new', { amount: 1000 }, { type: 'Application/JSON; charset="UTF-8"' }],
      ['headers that differ', { amount: 1000 }, { headers: { Date: 'today', Traceparent: '00-1', Accept: '*/*' } }],
    ];
    for (const [what, body, parts] of same) {
      test(`takes for the same request one with ${what}`, async () => {
        const { charge } = await bench();
        await charge(typeof body === 'string' ? requestOf('{"amount":1000,"note":[1]}') : requestOf());
        assert.equal((await answerOf(charge(requestOf(body, parts)))).replayed, true);
      });
    }

    const other: [string, unknown, RequestParts][] = [
      ['body', { amount: 2000 }, {}],
      ['type of a member', { amount: '1000' }, {}],
      ['path', { amount: 1000 }, { target: '/refunds' }],
      ['query', { amount: 1000 }, { target: '/charges?currency=usd' }],
      ['method', { amount: 1000 }, { method: 'PATCH' }],
      ['media type', { amount: 1000 }, { type: 'application/vnd.acme+json' }],
      ['missing media type', { amount: 1000 }, { type: null }],
    ];
    for (const [what, body, parts] of other) {
      test(`refuses another ${what} under a used key, and does no harm to the reply`, async () => {
        const { made, charge } = await bench();
        await charge(requestOf());
        const refused = await answerOf(charge(requestOf(body, parts)));
        const { code, detail, param } = problemOf(refused);
        assert.deepEqual([refused.status, code, param], [409, 'idempotency_conflict', 'Idempotency-Key']);
        assert.match(String(detail), /^The key was first used for POST \/charges/);
        assert.equal((await answerOf(charge(requestOf()))).replayed, true);
        assert.deepEqual(await made.lines(), ['charge 1000']);
      });
    }

    test('keeps the keys of principals apart', async () => {
      const { made, charge } = await bench();
      for (const name of ['alice', 'bob']) {
        const answer = await answerOf(charge(requestOf({ amount: 1000 }, { principal: name })));
        assert.equal(answer.replayed, false);
      }
      const conflict = await answerOf(charge(requestOf({ amount: 7 }, { principal: 'bob' })));
      assert.equal(conflict.status, 409);
      assert.equal((await made.lines()).length, 2);
    });

    if (!optimistic) testClaims(subject);

    test('throws on what the handler throws, with nothing done and the key free', async () => {
      const { made, charge } = await bench();
      const failure = new Error('no');
      const failing = idempotent<T>(
        async (_, { transaction }) =>
          transaction(
            made.effect('half', jsonReply(201, 1), () => {
              throw failure;
            }),
          ),
        { store: made.store, principal, optimistic },
      );
      await assert.rejects(failing(requestOf()), (error) => error === failure);
      assert.deepEqual(await made.lines(), subject.transactional ? [] : ['half']);
      const other = await answerOf(charge(requestOf({ amount: 5 })));
      assert.equal(other.status, 201);
    });

    const TEXT = { headers: { 'Content-Type': 'text/plain' } };
    const bodies: [string, Response | Reply, number][] = [
      ['every byte', new Response(Uint8Array.from({ length: 256 }, (_, index) => index)), 256],
      ['a body that is no UTF-8', new Response(Uint8Array.of(0xff, 0x00, 0xc3, 0x28)), 4],
      ['text that is no UTF-8', new Response(Uint8Array.of(0xff, 0x00, 0xc3, 0x28), TEXT), 4],
      ['text with a byte order mark', new Response(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), TEXT), 4],
      ['text of no type', { status: 200, headers: [], body: Uint8Array.of(0x61) }, 1],
      ['a body of 1 MiB', new Response(noise(1024 * 1024)), 1024 * 1024],
      ['a reply of 1 MiB', { status: 200, headers: [], body: noise(1024 * 1024) }, 1024 * 1024],
      ['an empty body', new Response('', { status: 201 }), 0],
      ['no body', new Response(null, { status: 200 }), 0],
      ['204', new Response(null, { status: 204 }), 0],
      ['205', new Response(null, { status: 205 }), 0],
      ['304', new Response(null, { status: 304, headers: { ETag: '"1"' } }), 0],
      ['a redirection', Response.redirect('https://example.com/charges/1', 303), 0],
      ['404', new Response('no such customer', { status: 404 }), 16],
    ];
    for (const [what, response, length] of bodies) {
      test(`repeats ${what} to the byte`, async () => {
        const made = await Bench.make(subject);
        const reply = response instanceof Response ? await toReply(response.clone()) : response;
        for (const inside of [false, true]) {
          let calls = 0;
          const handle = idempotent<T>(
            async (_, { transaction }) => {
              calls += 1;
              if (inside) return transaction(made.effect('done', reply));
              return response instanceof Response ? response.clone() : response;
            },
            { store: made.store, principal, optimistic },
          );
          const parts = { key: `"inside ${inside}"` };
          const [first, retry] = [
            await answerOf(handle(requestOf({}, parts))),
            await answerOf(handle(requestOf({}, parts))),
          ];
          assert.deepEqual([first.replayed, retry.replayed, calls], [false, true, 1]);
          assert.equal(first.bytes.length, length);
          for (const answer of [first, retry]) {
            assert.equal(answer.status, reply.status);
            assert.ok(Buffer.from(answer.bytes).equals(reply.body));
            for (const name of ['content-type', 'etag', 'location'])
              assert.equal(answer.headers.get(name), new Headers(reply.headers).get(name));
          }
        }
      });
    }

    for (const status of [500, 503, 401, 408, 425, 429]) {
      test(`does not keep ${status} of a request without an effect, and keeps it with one`, async () => {
        const made = await Bench.make(subject);
        let calls = 0;
        const handle = idempotent<T>(
          async (_, { transaction }) => {
            calls += 1;
            if (calls === 1) return new Response('later', { status, headers: { 'X-Once': 'yes' } });
            return transaction(made.effect('half', { status, headers: [], body: new Uint8Array() }));
          },
          { store: made.store, principal, optimistic },
        );
        const first = await answerOf(handle(requestOf()));
        assert.deepEqual([first.status, first.text, first.headers.get('x-once')], [status, 'later', 'yes']);
        const second = await answerOf(handle(requestOf()));
        assert.deepEqual([second.status, second.replayed], [status, false]);
        const third = await answerOf(handle(requestOf()));
        assert.deepEqual([third.status, third.replayed, calls], [status, true, 2]);
        assert.deepEqual(await made.lines(), ['half']);
      });
    }

    test('without a key, where that is allowed, executes each time with the same things at hand', async () => {
      const decisions: unknown[] = [];
      const { made, charge } = await bench({ required: false, observe: (decision) => decisions.push(decision) });
      for (const number of [1, 2]) {
        const answer = await answerOf(charge(requestOf({ amount: 1000 }, { key: null })));
        assert.deepEqual([answer.text, answer.replayed], [`{"charge":${number},"amount":1000}`, false]);
      }
      assert.equal((await answerOf(charge(requestOf()))).text, '{"charge":3,"amount":1000}');
      assert.equal((await answerOf(charge(requestOf()))).replayed, true);
      made.now += 1;
      assert.equal(await made.store.purge(made.now, 10), 2);
      await new Promise(setImmediate);
      assert.deepEqual(
        decisions.map((decision) => (decision as { kind: string }).kind),
        ['claimed', 'stored', 'replayed'],
      );
    });

    test('executes a request once, however many come at the same time', async () => {
      const { made, charge } = await bench();
      const answers = await Promise.all(Array.from({ length: 20 }, () => answerOf(charge(requestOf()))));
      for (const { status, text } of answers) {
        if (status === 201) assert.equal(text, '{"charge":1,"amount":1000}');
        else assert.match(text, /idempotency_in_progress/);
      }
      assert.equal(answers.filter(({ status, replayed }) => status === 201 && !replayed).length, 1);
      assert.deepEqual(await made.lines(), ['charge 1000']);
    });
  });
}

/** What holds only while the key is claimed. */
function testClaims<T>(subject: StoreUnderTest<T>): void {
  test('tells a retry to wait while the first request is at work, whole seconds, at least one', async () => {
    const made = await Bench.make(subject);
    const waits: unknown[] = [];
    const slow = idempotent<T>(
      async () => {
        for (const passed of [0, 500, 2499]) {
          made.now += passed;
          const retry = await answerOf(slow(requestOf()));
          const { code, detail } = problemOf(retry);
          assert.equal(code, 'idempotency_in_progress');
          waits.push([retry.status, retry.headers.get('retry-after'), detail]);
        }
        return new Response('done');
      },
      { store: made.store, principal, heartbeatMs: 600_000 },
    );
    assert.equal((await answerOf(slow(requestOf()))).text, 'done');
    const words = (wait: string) => `The first request with this key is still running. Send this one again in ${wait}.`;
    assert.deepEqual(waits, [
      [409, '3', words('3 seconds')],
      [409, '3', words('3 seconds')],
      [409, '1', words('1 second')],
    ]);
    assert.equal(LEASE_MS, 3000);
  });

  test('gives a request whose claim was taken over the way to whoever has it', async () => {
    const made = await Bench.make(subject);
    let calls = 0;
    const charge: (request: Request) => Promise<Response> = idempotent<T>(
      async (_, { transaction }) => {
        calls += 1;
        const number = calls;
        if (number === 1) {
          made.now += LEASE_MS;
          assert.equal((await answerOf(charge(requestOf()))).text, '2');
        }
        return transaction(made.effect(`effect ${number}`, jsonReply(201, number)));
      },
      { store: made.store, principal, heartbeatMs: 600_000 },
    );
    const stale = await answerOf(charge(requestOf()));
    assert.deepEqual([stale.status, problemOf(stale).code], [409, 'idempotency_in_progress']);
    assert.deepEqual(await made.lines(), ['effect 2']);
    assert.deepEqual((await answerOf(charge(requestOf()))).text, '2');
  });
}

/** Bytes without a pattern that a text encoding would survive. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (state * 48271) % 0x7fffffff;
    return state & 0xff;
  });
}
