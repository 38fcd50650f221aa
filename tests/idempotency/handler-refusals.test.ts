import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type IdempotencyProblem,
  type IdempotentOptions,
  idempotent,
  jsonReply,
  type Refusal,
} from '../../src/idempotency/index.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import { answerOf, memory, principal, problemOf, type RequestParts, requestOf } from './handler-bench.ts';
import { openFile } from './sqlite-support.ts';

const LIMIT = 100;

/** A handler that must not be reached, with a principal and a check that tell when they were. */
function refusing(options: Partial<IdempotentOptions<undefined>> = {}) {
  const seen: string[] = [];
  const handle = idempotent<undefined>(() => assert.fail('it was executed'), {
    store: memory(),
    principal: (request) => {
      seen.push('principal');
      return request.headers.get('authorization') === null
        ? new Response('who?', { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } })
        : 'alice';
    },
    check: () => {
      seen.push('check');
      return new Response('no', { status: 422 });
    },
    bodyLimitBytes: LIMIT,
    ...options,
  });
  return { handle, seen };
}

const KNOWN = { headers: { Authorization: 'Bearer x' } };

describe('what is refused before the claim', () => {
  // Each request has all the faults of those below it as well: the order of decisions.
  const faults: [string, unknown, RequestParts, number, string | undefined, string[]][] = [
    ['a body that is too large', `{"a":"${'x'.repeat(LIMIT)}`, { key: '"' }, 413, 'content_too_large', []],
    ['a caller that nobody knows', '{', { key: '"' }, 401, undefined, ['principal']],
    ['a malformed key', '{', { key: '"open', ...KNOWN }, 400, 'idempotency_key_invalid', ['principal']],
    ['a missing key', '{', { key: null, ...KNOWN }, 400, 'idempotency_key_missing', ['principal']],
    ['a body that is no JSON', '{"a":1,"a":2', KNOWN, 400, 'json_duplicate_member', ['principal']],
    ['what the check finds', '{}', KNOWN, 422, undefined, ['principal', 'check']],
  ];
  for (const [what, body, parts, status, code, reached] of faults) {
    test(`is ${what}, in this order`, async () => {
      const { handle, seen } = refusing();
      const answer = await answerOf(handle(requestOf(body, parts)));
      assert.equal(answer.status, status);
      if (code !== undefined) assert.equal(problemOf(answer).code, code);
      assert.deepEqual(seen, reached);
    });
  }

  const contents: [string, string | Uint8Array, string | null, string | undefined, string | undefined][] = [
    ['JSON that ends too soon', '{"a": ', 'application/json', 'json_invalid', undefined],
    ['bytes that are no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'application/json', 'json_invalid', undefined],
    ['a member that is there twice', '{"a":{"b":1,"b":1}}', 'application/json', 'json_duplicate_member', 'a.b'],
    ['a number beyond a double', '{"amount":9007199254740993}', 'application/json', 'json_number_inexact', 'amount'],
    ['a number alone, inexact', '0.1000000000000000055511151231257827', 'text/json', 'json_number_inexact', undefined],
    [
      'the same in a type with +json',
      '{"a":1,"a":2}',
      'Application/Merge-Patch+JSON; v=1',
      'json_duplicate_member',
      'a',
    ],
    ['the same in another type', '{"a":1,"a":2}', 'text/plain', undefined, undefined],
    ['the same without a type', '{"a":1,"a":2}', null, undefined, undefined],
    ['the same as a sequence of JSON', '{"a":1}\n{"a":1,"a":2}', 'application/jsonl', undefined, undefined],
    ['nothing at all, called JSON', '', 'application/json', undefined, undefined],
  ];
  for (const [what, body, type, code, param] of contents) {
    test(`${code === undefined ? 'is not' : 'is'} ${what}`, async () => {
      const store = memory();
      const handle = idempotent(() => new Response('done'), { store, principal });
      const answer = await answerOf(handle(requestOf(body, { type })));
      if (code === undefined) {
        assert.equal(answer.text, 'done');
        return;
      }
      const problem = problemOf(answer);
      assert.deepEqual([answer.status, problem.code, problem.param], [400, code, param]);
      // It has left no trace: the corrected request uses the same key.
      assert.equal((await answerOf(handle(requestOf({})))).text, 'done');
    });
  }

  test('is told by a principal that throws a response, too', async () => {
    const { handle } = refusing({
      principal: () => {
        throw new Response('who?', { status: 401 });
      },
    });
    assert.equal((await answerOf(handle(requestOf({})))).text, 'who?');
  });

  test('leaves an error of the principal or of the check to whoever called', async () => {
    const failure = new Error('the directory is down');
    const fail = () => {
      throw failure;
    };
    for (const options of [{ principal: fail }, { check: fail }])
      await assert.rejects(refusing({ ...options }).handle(requestOf({}, KNOWN)), (error) => error === failure);
  });

  test('may depend on the body, which everybody can read', async () => {
    const bodies: unknown[] = [];
    const read = async (request: Request) => bodies.push(await request.json());
    const handle = idempotent<undefined>(
      async (request) => {
        await read(request);
        return new Response('done');
      },
      {
        store: memory(),
        principal: () => 'alice',
        check: async (request) => {
          await read(request);
          return undefined;
        },
      },
    );
    await handle(requestOf({ amount: 1 }));
    assert.deepEqual(bodies, [{ amount: 1 }, { amount: 1 }]);
  });

  test('and the handler are given a request like any other: it can be sent on, and made into another', async () => {
    const seen: unknown[] = [];
    const handle = idempotent<undefined>(
      async (request) => {
        const other = new Request('https://elsewhere.example.com/', request);
        seen.push([other.method, other.headers.get('content-type'), await other.text()]);
        return new Response('done');
      },
      {
        store: memory(),
        principal: (request) => {
          seen.push([request.method, request.bodyUsed]);
          return 'alice';
        },
      },
    );
    await handle(requestOf({ amount: 1 }));
    assert.deepEqual(seen, [
      ['POST', true],
      ['POST', 'application/json', '{"amount":1}'],
    ]);
  });

  test('is a body of a byte more than the limit, whether its length is told or not', async () => {
    const handle = idempotent(async (request) => new Response(await request.text()), {
      store: memory(),
      principal,
      bodyLimitBytes: LIMIT,
    });
    const pieces = (length: number) =>
      new ReadableStream({
        start(controller) {
          for (let index = 0; index < length; index += 1) controller.enqueue(Uint8Array.of(0x78));
          controller.close();
        },
      });
    const streamed = (length: number) => {
      const { url, method, headers } = requestOf('', { type: 'text/plain', key: `"${length} streamed"` });
      return new Request(url, { method, headers, body: pieces(length), duplex: 'half' } as RequestInit);
    };
    const told = (length: number) => {
      const headers = { 'Content-Length': String(length) };
      return requestOf('x'.repeat(length), { type: 'text/plain', key: `"${length} told"`, headers });
    };
    for (const make of [streamed, told]) {
      assert.equal((await answerOf(handle(make(LIMIT)))).text, 'x'.repeat(LIMIT));
      const refused = await answerOf(handle(make(LIMIT + 1)));
      assert.equal(refused.status, 413);
      assert.equal(problemOf(refused).detail, `The body is larger than ${LIMIT} bytes, which is the limit.`);
    }
  });

  test('is a body without an end, of which no more than a mebibyte too much is read', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const { url, method, headers } = requestOf('');
    const { handle } = refusing();
    const request = new Request(url, { method, headers, body: endless, duplex: 'half' } as RequestInit);
    assert.equal((await answerOf(handle(request))).status, 413);
    assert.ok(sent <= 1024 * 1024 + 3 * 65_536, `${sent} bytes were taken`);
  });

  test('is a body that breaks off', async () => {
    const broken = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"amount":'));
      },
      pull(controller) {
        controller.error(new Error('gone'));
      },
    });
    const { url, method, headers } = requestOf('');
    const { handle, seen } = refusing();
    const request = new Request(url, { method, headers, body: broken, duplex: 'half' } as RequestInit);
    const answer = await answerOf(handle(request));
    assert.deepEqual([answer.status, problemOf(answer).code, seen], [400, 'content_incomplete', []]);
  });
});

describe('a problem', () => {
  const conflict = async (options: Partial<IdempotentOptions<undefined>>) => {
    const handle = idempotent(() => new Response('done'), { store: memory(), principal, ...options });
    await handle(requestOf({ amount: 1 }));
    return answerOf(handle(requestOf({ amount: 2 }, { target: '/charges?token=secret' })));
  };

  test('is a document of RFC 9457 with a stable code and the retention', async () => {
    let requests = 0;
    const requestId = () => {
      requests += 1;
      return `req_${requests}`;
    };
    const answer = await conflict({ requestId, retainMs: 3_600_000 });
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.deepEqual(problemOf(answer), {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: 'The key was first used for POST /charges (request req_1).',
      instance: '/charges',
      code: 'idempotency_conflict',
      param: 'Idempotency-Key',
      retention_seconds: 3600,
      request_id: 'req_2',
    });
  });

  test('has the type, the title and the status that the API’s owner wants', async () => {
    const answer = await conflict({ typeBase: 'https://docs.example.com/errors/', mismatchStatus: 422 });
    const { type, title, status, retention_seconds, request_id } = problemOf(answer);
    assert.equal(type, 'https://docs.example.com/errors/idempotency_conflict');
    assert.deepEqual([title, status, retention_seconds], ['The key was used for another request', 422, 86_400]);
    assert.equal(request_id, undefined);
  });

  test('can be written in another form, which still tells when to retry', async () => {
    const problems: IdempotencyProblem[] = [];
    const handle = idempotent<undefined>(
      async () => {
        const inside = await answerOf(handle(requestOf({ amount: 1 })));
        assert.deepEqual([inside.status, inside.text, inside.headers.get('retry-after')], [409, '{"e":"POST"}', '3']);
        return new Response('done');
      },
      {
        store: memory(),
        principal,
        problem: (problem, request) => {
          problems.push(problem);
          return Response.json({ e: request.method }, { status: problem.status });
        },
      },
    ) as (request: Request) => Promise<Response>;
    await handle(requestOf({ amount: 1 }));
    const other = await answerOf(handle(requestOf({ amount: 2 })));
    assert.deepEqual([other.status, other.headers.get('retry-after')], [409, null]);
    assert.deepEqual(
      problems.map(({ code, status }) => [code, status]),
      [
        ['idempotency_in_progress', 409],
        ['idempotency_conflict', 409],
      ],
    );
    const [, mismatch] = problems;
    assert.ok(mismatch?.code === 'idempotency_conflict');
    assert.deepEqual([mismatch.original.method, mismatch.original.path], ['POST', '/charges']);
  });
});

describe('a store that cannot answer', () => {
  const sqlite = () => {
    const path = join(temporaryFolder(), 'records.sqlite');
    const db = openFile(path, 0);
    return { db, stranger: openFile(path, 0), store: new SqliteStore(db) };
  };

  test('is 503 with Retry-After; nothing is executed, and it recovers by itself', async () => {
    const { stranger, store } = sqlite();
    let calls = 0;
    const problems: Refusal[] = [];
    const handle = idempotent(
      () => {
        calls += 1;
        return new Response('done');
      },
      {
        store,
        principal,
        problem: (problem) => {
          problems.push(problem);
          return new Response(problem.detail, { status: problem.status });
        },
      },
    );
    stranger.exec('BEGIN IMMEDIATE');
    const away = await answerOf(handle(requestOf()));
    assert.deepEqual([away.status, away.headers.get('retry-after'), calls], [503, '5', 0]);
    assert.ok(problems[0]?.code === 'store_unavailable');
    assert.match(problems[0].error.message, /locked/);
    stranger.exec('ROLLBACK');
    assert.equal((await answerOf(handle(requestOf()))).text, 'done');
    assert.equal(calls, 1);
  });

  test('in the transaction is 503 as well, and the key is free', async () => {
    const { stranger, store } = sqlite();
    let locked = true;
    const handle = idempotent(
      async (_, { transaction }) => {
        if (locked) stranger.exec('BEGIN IMMEDIATE');
        try {
          return await transaction(() => jsonReply(201, 'done'));
        } finally {
          if (locked) stranger.exec('ROLLBACK');
          locked = false;
        }
      },
      { store, principal },
    );
    const away = await answerOf(handle(requestOf()));
    assert.deepEqual([away.status, problemOf(away).code], [503, 'store_unavailable']);
    assert.equal((await answerOf(handle(requestOf()))).text, '"done"');
  });

  test('because it is full, is 507 with Retry-After', async () => {
    const { db, store } = sqlite();
    const handle = idempotent(() => new Response('x'.repeat(100_000)), { store, principal });
    db.exec('PRAGMA max_page_count = 1');
    const full = await answerOf(handle(requestOf()));
    assert.deepEqual(
      [full.status, problemOf(full).code, problemOf(full).title, full.headers.get('retry-after')],
      [507, 'store_full', 'Insufficient Storage', '60'],
    );
    db.exec('PRAGMA max_page_count = 1000000');
    assert.equal((await answerOf(handle(requestOf()))).status, 200);
  });
});
