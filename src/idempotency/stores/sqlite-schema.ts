import { hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { nameOf, type RecordId } from '../record.ts';
import { StoreError } from '../store.ts';
import { Statements } from './sqlite-transaction.ts';

/** Rows that were made before the length of a lease was kept. Milliseconds; the usual length. */
const OLD_LEASE_MS = 3000;

/** Of a SHA-256: 44 bits, which SQLite keeps in six bytes, and which a number counts exactly. Hexadecimal digits. */
const HASH_DIGITS = 11;

/**
 * What a record is looked for by. An index of it is a quarter of an index of the names, so that of ten million keys its inner pages fit into
 * the two megabytes that SQLite keeps in memory if nobody asks for more. Two names may have the same.
 */
export function nameHashOf(id: RecordId): number {
  return Number.parseInt(hash('sha256', nameOf(id)).slice(0, HASH_DIGITS), 16);
}

/** Leads from one version to the next, inside a transaction: SQL, or a function for what SQL cannot say. */
export type Migration = string | ((db: DatabaseSync) => void);

/** Tables with a history. */
export interface Schema {
  /** What they hold, as a message names it. */
  name: string;
  /** Name of the table that keeps their version. */
  versionTable: string;
  /** What leads from each version to the next; the first makes the tables, or finds those from before versions were kept. */
  migrations: Migration[];
}

/** A token is never used twice (AUTOINCREMENT), so that a stale owner cannot be taken for a later one. */
const MIGRATIONS: Migration[] = [
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
  indexByHash,
];

const COLUMNS = `token, principal, key, fingerprint, method, path, request_id, first_seen_ms, lease_ms, lease_ends_ms, expires_ms,
  points, status, headers, body`;

/** The most pages that SQLite counts (https://www.sqlite.org/limits.html). */
const PAGES_LIMIT = 2 ** 32 - 2;

/**
 * The index that a constraint brings along cannot be dropped, so the table is made anew, which takes twice its room for a moment, whatever limit
 * the application has set. A process that still runs with the version before enters nothing in it any more: its records would not be found.
 */
function indexByHash(db: DatabaseSync): void {
  db.function('idempotency_name_hash', { deterministic: true }, (principal, key) =>
    nameHashOf({ principal: String(principal), key: String(key) }),
  );
  const statements = new Statements(db);
  const setting = (name: string) => Number(statements.of(`PRAGMA ${name}`).get()?.[name]);
  const [isLegacy, pages] = [setting('legacy_alter_table'), setting('max_page_count')];
  db.exec(`PRAGMA max_page_count = ${PAGES_LIMIT}`);
  try {
    makeAnew(db, isLegacy);
  } finally {
    db.exec(`PRAGMA max_page_count = ${pages}`);
  }
}

function makeAnew(db: DatabaseSync, isLegacy: number): void {
  db.exec(`
    CREATE TABLE idempotency_record_new (
      token         INTEGER PRIMARY KEY AUTOINCREMENT,
      name_hash     INTEGER NOT NULL,     -- of principal and key
      principal     TEXT NOT NULL,
      key           TEXT NOT NULL,
      fingerprint   TEXT NOT NULL,
      method        TEXT NOT NULL,
      path          TEXT NOT NULL,
      request_id    TEXT,
      first_seen_ms INTEGER NOT NULL,
      lease_ms      INTEGER NOT NULL,
      lease_ends_ms INTEGER,              -- NULL once completed
      expires_ms    INTEGER NOT NULL,
      points        TEXT,                 -- recovery points: JSON, an array of {phase, result}; NULL where there is none
      status        INTEGER,              -- these three are NULL while in progress
      headers       TEXT,                 -- JSON
      body          BLOB,
      CHECK ((lease_ends_ms IS NULL) = (status IS NOT NULL)),
      CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
    ) STRICT;
    INSERT INTO idempotency_record_new (name_hash, ${COLUMNS})
      SELECT idempotency_name_hash(principal, key), ${COLUMNS} FROM idempotency_record ORDER BY token;
    -- The last token may be that of a record that was deleted.
    DELETE FROM sqlite_sequence WHERE name = 'idempotency_record_new';
    INSERT INTO sqlite_sequence (name, seq)
      SELECT 'idempotency_record_new', seq FROM sqlite_sequence WHERE name = 'idempotency_record';
    DROP TABLE idempotency_record;
    -- A view of the application's, which has no table for a moment, must not be in the way.
    PRAGMA legacy_alter_table = ON;
    ALTER TABLE idempotency_record_new RENAME TO idempotency_record;
    PRAGMA legacy_alter_table = ${isLegacy};
    CREATE INDEX idempotency_record_name ON idempotency_record (name_hash);
    CREATE INDEX idempotency_record_expires ON idempotency_record (expires_ms)`);
}

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
  const statements = new Statements(db);
  // Without a lock, so that a file that somebody else has locked can still be read.
  if (versionOf(statements, versionTable) === latest) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    const version = versionOf(statements, versionTable);
    if (version > latest) {
      const message = `the ${name} have version ${version}; this library knows ${latest}: use a later one`;
      throw new StoreError('unavailable', message, undefined);
    }
    for (const migration of migrations.slice(version))
      if (typeof migration === 'string') db.exec(migration);
      else migration(db);
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
function versionOf(statements: Statements, versionTable: string): number {
  const known = statements.of("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(versionTable);
  if (known === undefined) return 0;
  return Number(statements.of(`SELECT max(version) AS version FROM ${versionTable}`).get()?.version);
}
