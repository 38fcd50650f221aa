import { ABANDONED_MS, type Reply } from '../record.ts';
import { buffer } from './postgres-client.ts';
import type { Prepared } from './postgres-prepared.ts';

/** Milliseconds since 1970, by the clock that was given, else by the database's. */
function nowOr(parameter: string): string {
  return `coalesce(${parameter}::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)`;
}

/** The statements that are transactions of their own. @param schema quoted. */
export function statementsIn(schema: string) {
  const record = `${schema}.idempotency_record`;
  const open = 'principal = $1 AND key = $2 AND token = $3 AND status IS NULL';
  const now = (parameter: string) => `(SELECT ${nowOr(parameter)})`;
  const before = `least($1::bigint, ${now('$3')})`;
  return {
    owned: `SELECT points FROM ${record} WHERE ${open}`,
    renew: `
      UPDATE ${record} SET lease_ms = $4::bigint, lease_ends_ms = ends_ms, expires_ms = ends_ms + ${ABANDONED_MS},
        expires_slot = (ends_ms + ${ABANDONED_MS}) >> 16
      FROM (SELECT ${now('$5')} + $4::bigint) AS clock (ends_ms) WHERE ${open}`,
    release: `DELETE FROM ${record} WHERE ${open}`,
    lookup: `
      SELECT fingerprint, method, path, request_id, first_seen_ms, expires_ms, status FROM ${record}
      WHERE principal = $1 AND key = $2 AND expires_ms > ${now('$3')}`,
    // Rows that are locked are in use.
    purge: `
      DELETE FROM ${record} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ${record} WHERE expires_slot <= ${before} >> 16 AND expires_ms <= ${before}
        ORDER BY expires_slot LIMIT $2 FOR UPDATE SKIP LOCKED))`,
  };
}

/**
 * The statements that end the transaction of an effect; its COMMIT is sent together with them, so that they fail where they must not write, or
 * insert nothing. The last one inserts a record that is complete.
 * @param schema quoted.
 */
export function endingsIn(schema: string): { complete: Prepared; advance: Prepared; insert: Prepared } {
  const claim = '$1::bigint, $2::text, $3::text, $4::bigint';
  return {
    complete: {
      name: 'idempotency_complete',
      text: `SELECT ${schema}.idempotency_complete(${claim}, $5::integer, $6::text, $7::bytea, $8::bigint)`,
    },
    advance: {
      name: 'idempotency_advance',
      text: `SELECT ${schema}.idempotency_advance(${claim}, $5::text, $6::text, $7::bigint)`,
    },
    insert: {
      name: 'idempotency_insert',
      text: `
        INSERT INTO ${schema}.idempotency_record
          (principal, key, token, fingerprint, method, path, request_id, first_seen_ms, lease_ms, expires_ms, expires_slot, status,
          headers, body)
        SELECT $2, $3, 0, $4, $5, $6, $7, now_ms, 0, now_ms + $11::bigint, (now_ms + $11::bigint) >> 16, $8::integer, $9, $10::bytea
        FROM (SELECT ${nowOr('$1')}) AS clock (now_ms)
        WHERE current_setting('idempotency.effect', true) = 'on'`,
    },
  };
}

/** A reply as parameters. @throws {TypeError} for what is none. */
export function replyValuesOf({ status, headers, body }: Reply): (number | string | Buffer)[] {
  if (typeof status !== 'number' || !Array.isArray(headers))
    throw new TypeError('a reply has a number as its status, and a list of headers');
  return [status, JSON.stringify(headers), buffer(body)];
}

/** A value as PostgreSQL reads it. @throws {TypeError} for a number that is none. */
export function parameter(value: unknown): unknown {
  if (typeof value !== 'number') return value;
  if (Number.isFinite(value)) return String(value);
  throw new TypeError(`${value} is nothing that can be stored`);
}
