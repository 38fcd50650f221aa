import type { Durability } from '../config/config.ts';
import { PostgresLedger } from '../reference/ledgers/postgres.ts';
import { loadClient, type ReferenceStore } from './store.ts';

/** A request has a connection for a few milliseconds, several times; more of them let more requests share the server's wait for its disk. */
const POOL_SIZE = 20;

/** How long a server may take to be reached: somebody waits for a 503 meanwhile. Milliseconds. */
const CONNECT_LIMIT_MS = 2000;

/** How long a statement may take that reads or writes a few rows. Longer than a slow disk, and no longer than a lease. Milliseconds. */
const QUERY_LIMIT_MS = 3000;

/**
 * A process that has stopped in the middle of a transaction holds a record locked; its connection is ended then, and the transaction
 * undone. Milliseconds.
 */
const IDLE_LIMIT_MS = 5000;

/** What a power loss does when a setting of the server is off. */
const LOSSES: Record<string, string> = {
  fsync: 'it does not wait for its disk (fsync off), so a power loss may damage all that is in it; set fsync on',
  synchronous_commit:
    'it answers before it has written (synchronous_commit off), so a power loss may undo the last answers; set synchronous_commit on',
};

/** What each connection is told first; a pooler in front of the server lets it pass, which it does not with a parameter of the connection. */
function sessionSettings(durability: Durability): string {
  const settings = [`SET idle_in_transaction_session_timeout = ${IDLE_LIMIT_MS}`];
  if (durability === 'relaxed') settings.push('SET synchronous_commit = off');
  return settings.join('; ');
}

/**
 * The reference API's data in a PostgreSQL database.
 * @throws {CommandError} `environment`, when the package `pg` is not installed.
 */
export async function openPostgres(
  { url, shown }: { url: string; shown: string },
  durability: Durability,
): Promise<ReferenceStore> {
  const { default: pg } = await loadClient('pg', () => import('pg'));
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'docent',
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    query_timeout: QUERY_LIMIT_MS,
    keepAlive: true,
    onConnect: (client) => client.query(sessionSettings(durability)),
  });
  // Whoever uses a connection is told that it is lost; for one that is idle the pool makes another. Without a listener the process would end.
  pool.on('error', () => undefined);
  const ledger = new PostgresLedger(pool);
  const prepare = async () => {
    await ledger.setUp();
    const { rows } = await pool.query(
      "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')",
    );
    const losses = rows.flatMap(({ name, setting }) => (setting === 'off' ? (LOSSES[name] ?? []) : []));
    return durability === 'relaxed' ? [] : losses.map((loss) => `${loss}, or accept it with --durability relaxed`);
  };
  return { open: () => ledger, server: { shown, prepare } };
}
