// Methods, paths and bodies as they go over the wire, and the API beside the help.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { listen } from '../../src/http/listen.ts';
import { mountApi } from '../../src/http/mount.ts';
import { createReferenceApi } from '../../src/reference/api.ts';
import { DIALECTS } from '../../src/reference/errors.ts';
import { SqliteLedger } from '../../src/reference/ledgers/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import {
  API,
  assertCommon,
  assertError,
  CHARGE,
  charge,
  newKey,
  newToken,
  read,
  rows,
  send,
  startApi,
} from './support.ts';

const api = await startApi();
const { url, path } = api;
const token = await newToken(url);
const { json: existing } = await charge(url, { token, key: '"a key"' });
const KEY_PATH = `${API}/idempotency-keys/a%20key`;
const CHARGE_PATH = `${API}/charges/${existing.id}`;

describe('a method', () => {
  for (const [path, allowed, refused] of [
    [`${API}/sandboxes`, 'POST, OPTIONS', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'QUERY']],
    [`${API}/charges`, 'GET, HEAD, POST, OPTIONS', ['PUT', 'PATCH', 'DELETE']],
    [CHARGE_PATH, 'GET, HEAD, PATCH, OPTIONS', ['POST', 'PUT', 'DELETE', 'TRACE']],
    [KEY_PATH, 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'PATCH', 'DELETE']],
  ] as const) {
    for (const method of refused) {
      test(`${method} of ${path.replace(existing.id, 'ID')} is refused, and it is told what is allowed`, async () => {
        const answer = await send(url, { method, path });
        assert.equal(answer.headers.get('allow'), allowed);
        if (method !== 'HEAD') assertError(answer, 'METHOD_NOT_ALLOWED', { instance: path });
        else assert.deepEqual([answer.status, answer.text], [405, '']);
        assertCommon(answer);
      });
    }

    test(`OPTIONS of ${path.replace(existing.id, 'ID')} lets every page ask`, async () => {
      const headers: [string, string][] = [
        ['Origin', 'https://docs.example'],
        ['Access-Control-Request-Method', 'POST'],
        ['Access-Control-Request-Headers', 'authorization,content-type,idempotency-key'],
      ];
      const answer = await send(url, { method: 'OPTIONS', path, headers });
      assert.deepEqual([answer.status, answer.text], [204, '']);
      assert.equal(answer.headers.get('allow'), allowed);
      assert.equal(answer.headers.get('access-control-allow-methods'), allowed);
      assert.equal(answer.headers.get('accept-post'), allowed.includes('POST') ? 'application/json' : null);
      const patch = allowed.includes('PATCH') ? 'application/merge-patch+json, application/json' : null;
      assert.equal(answer.headers.get('accept-patch'), patch);
      assert.equal(answer.headers.get('access-control-allow-credentials'), null);
      const named = answer.headers.get('access-control-allow-headers') ?? '';
      assert.deepEqual(named.toLowerCase().split(', '), [
        'authorization',
        'content-type',
        'docent-simulate',
        'idempotency-key',
      ]);
      assertCommon(answer);
    });
  }

  for (const [what, path] of [
    ['a charge', CHARGE_PATH],
    ['the list', `${API}/charges`],
    ['a page of it', `${API}/charges?limit=1`],
    ['a key', KEY_PATH],
    ['what is not there', `${API}/charges/ch_0`],
    ['what is wrong', `${API}/charges?limit=0`],
  ] as const) {
    test(`HEAD of ${what} is GET without the body`, async () => {
      const [head, get] = [await read(url, token, path, 'HEAD'), await read(url, token, path)];
      assert.deepEqual([head.status, head.text], [get.status, '']);
      const varying = ['date', 'request-id', 'connection', 'keep-alive', 'ratelimit'];
      const comparable = ({ headers }: typeof head) => [...headers].filter(([name]) => !varying.includes(name));
      // A server may leave the length out, but must not tell another one (RFC 9110 section 8.6).
      const withoutLength = ([name]: [string, string]) => name !== 'content-length' && name !== 'transfer-encoding';
      assert.deepEqual(comparable(head).filter(withoutLength), comparable(get).filter(withoutLength));
      const length = head.headers.get('content-length');
      if (length !== null) assert.equal(Number(length), get.bytes.length);
      assertCommon(head);
    });
  }

  test('that is called like a member of every object is refused like any other', async () => {
    const direct = createReferenceApi({
      open: () => new SqliteLedger(`${temporaryFolder()}/reference.sqlite`),
      prefix: API,
      pageUrl: () => 'about:blank',
      report: assert.fail,
    });
    for (const method of ['constructor', 'toString', 'hasOwnProperty']) {
      const answer = await direct.answer(new Request(`${url}${API}/charges`, { method }));
      assert.equal(answer.status, 405, method);
    }
    direct.close();
  });
});

describe('a path', () => {
  for (const path of [
    `${API}/`,
    `${API}/charge`,
    `${API}/charges/`,
    `${API}//charges`,
    `${CHARGE_PATH}/`,
    `${CHARGE_PATH}/refunds`,
    `${API}/sandboxes/sbx_1`,
    `${API}/Charges`,
    `${API}/idempotency-keys`,
    `${API}/idempotency-keys/`,
    `${API}/idempotency-keys/a/b`,
    `${API}/__proto__`,
  ]) {
    test(`${path.replace(existing.id, 'ID')} is not found, and told so in the caller’s dialect`, async () => {
      assertError(await send(url, { method: 'GET', path }), 'NOT_FOUND', { instance: path });
      for (const dialect of DIALECTS) {
        const answer = await read(url, await newToken(url, dialect), path);
        assertError(answer, 'NOT_FOUND', { instance: path, dialect });
      }
      assertError(await read(url, 'unknown', path), 'NOT_FOUND', { instance: path });
    });
  }

  for (const id of [
    'ch_',
    existing.id.toUpperCase(),
    `${existing.id}%20`,
    '%00',
    '..%2Fsandboxes',
    "'%20OR%201=1",
    'x'.repeat(3000),
  ]) {
    test(`of a charge ${id.slice(0, 20).replace(existing.id, 'ID')} that is not there is CHARGE_NOT_FOUND`, async () => {
      const instance = `${API}/charges/${id}`;
      const detail = assertError(await read(url, token, instance), 'CHARGE_NOT_FOUND', { param: 'id', instance });
      assert.ok(detail.length < 200);
    });
  }
});

/** Sends everything before it reads anything, as simple clients do. */
async function sendThenRead(parts: (string | Buffer)[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.pause();
  for (const part of parts) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.write(part, (error) => (error ? reject(error) : resolve()));
    await promise;
    await turn();
  }
  return text(socket);
}

function head(...headers: string[]): string {
  return [`POST ${API}/charges HTTP/1.1`, 'Host: api.example', 'Connection: close', ...headers, '', ''].join('\r\n');
}

describe('a body', () => {
  const chunk = Buffer.alloc(64 * 1024, 'x');

  for (const [what, parts] of [
    ['with its length', [head('Content-Length: 917504'), ...Array(14).fill(chunk)]],
    [
      'in chunks',
      [head('Transfer-Encoding: chunked'), ...Array(14).fill(['10000\r\n', chunk, '\r\n']).flat(), '0\r\n\r\n'],
    ],
  ] as [string, (string | Buffer)[]][]) {
    test(`that is far too large, ${what}, is answered to a client that sends before it reads`, async () => {
      const before = rows(path);
      const answer = await sendThenRead(parts);
      assert.match(answer, /^HTTP\/1\.1 413 /);
      assert.match(answer, /"code":"content_too_large"/);
      assert.deepEqual(rows(path), before);
    });
  }

  test('without an end does not keep the server busy', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(head('Transfer-Encoding: chunked'));
    let ended = false;
    const answer = text(socket)
      .catch(() => '')
      .finally(() => {
        ended = true;
      });
    for (let count = 0; count < 4096 && !ended; count += 1) {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.write(Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]), () => resolve());
      await promise;
      await turn();
    }
    assert.ok(ended, 'the server reads on after 256 MiB');
    // The client may have been cut off before it could read.
    const received = await answer;
    if (received !== '') assert.match(received, /^HTTP\/1\.1 413 /);
    assert.equal((await charge(url, { token })).status, 201);
  });

  test('that breaks off executes nothing', async () => {
    const key = newKey();
    const before = rows(path);
    const body = JSON.stringify(CHARGE);
    const headers = [`Authorization: Bearer ${token}`, 'Content-Type: application/json', `Idempotency-Key: ${key}`];
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.write(`${head(...headers, `Content-Length: ${body.length + 1}`)}${body}`, () => resolve());
    await promise;
    socket.destroy();
    assert.equal((await charge(url, { token, key })).headers.get('idempotent-replayed'), null);
    assert.deepEqual(rows(path), { charges: before.charges + 1, records: before.records + 1 });
  });

  test('is executed to its end when the client has gone, and the retry gets its answer', async () => {
    const key = newKey();
    const before = rows(path);
    const body = JSON.stringify(CHARGE);
    const headers = [`Authorization: Bearer ${token}`, 'Content-Type: application/json', `Idempotency-Key: ${key}`];
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(`${head(...headers, 'Docent-Simulate: delay=50', `Content-Length: ${body.length}`)}${body}`);
    while (rows(path).records === before.records) await turn();
    socket.destroy();
    while (rows(path).charges === before.charges) await turn();
    const retry = await charge(url, { token, key });
    assert.deepEqual([retry.status, retry.headers.get('idempotent-replayed')], [201, 'true']);
    assert.equal(rows(path).charges, before.charges + 1);
  });
});

describe('the API beside the help', () => {
  for (const base of ['', '/docs', '/a/b']) {
    test(`below the base path ${base || '/'} has its own paths, and the help has all others`, async () => {
      const prefix = `${base}/api`;
      const reference = createReferenceApi({
        open: () => new SqliteLedger(`${temporaryFolder()}/reference.sqlite`),
        prefix,
        pageUrl: () => 'about:blank',
        report: assert.fail,
      });
      const help = async (request: Request) => new Response(`help ${new URL(request.url).pathname}`);
      const handler = mountApi(help, { prefix, except: `${base}/api/help`, answer: reference.answer });
      const server = await listen(handler, '127.0.0.1', 0);
      const site = server.url.replace(/\/$/, '');
      try {
        const sandbox = await send(site, { path: `${prefix}/sandboxes` });
        assert.equal(sandbox.status, 201);
        const { headers, body } = {
          headers: [['Authorization', `Bearer ${sandbox.json.token}`]] as [string, string][],
          body: CHARGE,
        };
        headers.push(['Content-Type', 'application/json'], ['Idempotency-Key', newKey()]);
        const created = await send(site, { path: `${prefix}/charges`, headers, body: JSON.stringify(body) });
        assert.equal(created.headers.get('location'), `${prefix}/charges/${created.json.id}`);
        const found = await send(site, {
          method: 'GET',
          path: created.headers.get('location') ?? '',
          headers: headers.slice(0, 1),
        });
        assert.equal(found.text, created.text);
        for (const path of [`${prefix}/`, `${prefix}/helpx`, `${prefix}/nothing/help`])
          assert.equal((await send(site, { method: 'GET', path })).json?.code, 'not_found', path);
        for (const path of [
          prefix,
          `${prefix}x`,
          `${prefix}/help`,
          `${prefix}/help/a`,
          `${base}/help/`,
          '/',
          `/x${prefix}/charges`,
        ])
          assert.equal((await send(site, { method: 'GET', path })).text, `help ${path}`);
      } finally {
        await server.close();
        reference.close();
      }
    });
  }
});

test('an error is told, and what is wrong reported, when its page cannot be looked up', async () => {
  const failure = new Error('the catalog cannot be read');
  const blind = await startApi({
    pageUrl: () => {
      throw failure;
    },
  });
  const { status, json } = await send(blind.url, { path: `${API}/charges` });
  assert.deepEqual([status, json?.code, json?.type], [401, 'token_missing', 'about:blank']);
  assert.deepEqual(blind.reported, [failure]);
});

test('nothing was reported as the server’s own fault', () => {
  assert.deepEqual(api.reported, []);
});
