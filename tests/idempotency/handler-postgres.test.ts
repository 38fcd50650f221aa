import { after } from 'node:test';
import pg from 'pg';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import { postgresDatabase } from '../servers/postgres.ts';
import { testHandler } from './handler-contract.ts';
import { testPhases } from './phases-contract.ts';

const pool = new pg.Pool({ connectionString: await postgresDatabase() });
pool.on('error', () => undefined);
after(() => pool.end());

const POSTGRES = {
  name: 'PostgreSQL',
  transactional: true,
  make: async (now: () => number) => {
    const store = new PostgresStore<pg.PoolClient>(pool, { now });
    await store.setUp();
    await pool.query('CREATE TABLE IF NOT EXISTS line (number serial, text text)');
    await pool.query('TRUNCATE line, idempotency_record');
    return {
      store,
      other: new PostgresStore<pg.PoolClient>(pool, { now }),
      write: async (client: pg.PoolClient, text: string) =>
        void (await client.query('INSERT INTO line (text) VALUES ($1)', [text])),
      lines: async () => (await pool.query('SELECT text FROM line ORDER BY number')).rows.map(({ text }) => text),
    };
  },
};

testHandler(POSTGRES);
testHandler(POSTGRES, { optimistic: true });
testPhases(POSTGRES);
