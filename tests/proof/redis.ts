// Redis, or Valkey, as a proved store: a server for the calm proofs, and one to be harmed by those that harm.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import type { Server } from '../../scripts/lib/daemon.mjs';
import { findRedis, startRedisServer } from '../../scripts/lib/redis.mjs';
import { RedisStore, type RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import type { Handle, Place, ProvedStore } from './stores.ts';

/** An outage is over soon; so is the wait of a client. Milliseconds. */
const RECONNECT_MS = 10;

/** Less than a server is halted for. Milliseconds. */
const ANSWER_LIMIT_MS = 150;
const HALT_SECONDS = 0.3;
/** Of a server that is not halted: longer than this machine, which has other things to do, ever keeps it waiting. Milliseconds. */
const CALM_LIMIT_MS = 60_000;

/** What is answered has to survive the end of the server. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always', 'enable-debug-command': 'yes' };

interface Address {
  url: string;
  prefix: string;
  /** How long an answer may take. Milliseconds. */
  answerLimitMs: number;
}

/** @param queueing whether a command waits for the connection while there is none. */
function newClient(url: string, queueing: boolean) {
  const socket = { reconnectStrategy: () => RECONNECT_MS };
  const client = createClient({ url, disableOfflineQueue: !queueing, socket });
  // Whoever uses it is told.
  client.on('error', () => undefined);
  return client;
}

async function newServer(settings: Record<string, string> = {}): Promise<Server> {
  const program = await findRedis();
  assert.ok(program, 'there is no Redis and no Valkey; `npm test` sets one up, or says how');
  return startRedisServer(program, { settings });
}

let calm: Promise<string> | undefined;

/** The server that nobody harms; it ends with this process. */
function calmUrl(): Promise<string> {
  const given = process.env.DOCENT_TEST_REDIS_URL;
  calm ??= given === undefined ? newServer().then(({ url }) => url) : Promise.resolve(given);
  return calm;
}

async function open({ harmed = false } = {}): Promise<Place> {
  const server = harmed ? await newServer(DURABLE) : undefined;
  const address: Address = {
    url: server?.url ?? (await calmUrl()),
    prefix: `docent-proof:${randomUUID()}:`,
    answerLimitMs: harmed ? ANSWER_LIMIT_MS : CALM_LIMIT_MS,
  };
  const client = newClient(address.url, true);
  await client.connect();
  const list = `${address.prefix}lines`;
  const empty = async () => {
    for await (const keys of client.scanIterator({ MATCH: `${address.prefix}*`, COUNT: 1000 }))
      if (keys.length > 0) await client.unlink(keys);
  };
  return {
    address: JSON.stringify(address),
    empty,
    lines: () => client.lRange(list, 0, -1),
    close: async () => {
      if (server === undefined) await empty();
      client.destroy();
      await server?.stop();
    },
    ...(server === undefined ? {} : { server, faults: faultsOf(server, client) }),
  };
}

function faultsOf(server: Server, client: ReturnType<typeof newClient>): Record<string, () => Promise<void>> {
  return {
    'server killed and restarted': async () => {
      await server.kill();
      await server.restart();
    },
    'connections cut': async () => {
      await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
    },
    'server halted': async () => {
      await client.sendCommand(['DEBUG', 'SLEEP', String(HALT_SECONDS)]);
      await sleep(1000 * HALT_SECONDS);
    },
  };
}

async function connect(address: string, now?: () => number): Promise<Handle> {
  const { url, prefix, answerLimitMs }: Address = JSON.parse(address);
  const client = newClient(url, false);
  await client.connect();
  return {
    store: new RedisStore(client, { prefix, answerLimitMs, ...(now === undefined ? {} : { now }) }),
    write: (transaction, line) => (transaction as RedisTransaction).command('RPUSH', `${prefix}lines`, line),
    drop: () => client.destroy(),
  };
}

export const redis: ProvedStore = {
  name: 'redis',
  transactional: true,
  durable: true,
  hasServer: true,
  // By default a claim is kept in memory alone until something comes of it.
  volatileClaims: true,
  collects: true,
  pace: { stepMs: 10, keyMs: 60, sequences: 150 },
  open,
  connect,
};
