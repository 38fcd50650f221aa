// What goes over the wire: requests that no URL client sends, and many at once.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { listen } from '../../src/http/listen.ts';
import { documented } from '../../src/reference/errors.ts';
import { buildFixture, slugsOf } from '../render/support.ts';
import { type RawAnswer, sendLine, sendRaw, serve, testSite } from './support.ts';

const built = buildFixture();
const { handler, reported, get } = await testSite(built);
const { port, url } = await serve(handler);

function codeOf({ body }: RawAnswer): string {
  return JSON.parse(body).code;
}

describe('a raw path', () => {
  for (const [path, status, what] of [
    ['/help/../help/rain.md', 200, undefined],
    ['/help/./rain.md', 200, undefined],
    ['/help/%2e%2e/help/rain.md', 200, undefined],
    ['/../../../../help/rain.md', 200, undefined],
    ['/help/../x', 404, 'NOT_FOUND'],
    ['/../../../../etc/passwd', 404, 'NOT_FOUND'],
    ['/_astro/../../server/entry.mjs', 404, 'NOT_FOUND'],
    ['/_astro/%2e%2e%2f%2e%2e%2fserver/entry.mjs', 404, 'NOT_FOUND'],
    ['/help/_files/../../package.json', 404, 'NOT_FOUND'],
    ['//', 404, 'NOT_FOUND'],
    ['//evil.example/help/', 404, 'NOT_FOUND'],
    ['/help//', 400, 'BAD_REQUEST'],
    ['/help/%', 400, 'BAD_REQUEST'],
    ['/help/%zz/', 400, 'BAD_REQUEST'],
    ['/help/%ff%fe/', 400, 'BAD_REQUEST'],
    ['/help\\errors', 400, 'BAD_REQUEST'],
    ['/help/"<>^`{|}/', 400, 'BAD_REQUEST'],
    [`/help/${'a'.repeat(8000)}/`, 400, 'BAD_REQUEST'],
    [`/help/?${'q'.repeat(8000)}`, 200, undefined],
    ['http://other.example/help/rain.md', 200, undefined],
    ['*', 400, 'BAD_REQUEST'],
  ] as const) {
    test(`${path.slice(0, 50)} is ${status} ${what ?? ''}`, async () => {
      const answer = await sendLine(port, `GET ${path}`);
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('access-control-allow-origin'), '*');
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(Number(answer.headers.get('content-length')), Buffer.byteLength(answer.body, 'latin1'));
      if (what !== undefined) {
        assert.equal(answer.headers.get('content-type'), 'application/problem+json');
        assert.equal(codeOf(answer), what);
      }
    });
  }

  test('of letters that no header takes is redirected in the letters of a URL', async () => {
    for (const path of ['/api/help/%E6%97%A5/', '/api/help/a%0D%0AX:%20y/', '/help/v1.4/%E6%97%A5']) {
      const answer = await sendLine(port, `GET ${path}`);
      assert.ok(answer.status === 308 || answer.status === 307, path);
      const target = path.replace('/v1.4', '').replace(/\/$/, '');
      assert.equal(answer.headers.get('location'), target);
    }
  });

  test('longer than any server reads is refused', async () => {
    assert.equal((await sendLine(port, `GET /help/${'a'.repeat(20_000)}/`)).status, 431);
  });

  test('that is no ASCII is refused', async () => {
    assert.equal((await sendLine(port, 'GET /help/h\u00e9llo/')).status, 400);
  });
});

describe('a raw request', () => {
  test('of HTTP/1.0 needs no Host header', async () => {
    const answer = await sendRaw(port, 'GET /help/rain.md HTTP/1.0\r\n\r\n');
    assert.equal(answer.status, 200);
    assert.equal((await sendRaw(port, 'OPTIONS / HTTP/1.0\r\n\r\n')).status, 204);
  });

  test('with a Host that is none is 400, and a problem document', async () => {
    for (const host of ['a b', 'a/b', 'a@b', '[::1', 'x:99999']) {
      const answer = await sendRaw(port, `GET /help/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      assert.equal(answer.status, 400, host);
      assert.deepEqual(JSON.parse(answer.body), {
        type: 'about:blank',
        title: documented('BAD_REQUEST').title,
        status: 400,
        detail: 'No URL can be made of the request target and the Host header.',
        code: 'BAD_REQUEST',
      });
    }
  });

  test('of a method that HTTP has and help has not is 405', async () => {
    for (const method of ['TRACE', 'PROPFIND', 'PURGE']) {
      const answer = await sendLine(port, `${method} /help/`);
      assert.equal(answer.status, 405, method);
      assert.equal(codeOf(answer), 'METHOD_NOT_ALLOWED');
    }
  });

  test('with a body that nobody reads leaves the connection in order', async () => {
    const post = `POST /help/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`;
    const next = 'GET /help/rain.md HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const answer = await sendRaw(port, post + next);
    assert.equal(answer.status, 405);
    assert.match(answer.body, /HTTP\/1\.1 200 OK\r\n/);
    assert.ok(Buffer.from(answer.body, 'latin1').toString().endsWith('It is raining.'));
  });

  test('repeats a header and means a list', async () => {
    const answer = await sendLine(port, 'GET /help/rain/', 'Accept: application/pdf', 'Accept: text/plain');
    assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
    const tag = String(answer.headers.get('etag'));
    const again = await sendLine(
      port,
      'GET /help/rain/',
      'Accept: text/plain',
      'If-None-Match: "a"',
      `If-None-Match: ${tag}`,
    );
    assert.equal(again.status, 304);
    assert.equal(again.body, '');
  });
});

describe('HEAD over the wire', () => {
  for (const path of [
    '/',
    '/help/prose/',
    '/help/catalog.json',
    '/help/errors',
    '/help/erors/',
    '/help/%zz/',
    '/favicon.svg',
  ]) {
    for (const headers of [[], ['Accept-Encoding: br'], ['Accept: text/html']]) {
      test(`of ${path} has the headers of GET and no body (${headers.join() || 'no header'})`, async () => {
        const [full, head] = await Promise.all(
          ['GET', 'HEAD'].map((method) => sendLine(port, `${method} ${path}`, ...headers)),
        );
        const fields = (answer: RawAnswer | undefined) =>
          [...(answer?.headers ?? [])].filter(([name]) => name !== 'date').map((field) => field.join(': '));
        assert.equal(head?.status, full?.status);
        assert.deepEqual(fields(head), fields(full));
        assert.equal(head?.body, '');
        assert.equal(Number(head?.headers.get('content-length')), full?.body.length);
      });
    }
  }
});

describe('many requests at once', () => {
  test('are answered each with its own document', async () => {
    const slugs = slugsOf(built.pack);
    const asked = Array.from({ length: 200 }, (_, index) => {
      const slug = slugs[index % slugs.length] as string;
      const form = ['/', '.json', '.md', '/index.md', '/no-such/'][index % 5] as string;
      return { path: `/help/${slug}${form}`, encoding: ['identity', 'gzip', 'br'][index % 3] as string };
    });
    const answers = await Promise.all(
      asked.map(async ({ path, encoding }) => {
        const response = await fetch(new URL(path, url), { headers: { 'Accept-Encoding': encoding } });
        return { path, status: response.status, text: await response.text() };
      }),
    );
    assert.equal(answers.length, 200);
    for (const { path, status, text } of answers) {
      const alone = await get(path);
      assert.equal(status, alone.status, path);
      if (status === 200) assert.equal(text, await alone.text(), path);
      else assert.equal(JSON.parse(text).instance, path);
    }
    assert.deepEqual(reported, []);
  });
});

describe('a server', () => {
  test('lets running answers finish when it closes, and takes no more', async () => {
    let finish = (_: Response) => {};
    const asked = Promise.withResolvers<void>();
    const slow = () => {
      asked.resolve();
      return new Promise<Response>((resolve) => {
        finish = resolve;
      });
    };
    const server = await listen(slow, '127.0.0.1', 0);
    const running = fetch(server.url);
    await asked.promise;
    const closed = server.close();
    await assert.rejects(fetch(server.url), TypeError);
    finish(new Response('done'));
    assert.equal(await (await running).text(), 'done');
    await closed;
  });

  test('says what keeps it from an address', async () => {
    const rival = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => rival.once('listening', resolve));
    const address = rival.address();
    assert.ok(typeof address === 'object' && address !== null);
    await assert.rejects(listen(handler, '127.0.0.1', address.port), { code: 'EADDRINUSE' });
    rival.close();
    await assert.rejects(listen(handler, '192.0.2.1', 0), { code: 'EADDRNOTAVAIL' });
  });

  test('answers 500 for a handler that breaks its promise, and goes on', async () => {
    let broken = true;
    const server = await serve(async () => {
      if (broken) throw new Error('SECRET');
      return new Response('well');
    });
    const answer = await fetch(server.url);
    assert.equal(answer.status, 500);
    assert.equal(await answer.text(), '');
    broken = false;
    assert.equal(await (await fetch(server.url)).text(), 'well');
  });

  test('prints an address that a browser opens', async () => {
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    assert.equal((await fetch(url)).status, 200);
  });
});
