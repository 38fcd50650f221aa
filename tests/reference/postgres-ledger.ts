// Opens ledgers on PostgreSQL for the contract of ledgers.
import { Pool } from 'pg';
import type { LedgerOptions } from '../../src/reference/ledger.ts';
import { PostgresLedger } from '../../src/reference/ledgers/postgres.ts';

/** So few that many ledgers fit into one server. Connections. */
const POOL_SIZE = 5;

/** @param place URL of the database. */
export async function openLedger(place: string, options: LedgerOptions): Promise<PostgresLedger> {
  const ledger = newLedger(place, options);
  await ledger.setUp();
  return ledger;
}

/** One that makes its tables when it first needs them. */
export function newLedger(place: string, options: LedgerOptions = {}): PostgresLedger {
  const pool = new Pool({ connectionString: place, max: POOL_SIZE, connectionTimeoutMillis: 5000 });
  pool.on('error', () => undefined);
  return new PostgresLedger(pool, options);
}

/** All rows of all tables, each as JSON on a line. */
export async function dumpDatabase(place: string): Promise<string> {
  const pool = new Pool({ connectionString: place, max: 1 });
  try {
    const tables = await pool.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    const lines: string[] = [];
    for (const { tablename } of tables.rows)
      for (const row of (await pool.query(`SELECT * FROM ${tablename}`)).rows) lines.push(JSON.stringify(row));
    return lines.join('\n');
  } finally {
    await pool.end();
  }
}
