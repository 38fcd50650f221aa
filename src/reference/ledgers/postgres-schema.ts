import type { PostgresSchema } from '../../idempotency/stores/postgres-schema.ts';

const TABLES = `
  CREATE TABLE docent_sandbox (
    id            text PRIMARY KEY,
    token_hash    text NOT NULL UNIQUE,     -- SHA-256 of the token, hex: who reads the table cannot use it
    dialect       text NOT NULL,
    expires_ms    bigint NOT NULL,
    charges       integer NOT NULL DEFAULT 0 -- how many it holds
  );
  CREATE INDEX docent_sandbox_expires ON docent_sandbox (expires_ms);
  CREATE TABLE docent_charge (
    position      bigint GENERATED ALWAYS AS IDENTITY, -- drawn while the sandbox is locked: the order in which they came
    id            text PRIMARY KEY,
    sandbox       text NOT NULL REFERENCES docent_sandbox (id) ON DELETE CASCADE,
    amount        bigint NOT NULL,
    currency      text NOT NULL,
    description   text NOT NULL,            -- as JSON: a text of PostgreSQL holds no U+0000
    created_at    text NOT NULL
  );
  CREATE INDEX docent_charge_sandbox ON docent_charge (sandbox, position);
  -- Counts that end in a minute need no log: after a crash of the server they begin anew.
  CREATE UNLOGGED TABLE docent_quota (
    bucket        text PRIMARY KEY,
    spent         bigint NOT NULL,
    ends_ms       bigint NOT NULL
  );
  CREATE INDEX docent_quota_ends ON docent_quota (ends_ms);
`;

/** Sandboxes, charges and quotas. The names of the tables say whose they are: the database may be somebody else's as well. */
export const LEDGER: PostgresSchema = {
  name: 'sandboxes and charges',
  versionTable: 'docent_schema',
  lock: 7_165_104_624,
  migrations: [TABLES],
};
