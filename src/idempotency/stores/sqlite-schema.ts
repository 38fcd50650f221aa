import type { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';

/** Rows that were made before the length of a lease was kept. Milliseconds; the usual length. */
const OLD_LEASE_MS = 3000;

/**
 * What leads from each version of the table to the next; the first makes it. A token is never used twice (AUTOINCREMENT), so that a stale
 * owner cannot be taken for a later one.
 */
const MIGRATIONS = [
  `
  CREATE TABLE IF NOT EXISTS idempotency_record (
    token         INTEGER PRIMARY KEY AUTOINCREMENT,
    principal     TEXT NOT NULL,
    key           TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    method        TEXT NOT NULL,
    path          TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    lease_ends_ms INTEGER,              -- NULL once completed
    expires_ms    INTEGER NOT NULL,
    status        INTEGER,              -- these three are NULL while in progress
    headers       TEXT,                 -- JSON
    body          BLOB,
    UNIQUE (principal, key),
    -- a record is in progress or complete, never half of each
    CHECK ((lease_ends_ms IS NULL) = (status IS NOT NULL)),
    CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
  ) STRICT;
  CREATE INDEX IF NOT EXISTS idempotency_record_expires ON idempotency_record (expires_ms);
  `,
  `
  ALTER TABLE idempotency_record ADD COLUMN request_id TEXT;
  ALTER TABLE idempotency_record ADD COLUMN lease_ms INTEGER NOT NULL DEFAULT ${OLD_LEASE_MS};
  -- recovery points: JSON, an array of {phase, result}; NULL where there is none
  ALTER TABLE idempotency_record ADD COLUMN points TEXT;
  `,
];

/**
 * Makes the table, or brings that of an earlier version up to date, in one transaction. The version is in a table of its own, because
 * `PRAGMA user_version` is the application's.
 * @throws {StoreError} when a later version has made it.
 */
export function migrate(db: DatabaseSync): void {
  // Without a lock, so that a file that somebody else has locked can still be read.
  if (versionOf(db) === MIGRATIONS.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    const version = versionOf(db);
    if (version > MIGRATIONS.length) {
      const message = `the idempotency records have version ${version}; this library knows ${MIGRATIONS.length}: use a later one`;
      throw new StoreError('unavailable', message, undefined);
    }
    for (const sql of MIGRATIONS.slice(version)) db.exec(sql);
    db.exec('CREATE TABLE IF NOT EXISTS idempotency_schema (version INTEGER NOT NULL) STRICT');
    db.exec('DELETE FROM idempotency_schema');
    db.prepare('INSERT INTO idempotency_schema VALUES (?)').run(MIGRATIONS.length);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** 0 for a database without the table, and for one from the time before versions were kept. */
function versionOf(db: DatabaseSync): number {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'idempotency_schema'").get();
  return known === undefined
    ? 0
    : Number(db.prepare('SELECT max(version) AS version FROM idempotency_schema').get()?.version);
}
