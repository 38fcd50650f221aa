import type { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';

/** Rows that were made before the length of a lease was kept. Milliseconds; the usual length. */
const OLD_LEASE_MS = 3000;

/** Tables with a history. */
export interface Schema {
  /** What they hold, as a message names it. */
  name: string;
  /** Name of the table that keeps their version. */
  versionTable: string;
  /** What leads from each version to the next; the first makes the tables, or finds those from before versions were kept. */
  migrations: string[];
}

/** A token is never used twice (AUTOINCREMENT), so that a stale owner cannot be taken for a later one. */
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

/** The table of the idempotency records. */
export const RECORDS: Schema = {
  name: 'idempotency records',
  versionTable: 'idempotency_schema',
  migrations: MIGRATIONS,
};

/**
 * Makes tables, or brings those of an earlier version up to date, in one transaction. The version is in a table of its own, because
 * `PRAGMA user_version` is the application's.
 * @throws {StoreError} when a later version has made them.
 */
export function migrate(db: DatabaseSync, { name, versionTable, migrations }: Schema): void {
  const latest = migrations.length;
  // Without a lock, so that a file that somebody else has locked can still be read.
  if (versionOf(db, versionTable) === latest) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    const version = versionOf(db, versionTable);
    if (version > latest) {
      const message = `the ${name} have version ${version}; this library knows ${latest}: use a later one`;
      throw new StoreError('unavailable', message, undefined);
    }
    for (const sql of migrations.slice(version)) db.exec(sql);
    db.exec(`CREATE TABLE IF NOT EXISTS ${versionTable} (version INTEGER NOT NULL) STRICT`);
    db.exec(`DELETE FROM ${versionTable}`);
    db.prepare(`INSERT INTO ${versionTable} VALUES (?)`).run(latest);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** 0 for a database without the tables, and for one from the time before versions were kept. */
function versionOf(db: DatabaseSync, versionTable: string): number {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(versionTable);
  if (known === undefined) return 0;
  return Number(db.prepare(`SELECT max(version) AS version FROM ${versionTable}`).get()?.version);
}
