// The client of Redis that `docent serve` uses, on a connection that the network has swallowed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { CLIENT_OPTIONS, WatchedClient } from '../../src/cli/redis-client.ts';
import { startNetwork } from '../servers/network.ts';
import { startRedis } from '../servers/redis.ts';

test('a connection on which nothing comes back is left for a new one', async () => {
  const network = await startNetwork((await startRedis()).url);
  const client = new WatchedClient(() => createClient({ ...CLIENT_OPTIONS, url: network.url }), 200);
  await client.connected();
  assert.equal(await client.sendCommand(['SET', 'k', 'v']), 'OK');
  assert.equal(network.connections(), 1);
  network.swallow();
  const lost = assert.rejects(client.sendCommand(['GET', 'k']));
  await lost;
  while (!client.isReady) await sleep(10);
  assert.equal(await client.sendCommand(['GET', 'k']), 'v');
  assert.equal(network.connections(), 2);
  await client.close();
});

test('a connection that answers is kept', async () => {
  const network = await startNetwork((await startRedis()).url);
  const client = new WatchedClient(() => createClient({ ...CLIENT_OPTIONS, url: network.url }), 200);
  await client.connected();
  // Several heartbeats long.
  await sleep(3500);
  assert.equal(await client.sendCommand(['PING']), 'PONG');
  assert.equal(network.connections(), 1);
  await client.close();
});

test('what cannot be connected is told as soon as that is known, and closed at once', async () => {
  const server = await startRedis();
  const owner = await createClient({ url: server.url }).connect();
  await owner.configSet('requirepass', 'right');
  owner.destroy();
  const open = (url: string) => new WatchedClient(() => createClient({ ...CLIENT_OPTIONS, url }));
  const wrong = open(server.url.replace('//', '//:wrong@'));
  await assert.rejects(wrong.connected(), { name: 'StoreError', problem: 'unavailable', message: /^WRONGPASS / });
  wrong.destroy();
  const right = open(server.url.replace('//', '//:right@'));
  await right.connected();
  await right.close();
  await server.stop();
  const nobody = open(server.url);
  await assert.rejects(nobody.connected(), { message: /ECONNREFUSED/ });
  assert.equal(nobody.isReady, false);
  nobody.destroy();
});
