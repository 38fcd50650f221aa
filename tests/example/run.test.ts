// The runner against real servers: what is sent, in which order, and what becomes of every example.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseBaseUrl, runExamples } from '../../src/example/run.ts';
import { as, examplesIn, kinds, outcomesOf, type Received, serve } from './support.ts';

/** A server that notes what it gets and says it back as JSON. */
async function echo(): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const url = await serve((request, response) => {
    received.push(request);
    const { method, url, body } = request;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ method, url, body, n: received.length }));
  });
  return { url, received };
}

test('a request is sent as it is written, and nothing is made up', async () => {
  const { url, received } = await echo();
  const outcomes = await outcomesOf(
    `POST /a/b?c=%20d HTTP/1.1
    X-One: {{$text.3}}
    Idempotency-Key: "{{$uuid}}"

    {"now": "{{$now}}"}
    ---
    HTTP/1.1 200 Whatever

    {"method": "POST", "url": "/a/b?c=%20d", "...": "..."}`,
    { baseUrl: url, uuid: () => 'u-1', now: () => new Date('2026-11-22T12:00:00Z') },
  );
  const { sent, actual } = as('kept', outcomes[0]);
  assert.deepEqual(sent, {
    method: 'POST',
    url: `${url}/a/b?c=%20d`,
    headers: [
      { name: 'X-One', value: 'abc' },
      { name: 'Idempotency-Key', value: '"u-1"' },
    ],
    body: '{"now": "2026-11-22T12:00:00.000Z"}',
  });
  const [{ headers, body } = assert.fail()] = received;
  assert.equal(body, sent.body);
  assert.deepEqual([headers['x-one'], headers['idempotency-key']], ['abc', '"u-1"']);
  assert.equal(headers['content-type'], undefined, 'a type that nobody wrote would be a promise of the author');
  assert.equal(headers.cookie, undefined);
  assert.equal(actual.status, 200);
  assert.ok(actual.ms >= 0 && Number.isInteger(actual.ms));
});

test('every method, and the headers that a browser would keep, go out', async () => {
  const { url, received } = await echo();
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE'];
  const text = methods
    .map((method) => `${method} /x\nOrigin: https://a.example\nCookie: a=b\n---\nHTTP/1.1 200`)
    .join('\n---\n');
  const outcomes = await outcomesOf(text, { baseUrl: url });
  assert.deepEqual(new Set(kinds(outcomes)), new Set(['kept']));
  assert.deepEqual(
    received.map(({ method }) => method),
    methods,
  );
  for (const { headers } of received) assert.deepEqual([headers.origin, headers.cookie], ['https://a.example', 'a=b']);
});

test('values go from answer to request, and what is not as promised is told', async () => {
  const { url, received } = await echo();
  const outcomes = await outcomesOf(
    `GET /first
    ---
    HTTP/1.1 200

    {"n": "{{n}}", "...": "..."}
    ---
    PUT /items/{{n}}
    X-N: {{n}}

    {"n": "{{n}}"}
    ---
    HTTP/1.1 201
    X-Missing: 1

    {"n": "{{n}}", "body": "{{body}}", "...": "..."}`,
    { baseUrl: url },
  );
  assert.deepEqual(kinds(outcomes), ['kept', 'broken']);
  assert.deepEqual([received[1]?.url, received[1]?.headers['x-n'], received[1]?.body], ['/items/1', '1', '{"n": "1"}']);
  assert.deepEqual(as('broken', outcomes[1]).differences, [
    { where: 'status', promised: '201', actual: '200' },
    { where: 'header X-Missing', promised: '1' },
    { where: 'body /n', promised: '"{{n}}"', actual: '2' },
  ]);
});

test('a value is escaped inside JSON, and stands as it is elsewhere', async () => {
  const nasty = 'a"b\\c';
  const received: string[] = [];
  const url = await serve(({ body, url }, response) => {
    received.push(body);
    response.end(url === '/nasty' ? JSON.stringify(nasty) : '');
  });
  const take = 'GET /nasty\n---\nHTTP/1.1 200\n\n"{{x}}"\n---\n';
  const outcomes = await outcomesOf(
    `${take}POST /\n\n{"x": "{{x}}"}\n---\nHTTP/1.1 200\n---\nPOST /\n\nx={{x}}\n---\nHTTP/1.1 200`,
    { baseUrl: url },
  );
  assert.deepEqual(kinds(outcomes), ['kept', 'kept', 'kept']);
  assert.deepEqual(received.slice(1), [JSON.stringify({ x: nasty }).replace(':', ': '), `x=${nasty}`]);
});

test('what is parallel is sent without waiting, later, and judged in order', async () => {
  const events: string[] = [];
  let second: (() => void) | undefined;
  const url = await serve(({ url }, response) => {
    events.push(`got ${url}`);
    const answer = (text: string) => {
      events.push(`answered ${url}`);
      response.end(text);
    };
    // The first is answered only when the second has come: one after the other they would wait for ever.
    if (url === '/slow') second = () => answer('slow');
    else {
      answer('quick');
      second?.();
    }
  });
  const outcomes = await outcomesOf(
    `GET /slow
    ---
    HTTP/1.1 200

    {{which}}
    ---
    ! parallel
    GET /quick
    ---
    HTTP/1.1 200

    quick
    ---
    GET /{{which}}-again
    ---
    HTTP/1.1 200`,
    { baseUrl: url },
  );
  assert.deepEqual(kinds(outcomes), ['kept', 'kept', 'kept']);
  assert.deepEqual(events.slice(0, 4), ['got /slow', 'got /quick', 'answered /quick', 'answered /slow']);
  assert.equal(as('kept', outcomes[2]).sent.url, `${url}/slow-again`);
});

test('what is parallel is sent 150 ms after the one before', async (context) => {
  const received: string[] = [];
  const arrival = { '/a': Promise.withResolvers<void>(), '/b': Promise.withResolvers<void>() };
  const url = await serve(({ url }, response) => {
    received.push(url);
    arrival[url as keyof typeof arrival]?.resolve();
    response.end();
  });
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const ended = outcomesOf('GET /a\n---\nHTTP/1.1 200\n---\n! parallel\nGET /b\n---\nHTTP/1.1 200', { baseUrl: url });
  await arrival['/a'].promise;
  context.mock.timers.tick(149);
  // Another request that is sent now and answered shows that the second one has not been sent before.
  await (await fetch(`${url}/c`)).text().catch(() => {});
  assert.deepEqual(received, ['/a', '/c']);
  context.mock.timers.tick(1);
  await arrival['/b'].promise;
  assert.deepEqual(kinds(await ended), ['kept', 'kept']);
});

describe('the sandbox', () => {
  const sandboxes = async (answer: { status: number; body: string; location?: string }) => {
    const made: Received[] = [];
    const url = await serve((request, response) => {
      if (request.url !== '/v1/api/sandboxes') return void response.end(request.headers.authorization);
      made.push(request);
      if (answer.location !== undefined) response.setHeader('Location', answer.location);
      response.writeHead(answer.status).end(answer.body);
    });
    return { url: `${url}/v1`, made };
  };
  const withToken = 'GET /\nAuthorization: Bearer {{$token}}\n---\nHTTP/1.1 200\n\nBearer {{$token}}';
  const without = 'GET /\nAuthorization: none\n---\nHTTP/1.1 200\n\nnone';

  test('is made once for a scenario that asks for its token, below the base URL', async () => {
    const { url, made } = await sandboxes({ status: 201, body: '{"token":"sk_7"}' });
    const outcomes = await outcomesOf(`${withToken}\n---\n${withToken}`, { baseUrl: url });
    assert.deepEqual(kinds(outcomes), ['kept', 'kept']);
    assert.equal(as('kept', outcomes[0]).actual.body, 'Bearer sk_7');
    assert.deepEqual(
      made.map(({ method, body }) => [method, body]),
      [['POST', '']],
    );
  });

  test('is not made when nobody asks for it', async () => {
    const { url, made } = await sandboxes({ status: 201, body: '{"token":"sk_7"}' });
    assert.deepEqual(kinds(await outcomesOf(without, { baseUrl: url })), ['kept']);
    assert.deepEqual(kinds(await outcomesOf(`! skip="x"\n${withToken}`, { baseUrl: url })), ['skipped']);
    assert.equal(made.length, 0);
  });

  for (const answer of [
    { status: 404, body: '{}' },
    { status: 201, body: '{"token":1}' },
    { status: 201, body: 'null' },
    { status: 201, body: 'oops' },
    { status: 307, body: '', location: '/elsewhere' },
  ]) {
    test(`that is not made (${answer.status} ${answer.body}) fails who asks for it, and nobody else`, async () => {
      const { url } = await sandboxes(answer);
      const outcomes = await outcomesOf(`${withToken}\n---\n${without}`, { baseUrl: url });
      assert.deepEqual(kinds(outcomes), ['failed', 'kept']);
      const { reason, message } = as('failed', outcomes[0]);
      assert.equal(reason, 'sandbox');
      assert.match(message, /POST \S+\/v1\/api\/sandboxes answered \d+; \{\{\$token\}\} needs/);
    });
  }
});

describe('targets stay below the base URL', () => {
  const GIVE = `GET /value\n---\nHTTP/1.1 200\n\n"{{x}}"\n---\nGET /{{x}}\n---\nHTTP/1.1 200`;
  for (const [value, leads] of [
    ['..', false],
    ['a/../../..', false],
    ['%2e%2e/%2e%2e/', false],
    ['..\\..', false],
    ['a#b', false],
    ['/evil.example/', true],
    ['@evil.example/', true],
    ['//evil.example', true],
    ['a b?c=d', true],
  ] as const) {
    test(JSON.stringify(value), async () => {
      const paths: string[] = [];
      const url = await serve(({ url }, response) => {
        paths.push(url);
        response.end(JSON.stringify(value));
      });
      const outcomes = await outcomesOf(GIVE, { baseUrl: `${url}/base/` });
      if (leads) assert.equal(outcomes[1]?.kind, 'kept');
      else assert.equal(as('failed', outcomes[1]).reason, 'outside');
      for (const path of paths) assert.ok(path.startsWith('/base/'), path);
      assert.equal(paths.length, leads ? 2 : 1);
    });
  }

  test('a base URL is http or https, without secrets, query and fragment', () => {
    for (const text of [
      '',
      'x',
      '/a',
      'ftp://a',
      'file:///a',
      'http://u@a',
      'http://u:p@a',
      'http://a?b',
      'http://a#b',
    ])
      assert.equal(parseBaseUrl(text), undefined, text);
    for (const text of ['http://a', 'https://a:1/b/c/']) assert.ok(parseBaseUrl(text) !== undefined);
    assert.rejects(runExamples([], { baseUrl: 'ftp://a' }).next(), /is no base URL/);
  });
});

test('a redirect is an answer, and is not followed', async () => {
  const paths: string[] = [];
  const url = await serve(({ url }, response) => {
    paths.push(url);
    response.writeHead(308, { Location: '/there' }).end();
  });
  const outcomes = await outcomesOf('GET /a\n---\nHTTP/1.1 308 Gone on\nLocation: /there', { baseUrl: url });
  assert.deepEqual(kinds(outcomes), ['kept']);
  assert.deepEqual(paths, ['/a']);
});

describe('a browser', () => {
  // What a browser's fetch does, and Node's does not.
  test('does not show where a redirect leads', async () => {
    const opaque = async () => ({ type: 'opaqueredirect', status: 0 }) as Response;
    const [outcome] = await outcomesOf('GET /a\n---\nHTTP/1.1 308', { baseUrl: 'http://a.example', fetch: opaque });
    assert.match(as('skipped', outcome).reason, /does not show a page where a redirect leads/);
  });

  test('does not send some headers', async () => {
    const { Request: real } = globalThis;
    globalThis.Request = class extends real {
      constructor(input: RequestInfo | URL, init?: RequestInit) {
        super(input, init);
        this.headers.delete('origin');
      }
    };
    try {
      const { url, received } = await echo();
      const [outcome] = await outcomesOf('GET /a\nOrigin: x\n---\nHTTP/1.1 200', { baseUrl: url });
      assert.match(as('skipped', outcome).reason, /does not let a page send the header Origin/);
      assert.equal(received.length, 0);
    } finally {
      globalThis.Request = real;
    }
  });

  test('outside of HTTPS has no randomUUID', async () => {
    const { randomUUID } = crypto;
    Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true });
    try {
      const { url, received } = await echo();
      await outcomesOf('GET /{{$uuid}}/{{$uuid.b}}\n---\nHTTP/1.1 200', { baseUrl: url });
      const v4 = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
      const [, one, other] = new RegExp(`^/(${v4})/(${v4})$`).exec(received[0]?.url ?? '') ?? [];
      assert.ok(one !== undefined && one !== other);
    } finally {
      Object.defineProperty(crypto, 'randomUUID', { value: randomUUID, configurable: true });
    }
  });
});

test('a run can be stopped: what has not been answered has failed, and nothing more is sent', async () => {
  const stop = new AbortController();
  const paths: string[] = [];
  const url = await serve(({ url }, response) => {
    paths.push(url);
    if (url === '/a') response.end();
    else stop.abort();
  });
  const text = ['a', 'b', 'c'].map((path) => `GET /${path}\n---\nHTTP/1.1 200`).join('\n---\n');
  const outcomes = await outcomesOf(`${text}\n---\n! parallel\nGET /d\n---\nHTTP/1.1 200`, {
    baseUrl: url,
    signal: stop.signal,
  });
  assert.deepEqual(kinds(outcomes), ['kept', 'failed', 'failed', 'failed']);
  assert.deepEqual(
    outcomes.slice(1).map((outcome) => as('failed', outcome).reason),
    ['aborted', 'aborted', 'aborted'],
  );
  assert.deepEqual(paths, ['/a', '/b']);
});

test('whoever stops listening stops the run', async () => {
  const closed = Promise.withResolvers<void>();
  let answerFirst = () => {};
  const url = await serve(({ url }, response) => {
    if (url === '/a') answerFirst = () => response.end();
    else {
      response.on('close', () => closed.resolve());
      answerFirst();
    }
  });
  const examples = examplesIn('GET /a\n---\nHTTP/1.1 200\n---\n! parallel\nGET /b\n---\nHTTP/1.1 200');
  for await (const outcome of runExamples(examples, { baseUrl: url })) {
    assert.equal(outcome.kind, 'kept');
    break;
  }
  await closed.promise;
});
