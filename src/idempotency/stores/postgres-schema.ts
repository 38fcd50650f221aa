import type { PostgresClient } from './postgres-client.ts';

/** Tables that belong together, and how to make them. */
export interface PostgresSchema {
  /** What is in them, as a message says it. */
  name: string;
  versionTable: string;
  /** Two processes that start at once must not both make the tables; the number of an advisory lock is the schema's own. */
  lock: number;
  /** What leads from each version to the next; the first makes the tables. */
  migrations: string[];
}

/**
 * What leads from each version of the table to the next; the first makes it. Columns that a claim and a commit change are in no index but
 * `expires_ms`, and a page keeps room for the second version of its rows.
 */
const MIGRATIONS = [
  `
  CREATE SEQUENCE idempotency_token AS bigint;
  CREATE TABLE idempotency_record (
    principal     text COLLATE "C" NOT NULL,
    key           text COLLATE "C" NOT NULL,
    token         bigint NOT NULL,
    fingerprint   text NOT NULL,
    method        text NOT NULL,
    path          text NOT NULL,
    request_id    text,
    first_seen_ms bigint NOT NULL,
    lease_ms      bigint NOT NULL,
    lease_ends_ms bigint,               -- NULL once completed
    expires_ms    bigint NOT NULL,
    points        text,                 -- recovery points: JSON, an array of {phase, result}
    status        integer,              -- these three are NULL while in progress
    headers       text,                 -- JSON
    body          bytea,
    PRIMARY KEY (principal, key),
    -- a record is in progress or complete, never half of each
    CHECK ((lease_ends_ms IS NULL) = (status IS NOT NULL)),
    CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
  ) WITH (fillfactor = 70);
  CREATE INDEX idempotency_record_expires ON idempotency_record (expires_ms);
  `,
];

/** The table of the records. */
export const RECORDS: PostgresSchema = {
  name: 'idempotency records',
  versionTable: 'idempotency_schema',
  lock: 7_165_104_623,
  migrations: MIGRATIONS,
};

/**
 * Makes tables, or brings those of an earlier version up to date, in one transaction.
 * @throws {Error} when a later version has made them.
 */
export async function migrate(client: PostgresClient, schema: PostgresSchema): Promise<void> {
  const { name, versionTable, lock, migrations } = schema;
  await client.query({ text: 'BEGIN' });
  try {
    await client.query({ text: 'SELECT pg_advisory_xact_lock($1)', values: [lock] });
    await client.query({ text: `CREATE TABLE IF NOT EXISTS ${versionTable} (version integer NOT NULL)` });
    const { rows } = await client.query({ text: `SELECT max(version) AS version FROM ${versionTable}` });
    const version = Number(rows[0]?.version ?? 0);
    if (version > migrations.length)
      throw new Error(`the ${name} have version ${version}; this library knows ${migrations.length}: use a later one`);
    for (const text of migrations.slice(version)) await client.query({ text });
    if (version < migrations.length) {
      await client.query({ text: `DELETE FROM ${versionTable}` });
      await client.query({ text: `INSERT INTO ${versionTable} VALUES ($1)`, values: [migrations.length] });
    }
    await client.query({ text: 'COMMIT' });
  } catch (error) {
    await client.query({ text: 'ROLLBACK' }).catch(() => undefined);
    throw error;
  }
}
