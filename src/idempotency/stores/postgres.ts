import {
  ABANDONED_MS,
  type Claim,
  leaseLeftMs,
  type RecordId,
  type RecordInfo,
  type RecoveryPoint,
  type Reply,
  type RequestFacts,
} from '../record.ts';
import {
  type CheckpointOutcome,
  type ClaimOutcome,
  type CommitOutcome,
  type Effect,
  type IdempotencyStore,
  type PhaseEffect,
  StoreError,
} from '../store.ts';
import {
  named,
  type PostgresClient,
  type PostgresPool,
  type PostgresQuery,
  type PostgresRow,
} from './postgres-client.ts';
import { migrate, RECORDS } from './postgres-schema.ts';

export type { PostgresClient, PostgresPool } from './postgres-client.ts';

/** Somebody else is faster a few times at the most; more often, something is wrong. */
const CLAIM_TRIES = 10;

const NOW = (parameter: string) =>
  `coalesce(${parameter}::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)`;
const OPEN = 'token = $1 AND principal = $2 AND key = $3 AND status IS NULL';

const FIND = `SELECT *, ${NOW('$3')} AS now_ms FROM idempotency_record WHERE principal = $1 AND key = $2`;
/** Inserts; or takes over what has expired, or was abandoned by the same request, which keeps what it had. */
const CLAIM = `
  INSERT INTO idempotency_record AS old
    (principal, key, token, fingerprint, method, path, request_id, first_seen_ms, lease_ms, lease_ends_ms, expires_ms)
  SELECT $1, $2, nextval('idempotency_token'), $3, $4, $5, $6, now, $7::bigint, now + $7::bigint, now + $7::bigint + ${ABANDONED_MS}
  FROM (SELECT ${NOW('$8')} AS now) AS clock
  ON CONFLICT (principal, key) DO UPDATE SET
    token = excluded.token,
    fingerprint = excluded.fingerprint,
    method = excluded.method,
    path = excluded.path,
    request_id = CASE WHEN old.expires_ms > excluded.first_seen_ms THEN old.request_id ELSE excluded.request_id END,
    first_seen_ms = CASE WHEN old.expires_ms > excluded.first_seen_ms THEN old.first_seen_ms ELSE excluded.first_seen_ms END,
    points = CASE WHEN old.expires_ms > excluded.first_seen_ms THEN old.points END,
    lease_ms = excluded.lease_ms,
    lease_ends_ms = excluded.lease_ends_ms,
    expires_ms = excluded.expires_ms,
    status = NULL, headers = NULL, body = NULL
  WHERE old.expires_ms <= excluded.first_seen_ms
    OR (old.status IS NULL AND old.fingerprint = excluded.fingerprint
      AND (old.lease_ends_ms <= excluded.first_seen_ms OR old.lease_ends_ms - excluded.first_seen_ms > 2 * old.lease_ms))
  RETURNING token, points`;
const RENEW = `
  UPDATE idempotency_record SET lease_ms = $4, lease_ends_ms = now + $4, expires_ms = now + $4 + ${ABANDONED_MS}
  FROM (SELECT ${NOW('$5')} AS now) AS clock WHERE ${OPEN}`;
/** The row stays locked until the end of the transaction, whose number tells whether it is still the same one. */
const OWNED = `SELECT points, pg_current_xact_id()::text AS xact FROM idempotency_record WHERE ${OPEN} FOR UPDATE`;
const COMPLETE = `
  UPDATE idempotency_record
  SET status = $4, headers = $5, body = $6, points = NULL, lease_ends_ms = NULL, expires_ms = ${NOW('$8')} + $7::bigint
  WHERE ${OPEN} AND pg_current_xact_id()::text = $9`;
const ADVANCE = `
  UPDATE idempotency_record
  SET points = $4, lease_ms = $5, lease_ends_ms = now + $5, expires_ms = now + $5 + ${ABANDONED_MS}
  FROM (SELECT ${NOW('$6')} AS now) AS clock WHERE ${OPEN} AND pg_current_xact_id()::text = $7`;
const RELEASE = `DELETE FROM idempotency_record WHERE ${OPEN}`;
const PURGE = `
  DELETE FROM idempotency_record WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotency_record WHERE expires_ms <= least($1::bigint, ${NOW('$3')}) ORDER BY expires_ms LIMIT $2
    FOR UPDATE SKIP LOCKED))`;

export interface PostgresStoreOptions {
  /** The store's clock, milliseconds since 1970; that of the database by default, so that all processes have the same. */
  now?: () => number;
}

/**
 * Records in a table of the application's own PostgreSQL database (13 or later), for any number of processes. Effect, record and reply
 * commit in one transaction, in which the record is locked and its token checked. How much survives a power loss is up to the database's
 * `fsync` and `synchronous_commit`.
 */
export class PostgresStore<Client extends PostgresClient = PostgresClient> implements IdempotencyStore<Client> {
  private readonly pool: PostgresPool;
  private readonly clock: (() => number) | undefined;
  private ready: Promise<void> | undefined;

  /**
   * @param pool a `Pool` of the package `pg`, ended by whoever has made it. It needs a listener for `error`, or an idle connection that
   * is lost ends the process. The tables are made with the first verb, where they are not there.
   */
  constructor(
    pool: PostgresPool & { connect(): Promise<Client & { release(destroy?: boolean): void }> },
    { now }: PostgresStoreOptions = {},
  ) {
    this.pool = pool;
    this.clock = now;
  }

  /** Makes the tables, or brings them up to date. Called by every verb; to be called at the start by whoever wants to know early. */
  setUp(): Promise<void> {
    this.ready ??= this.withClient((client) => migrate(client, RECORDS)).catch((error: unknown) => {
      // The next one tries again.
      this.ready = undefined;
      throw error instanceof StoreError ? error : new StoreError('unavailable', String(error), error);
    });
    return this.ready;
  }

  async claim(id: RecordId, request: RequestFacts, leaseMs: number): Promise<ClaimOutcome> {
    for (let time = 0; time < CLAIM_TRIES; time += 1) {
      const row = await this.row(id);
      const found = unexpired(row);
      const known = outcomeOf(found, request);
      if (known !== undefined) return known;
      const { fingerprint, method, path, requestId = null } = found === undefined ? request : factsOf(found);
      const values = [id.principal, id.key, fingerprint, method, path, requestId, leaseMs, this.now()];
      const taken = (await this.query('claim', CLAIM, values)).rows[0];
      if (taken === undefined) continue;
      const previous = found !== undefined ? 'abandoned' : row !== undefined ? 'expired' : 'none';
      return { kind: 'claimed', claim: { ...id, token: Number(taken.token) }, previous, points: pointsOf(taken) };
    }
    throw new StoreError('unavailable', 'the record of this key changes all the time', undefined);
  }

  async renew(claim: Claim, leaseMs: number): Promise<'renewed' | 'lease-lost'> {
    const { rowCount } = await this.query('renew', RENEW, [...valuesOf(claim), leaseMs, this.now()]);
    return rowCount === 1 ? 'renewed' : 'lease-lost';
  }

  /** @throws {Error} when the effect has ended the transaction itself; then the reply is not stored. */
  async commit(claim: Claim, effect: Effect<Client>, retainMs: number): Promise<CommitOutcome> {
    return this.fenced<CommitOutcome>(claim, async (client, { xact }) => {
      const reply = await effect(client);
      const { status, headers, body } = reply;
      const values = [status, JSON.stringify(headers), bytesOf(body), retainMs, this.now(), xact];
      await complete(client, { ...prepared('complete', COMPLETE), values: [...valuesOf(claim), ...values] });
      return { kind: 'stored', reply };
    });
  }

  /** @throws {Error} when the effect has ended the transaction itself. */
  async checkpoint(
    claim: Claim,
    phase: string,
    effect: PhaseEffect<Client>,
    leaseMs: number,
  ): Promise<CheckpointOutcome> {
    return this.fenced<CheckpointOutcome>(claim, async (client, row) => {
      const points = pointsOf(row);
      let result = points.find((point) => point.phase === phase)?.result;
      if (result === undefined) {
        result = await effect(client);
        points.push({ phase, result });
      }
      const values = [JSON.stringify(points), leaseMs, this.now(), row.xact];
      await complete(client, { ...prepared('advance', ADVANCE), values: [...valuesOf(claim), ...values] });
      return { kind: 'reached', result };
    });
  }

  async release(claim: Claim): Promise<void> {
    await this.query('release', RELEASE, valuesOf(claim));
  }

  async lookup(id: RecordId): Promise<RecordInfo | undefined> {
    const found = unexpired(await this.row(id));
    if (found === undefined) return undefined;
    const { fingerprint: _, ...facts } = factsOf(found);
    const times = { firstSeenMs: Number(found.first_seen_ms), expiresMs: Number(found.expires_ms) };
    if (found.status === null) return { state: 'in-progress', ...facts, ...times };
    return { state: 'completed', ...facts, status: found.status, ...times };
  }

  async purge(beforeMs: number, limit: number): Promise<number> {
    const { rowCount } = await this.query('purge', PURGE, [beforeMs, limit, this.now()]);
    return rowCount ?? 0;
  }

  /** Runs an effect in a transaction in which the record is locked. */
  private async fenced<Outcome>(
    claim: Claim,
    run: (client: Client, row: PostgresRow) => Promise<Outcome>,
  ): Promise<Outcome | { kind: 'lease-lost' }> {
    await this.setUp();
    return this.withClient(async (client) => {
      const begun = client.query({ text: 'BEGIN ISOLATION LEVEL READ COMMITTED' });
      const [, owned] = await settled(begun, client.query({ ...prepared('owned', OWNED), values: valuesOf(claim) }));
      const row = owned.rows[0];
      if (row !== undefined) return run(client as unknown as Client, row);
      await client.query({ text: 'ROLLBACK' });
      return { kind: 'lease-lost' };
    });
  }

  /** @throws {StoreError} when PostgreSQL cannot; and whatever `run` throws, after a rollback. */
  private async withClient<Result>(run: (client: PostgresClient) => Promise<Result>): Promise<Result> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw named(error);
    });
    try {
      const result = await run(client);
      client.release();
      return result;
    } catch (error) {
      const clean = await client.query({ text: 'ROLLBACK' }).then(
        () => true,
        () => false,
      );
      client.release(!clean);
      throw named(error);
    }
  }

  private async query(name: string, text: string, values: unknown[]) {
    await this.setUp();
    try {
      return await this.pool.query({ ...prepared(name, text), values });
    } catch (error) {
      throw named(error);
    }
  }

  private async row({ principal, key }: RecordId): Promise<PostgresRow | undefined> {
    if (principal.includes('\0')) throw new TypeError('a principal in PostgreSQL cannot hold the character NUL');
    return (await this.query('find', FIND, [principal, key, this.now()])).rows[0];
  }

  /** null: the database asks its own clock. */
  private now(): number | null {
    return this.clock?.() ?? null;
  }
}

function prepared(name: string, text: string): PostgresQuery {
  return { name: `docent-idempotency-${name}`, text };
}

/** Both results; when one fails, that one's error, and nobody's is left unhandled. */
async function settled<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}

/** Writes the record and commits. An effect that has committed or rolled back itself is found out. */
async function complete(client: PostgresClient, query: PostgresQuery): Promise<void> {
  const { rowCount } = await client.query(query);
  if (rowCount !== 1)
    throw new Error(
      'the effect has ended the transaction that it was called in; leave COMMIT and ROLLBACK to the store',
    );
  const { command } = await client.query({ text: 'COMMIT' });
  if (command !== 'COMMIT') throw new Error('the transaction was rolled back');
}

function valuesOf({ token, principal, key }: Claim): unknown[] {
  return [token, principal, key];
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function unexpired(row: PostgresRow | undefined): PostgresRow | undefined {
  return row !== undefined && Number(row.expires_ms) > Number(row.now_ms) ? row : undefined;
}

/** @returns undefined when the key may be claimed. */
function outcomeOf(found: PostgresRow | undefined, { fingerprint }: RequestFacts): ClaimOutcome | undefined {
  if (found === undefined) return undefined;
  if (found.fingerprint !== fingerprint) return { kind: 'mismatch', original: factsOf(found) };
  if (found.lease_ends_ms === null) return { kind: 'completed', reply: toReply(found) };
  const left = leaseLeftMs(Number(found.now_ms), Number(found.lease_ends_ms), Number(found.lease_ms));
  return left > 0 ? { kind: 'in-progress', retryAfterMs: left } : undefined;
}

function factsOf({ fingerprint, method, path, request_id: requestId }: PostgresRow): RequestFacts {
  return { fingerprint, method, path, ...(requestId === null ? {} : { requestId }) };
}

function pointsOf({ points }: PostgresRow): RecoveryPoint[] {
  return points ? JSON.parse(points) : [];
}

function toReply({ status, headers, body }: PostgresRow): Reply {
  return { status, headers: JSON.parse(headers), body: Uint8Array.from(body as Uint8Array) };
}
