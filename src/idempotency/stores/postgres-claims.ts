import type { RecordId, RequestFacts } from '../record.ts';
import { Batches } from './batches.ts';
import { type PostgresClient, type PostgresRow, single } from './postgres-client.ts';

/** The wish to execute a request. */
export interface Ask {
  id: RecordId;
  request: RequestFacts;
  leaseMs: number;
}

/**
 * Claims, in batches. Each is answered with `claimed`, the token, null for a key that cannot be claimed; `now_ms`; and the columns of the
 * record that was there, null where there was none.
 * @param schema where the functions are, quoted.
 * @param now null for the database's clock.
 */
export function claimsOn(pool: PostgresClient, schema: string, now: () => number | null): Batches<Ask, PostgresRow> {
  const facts = ['fingerprint', 'method', 'path', 'request_id', 'lease_ms', 'lease_ends_ms', 'expires_ms', 'points'];
  const reply = ['status', 'headers', 'body'];
  const columns = [...facts, ...reply].map((column) => `(seen).${column}`).join(', ');
  const parameters = '$1::bigint, $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[]';
  const text = `SELECT claimed, now_ms, ${columns} FROM ${schema}.idempotency_claim(${parameters})`;
  return new Batches(async (asks) => {
    // In one order everywhere, so that two batches never wait for each other.
    const order = [...asks.keys()].sort((a, b) => compare((asks[a] as Ask).id, (asks[b] as Ask).id));
    const sorted = order.map((index) => asks[index] as Ask);
    const values = [
      now(),
      sorted.map(({ id }) => id.principal),
      sorted.map(({ id }) => id.key),
      sorted.map(({ request }) => request.fingerprint),
      sorted.map(({ request }) => request.method),
      sorted.map(({ request }) => request.path),
      sorted.map(({ request }) => request.requestId ?? null),
      sorted.map(({ leaseMs }) => leaseMs),
    ];
    const { rows } = await single(pool, { text, values });
    const answers = new Array<PostgresRow>(asks.length);
    for (const [place, index] of order.entries()) answers[index] = rows[place] as PostgresRow;
    return answers;
  });
}

/** Whether there is a record of a key, expired or not; asked in batches. */
export function knownOn(pool: PostgresClient, schema: string): Batches<RecordId, boolean> {
  const text = `SELECT idempotency_known AS known FROM ${schema}.idempotency_known($1::text[], $2::text[])`;
  return new Batches(async (ids) => {
    const values = [ids.map(({ principal }) => principal), ids.map(({ key }) => key)];
    const { rows } = await single(pool, { text, values });
    return rows.map(({ known }) => known);
  });
}

function compare(a: RecordId, b: RecordId): number {
  return compareTexts(a.principal, b.principal) || compareTexts(a.key, b.key);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
