import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
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
  type CommitUnclaimedOutcome,
  type Effect,
  type IdempotencyStore,
  type PhaseEffect,
  StoreError,
} from '../store.ts';
import { migrate, nameHashOf, RECORDS } from './sqlite-schema.ts';
import { GroupCommit, guard, Statements } from './sqlite-transaction.ts';

// Nothing is unique about the hash: who inserts has looked before, in the same transaction, and SQLite has one writer at a time.
const FIND = 'SELECT * FROM idempotency_record WHERE name_hash = ? AND principal = ? AND key = ?';
const REMOVE = 'DELETE FROM idempotency_record WHERE token = ?';
const CLAIM = `
  INSERT INTO idempotency_record
    (name_hash, principal, key, fingerprint, method, path, request_id, first_seen_ms, points, lease_ms, lease_ends_ms, expires_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const INSERT = `
  INSERT INTO idempotency_record
    (name_hash, principal, key, fingerprint, method, path, request_id, first_seen_ms, lease_ms, expires_ms, status, headers, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)`;
const OPEN = 'token = ? AND principal = ? AND key = ? AND status IS NULL';
const RENEW = `UPDATE idempotency_record SET lease_ms = ?, lease_ends_ms = ?, expires_ms = ? WHERE ${OPEN}`;
const COMPLETE = `
  UPDATE idempotency_record SET status = ?, headers = ?, body = ?, points = NULL, lease_ends_ms = NULL, expires_ms = ? WHERE token = ?`;
const ADVANCE = 'UPDATE idempotency_record SET points = ? WHERE token = ?';
const OWNED = `SELECT points FROM idempotency_record WHERE ${OPEN}`;
const RELEASE = `DELETE FROM idempotency_record WHERE ${OPEN}`;
const PURGE = `
  DELETE FROM idempotency_record
  WHERE token IN (SELECT token FROM idempotency_record WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?)`;

export interface SqliteStoreOptions {
  /** The store's clock, milliseconds since 1970. */
  now?: () => number;
}

/**
 * Records in a table of the application's own SQLite database, so that effect, record and reply commit in one transaction. The effect
 * has to be synchronous: an `await` inside would let another request's statements join the transaction. Requests that come together
 * share a commit ({@link GroupCommit}). How much of this survives a power loss is up to the database's `PRAGMA synchronous`.
 */
export class SqliteStore implements IdempotencyStore<DatabaseSync> {
  private readonly db: DatabaseSync;
  private readonly now: () => number;
  /** For what an application writes beside: it commits together with the requests of the same turn. */
  readonly group: GroupCommit;
  private readonly statements: Statements;

  /**
   * @param db an open connection that nobody else keeps a transaction open on. The table is made when it is not there.
   * @throws {StoreError} when it cannot be made.
   */
  constructor(db: DatabaseSync, { now = Date.now }: SqliteStoreOptions = {}) {
    this.db = db;
    this.now = now;
    this.statements = new Statements(db);
    this.group = new GroupCommit(db, this.statements);
    guard(() => migrate(db, RECORDS));
  }

  async claim(id: RecordId, request: RequestFacts, leaseMs: number): Promise<ClaimOutcome> {
    // Most retries find their answer, and need no transaction for it.
    const early = this.now();
    const name = hashed(id);
    const known = guard(() => this.outcomeOf(unexpired(this.row(name), early), request, early));
    if (known !== undefined) return known;
    return this.group.submit(() => {
      // Another request of the same group, or another process, may have been faster.
      const row = this.row(name);
      const now = this.now();
      const found = unexpired(row, now);
      return this.outcomeOf(found, request, now) ?? this.take(name, request, leaseMs, now, row, found);
    });
  }

  async renew(claim: Claim, leaseMs: number): Promise<'renewed' | 'lease-lost'> {
    return this.group.submit(() => (this.extend(claim, leaseMs) ? 'renewed' : 'lease-lost'));
  }

  /** @throws {TypeError} for an effect that returns a promise; it is rolled back. */
  async commit(claim: Claim, effect: Effect<DatabaseSync>, retainMs: number): Promise<CommitOutcome> {
    return this.group.submit(() => {
      if (this.get(OWNED, claim.token, claim.principal, claim.key) === undefined) return { kind: 'lease-lost' };
      const reply = synchronous(effect(this.db));
      const { status, headers, body } = reply;
      this.run(COMPLETE, status, JSON.stringify(headers), body, this.now() + retainMs, claim.token);
      return { kind: 'stored', reply };
    });
  }

  /** @throws {TypeError} for an effect that returns a promise; it is rolled back. */
  async commitUnclaimed(
    id: RecordId,
    request: RequestFacts,
    effect: Effect<DatabaseSync>,
    retainMs: number,
  ): Promise<CommitUnclaimedOutcome> {
    const name = hashed(id);
    try {
      return await this.group.submit(() => {
        if (this.row(name) !== undefined) return { kind: 'known' };
        const reply = synchronous(effect(this.db));
        const now = this.now();
        const facts = [...columnsOf(name, request), now, now + retainMs];
        this.run(INSERT, ...facts, reply.status, JSON.stringify(reply.headers), reply.body);
        return { kind: 'stored', reply };
      });
    } catch (error) {
      // A file that somebody has locked can still be read: a retry finds its answer.
      if (error instanceof StoreError && guard(() => this.row(name)) !== undefined) return { kind: 'known' };
      throw error;
    }
  }

  /** @throws {TypeError} for an effect that returns a promise; it is rolled back. */
  async checkpoint(
    claim: Claim,
    phase: string,
    effect: PhaseEffect<DatabaseSync>,
    leaseMs: number,
  ): Promise<CheckpointOutcome> {
    return this.group.submit(() => {
      const row = this.get(OWNED, claim.token, claim.principal, claim.key) as Pick<Row, 'points'> | undefined;
      if (row === undefined) return { kind: 'lease-lost' };
      const points = pointsOf(row);
      let result = points.find((point) => point.phase === phase)?.result;
      if (result === undefined) {
        result = synchronous(effect(this.db));
        this.run(ADVANCE, JSON.stringify([...points, { phase, result }]), claim.token);
      }
      this.extend(claim, leaseMs);
      return { kind: 'reached', result };
    });
  }

  async release({ token, principal, key }: Claim): Promise<void> {
    await this.group.submit(() => this.run(RELEASE, token, principal, key));
  }

  async lookup(id: RecordId): Promise<RecordInfo | undefined> {
    const found = guard(() => unexpired(this.row(hashed(id)), this.now()));
    if (found === undefined) return undefined;
    const { fingerprint: _, ...facts } = factsOf(found);
    const { status, first_seen_ms: firstSeenMs, expires_ms: expiresMs } = found;
    if (status === null) return { state: 'in-progress', ...facts, firstSeenMs, expiresMs };
    return { state: 'completed', ...facts, status, firstSeenMs, expiresMs };
  }

  async purge(beforeMs: number, limit: number): Promise<number> {
    const { changes } = await this.group.submit(() => this.run(PURGE, Math.min(beforeMs, this.now()), limit));
    return Number(changes);
  }

  /** @returns undefined when the key may be claimed. */
  private outcomeOf(found: Row | undefined, { fingerprint }: RequestFacts, now: number): ClaimOutcome | undefined {
    if (found === undefined) return undefined;
    if (found.fingerprint !== fingerprint) return { kind: 'mismatch', original: factsOf(found) };
    if (found.lease_ends_ms === null) return { kind: 'completed', reply: toReply(found) };
    const retryAfterMs = leaseLeftMs(now, found.lease_ends_ms, found.lease_ms);
    return retryAfterMs > 0 ? { kind: 'in-progress', retryAfterMs } : undefined;
  }

  /**
   * Writes a claim.
   * @param row what is there now; `found` the same, unless it has expired.
   */
  private take(
    name: HashedId,
    request: RequestFacts,
    leaseMs: number,
    now: number,
    row: Row | undefined,
    found: Row | undefined,
  ) {
    // A new token is drawn for what is taken over, and for what has expired.
    if (row !== undefined) this.run(REMOVE, row.token);
    // The request id stays that of the first, under which the work was begun.
    const facts = columnsOf(name, found === undefined ? request : factsOf(found));
    const times = [leaseMs, now + leaseMs, now + leaseMs + ABANDONED_MS];
    const { lastInsertRowid } = this.run(CLAIM, ...facts, found?.first_seen_ms ?? now, found?.points ?? null, ...times);
    const previous = found !== undefined ? 'abandoned' : row !== undefined ? 'expired' : 'none';
    const claim = { principal: name.principal, key: name.key, token: Number(lastInsertRowid) };
    return { kind: 'claimed', claim, previous, points: pointsOf(found) } as const;
  }

  private extend({ token, principal, key }: Claim, leaseMs: number): boolean {
    const end = this.now() + leaseMs;
    return this.run(RENEW, leaseMs, end, end + ABANDONED_MS, token, principal, key).changes === 1;
  }

  private row({ hash, principal, key }: HashedId): Row | undefined {
    return this.get(FIND, hash, principal, key) as Row | undefined;
  }

  private get(sql: string, ...values: (string | number)[]) {
    return this.statements.of(sql).get(...values);
  }

  private run(sql: string, ...values: (string | number | Uint8Array | null)[]) {
    return this.statements.of(sql).run(...values);
  }
}

/** By which a record is found. */
interface HashedId extends RecordId {
  /** See {@link nameHashOf}. */
  hash: number;
}

function hashed(id: RecordId): HashedId {
  return { hash: nameHashOf(id), principal: id.principal, key: id.key };
}

/** The first columns of a new row. */
function columnsOf({ hash, principal, key }: HashedId, { fingerprint, method, path, requestId }: RequestFacts) {
  return [hash, principal, key, fingerprint, method, path, requestId ?? null];
}

type Row = { [column: string]: SQLOutputValue } & {
  token: number;
  fingerprint: string;
  method: string;
  path: string;
  request_id: string | null;
  points: string | null;
  first_seen_ms: number;
  lease_ms: number;
  lease_ends_ms: number | null;
  expires_ms: number;
  status: number | null;
  headers: string | null;
  body: Uint8Array<ArrayBuffer> | null;
};

function unexpired(row: Row | undefined, now: number): Row | undefined {
  return row !== undefined && row.expires_ms > now ? row : undefined;
}

function factsOf({ fingerprint, method, path, request_id: requestId }: Row): RequestFacts {
  return { fingerprint, method, path, ...(requestId === null ? {} : { requestId }) };
}

function pointsOf(row: Pick<Row, 'points'> | undefined): RecoveryPoint[] {
  return row?.points ? JSON.parse(row.points) : [];
}

function toReply({ status, headers, body }: Row): Reply {
  return { status: status as number, headers: JSON.parse(headers as string), body: body ?? new Uint8Array() };
}

/** @throws {TypeError} for a promise. */
function synchronous<T extends Reply | string>(result: T | Promise<T>): T {
  if (typeof result === 'object' && 'then' in result) {
    // A query builder's `then` would start the query; a promise's error must not end the process.
    if (result instanceof Promise) result.catch(() => undefined);
    throw new TypeError('the effect on a SQLite store has to be synchronous; do what takes time before');
  }
  return result;
}
