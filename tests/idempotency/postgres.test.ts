import type pg from 'pg';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import { postgresDatabase } from '../servers/postgres.ts';
import { newPool, openStore, readLines, writeLine } from './postgres-support.ts';
import { testStore } from './store-contract.ts';

for (const [name, config] of [
  ['PostgreSQL', {}],
  ['PostgreSQL, with a client that sends without waiting', { pipeline: true }],
] as [string, pg.PoolConfig][]) {
  const connectionString = await postgresDatabase();
  const pools = [newPool({ connectionString, ...config }), newPool({ connectionString, ...config })] as const;
  testStore<pg.PoolClient>({
    name,
    transactional: true,
    make: async (now) => {
      const opened = await openStore(pools[0], { now });
      await pools[0].query('TRUNCATE idempotency_record, line');
      return {
        store: opened.store,
        other: new PostgresStore(pools[1], { now }),
        write: writeLine,
        lines: () => readLines(opened),
      };
    },
  });
}
