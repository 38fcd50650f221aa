import { ABANDONED_MS } from '../record.ts';
import { StoreError } from '../store.ts';
import { asked, type PostgresClient, type PostgresResult } from './postgres-client.ts';

/** Tables that belong together, and how to make them. */
export interface PostgresSchema {
  /** What is in them, as a message says it. */
  name: string;
  versionTable: string;
  /** Two processes that start at once must not both make the tables; the number of an advisory lock is the schema's own. */
  lock: number;
  /** What leads from each version to the next; the first makes the tables. `{schema}` stands for where they are. */
  migrations: string[];
}

/** What the functions say when they refuse. The classes from I on are free for applications. */
export const REFUSALS = {
  /** The effect has ended the transaction that it was called in. */
  transactionEnded: 'ID001',
  leaseLost: 'ID002',
  /** The phase has been reached meanwhile. */
  reached: 'ID003',
};

/** Milliseconds since 1970, by the clock that was given, else by the database's. */
const NOW = 'coalesce(given_now, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)';

/** Refuses unless the transaction is the one that was begun for the effect. */
const SAME_TRANSACTION = `IF current_setting('idempotency.effect', true) IS DISTINCT FROM 'on' THEN
      RAISE EXCEPTION 'the effect has ended its transaction' USING ERRCODE = '${REFUSALS.transactionEnded}';
    END IF;`;

/** Refuses unless the statement before has found the record. */
const STILL_OWNED = `IF NOT FOUND THEN RAISE EXCEPTION 'the lease is lost' USING ERRCODE = '${REFUSALS.leaseLost}'; END IF;`;

/**
 * What leads from each version to the next; the first makes everything.
 *
 * A commit writes a second version of its row. That touches no index, if the page has room for it (fillfactor) and no indexed column
 * changes: `expires_slot` stays the same, as long as the retention is the time for which an abandoned claim is kept, but for one in twenty.
 *
 * Functions, because a claim is more than one statement, and because what completes a record is sent together with its COMMIT, so that it
 * has to fail where it does nothing. Their plans are kept; without sequential scans, one that was made for an empty table does for ten
 * million rows.
 *
 * There is no CHECK and no generated column: PostgreSQL reads their expressions anew in every statement, a tenth of what a claim costs.
 */
const MIGRATIONS = [
  `
  CREATE SEQUENCE {schema}.idempotency_token MAXVALUE ${Number.MAX_SAFE_INTEGER};

  CREATE TABLE {schema}.idempotency_record (
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
    expires_slot  bigint NOT NULL,     -- expires_ms >> 16: 65 seconds each
    points        text,                 -- recovery points: JSON, an array of {phase, result}
    status        integer,              -- these three are NULL while in progress
    headers       text,                 -- JSON
    body          bytea,
    PRIMARY KEY (principal, key)
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
  CREATE INDEX idempotency_record_expires ON {schema}.idempotency_record (expires_slot);

  -- Claims, one after the other: each is answered with a token, or with the record that is in its way.
  CREATE FUNCTION {schema}.idempotency_claim(
    given_now bigint, principals text[], keys text[], fingerprints text[], methods text[], paths text[], request_ids text[],
    leases_ms bigint[]
  ) RETURNS TABLE (claimed bigint, now_ms bigint, seen {schema}.idempotency_record)
  LANGUAGE plpgsql SET enable_seqscan = off AS $$
  DECLARE
    ends_ms bigint;
    until_ms bigint;
  BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
      LOOP
        claimed := NULL;
        now_ms := ${NOW};
        ends_ms := now_ms + leases_ms[i];
        until_ms := ends_ms + ${ABANDONED_MS};
        SELECT * INTO seen FROM {schema}.idempotency_record r WHERE r.principal = principals[i] AND r.key = keys[i];
        IF seen.token IS NULL THEN
          INSERT INTO {schema}.idempotency_record
            (principal, key, token, fingerprint, method, path, request_id, first_seen_ms, lease_ms, lease_ends_ms, expires_ms,
            expires_slot)
          VALUES (principals[i], keys[i], nextval('{schema}.idempotency_token'), fingerprints[i], methods[i], paths[i],
            request_ids[i], now_ms, leases_ms[i], ends_ms, until_ms, until_ms >> 16)
          ON CONFLICT DO NOTHING RETURNING token INTO claimed;
        ELSIF seen.expires_ms <= now_ms THEN
          -- It is as if it had never been.
          UPDATE {schema}.idempotency_record r
          SET token = nextval('{schema}.idempotency_token'), fingerprint = fingerprints[i], method = methods[i], path = paths[i],
            request_id = request_ids[i], first_seen_ms = now_ms, lease_ms = leases_ms[i], lease_ends_ms = ends_ms,
            expires_ms = until_ms, expires_slot = until_ms >> 16, points = NULL, status = NULL, headers = NULL, body = NULL
          WHERE r.principal = principals[i] AND r.key = keys[i] AND r.token = seen.token AND r.expires_ms = seen.expires_ms
          RETURNING token INTO claimed;
        ELSIF seen.fingerprint = fingerprints[i] AND seen.status IS NULL
          AND (seen.lease_ends_ms <= now_ms OR seen.lease_ends_ms - now_ms > 2 * seen.lease_ms) THEN
          -- The same request goes on where it was abandoned.
          UPDATE {schema}.idempotency_record r
          SET token = nextval('{schema}.idempotency_token'), lease_ms = leases_ms[i], lease_ends_ms = ends_ms,
            expires_ms = until_ms, expires_slot = until_ms >> 16
          WHERE r.principal = principals[i] AND r.key = keys[i] AND r.token = seen.token
            AND r.status IS NULL AND r.lease_ends_ms = seen.lease_ends_ms AND r.points IS NOT DISTINCT FROM seen.points
          RETURNING token INTO claimed;
        ELSE
          EXIT;
        END IF;
        EXIT WHEN claimed IS NOT NULL;
        -- Somebody was faster: it is looked at again.
      END LOOP;
      RETURN NEXT;
    END LOOP;
  END $$;

  CREATE FUNCTION {schema}.idempotency_complete(
    given_now bigint, given_principal text, given_key text, given_token bigint, given_status integer, given_headers text,
    given_body bytea, retain_ms bigint
  ) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
  DECLARE
    until_ms bigint := ${NOW} + retain_ms;
  BEGIN
    ${SAME_TRANSACTION}
    UPDATE {schema}.idempotency_record
    SET status = given_status, headers = given_headers, body = given_body, points = NULL, lease_ends_ms = NULL,
      expires_ms = until_ms, expires_slot = until_ms >> 16
    WHERE principal = given_principal AND key = given_key AND token = given_token AND status IS NULL;
    ${STILL_OWNED}
  END $$;

  -- Adds a recovery point, as JSON that begins with given_prefix, and extends the lease.
  CREATE FUNCTION {schema}.idempotency_advance(
    given_now bigint, given_principal text, given_key text, given_token bigint, given_prefix text, given_point text,
    given_lease_ms bigint
  ) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
  DECLARE
    before text;
    ends_ms bigint := ${NOW} + given_lease_ms;
    until_ms bigint := ends_ms + ${ABANDONED_MS};
  BEGIN
    ${SAME_TRANSACTION}
    SELECT coalesce(points, '[]') INTO before FROM {schema}.idempotency_record
    WHERE principal = given_principal AND key = given_key AND token = given_token AND status IS NULL FOR UPDATE;
    ${STILL_OWNED}
    IF strpos(before, given_prefix) > 0 THEN
      RAISE EXCEPTION 'the phase is reached' USING ERRCODE = '${REFUSALS.reached}';
    END IF;
    UPDATE {schema}.idempotency_record
    SET points = CASE before WHEN '[]' THEN '[' ELSE left(before, -1) || ',' END || given_point || ']',
      lease_ms = given_lease_ms, lease_ends_ms = ends_ms, expires_ms = until_ms, expires_slot = until_ms >> 16
    WHERE principal = given_principal AND key = given_key;
  END $$;
  `,
  `
  -- Which keys have a record, expired or not.
  CREATE FUNCTION {schema}.idempotency_known(principals text[], keys text[]) RETURNS SETOF boolean
  LANGUAGE plpgsql SET enable_seqscan = off AS $$
  BEGIN
    FOR i IN 1 .. cardinality(keys) LOOP
      RETURN NEXT EXISTS (SELECT FROM {schema}.idempotency_record r WHERE r.principal = principals[i] AND r.key = keys[i]);
    END LOOP;
  END $$;
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
 * Makes tables in the first schema of the search path, or brings those of an earlier version up to date, in one transaction.
 * @param client a connection that is not given back to others when this fails.
 * @returns the schema, quoted.
 * @throws {StoreError} when a later version has made them, or PostgreSQL cannot answer.
 */
export async function migrate(client: PostgresClient, tables: PostgresSchema): Promise<string> {
  const { name, lock, migrations } = tables;
  const latest = migrations.length;
  const query: Query = (text, values = []) => asked(() => client.query({ text, values }));
  const schema = await schemaOf(query, name);
  const versionTable = `${schema}.${tables.versionTable}`;
  // Without a lock, and without the right to make tables, where nothing is to be done.
  if ((await versionOf(query, versionTable)) === latest) return schema;
  // Each statement has to see what another process has done while this one waited for the lock.
  await query('BEGIN ISOLATION LEVEL READ COMMITTED');
  await query('SELECT pg_advisory_xact_lock($1)', [lock]);
  // Before it is read: that it is not there, the connection may remember from a moment ago.
  await query(`CREATE TABLE IF NOT EXISTS ${versionTable} (version integer NOT NULL)`);
  const version = await versionIn(query, versionTable);
  if (version > latest) {
    await query('ROLLBACK');
    const message = `the ${name} have version ${version}; this library knows ${latest}: use a later one`;
    throw new StoreError('unavailable', message, undefined);
  }
  for (const sql of migrations.slice(version)) await query(sql.replaceAll('{schema}', schema));
  await query(`DELETE FROM ${versionTable}`);
  await query(`INSERT INTO ${versionTable} VALUES ($1)`, [latest]);
  await query('COMMIT');
  return schema;
}

type Query = (text: string, values?: unknown[]) => Promise<PostgresResult>;

async function schemaOf(query: Query, name: string): Promise<string> {
  const { rows } = await query('SELECT quote_ident(current_schema()) AS schema');
  const schema = rows[0]?.schema;
  if (typeof schema === 'string') return schema;
  const message = `no schema of the search path exists, so that there is no place for the ${name}`;
  throw new StoreError('unavailable', message, undefined);
}

/** 0 where there are no tables. */
async function versionOf(query: Query, versionTable: string): Promise<number> {
  const { rows } = await query('SELECT to_regclass($1) IS NOT NULL AS known', [versionTable]);
  return rows[0]?.known === true ? versionIn(query, versionTable) : 0;
}

async function versionIn(query: Query, versionTable: string): Promise<number> {
  const { rows } = await query(`SELECT max(version) AS version FROM ${versionTable}`);
  return Number(rows[0]?.version ?? 0);
}
