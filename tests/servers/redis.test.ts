import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from 'redis';
import { redisDatabase, startRedis } from './redis.ts';

const newClient = (url: string) => createClient({ url, socket: { reconnectStrategy: false } });
type Client = ReturnType<typeof newClient>;

/** Does something on a connection of its own. */
async function on<T>(url: string, act: (client: Client) => Promise<T>): Promise<T> {
  const client = newClient(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await act(client);
  } finally {
    client.destroy();
  }
}

test('a server of one’s own can be killed and started again at its address, with its data and settings', async () => {
  const server = await startRedis({ settings: { appendonly: 'yes', appendfsync: 'always', maxmemory: '64mb' } });
  const { url } = server;
  await on(url, (client) => client.set('k', 'v'));
  await server.kill();
  await assert.rejects(
    on(url, (client) => client.get('k')),
    /ECONNREFUSED/,
  );
  for (let time = 0; time < 2; time += 1) {
    await server.restart();
    assert.equal(server.url, url);
    assert.equal(await on(url, (client) => client.get('k')), 'v');
  }
  assert.deepEqual({ ...(await on(url, (client) => client.configGet('maxmemory'))) }, { maxmemory: `${64 * 2 ** 20}` });
});

test('settings that the server does not understand are told', async () => {
  await assert.rejects(
    startRedis({ settings: { 'no-such-setting': 'yes' } }),
    /does not start; it said:[\s\S]*no-such-setting/,
  );
});

test('every key space is another one on the same server, and is empty', async () => {
  const [one, two] = [await redisDatabase(), await redisDatabase()];
  assert.equal(one.url, two.url);
  assert.notEqual(one.prefix, two.prefix);
  assert.deepEqual(await on(one.url, (client) => client.keys(`${one.prefix}*`)), []);
});
