import type { RecordId, RequestFacts } from '../record.ts';
import { StoreError } from '../store.ts';
import { type PostgresClient, type PostgresRow, single } from './postgres-client.ts';

/** The most claims in one statement; what they find is answered together, bodies included. */
const BATCH = 100;

/** The wish to execute a request. */
export interface Ask {
  id: RecordId;
  request: RequestFacts;
  leaseMs: number;
}

interface Waiting extends Ask {
  resolve(row: PostgresRow): void;
  reject(error: unknown): void;
}

/**
 * Many claims, one statement: those that come while a statement is under way go with the next one, so that they share a round trip and
 * a commit.
 *
 *     claim ─► waiting ┐
 *     claim ─► waiting ┼─► SELECT … FROM idempotency_claim(…) ─► every claim is answered
 *     claim ─► waiting ┘         (the next one leaves when this one is back)
 */
export class ClaimQueue {
  private readonly pool: PostgresClient;
  private readonly sql: string;
  private readonly now: () => number | null;
  private waiting: Waiting[] = [];
  private isBusy = false;

  /**
   * @param schema where the functions are, quoted.
   * @param now null for the database's clock.
   */
  constructor(pool: PostgresClient, schema: string, now: () => number | null) {
    this.pool = pool;
    this.now = now;
    const facts = ['fingerprint', 'method', 'path', 'request_id', 'lease_ms', 'lease_ends_ms', 'expires_ms', 'points'];
    const reply = ['status', 'headers', 'body'];
    const columns = [...facts, ...reply].map((column) => `(seen).${column}`).join(', ');
    const parameters =
      '$1::bigint, $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[]';
    this.sql = `SELECT claimed, now_ms, ${columns} FROM ${schema}.idempotency_claim(${parameters})`;
  }

  /**
   * @returns `claimed`, the token, null for a key that cannot be claimed; `now_ms`; and the columns of the record that was there, null
   * where there was none.
   * @throws {StoreError}
   */
  ask(ask: Ask): Promise<PostgresRow> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ ...ask, resolve, reject });
      if (this.isBusy) return;
      this.isBusy = true;
      // What else is asked for in this turn of the event loop goes along.
      setImmediate(() => this.work());
    });
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) await this.answer(this.waiting.splice(0, BATCH));
    this.isBusy = false;
  }

  private async answer(batch: Waiting[]): Promise<void> {
    // In one order everywhere, so that two batches never wait for each other.
    batch.sort((a, b) => compare(a.id.principal, b.id.principal) || compare(a.id.key, b.id.key));
    try {
      const rows = await this.send(batch);
      for (const [index, { resolve }] of batch.entries()) resolve(rows[index] as PostgresRow);
    } catch (error) {
      const [first, ...others] = batch;
      if (others.length === 0 || error instanceof StoreError) for (const { reject } of batch) reject(error);
      // What is wrong with one claim, such as a text that PostgreSQL cannot keep, is its own affair.
      else for (const one of [first as Waiting, ...others]) await this.answer([one]);
    }
  }

  private async send(asks: Ask[]): Promise<PostgresRow[]> {
    const values = [
      this.now(),
      asks.map(({ id }) => id.principal),
      asks.map(({ id }) => id.key),
      asks.map(({ request }) => request.fingerprint),
      asks.map(({ request }) => request.method),
      asks.map(({ request }) => request.path),
      asks.map(({ request }) => request.requestId ?? null),
      asks.map(({ leaseMs }) => leaseMs),
    ];
    return (await single(this.pool, { text: this.sql, values })).rows;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
