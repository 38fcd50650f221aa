// Real Redis or Valkey servers for the tests of a file; all of them end with it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after } from 'node:test';
import { createClient } from 'redis';
import type { Server } from '../../scripts/lib/daemon.mjs';
import { findRedis, startRedisServer } from '../../scripts/lib/redis.mjs';

export type { Server } from '../../scripts/lib/daemon.mjs';

// Not where they are made: there, they would end with the test that has made them.
const endings: (() => Promise<unknown>)[] = [];
after(async () => {
  // What is on a server before the server.
  for (const end of endings.reverse()) await end();
});

export interface RedisOptions {
  /** Of redis.conf: `{ appendonly: 'yes', appendfsync: 'always' }`. By default nothing is written to disk. */
  settings?: Record<string, string>;
}

/** A server of its own, which a test may kill, restart and stop. */
export async function startRedis(options: RedisOptions = {}): Promise<Server> {
  const program = await findRedis();
  assert.ok(program, 'there is no Redis and no Valkey; `npm test` sets one up, or says how');
  const server = await startRedisServer(program, options);
  endings.push(() => server.stop());
  return server;
}

/** A part of a server in which nobody else writes: every key in it begins with the prefix. */
export interface RedisDatabase {
  url: string;
  prefix: string;
}

let shared: Promise<Server> | undefined;

/** An empty key space on the server that `DOCENT_TEST_REDIS_URL` names or, without it, on one that all tests of the file share. */
export async function redisDatabase(): Promise<RedisDatabase> {
  const prefix = `docent-test:${randomUUID()}:`;
  const given = process.env.DOCENT_TEST_REDIS_URL;
  if (given !== undefined) {
    endings.push(() => sweep(given, prefix));
    return { url: given, prefix };
  }
  shared ??= startRedis();
  return { url: (await shared).url, prefix };
}

/** Keys to look at and to remove at once. */
const SWEEP_SIZE = 1000;

async function sweep(url: string, prefix: string): Promise<void> {
  const client = createClient({ url });
  await client.connect();
  try {
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: SWEEP_SIZE })) {
      if (keys.length > 0) await client.unlink(keys);
    }
  } finally {
    client.destroy();
  }
}
