import { after } from 'node:test';
import pg from 'pg';
import type { Reply, StoreProblem } from '../../src/idempotency/index.ts';
import { PostgresStore, type PostgresStoreOptions } from '../../src/idempotency/stores/postgres.ts';
import { replyOf } from './bench.ts';

// Not where they are made: there, they would end with the test that has made them.
const pools: pg.Pool[] = [];
after(() => Promise.all(pools.map((pool) => pool.end())));

/** A pool that ends with the test file. */
export function newPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config);
  // Whoever uses it is told.
  pool.on('error', () => undefined);
  pools.push(pool);
  return pool;
}

/** A store on a pool of its own, beside a table for what effects write. */
export interface OpenStore {
  pool: pg.Pool;
  store: PostgresStore<pg.PoolClient>;
}

/** @param where a pool, or what a new one is made of. */
export async function openStore(where: pg.Pool | pg.PoolConfig, options?: PostgresStoreOptions): Promise<OpenStore> {
  const pool = where instanceof pg.Pool ? where : newPool(where);
  await pool.query('CREATE TABLE IF NOT EXISTS line (number serial, text text)');
  const store = new PostgresStore(pool, options);
  await store.setUp();
  return { pool, store };
}

export async function writeLine(client: pg.PoolClient, line: string): Promise<void> {
  await client.query('INSERT INTO line (text) VALUES ($1)', [line]);
}

export async function readLines({ pool }: OpenStore): Promise<string[]> {
  return (await pool.query('SELECT text FROM line ORDER BY number')).rows.map(({ text }) => text);
}

/** An effect that writes a line; `then` is what happens after the writing. */
export function effectOf(line: string, then: (client: pg.PoolClient) => unknown = () => undefined) {
  return async (client: pg.PoolClient): Promise<Reply> => {
    await writeLine(client, line);
    await then(client);
    return replyOf(line);
  };
}

/** Matches a StoreError. */
export const storeError = (problem: StoreProblem) => ({ name: 'StoreError', problem });
