// Servers that do not do what a server does. Every example still comes to an end, and it is said which.
import assert from 'node:assert/strict';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { RESPONSE_LIMIT_BYTES } from '../../src/example/send.ts';
import { as, kinds, outcomesOf, serve } from './support.ts';

/** A server that writes these bytes to every connection, and then does with it what it likes. */
async function raw(bytes: string | Buffer, then: (socket: Socket) => void = (socket) => socket.end()): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(bytes);
      then(socket);
    });
  });
  after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const TWO = 'GET /a\n---\nHTTP/1.1 200\n---\nGET /b\n---\nHTTP/1.1 200';

describe('an example fails, and the next one is tried, when the server', () => {
  for (const [what, url] of [
    ['answers garbage', () => raw('220 smtp.example ESMTP\r\n')],
    ['answers with another protocol', () => raw(Buffer.from([0x16, 3, 1, 0, 0, 0]))],
    ['says nothing and closes', () => raw('')],
    ['resets the connection', () => raw('', (socket) => socket.resetAndDestroy())],
    ['breaks off within the body', () => raw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc')],
    ['sends chunks that are none', () => raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')],
    [
      'says that it is compressed, and is not',
      () => raw('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc'),
    ],
    ['sends headers without end', () => raw(`HTTP/1.1 200 OK\r\nA: ${'a'.repeat(200_000)}\r\n\r\n`)],
    ['is not there', async () => 'http://127.0.0.1:1'],
  ] as const) {
    test(what, async () => {
      const outcomes = await outcomesOf(TWO, { baseUrl: await url() });
      assert.deepEqual(kinds(outcomes), ['failed', 'failed']);
      const { reason, message } = as('failed', outcomes[0]);
      assert.equal(reason, 'network');
      assert.match(message, /^http:\/\/127\.0\.0\.1:\d+\/a does not answer \(.+\); see that the server runs there$/);
    });
  }
});

describe('a server that takes too long', () => {
  const slow = { timeLimitMs: 100 };
  for (const [what, bytes] of [
    ['to say anything', ''],
    ['to end its headers', 'HTTP/1.1 200 OK\r\nA: '],
    ['to end its body', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'],
  ] as const) {
    test(what, async () => {
      const url = await raw(bytes, () => {});
      const outcomes = await outcomesOf(TWO, { baseUrl: url, ...slow });
      assert.deepEqual(
        outcomes.map((outcome) => as('failed', outcome).reason),
        ['timeout', 'timeout'],
      );
      assert.match(as('failed', outcomes[0]).message, /^no whole answer within 0\.1 s; /);
    });
  }

  test('with a body that never ends, drop by drop', async () => {
    const url = await serve((_, response) => {
      const timer = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(timer));
    });
    assert.equal(as('failed', (await outcomesOf(TWO, { baseUrl: url, ...slow }))[0]).reason, 'timeout');
  });
});

describe('an answer that is too large', () => {
  const text = 'GET /\n---\nHTTP/1.1 200';
  const sized = (length: number) => serve((_, response) => void response.end('x'.repeat(length)));

  test('is not read to its end', async () => {
    const kept = await outcomesOf(text, { baseUrl: await sized(RESPONSE_LIMIT_BYTES) });
    assert.equal(as('kept', kept[0]).actual.body.length, RESPONSE_LIMIT_BYTES);
    const [outcome] = await outcomesOf(text, { baseUrl: await sized(RESPONSE_LIMIT_BYTES + 1) });
    assert.equal(as('failed', outcome).reason, 'too-large');
  });

  test('without end is left alone at once', async () => {
    const closed = Promise.withResolvers<void>();
    const url = await serve(({ url }, response) => {
      // The next one is answered only when nobody reads the first any more.
      if (url === '/b') return void closed.promise.then(() => response.end());
      const chunk = Buffer.alloc(64 * 1024);
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      response.on('close', () => closed.resolve());
      more();
    });
    const outcomes = await outcomesOf(TWO, { baseUrl: url });
    assert.equal(as('failed', outcomes[0]).reason, 'too-large');
    assert.equal(outcomes[1]?.kind, 'kept');
  });

  test('once it is unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * RESPONSE_LIMIT_BYTES));
    const url = await serve((_, response) => void response.setHeader('Content-Encoding', 'gzip').end(bomb));
    assert.equal(as('failed', (await outcomesOf(text, { baseUrl: url }))[0]).reason, 'too-large');
  });
});

test('bytes that are no text are kept where nothing is promised about them, and told where something is', async () => {
  const url = await serve((_, response) => void response.end(Buffer.from([0x61, 0xff, 0xfe])));
  const outcomes = await outcomesOf('GET /\n---\nHTTP/1.1 200\n---\nGET /\n---\nHTTP/1.1 200\n\n{{x}}', {
    baseUrl: url,
  });
  assert.equal(as('kept', outcomes[0]).actual.notUtf8, true);
  assert.equal(as('broken', outcomes[1]).differences[0]?.actual, 'bytes that are not UTF-8 text');
});

test('values of a server that make no request are not sent', async () => {
  const url = await serve(({ url }, response) => void response.end(url === '/v' ? '"a\\r\\nX-Evil: 1"' : ''));
  const take = 'GET /v\n---\nHTTP/1.1 200\n\n"{{x}}"\n---\n';
  const outcomes = await outcomesOf(`${take}GET /\nA: {{x}}\n---\nHTTP/1.1 200`, { baseUrl: url });
  assert.equal(as('failed', outcomes[1]).reason, 'unsendable');
});

test('a topic that asks for more than a request may hold is not sent', async () => {
  const url = await serve((_, response) => void response.end());
  const outcomes = await outcomesOf(`POST /\n\n${'{{$text.1048576}}'.repeat(9)}\n---\nHTTP/1.1 200`, { baseUrl: url });
  assert.equal(as('failed', outcomes[0]).reason, 'too-large');
});

test('a name without a value is told, once, and what does not need it runs', async () => {
  const url = await serve(({ url }, response) => void response.writeHead(url === '/a' ? 500 : 200).end('{}'));
  const outcomes = await outcomesOf(
    'GET /a\n---\nHTTP/1.1 200\n\n{"id": "{{id}}"}\n---\nGET /{{id}}?{{id}}\nA: {{other}}\n---\nHTTP/1.1 200\n---\nGET /c\n---\nHTTP/1.1 200',
    { baseUrl: url },
  );
  assert.deepEqual(kinds(outcomes), ['broken', 'failed', 'kept']);
  const { reason, message, sent } = as('failed', outcomes[1]);
  assert.deepEqual([reason, sent], ['unbound', undefined]);
  assert.match(message, /^\{\{id\}\}, \{\{other\}\} has no value; /);
});
