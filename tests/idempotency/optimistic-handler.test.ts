// A handler that claims nothing before its transaction: `idempotent` with `optimistic`.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HandlerWork, type IdempotentOptions, idempotent, jsonReply } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { answerOf, principal, problemOf, requestOf } from './handler-bench.ts';

type Handler = (request: Request, work: HandlerWork<undefined>) => Promise<Response>;

/** A server with processes that have the same records, and each its own memory of the keys that it has met. */
function server() {
  const store = new MemoryStore();
  return {
    store,
    process: (handler: Handler, options: Partial<IdempotentOptions<undefined>> = {}) =>
      idempotent<undefined>(handler, { store: new Proxy(store, {}), principal, optimistic: true, ...options }),
  };
}

const REPLY = jsonReply(201, 'done', { Location: '/charges/1', 'Set-Cookie': 'a=1' });
const charge: Handler = async (_, { transaction }) => {
  const { status, headers, body } = await transaction(() => REPLY);
  return new Response(body, { status, headers: [...headers, ['X-Added', 'yes']] });
};

describe('a handler that claims nothing first', () => {
  test('sends its reply in full, and what another process repeats is what is stored', async () => {
    const { process } = server();
    const first = await answerOf(process(charge)(requestOf()));
    assert.deepEqual([first.status, first.text, first.replayed], [201, '"done"', false]);
    assert.deepEqual([first.headers.get('x-added'), first.headers.getSetCookie()], ['yes', ['a=1']]);
    const retry = await answerOf(process(charge)(requestOf()));
    assert.deepEqual([retry.status, retry.text, retry.replayed], [201, '"done"', true]);
    assert.deepEqual(Object.fromEntries(retry.headers), {
      'content-type': 'application/json',
      'idempotent-replayed': 'true',
      location: '/charges/1',
    });
  });

  const reactions: Record<string, Handler> = {
    'answers something else': async (_, { transaction }) =>
      transaction(() => REPLY).then(
        () => assert.fail(),
        () => new Response('sorry', { status: 404 }),
      ),
    'answers something that cannot be stored': async (_, { transaction }) => {
      await assert.rejects(transaction(() => REPLY));
      return new Response('x'.repeat(100));
    },
    'answers nothing': async (_, { transaction }) => {
      void transaction(() => REPLY);
      return undefined as unknown as Response;
    },
    'throws a response': async (_, { transaction }) => {
      await assert.rejects(transaction(() => REPLY));
      throw new Response('sorry', { status: 404 });
    },
    'fails at once': async (_, { transaction }) => {
      void transaction(() => REPLY);
      throw new Error('impatient');
    },
    'fails later': async (_, { transaction }) => {
      void transaction(() => REPLY);
      await new Promise(setImmediate);
      throw new Error('no connection');
    },
    'fails before': async () => {
      throw new Error('out of stock');
    },
    'asks for a retry': async () => new Response('later', { status: 503 }),
  };
  for (const [what, handler] of Object.entries(reactions)) {
    test(`repeats the stored answer to a retry elsewhere, also if it ${what} then`, async () => {
      const { process } = server();
      await process(charge)(requestOf());
      const retry = await answerOf(process(handler, { replyLimitBytes: 50 })(requestOf()));
      assert.deepEqual([retry.status, retry.text, retry.replayed], [201, '"done"', true]);
      await new Promise(setImmediate);
    });
  }

  for (const optimistic of [true, false]) {
    test(`and waits for nothing ends no process when its effect fails${optimistic ? '' : '; nor does one that claims'}`, async () => {
      const { process, store } = server();
      const decline = (): never => {
        throw new Error('declined');
      };
      const careless: Handler = async (_, { transaction }) => {
        void transaction(decline);
        await new Promise(setImmediate);
        throw new Error('also failed');
      };
      await assert.rejects(process(careless, { optimistic })(requestOf()), /also failed/);
      await new Promise(setImmediate);
      assert.equal(await store.lookup({ principal: 'alice', key: 'order-4711' }), undefined);
    });
  }

  test('refuses another request under a used key, and one whose key is at work, elsewhere as well', async () => {
    const { process, store } = server();
    await process(charge)(requestOf());
    const other = await answerOf(process(charge)(requestOf({ amount: 2 })));
    assert.deepEqual([other.status, problemOf(other).code], [409, 'idempotency_conflict']);
    const slow = process(
      async () => {
        const retry = await answerOf(process(charge)(requestOf({}, { key: 'slow' })));
        assert.deepEqual([retry.status, problemOf(retry).code], [409, 'idempotency_in_progress']);
        return new Response('done');
      },
      { optimistic: false },
    );
    assert.equal((await answerOf(slow(requestOf({}, { key: 'slow' })))).text, 'done');
    assert.equal((await store.lookup({ principal: 'alice', key: 'slow' }))?.state, 'completed');
  });

  test('takes over from a process that has given up', async () => {
    const { process } = server();
    const crashing: Handler = async (_, { phase }) => {
      await phase('reserved', () => 1);
      throw new Error('crashed');
    };
    await assert.rejects(process(crashing, { optimistic: false })(requestOf()), /crashed/);
    const answer = await answerOf(process(charge)(requestOf()));
    assert.deepEqual([answer.status, answer.replayed, answer.headers.getSetCookie()], [201, false, ['a=1']]);
    assert.equal((await answerOf(process(charge)(requestOf()))).replayed, true);
  });

  test('has no phase, no foreign call and no token, and is told why', async () => {
    const uses: Handler[] = [
      async (_, { phase }) => new Response(await phase('a', () => 'x')),
      async (_, { foreign }) => new Response(await foreign('a', async () => 'x')),
      async (_, { token }) => new Response(`${token}`),
    ];
    for (const use of uses) {
      const { process, store } = server();
      await assert.rejects(process(use)(requestOf()), { name: 'TypeError', message: /leave "optimistic" out/ });
      assert.equal(await store.lookup({ principal: 'alice', key: 'order-4711' }), undefined);
    }
  });

  test('without a key, where that is allowed, executes each time', async () => {
    const { process } = server();
    let executions = 0;
    const handle = process(
      async (_, { key, transaction, principal }) => {
        const reply = await transaction(() => jsonReply(201, [key ?? null, principal, ++executions]));
        return new Response(reply.body, reply);
      },
      { required: false },
    );
    for (const number of [1, 2]) {
      const answer = await answerOf(handle(requestOf({}, { key: null })));
      assert.deepEqual([answer.text, answer.replayed], [`[null,"alice",${number}]`, false]);
    }
  });

  test('undoes an effect whose reply is beyond the limit', async () => {
    const { process } = server();
    await assert.rejects(process(charge, { replyLimitBytes: 3 })(requestOf()), { name: 'RangeError' });
    assert.equal((await answerOf(process(charge)(requestOf()))).replayed, false);
  });

  test('that was executed before its answer was found too large is told so, and so are retries elsewhere', async () => {
    const { process } = server();
    const large = () => process(async () => new Response('x'.repeat(100)), { replyLimitBytes: 50 })(requestOf());
    const [first, retry] = [await answerOf(large()), await answerOf(large())];
    assert.deepEqual([first.status, problemOf(first).code, first.replayed], [500, 'reply_too_large', false]);
    assert.deepEqual([retry.status, retry.text, retry.replayed], [500, first.text, true]);
  });
});
