// The store is away while `docent serve` runs, or before it starts: nothing is executed without a record, and it comes back by itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, API, charge, newKey, newToken, read } from '../reference/support.ts';
import { startNetwork } from '../servers/network.ts';
import { project, STORES } from './stores.ts';
import { type Server, serve } from './support.ts';

function assertUnavailable({ status, headers, json, text }: Answer): void {
  assert.deepEqual([status, json?.code], [503, 'store_unavailable'], text);
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d?$/);
  assert.doesNotMatch(text, /ECONN|127\.0\.0\.1:|sqlite|postgres|redis/i);
}

/** Sends it until it is answered otherwise; the store is back, and the server has to find that out by itself. */
async function untilAnswered(sendIt: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await sendIt();
    if (answer.status !== 503) return answer;
    assertUnavailable(answer);
    await sleep(50);
  }
}

const chargesOf = async ({ url }: Server, token: string) =>
  (await read(url, token, `${API}/charges?limit=100`)).json.data as { id: string }[];

for (const [name, start] of STORES) {
  test(`${name} goes away and comes back while the server runs`, async () => {
    const { store, takeAway, giveBack } = await start();
    const server = await serve(['--store', store], { cwd: project() });
    const { url } = server;
    const token = await newToken(url);
    const made = await charge(url, { token });
    // One request is at work when it goes.
    const keyAtWork = newKey();
    const atWork = charge(url, { token, key: keyAtWork, simulate: 'delay=1000' });
    await sleep(300);
    await takeAway();
    const key = newKey();
    for (let time = 0; time < 3; time += 1) assertUnavailable(await charge(url, { token, key }));
    assertUnavailable(await atWork);
    const retry = await charge(url, { token, key: keyAtWork });
    // A file that is locked can be read: the claim of the first one stands, until its lease ends.
    if (name !== 'SQLite' || retry.status !== 409) assertUnavailable(retry);
    assert.equal((await fetch(`${url}/help/a/`)).status, 200);
    assert.equal((await charge(url, {})).status, 401, 'what needs no store is answered as always');
    await giveBack();
    const executed = await untilAnswered(() => charge(url, { token, key }));
    assert.deepEqual([executed.status, executed.headers.get('idempotent-replayed')], [201, null], executed.text);
    const retryAtWork = () => untilAnswered(() => charge(url, { token, key: keyAtWork }));
    let retried = await retryAtWork();
    for (; retried.status === 409; retried = await retryAtWork()) await sleep(100);
    assert.equal(retried.status, 201);
    const expected = [retried, executed, made].map(({ json }) => json.id).toSorted();
    assert.deepEqual((await chargesOf(server, token)).map(({ id }) => id).toSorted(), expected);
    assert.match(server.errors(), /^docent: POST \/api\/charges: /m);
    assert.doesNotMatch(server.errors(), /\n\s+at /, 'no stack trace');
    assert.equal(await server.stop(), 0);
  });
}

describe('a server that is not there when docent serve starts', () => {
  for (const [name, start] of STORES.slice(1)) {
    test(`${name}: is told, and used as soon as it is there; the help is served meanwhile`, async () => {
      const { store, takeAway, giveBack } = await start();
      await takeAway();
      const named = new URL(store);
      named.username ||= 'default';
      named.password ||= 'secret';
      const server = await serve(['--store', named.href], { cwd: project() });
      named.password = '';
      const expected = `^docent: ${named.href} cannot be used \\(.*ECONNREFUSED.*\\); until it can, the reference API answers 503\n$`;
      assert.match(server.errors(), new RegExp(expected));
      assertUnavailable(await charge(server.url, { token: 'sk_sandbox_1' }));
      assert.equal((await fetch(`${server.url}/help/a/`)).status, 200);
      await giveBack();
      while (!server.errors().includes('can be used now')) await sleep(20);
      assert.equal((await charge(server.url, { token: await newToken(server.url) })).status, 201);
      assert.doesNotMatch(server.output(), /secret/);
      assert.equal(await server.stop(), 0);
    });
  }
});

describe('a network that swallows what is sent', () => {
  for (const [name, start] of STORES.slice(1)) {
    test(`${name}: holds up a request not for long, and the next ones not at all; nor the end`, async () => {
      const network = await startNetwork((await start()).store);
      const server = await serve(['--store', network.url], { cwd: project() });
      const { url } = server;
      const token = await newToken(url);
      const key = newKey();
      const first = await charge(url, { token, key });
      assert.equal(first.status, 201);
      network.swallow();
      assertUnavailable(await charge(url, { token, key }));
      assert.deepEqual((await untilAnswered(() => charge(url, { token, key }))).bytes, first.bytes);
      network.swallow();
      assert.equal(await server.stop(), 0);
    });
  }
});

describe('a server that accepts connections and never answers', () => {
  for (const scheme of ['postgres', 'redis']) {
    test(`${scheme}: does not hold up the start, nor a request for long`, async (t) => {
      const sockets: Socket[] = [];
      const silent = createServer((socket) => sockets.push(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
      t.after(() => {
        silent.close();
        for (const socket of sockets) socket.destroy();
      });
      await once(silent, 'listening');
      const { port } = silent.address() as { port: number };
      const server = await serve(['--store', `${scheme}://127.0.0.1:${port}/0`], { cwd: project() });
      assert.match(server.errors(), /cannot be used \(.+\); until it can/);
      assertUnavailable(await charge(server.url, { token: 'sk_sandbox_1' }));
      assert.equal((await fetch(`${server.url}/help/a/`)).status, 200);
      assert.equal(await server.stop(), 0);
    });
  }
});
