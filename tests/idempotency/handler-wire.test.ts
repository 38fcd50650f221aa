// The handler behind a real HTTP server, and clients that behave as clients do.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, request as send } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { type HandlerWork, idempotent, jsonReply, toReply } from '../../src/idempotency/index.ts';
import { memory } from './handler-bench.ts';

/** Tells when the work of a request has begun, and lets the test end it. */
const gate: { begun: PromiseWithResolvers<void>; open: PromiseWithResolvers<void>; request?: Request } = {
  begun: Promise.withResolvers(),
  open: Promise.withResolvers(),
};
const executed: string[] = [];

const echo = idempotent(
  async (request, { key, transaction }) => {
    const { pathname } = new URL(request.url);
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (pathname === '/slow') {
      gate.begun.resolve();
      await gate.open.promise;
    }
    return transaction(() => {
      executed.push(`${key} ${bytes.length}`);
      if (pathname === '/empty') return { status: 204, headers: [], body: new Uint8Array() };
      return { status: 201, headers: [['Content-Type', 'application/octet-stream']], body: bytes };
    });
  },
  { store: memory(), principal: () => 'alice' },
);

let server: Server;
let port: number;
before(async () => {
  const page = idempotent(() => jsonReply(200, 'page'), { store: memory(), principal: () => 'alice' });
  server = createServer(
    getRequestListener((request) => {
      if (request.url.endsWith('/page')) return page(request);
      if (request.url.endsWith('/slow')) gate.request ??= request;
      return echo(request);
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
after(() => {
  server.closeAllConnections();
  server.close();
});

interface Received {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

async function exchange(
  path: string,
  body: Uint8Array | string,
  headers: Record<string, string | string[]>,
  method = 'POST',
): Promise<Received> {
  const sent = send({ host: '127.0.0.1', port, path, method, headers });
  sent.end(body);
  const [response] = await once(sent, 'response');
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

describe('over HTTP', () => {
  test('a mebibyte of any bytes goes there and back, and back again', async () => {
    const bytes = Buffer.alloc(1024 * 1024);
    for (let index = 0; index < bytes.length; index += 1) bytes[index] = (index * 31 + (index >> 8)) & 0xff;
    const headers = { 'Content-Type': 'application/octet-stream', 'Idempotency-Key': '"mebibyte"' };
    for (const replayed of [undefined, 'true', 'true']) {
      // The second time in chunks, whose length nobody has told.
      const own = replayed === undefined ? {} : { 'Transfer-Encoding': 'chunked' };
      const received = await exchange('/', bytes, { ...headers, ...own });
      assert.deepEqual([received.status, received.headers['idempotent-replayed']], [201, replayed]);
      assert.equal(received.headers['content-length'], String(bytes.length));
      assert.ok(received.body.equals(bytes));
    }
    assert.equal(executed.filter((line) => line.startsWith('mebibyte')).length, 1);
  });

  test('an answer without a body has none', async () => {
    for (const replayed of [undefined, 'true']) {
      const received = await exchange('/empty', '', { 'Idempotency-Key': '"empty"' });
      assert.deepEqual([received.status, received.body.length], [204, 0]);
      assert.equal(received.headers['idempotent-replayed'], replayed);
    }
  });

  test('a key in two header lines is refused', async () => {
    const received = await exchange('/', '', { 'Idempotency-Key': ['"a"', '"b"'] });
    assert.equal(received.status, 400);
    assert.match(String(received.body), /There are several Idempotency-Keys; a request has one\./);
  });

  test('a body beyond the limit is answered, although the client has not finished sending', async () => {
    const received = await exchange('/', Buffer.alloc(1024 * 1024 + 1), { 'Idempotency-Key': '"large"' });
    assert.equal(received.status, 413);
    assert.equal(received.headers['content-type'], 'application/problem+json');
  });

  test('GET and HEAD need no key', async () => {
    assert.equal(String((await exchange('/page', '', {}, 'GET')).body), '"page"');
    const head = await exchange('/page', '', {}, 'HEAD');
    assert.deepEqual([head.status, head.body.length], [200, 0]);
  });
});

describe('a client that goes away', () => {
  const until = async (met: () => boolean) => {
    while (!met()) await sleep(2);
  };

  test('while it sends has done nothing, and its key is free', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nIdempotency-Key: "broken"\r\nContent-Length: 10\r\n\r\nhello');
    await sleep(20);
    socket.destroy();
    await once(socket, 'close');
    const received = await exchange('/', 'hello', { 'Idempotency-Key': '"broken"' });
    assert.deepEqual([received.status, received.headers['idempotent-replayed']], [201, undefined]);
    assert.deepEqual(
      executed.filter((line) => line.startsWith('broken')),
      ['broken 5'],
    );
  });

  test('while it waits has its request finished all the same, and its retry gets the answer', async () => {
    const headers = { 'Idempotency-Key': '"impatient"', 'Content-Type': 'text/plain' };
    const impatient = send({ host: '127.0.0.1', port, path: '/slow', method: 'POST', headers });
    impatient.on('error', () => undefined);
    impatient.end('hello');
    await gate.begun.promise;
    impatient.destroy();
    // The server has noticed.
    await until(() => gate.request?.signal.aborted === true);
    gate.open.resolve();
    await until(() => executed.includes('impatient 5'));
    const retry = await exchange('/slow', 'hello', headers);
    assert.deepEqual([retry.status, retry.headers['idempotent-replayed'], String(retry.body)], [201, 'true', 'hello']);
    assert.equal(executed.filter((line) => line.startsWith('impatient')).length, 1);
  });
});

test('a whole application can be wrapped: its handlers find the work, and what takes no key streams', async () => {
  const app = new Hono<{ Bindings: { work: HandlerWork<undefined> } }>();
  let charges = 0;
  app.use(cors({ origin: '*', exposeHeaders: ['Idempotent-Replayed'] }));
  app.post('/charges', async (c) => {
    const { amount } = await c.req.json();
    const reply = await toReply(c.json({ amount }, 201, { 'Set-Cookie': 'a=1' }));
    const stored = await c.env.work.transaction(() => {
      charges += 1;
      return reply;
    });
    return new Response(stored.body, { status: stored.status, headers: stored.headers });
  });
  app.get(
    '/events',
    () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(Uint8Array.of(1)) })),
  );
  const handle = idempotent((request, work: HandlerWork<undefined>) => app.fetch(request, { work }), {
    store: memory(),
    principal: () => 'alice',
  });
  const headers = { 'Idempotency-Key': 'a', 'Content-Type': 'application/json', Origin: 'https://shop.example.com' };
  for (const [replayed, cookies, origin] of [
    [null, ['a=1'], '*'],
    // Middleware inside what is wrapped is not asked for a replay.
    ['true', [], null],
  ]) {
    const response = await handle(new Request('http://x/charges', { method: 'POST', headers, body: '{"amount":1}' }));
    assert.deepEqual([response.status, await response.text()], [201, '{"amount":1}']);
    assert.equal(response.headers.get('idempotent-replayed'), replayed);
    assert.deepEqual(response.headers.getSetCookie(), cookies);
    assert.equal(response.headers.get('access-control-allow-origin'), origin);
  }
  assert.equal(charges, 1);
  const events = await handle(new Request('http://x/events'));
  const reader = events.body?.getReader();
  assert.deepEqual((await reader?.read())?.value, Uint8Array.of(1));
  await reader?.cancel();
});
