import { after } from 'node:test';
import pg from 'pg';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import { postgresDatabase } from '../servers/postgres.ts';
import { testStore } from './store-contract.ts';

const url = await postgresDatabase();
const pools: pg.Pool[] = [];
after(() => Promise.all(pools.map((pool) => pool.end())));

function open(): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  pool.on('error', () => undefined);
  pools.push(pool);
  return pool;
}

const [one, two] = [open(), open()];
testStore<pg.PoolClient>({
  name: 'PostgreSQL',
  transactional: true,
  make: async (now) => {
    const store = new PostgresStore(one, { now });
    await store.setUp();
    await one.query('TRUNCATE idempotency_record');
    await one.query('CREATE TABLE IF NOT EXISTS line (number serial, text text); ');
    await one.query('TRUNCATE line');
    return {
      store,
      other: new PostgresStore(two, { now }),
      write: async (client, text) => void (await client.query('INSERT INTO line (text) VALUES ($1)', [text])),
      lines: async () => (await one.query('SELECT text FROM line ORDER BY number')).rows.map(({ text }) => text),
    };
  },
});
