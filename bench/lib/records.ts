// Stored records by the million, written by the database itself: copies of one that the store has written.
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { nameHashOf } from '../../src/idempotency/stores/sqlite-schema.ts';

/** One record is there already, under this key. */
export const TEMPLATE_KEY = 'template';

/** Memory that SQLite may use while it fills a table whose index is written here and there. KiB. */
const FILL_CACHE_KIB = 2 * 1024 * 1024;

export interface Filling {
  /** Records to write; their keys are those that `charges.lua` makes of the numbers from `from` on. */
  count: number;
  from: number;
  /** Whether they have expired already. */
  expired?: boolean;
}

/** Fills a database, by the name of its store. */
export const FILL: Record<string, (place: string, filling: Filling) => Promise<void>> = {
  sqlite: async (path, filling) => fillSqlite(path, filling),
  postgres: fillPostgres,
};

function fillSqlite(path: string, { count, from, expired }: Filling): void {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -${FILL_CACHE_KIB}`);
    const names = db.prepare("SELECT name FROM pragma_table_info('idempotency_record')").all() as { name: string }[];
    const columns = names.map(({ name }) => name).filter((name) => name !== 'token');
    const key = "printf('%010d-7d1b-4c0e-8a94-1b1c1f9a0f3b', number * 48271 % 2147483647)";
    db.function('name_hash', (principal, key) => nameHashOf({ principal: String(principal), key: String(key) }));
    const values = columns.map((name) => {
      if (name === 'key') return key;
      if (name === 'name_hash') return `name_hash(principal, ${key})`;
      return name === 'expires_ms' ? expiry(expired) : name;
    });
    db.exec(`
      INSERT INTO idempotency_record (${columns.join(', ')})
      WITH RECURSIVE numbers (number) AS (
        SELECT ${from} UNION ALL SELECT number + 1 FROM numbers WHERE number < ${from + count - 1}
      )
      SELECT ${values.join(', ')} FROM numbers, idempotency_record WHERE key = '${TEMPLATE_KEY}';
      PRAGMA wal_checkpoint(TRUNCATE)`);
  } finally {
    db.close();
  }
}

async function fillPostgres(url: string, { count, from, expired }: Filling): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_name = 'idempotency_record' AND is_generated = 'NEVER'`,
    );
    const columns = rows.map(({ name }) => name);
    const values = columns.map((name) => {
      if (name === 'key') return "lpad((number * 48271 % 2147483647)::text, 10, '0') || '-7d1b-4c0e-8a94-1b1c1f9a0f3b'";
      if (name === 'expires_slot') return `(${expiry(expired)}) >> 16`;
      return name === 'expires_ms' ? expiry(expired) : name;
    });
    await client.query(`
      INSERT INTO idempotency_record (${columns.join(', ')})
      SELECT ${values.join(', ')}
      FROM generate_series(${from}::bigint, ${from + count - 1}) AS number, idempotency_record WHERE key = '${TEMPLATE_KEY}'`);
    // What the server would otherwise do while it is measured.
    await client.query('VACUUM (FREEZE, ANALYZE) idempotency_record');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

/** Each a millisecond after the one before, as if they had come one by one. */
function expiry(expired = false): string {
  return `expires_ms + number % 86400000${expired ? ' - 2 * 86400000' : ''}`;
}
