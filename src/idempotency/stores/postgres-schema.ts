import type { PostgresClient } from './postgres-client.ts';

/** Two processes that start at once must not both make the tables; the number is only this library's. */
const MIGRATION_LOCK = 7_165_104_623;

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

/**
 * Makes the tables, or brings those of an earlier version up to date, in one transaction.
 * @throws {Error} when a later version has made them.
 */
export async function migrate(client: PostgresClient): Promise<void> {
  await client.query({ text: 'BEGIN' });
  try {
    await client.query({ text: 'SELECT pg_advisory_xact_lock($1)', values: [MIGRATION_LOCK] });
    await client.query({ text: 'CREATE TABLE IF NOT EXISTS idempotency_schema (version integer NOT NULL)' });
    const { rows } = await client.query({ text: 'SELECT max(version) AS version FROM idempotency_schema' });
    const version = Number(rows[0]?.version ?? 0);
    if (version > MIGRATIONS.length)
      throw new Error(
        `the idempotency records have version ${version}; this library knows ${MIGRATIONS.length}: use a later one`,
      );
    for (const text of MIGRATIONS.slice(version)) await client.query({ text });
    if (version < MIGRATIONS.length) {
      await client.query({ text: 'DELETE FROM idempotency_schema' });
      await client.query({ text: 'INSERT INTO idempotency_schema VALUES ($1)', values: [MIGRATIONS.length] });
    }
    await client.query({ text: 'COMMIT' });
  } catch (error) {
    await client.query({ text: 'ROLLBACK' }).catch(() => undefined);
    throw error;
  }
}
