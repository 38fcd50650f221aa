import { ABANDONED_MS, type RecordId, type Reply, type RequestFacts } from '../record.ts';
import { buffer, literal } from './postgres-client.ts';
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
 * Inserts a record that is complete, unless the transaction is no longer the one that was begun for the effect; see BEGIN.
 * @param schema quoted.
 */
export function insertIn(schema: string): Prepared {
  return {
    name: 'idempotency_insert',
    text: `
      INSERT INTO ${schema}.idempotency_record
        (principal, key, token, fingerprint, method, path, request_id, first_seen_ms, lease_ms, expires_ms, expires_slot, status,
        headers, body)
      SELECT $2, $3, nextval('${schema}.idempotency_token'), $4, $5, $6, $7, now_ms, 0, now_ms + $11::bigint,
        (now_ms + $11::bigint) >> 16, $8::integer, $9, $10::bytea
      FROM (SELECT ${nowOr('$1')}) AS clock (now_ms)
      WHERE current_setting('idempotency.effect', true) = 'on'`,
  };
}

/** The parameters of that, as PostgreSQL reads them. @throws {TypeError} for a reply that is none. */
export function valuesOf(
  now: number | null,
  id: RecordId,
  request: RequestFacts,
  reply: Reply,
  retainMs: number,
): unknown[] {
  const { fingerprint, method, path, requestId = null } = request;
  const { status, headers, body } = reply;
  if (!Array.isArray(headers)) throw new TypeError('headers have to be a list');
  const facts = [now === null ? null : String(now), id.principal, id.key, fingerprint, method, path, requestId];
  return [...facts, literal(status), JSON.stringify(headers), buffer(body), String(retainMs)];
}
