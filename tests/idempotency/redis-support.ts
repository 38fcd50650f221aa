// Redis stores for tests, each with a connection of its own and lines as business data.
import { after } from 'node:test';
import { createClient } from 'redis';
import type { StoreProblem } from '../../src/idempotency/index.ts';
import { RedisStore, type RedisStoreOptions, type RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import { type RedisDatabase, redisDatabase } from '../servers/redis.ts';
import { replyOf } from './bench.ts';

/** A client that is soon back after an outage. Milliseconds. */
const RECONNECT_MS = 20;

/** Options of a client that a test is about. */
export interface ClientOptions {
  RESP?: 2 | 3;
  disableOfflineQueue?: boolean;
  username?: string;
  password?: string;
}

function newClient(url: string, options: ClientOptions) {
  const socket = { reconnectStrategy: () => RECONNECT_MS };
  const client = createClient({ url, disableOfflineQueue: true, socket, ...options });
  // The store tells that the connection is down.
  client.on('error', () => undefined);
  return client;
}

export type Client = ReturnType<typeof newClient>;

const clients: Client[] = [];
after(() => {
  for (const client of clients) if (client.isOpen) client.destroy();
});

/** A connection, closed when the test file has ended. */
export async function connect(url: string, options: ClientOptions = {}): Promise<Client> {
  const client = newClient(url, options);
  clients.push(client);
  await client.connect();
  return client;
}

/** A key space with a store and its connection. */
export interface OpenStore extends RedisDatabase {
  client: Client;
  store: RedisStore;
  /** What an effect writes. */
  write(transaction: RedisTransaction, line: string): void;
  lines(): Promise<string[]>;
}

export async function openStore(
  database?: RedisDatabase,
  options: RedisStoreOptions = {},
  clientOptions?: ClientOptions,
): Promise<OpenStore> {
  const { url, prefix } = database ?? (await redisDatabase());
  const client = await connect(url, clientOptions);
  const list = `${prefix}lines`;
  return {
    url,
    prefix,
    client,
    store: new RedisStore(client, { prefix, ...options }),
    write: (transaction, line) => transaction.command('RPUSH', list, line),
    lines: () => client.lRange(list, 0, -1),
  };
}

/** An effect that writes a line and answers with it. */
export function effectOf({ write }: OpenStore, line: string) {
  return (transaction: RedisTransaction) => {
    write(transaction, line);
    return replyOf(line);
  };
}

/** Matches a StoreError. */
export const storeError = (problem: StoreProblem) => ({ name: 'StoreError', problem });
