// The same effect in every store: a charge, written in the transaction of the idempotency store, or in one of its own.
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { Pool, type PoolClient } from 'pg';
import { createClient } from 'redis';
import type { IdempotencyStore } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import { RedisStore, type RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { GroupCommit, transaction } from '../../src/idempotency/stores/sqlite-transaction.ts';

export interface Charge {
  id: string;
  amount: number;
  currency: string;
  description: string;
  created_at: string;
}

/** Makes the reply as long as replies are: some 300 bytes. */
const DESCRIPTION = `One annual subscription for a team of five, billed in advance, with the discount that was agreed on the telephone in March, to be renewed unless somebody says no`;

/** What the handler makes of the body of a request. */
export function chargeOf({ amount, currency }: Pick<Charge, 'amount' | 'currency'>): Charge {
  return { id: `ch_${randomUUID()}`, amount, currency, description: DESCRIPTION, created_at: new Date().toISOString() };
}

/** `full` survives a power loss, `relaxed` the end of the process only. */
export type Durability = 'full' | 'relaxed';

/** A store with the charges beside the records. */
export interface Effects<Transaction> {
  store: IdempotencyStore<Transaction>;
  /** Within the store's transaction. */
  insert(transaction: Transaction, charge: Charge): void | Promise<void>;
  /** In a transaction of its own, by the same client, as somebody writes it who knows nothing of idempotency. */
  insertAlone(charge: Charge): void | Promise<void>;
  /** The same, where transactions that come together can share a commit. */
  insertTogether?(charge: Charge): Promise<void>;
}

/**
 * Opens a store.
 * @param name `memory`, `sqlite`, `postgres` or `redis`.
 * @param place a file that does not exist yet, or the address of a server without charges.
 */
export async function openEffects(name: string, place: string, durability: Durability): Promise<Effects<unknown>> {
  switch (name) {
    case 'memory':
      return inMemory();
    case 'sqlite':
      return inSqlite(place, durability);
    case 'postgres':
      return inPostgres(place);
    case 'redis':
      return inRedis(place);
    default:
      throw new Error(`there is no store "${name}"`);
  }
}

function inMemory(): Effects<undefined> {
  const charges = new Map<string, Charge>();
  const insertAlone = (charge: Charge) => {
    charges.set(charge.id, charge);
  };
  return { store: new MemoryStore(), insert: (_, charge) => insertAlone(charge), insertAlone };
}

function inSqlite(path: string, durability: Durability): Effects<DatabaseSync> {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
  db.exec(
    'CREATE TABLE IF NOT EXISTS charge (id TEXT PRIMARY KEY, amount INTEGER, currency TEXT, description TEXT, created_at TEXT) STRICT',
  );
  const statement = db.prepare('INSERT INTO charge VALUES (?, ?, ?, ?, ?)');
  const insert = ({ id, amount, currency, description, created_at }: Charge) => {
    statement.run(id, amount, currency, description, created_at);
  };
  const group = new GroupCommit(db);
  return {
    store: new SqliteStore(db),
    insert: (_, charge) => insert(charge),
    insertAlone: (charge) => transaction(db, () => insert(charge)),
    insertTogether: (charge) => group.submit(() => insert(charge)),
  };
}

async function inPostgres(url: string): Promise<Effects<PoolClient>> {
  const pool = new Pool({ connectionString: url });
  pool.on('error', console.error);
  await pool.query(
    'CREATE TABLE IF NOT EXISTS charge (id text PRIMARY KEY, amount bigint, currency text, description text, created_at timestamptz)',
  );
  const insert = async (client: PoolClient, { id, amount, currency, description, created_at }: Charge) => {
    const text = 'INSERT INTO charge VALUES ($1, $2, $3, $4, $5)';
    await client.query({ name: 'charge', text, values: [id, amount, currency, description, created_at] });
  };
  return {
    store: new PostgresStore(pool),
    insert,
    insertAlone: async (charge) => {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await insert(client, charge);
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    },
  };
}

async function inRedis(url: string): Promise<Effects<RedisTransaction>> {
  const client = createClient({ url });
  client.on('error', console.error);
  await client.connect();
  return {
    store: new RedisStore(client),
    insert: (transaction, { id, ...members }) => {
      const fields = Object.entries(members).flatMap(([name, value]) => [name, String(value)]);
      transaction.command('HSET', `charge:${id}`, ...fields);
      transaction.command('ZADD', 'charges', String(Date.parse(members.created_at)), id);
    },
    insertAlone: async ({ id, ...members }) => {
      await client
        .multi()
        .hSet(`charge:${id}`, members)
        .zAdd('charges', { score: Date.parse(members.created_at), value: id })
        .exec();
    },
  };
}
