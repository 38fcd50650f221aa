import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Client } from 'pg';
import { postgresDatabase, startPostgres } from './postgres.ts';

async function connected(url: string): Promise<Client> {
  const client = new Client(url);
  // A connection that breaks says so, once more, to whoever listens.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

test('a server can be killed, and restarted with its data, and leaves nothing behind', async () => {
  const server = await startPostgres();
  const client = await connected(server.url);
  await client.query('CREATE TABLE line AS SELECT 1 AS number');
  const broken = assert.rejects(client.query('SELECT pg_sleep(60)'));
  await server.kill();
  await broken;
  await assert.rejects(connected(server.url));
  const { url } = server;
  for (let time = 0; time < 2; time += 1) {
    await server.restart();
    assert.equal(server.url, url);
    const again = await connected(url);
    assert.deepEqual((await again.query('SELECT number FROM line')).rows, [{ number: 1 }]);
    await again.end();
  }
  await server.stop();
  assert.equal(existsSync(server.folder), false);
});

test('a database is empty and one’s own', async () => {
  const urls = [await postgresDatabase(), await postgresDatabase()];
  for (const url of urls) {
    const client = await connected(url);
    await client.query('CREATE TABLE line AS SELECT 1 AS number');
    await client.end();
  }
});
