import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type HandlerWork,
  type IdempotentOptions,
  idempotent,
  jsonReply,
  REPLAYED_HEADERS,
  type Reply,
  toReply,
} from '../../src/idempotency/index.ts';
import { answerOf, memory, principal, problemOf, requestOf } from './handler-bench.ts';

type Options = Partial<IdempotentOptions<undefined>>;
const done = () => new Response('done');
const handlerOf = (
  handler: (request: Request, work: HandlerWork<undefined>) => unknown = done,
  options: Options = {},
) => idempotent<undefined>(handler as () => Response, { store: memory(), principal, ...options });

describe('the headers', () => {
  const SENT: [string, string][] = [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Content-Language', 'de'],
    ['Location', '/charges/1'],
    ['ETag', '"1"'],
    ['Last-Modified', 'Tue, 24 Nov 2026 08:00:00 GMT'],
    ['Link', '</help>; rel="help"'],
    ['Link', '</terms>; rel="terms-of-service"'],
    ['Cache-Control', 'no-store'],
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['Date', 'Tue, 24 Nov 2026 09:00:00 GMT'],
    ['Keep-Alive', 'timeout=5'],
    ['X-Request-Id', 'req_1'],
    ['X-Balance', '7'],
    // Of a service behind this one.
    ['Idempotent-Replayed', 'true'],
  ];
  const listed = (headers: Headers) => [...headers].filter(([name]) => name !== 'idempotent-replayed');
  const replayedBy = (names: readonly string[]) => listed(new Headers(SENT)).filter(([name]) => names.includes(name));

  for (const [what, handler] of [
    ['a response', () => new Response('x', { headers: SENT })],
    ['a reply', (): Reply => ({ status: 200, headers: SENT, body: Uint8Array.of(0x78) })],
    [
      'a transaction',
      (_: Request, { transaction }: HandlerWork<undefined>) =>
        transaction(() => ({ status: 200, headers: SENT, body: Uint8Array.of(0x78) })),
    ],
  ] as const) {
    test(`of ${what} are all sent the first time, and those of the allow-list the next`, async () => {
      const handle = handlerOf(handler);
      const first = await answerOf(handle(requestOf()));
      assert.deepEqual(listed(first.headers), listed(new Headers(SENT)));
      assert.deepEqual([first.replayed, first.headers.getSetCookie()], [false, ['a=1', 'b=2']]);
      const retry = await answerOf(handle(requestOf()));
      assert.equal(retry.replayed, true);
      assert.deepEqual(listed(retry.headers), replayedBy(REPLAYED_HEADERS));
      assert.equal(retry.headers.get('link'), '</help>; rel="help", </terms>; rel="terms-of-service"');
    });
  }

  test('of a replay by a service behind this one do not say that this one replays', async () => {
    const handle = handlerOf(() => new Response('x', { headers: { 'Idempotent-Replayed': 'true', 'X-Balance': '7' } }));
    const first = await answerOf(handle(requestOf()));
    assert.deepEqual([first.replayed, first.headers.get('x-balance')], [false, '7']);
  });

  test('that are replayed can be chosen, in any spelling', async () => {
    const handle = handlerOf(() => new Response('x', { headers: SENT }), {
      replayedHeaders: [...REPLAYED_HEADERS, 'X-Balance'],
    });
    await handle(requestOf());
    const { headers } = await answerOf(handle(requestOf()));
    assert.deepEqual(listed(headers), replayedBy([...REPLAYED_HEADERS, 'x-balance']));
  });

  for (const name of ['Set-Cookie', 'date', 'Connection', 'transfer-encoding', 'content-length', 'Idempotent-Replayed'])
    test(`never hold ${name} in a replay`, () => {
      assert.throws(() => handlerOf(done, { replayedHeaders: ['etag', name] }), {
        name: 'TypeError',
        message: new RegExp(`^replayedHeaders: "${name.toLowerCase()}" must not be repeated: `),
      });
    });
});

describe('a handler', () => {
  test('is given a request with its URL, method, headers and body', async () => {
    const handle = handlerOf(async (request) => {
      const { url, method, headers } = request;
      const body = await request.clone().json();
      const again = new TextDecoder().decode(await request.arrayBuffer());
      return jsonReply(200, { url, method, agent: headers.get('user-agent'), body, again });
    });
    const request = requestOf({ a: 1 }, { method: 'PATCH', target: '/x?y=1', headers: { 'User-Agent': 'test' } });
    assert.deepEqual(JSON.parse((await answerOf(handle(request))).text), {
      url: 'https://api.example.com/x?y=1',
      method: 'PATCH',
      agent: 'test',
      body: { a: 1 },
      again: '{"a":1}',
    });
  });

  test('is given key, principal, token and a signal that the client’s does not reach', async () => {
    const client = new AbortController();
    const handle = handlerOf(async (request, { key, principal, token, signal }) => {
      client.abort();
      assert.deepEqual([request.signal.aborted, signal.aborted, token], [false, false, 1]);
      return jsonReply(200, [key, principal]);
    });
    const request = new Request(requestOf(), { signal: client.signal });
    assert.equal((await answerOf(handle(request))).text, '["order-4711","alice"]');
    assert.equal(request.signal.aborted, true);
    assert.equal((await answerOf(handle(requestOf()))).replayed, true);
  });

  test('is given what its caller hands on, and so are principal, check and requestId', async () => {
    const seen: unknown[] = [];
    const handle = idempotent(
      (_request, _work, env: { region: string }, number: number) => jsonReply(200, [env.region, number]),
      {
        store: memory(),
        principal: (_, env) => env.region,
        check: (_, ...rest) => {
          seen.push(rest);
          return undefined;
        },
        requestId: (_, env, number) => `${env.region}-${number}`,
        observe: ({ requestId }) => seen.push(requestId),
      },
    );
    assert.equal((await answerOf(handle(requestOf(), { region: 'eu' }, 7))).text, '["eu",7]');
    await new Promise(setImmediate);
    assert.deepEqual(seen, [[{ region: 'eu' }, 7], 'eu-7', 'eu-7']);
  });

  for (const method of ['GET', 'DELETE', 'PUT', 'OPTIONS']) {
    test(`gets a ${method} as it is, with nothing to commit`, async () => {
      const request = requestOf('', { method, key: '"' });
      const answer = new Response('as it is');
      const handle = handlerOf(async (same, work) => {
        assert.equal(same, request);
        assert.equal(work.key, undefined);
        assert.equal(work.signal.aborted, false);
        for (const use of [
          async () => work.principal,
          async () => work.token,
          () => work.transaction(() => jsonReply(200, 1)),
          () => work.phase('a', () => 1),
          () => work.foreign('a', async () => 1),
        ])
          await assert.rejects(use, { name: 'TypeError', message: new RegExp(`^${method} takes no idempotency key`) });
        return answer;
      });
      assert.equal(await handle(request), answer);
    });
  }

  test('may answer what takes no key with a reply', async () => {
    const handle = handlerOf(() => jsonReply(200, 1));
    assert.equal((await answerOf(handle(requestOf('', { method: 'GET' })))).text, '1');
  });

  test('is what the methods of the API’s owner go through', async () => {
    const handle = handlerOf(done, { methods: ['PUT'] });
    assert.equal((await answerOf(handle(requestOf('', { method: 'PUT', key: null })))).status, 400);
    assert.equal((await answerOf(handle(requestOf('', { method: 'POST', key: null })))).text, 'done');
  });

  test('whose transaction was not awaited, or not returned, answers with it all the same', async () => {
    const handle = handlerOf((_, { transaction }) => {
      transaction(() => jsonReply(201, 'stored'));
    });
    assert.equal((await answerOf(handle(requestOf()))).text, '"stored"');
    assert.equal((await answerOf(handle(requestOf()))).replayed, true);
  });

  test('that returns something else after its transaction answers what was stored', async () => {
    const handle = handlerOf(async (_, { transaction }) => {
      const reply = await transaction(() => jsonReply(201, 'stored', { 'Set-Cookie': 'a=1' }));
      assert.deepEqual(new Headers(reply.headers).getSetCookie(), ['a=1']);
      const headers = { 'Content-Encoding': 'gzip', ETag: '"another"', 'Set-Cookie': 'a=2', 'X-Added': 'yes' };
      return new Response('another', { status: 200, headers });
    });
    const first = await answerOf(handle(requestOf()));
    assert.deepEqual([first.status, first.text, first.headers.getSetCookie()], [201, '"stored"', ['a=1']]);
    // Beside it, what is not about the other content.
    assert.deepEqual(Object.fromEntries(first.headers), {
      'content-type': 'application/json',
      'set-cookie': 'a=1',
      'x-added': 'yes',
    });
    assert.equal((await answerOf(handle(requestOf()))).headers.get('x-added'), null);
  });

  test('may try another transaction after one that has failed, and after one that was one too many', async () => {
    const handle = handlerOf(async (_, { transaction }) => {
      await assert.rejects(
        transaction(() => {
          throw new Error('declined');
        }),
        /declined/,
      );
      const stored = transaction(() => jsonReply(402, 'declined'));
      await assert.rejects(
        transaction(() => jsonReply(201, 'one too many')),
        /called twice/,
      );
      await stored;
      return new Response('another');
    });
    assert.equal((await answerOf(handle(requestOf()))).text, '"declined"');
  });

  test('may make its reply from a response of the framework', async () => {
    const handle = handlerOf(async (_, { transaction }) => {
      const reply = await toReply(Response.json({ id: 1 }, { status: 201, headers: { Location: '/1' } }));
      return transaction(() => reply);
    });
    const { status, text, headers } = await answerOf(handle(requestOf()));
    assert.deepEqual([status, text, headers.get('location')], [201, '{"id":1}', '/1']);
  });
});

describe('a reply beyond the limit', () => {
  const LIMIT = 10;

  test('in a transaction undoes it, and says what to do', async () => {
    const handle = handlerOf((_, { transaction }) => transaction(() => jsonReply(201, 'x'.repeat(LIMIT - 1))), {
      replyLimitBytes: LIMIT,
    });
    await assert.rejects(handle(requestOf()), {
      name: 'RangeError',
      message: /has 11 bytes, and replyLimitBytes is 10/,
    });
  });

  for (const [what, body] of [
    ['response', () => new Response('x'.repeat(LIMIT + 1))],
    ['reply', () => jsonReply(200, 'x'.repeat(LIMIT - 1))],
    [
      'stream without an end',
      () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(Uint8Array.of(1, 2, 3)) })),
    ],
  ] as const) {
    test(`after the work of a handler is told, and told to retries: a ${what}`, async () => {
      let calls = 0;
      const handle = handlerOf(
        () => {
          calls += 1;
          return body();
        },
        { replyLimitBytes: LIMIT },
      );
      const first = await answerOf(handle(requestOf()));
      assert.deepEqual([first.status, problemOf(first).code, first.replayed], [500, 'reply_too_large', false]);
      assert.match(String(problemOf(first).detail), /^The request was executed\. Its answer is larger than 10 bytes/);
      const retry = await answerOf(handle(requestOf()));
      assert.deepEqual([retry.status, retry.text, retry.replayed, calls], [500, first.text, true, 1]);
    });
  }

  test('is one of a byte more', async () => {
    const handle = handlerOf(() => new Response('x'.repeat(LIMIT)), { replyLimitBytes: LIMIT });
    assert.equal((await answerOf(handle(requestOf()))).status, 200);
  });
});

describe('wrong use is told', () => {
  const options: [string, unknown, RegExp][] = [
    ['no store', { store: undefined }, /"store" is missing: hand in a store/],
    ['a client instead of a store', { store: { query: () => undefined } }, /"store" is missing/],
    ['no principal', { principal: undefined }, /"principal" is missing: give a function/],
    ['a principal that is no function', { principal: 'alice' }, /"principal" is missing/],
    ['a method in lower case', { methods: ['post'] }, /"methods" has "post": methods are written in capitals/],
    ['a safe method', { methods: ['POST', 'GET'] }, /"methods" has GET, which is safe/],
    ['a status for mismatch that nobody knows', { mismatchStatus: 400 }, /"mismatchStatus" is 400; it is 409 or 422/],
    ['a limit that is none', { bodyLimitBytes: -1 }, /"bodyLimitBytes" is -1; it is a number of bytes/],
    ['another limit that is none', { replyLimitBytes: Number.NaN }, /"replyLimitBytes" is NaN/],
    ['a lease of no length', { leaseMs: 0 }, /leaseMs is 0; it has to be a whole number of milliseconds, at least 1/],
    ['a retention in fractions', { retainMs: 0.5 }, /retainMs is 0.5/],
    [
      'a retention for ever',
      { retainMs: Number.MAX_SAFE_INTEGER },
      /retainMs is 9007199254740991; .* at most 3162240000000/,
    ],
    ['a heart that never beats', { heartbeatMs: 2 ** 31 }, /heartbeatMs is 2147483648; .* at most 2147483647/],
  ];
  for (const [what, wrong, message] of options) {
    test(`at once: ${what}`, () => {
      assert.throws(() => handlerOf(done, wrong as Options), message);
    });
  }

  test('at once: no handler', () => {
    assert.throws(() => idempotent(undefined as never, { store: memory(), principal }), /the handler is no function/);
  });

  for (const [what, value, message] of [
    ['an empty string', '', /^principal\(\) returned an empty string: return the caller’s name, or a Response/],
    ['undefined', undefined, /^principal\(\) returned undefined/],
    ['a number', 7, /^principal\(\) returned 7/],
  ] as const) {
    test(`by the principal ${what}`, async () => {
      const handle = handlerOf(done, { principal: () => value as string });
      await assert.rejects(handle(requestOf()), { name: 'TypeError', message });
    });
  }

  const used = new Response('x');
  used.text();
  const answers: [string, unknown, RegExp][] = [
    ['nothing', undefined, /^the handler returned undefined: return a Response$/],
    ['null', null, /^the handler returned null/],
    ['an object', { charge: 1 }, /^the handler returned a value of type object/],
    ['text', 'done', /^the handler returned a value of type string/],
    ['a status that is no final one', { status: 100, headers: [], body: new Uint8Array() }, /returned the status 100/],
    ['a network error', Response.error(), /returned the status 0/],
    ['204 with a body', { status: 204, headers: [], body: Uint8Array.of(1) }, /returned a body with 204/],
    ['a header that is none', { status: 200, headers: [['a b', 'c']], body: new Uint8Array() }, /header name/],
    [
      'a header that holds a line',
      { status: 200, headers: [['a', 'b\r\nc: d']], body: new Uint8Array() },
      /header value/,
    ],
    ['a response that has been read', used, /has been read: return another one/],
    ['a stream of text', new Response(new ReadableStream({ pull: (c) => c.enqueue('x') })), /stream of Uint8Array/],
  ];
  for (const [what, value, message] of answers) {
    test(`by the handler’s answer: ${what}; the key is free`, async () => {
      let calls = 0;
      const handle = handlerOf(() => {
        calls += 1;
        return calls === 1 ? value : done();
      });
      await assert.rejects(handle(requestOf()), { name: 'TypeError', message });
      assert.equal((await answerOf(handle(requestOf()))).text, 'done');
    });
  }

  const effects: [string, unknown, RegExp][] = [
    [
      'a response',
      new Response('x'),
      /^the effect returned a Response, whose body takes time to read: return jsonReply/,
    ],
    // biome-ignore lint/suspicious/noThenProperty: it is what query builders have
    ['a query that nobody awaits', { then: () => assert.fail('it was started') }, /returned a promise or a query/],
    ['nothing', undefined, /^the effect returned undefined/],
    ['a header that is none', { status: 200, headers: [['a b', 'c']], body: new Uint8Array() }, /header name/],
  ];
  for (const [what, value, message] of effects) {
    test(`by the effect’s reply: ${what}; nothing is stored`, async () => {
      const handle = handlerOf((_, { transaction }) => transaction(() => value as Reply));
      await assert.rejects(handle(requestOf()), { name: 'TypeError', message });
      // An asynchronous effect that returns a query has it started by the language.
      if (what.startsWith('a query')) return;
      const later = handlerOf((_, { transaction }) => transaction(async () => value as Reply));
      await assert.rejects(later(requestOf()), { name: 'TypeError', message });
    });
  }

  test('by a value that JSON does not have', () => {
    assert.throws(() => jsonReply(200, undefined), /jsonReply: JSON has no undefined/);
    assert.throws(() => jsonReply(200, () => 1), /jsonReply: JSON has no function/);
  });

  test('by a body that somebody else has read', async () => {
    const request = requestOf();
    await request.text();
    await assert.rejects(handlerOf()(request), { name: 'TypeError', message: /put it before what reads the body/ });
  });
});

test('a JSON reply has its type, unless it is given another one', () => {
  assert.deepEqual(jsonReply(201, { a: 'é' }, { Location: '/1' }), {
    status: 201,
    headers: [
      ['Content-Type', 'application/json'],
      ['Location', '/1'],
    ],
    body: new TextEncoder().encode('{"a":"é"}'),
  });
  assert.deepEqual(jsonReply(400, 1, { 'content-type': 'application/problem+json' }).headers, [
    ['content-type', 'application/problem+json'],
  ]);
});
