import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { ABANDONED_MS, type Claim, type RecordId, type RecordInfo, type Reply, type RequestFacts } from '../record.ts';
import type { ClaimOutcome, CommitOutcome, Effect, IdempotencyStore } from '../store.ts';
import { GroupCommit, guard, Statements } from './sqlite-transaction.ts';

/** A token is never used twice (AUTOINCREMENT), so that a stale owner cannot be taken for a later one. */
const SCHEMA = `
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
`;

const FIND = 'SELECT * FROM idempotency_record WHERE principal = ? AND key = ? AND expires_ms > ?';
// REPLACE removes the record that it takes over or that has expired, and draws a new token.
const CLAIM = `
  INSERT OR REPLACE INTO idempotency_record
    (principal, key, fingerprint, method, path, first_seen_ms, lease_ends_ms, expires_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
const RENEW = `
  UPDATE idempotency_record SET lease_ends_ms = ?, expires_ms = ? WHERE token = ? AND principal = ? AND key = ? AND status IS NULL`;
const COMPLETE = `
  UPDATE idempotency_record SET status = ?, headers = ?, body = ?, lease_ends_ms = NULL, expires_ms = ? WHERE token = ?`;
const OWNED = 'SELECT 1 FROM idempotency_record WHERE token = ? AND principal = ? AND key = ? AND status IS NULL';
const RELEASE = 'DELETE FROM idempotency_record WHERE token = ? AND principal = ? AND key = ? AND status IS NULL';
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
  private readonly group: GroupCommit;
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
    guard(() => db.exec(SCHEMA));
  }

  async claim(id: RecordId, request: RequestFacts, leaseMs: number): Promise<ClaimOutcome> {
    // Most retries find their answer, and need no transaction for it.
    const known = guard(() => this.outcomeOf(this.find(id), request));
    if (known !== undefined) return known;
    return this.group.submit(() => {
      // Another request of the same group, or another process, may have been faster.
      const found = this.find(id);
      const outcome = this.outcomeOf(found, request);
      if (outcome !== undefined) return outcome;
      const now = this.now();
      const { fingerprint, method, path } = request;
      const times = [found?.first_seen_ms ?? now, now + leaseMs, now + leaseMs + ABANDONED_MS];
      const { lastInsertRowid } = this.run(CLAIM, id.principal, id.key, fingerprint, method, path, ...times);
      return { kind: 'claimed', claim: { ...id, token: Number(lastInsertRowid) } };
    });
  }

  async renew({ token, principal, key }: Claim, leaseMs: number): Promise<'renewed' | 'lease-lost'> {
    return this.group.submit(() => {
      const end = this.now() + leaseMs;
      const { changes } = this.run(RENEW, end, end + ABANDONED_MS, token, principal, key);
      return changes === 1 ? 'renewed' : 'lease-lost';
    });
  }

  /** @throws {TypeError} for an effect that returns a promise; it is rolled back. */
  async commit(claim: Claim, effect: Effect<DatabaseSync>, retainMs: number): Promise<CommitOutcome> {
    return this.group.submit(() => {
      if (this.get(OWNED, claim.token, claim.principal, claim.key) === undefined) return { kind: 'lease-lost' };
      const reply = effect(this.db);
      if ('then' in reply) {
        // A query builder's `then` would start the query; a promise's error must not end the process.
        if (reply instanceof Promise) reply.catch(() => undefined);
        throw new TypeError('the effect on a SQLite store has to be synchronous; do what takes time before');
      }
      const { status, headers, body } = reply;
      this.run(COMPLETE, status, JSON.stringify(headers), body, this.now() + retainMs, claim.token);
      return { kind: 'stored', reply };
    });
  }

  async release({ token, principal, key }: Claim): Promise<void> {
    await this.group.submit(() => this.run(RELEASE, token, principal, key));
  }

  async lookup(id: RecordId): Promise<RecordInfo | undefined> {
    const found = guard(() => this.find(id));
    if (found === undefined) return undefined;
    const { method, path, status, first_seen_ms: firstSeenMs, expires_ms: expiresMs } = found;
    if (status === null) return { state: 'in-progress', method, path, firstSeenMs, expiresMs };
    return { state: 'completed', method, path, status, firstSeenMs, expiresMs };
  }

  async purge(beforeMs: number, limit: number): Promise<number> {
    const { changes } = await this.group.submit(() => this.run(PURGE, beforeMs, limit));
    return Number(changes);
  }

  /** @returns undefined when the key may be claimed. */
  private outcomeOf(found: Row | undefined, { fingerprint }: RequestFacts): ClaimOutcome | undefined {
    if (found === undefined) return undefined;
    if (found.fingerprint !== fingerprint) return { kind: 'mismatch', original: factsOf(found) };
    if (found.lease_ends_ms === null) return { kind: 'completed', reply: toReply(found) };
    const retryAfterMs = found.lease_ends_ms - this.now();
    return retryAfterMs > 0 ? { kind: 'in-progress', retryAfterMs } : undefined;
  }

  private find({ principal, key }: RecordId): Row | undefined {
    return this.get(FIND, principal, key, this.now()) as Row | undefined;
  }

  private get(sql: string, ...values: (string | number)[]) {
    return this.statements.of(sql).get(...values);
  }

  private run(sql: string, ...values: (string | number | Uint8Array)[]) {
    return this.statements.of(sql).run(...values);
  }
}

type Row = RequestFacts & { [column: string]: SQLOutputValue } & {
  first_seen_ms: number;
  lease_ends_ms: number | null;
  expires_ms: number;
  status: number | null;
  headers: string | null;
  body: Uint8Array<ArrayBuffer> | null;
};

function factsOf({ fingerprint, method, path }: Row): RequestFacts {
  return { fingerprint, method, path };
}

function toReply({ status, headers, body }: Row): Reply {
  return { status: status as number, headers: JSON.parse(headers as string), body: body ?? new Uint8Array() };
}
