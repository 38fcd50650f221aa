import type { Schema } from '../../idempotency/stores/sqlite-schema.ts';

const TABLES = `
  CREATE TABLE IF NOT EXISTS sandbox (
    id            TEXT PRIMARY KEY,
    token_hash    TEXT NOT NULL UNIQUE, -- SHA-256 of the token, hex: who reads the file cannot use it
    dialect       TEXT NOT NULL,
    expires_ms    INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS sandbox_expires ON sandbox (expires_ms);
  CREATE TABLE IF NOT EXISTS charge (
    id            TEXT PRIMARY KEY,
    sandbox       TEXT NOT NULL REFERENCES sandbox (id) ON DELETE CASCADE,
    amount        INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    description   TEXT,
    created_at    TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS charge_sandbox ON charge (sandbox);
  CREATE TABLE IF NOT EXISTS quota (
    bucket        TEXT PRIMARY KEY,
    spent         INTEGER NOT NULL,
    ends_ms       INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS quota_ends ON quota (ends_ms);
`;

const COUNTER = `
  ALTER TABLE sandbox ADD COLUMN charges INTEGER NOT NULL DEFAULT 0; -- how many it holds
  UPDATE sandbox SET charges = (SELECT count(*) FROM charge WHERE charge.sandbox = sandbox.id);
`;

/** Sandboxes, charges and quotas. */
export const LEDGER: Schema = {
  name: 'sandboxes and charges',
  versionTable: 'reference_schema',
  migrations: [TABLES, COUNTER],
};
