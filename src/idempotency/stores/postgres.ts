import {
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
import { claimsOn, knownOn } from './postgres-claims.ts';
import {
  asked,
  isConflict,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresRow,
  single,
  sqlStateOf,
} from './postgres-client.ts';
import { isConfused } from './postgres-prepared.ts';
import { migrate, RECORDS, REFUSALS } from './postgres-schema.ts';
import { endingsIn, parameter, replyValuesOf, statementsIn } from './postgres-statements.ts';
import { Transaction } from './postgres-transaction.ts';

export type { PostgresClient, PostgresPool, PostgresPoolClient } from './postgres-client.ts';

/** A statement in a transaction that an error has ended; the client of the effect has been told of it. */
const IN_FAILED_TRANSACTION = '25P02';

const UNIQUE_VIOLATION = '23505';

/** How long keys are looked for first when one was known: retries come in bursts, as when another process has been ended. Milliseconds. */
const LOOK_MS = 10_000;

export interface PostgresStoreOptions {
  /** The store's clock, milliseconds since 1970; that of the database by default, so that all processes have the same. */
  now?: () => number;
}

/** The effect of a stale owner is not executed, or undone. */
class Stale extends Error {}

/**
 * Records in a table of the application's own PostgreSQL database (13 or later), for any number of processes. Effect, record and reply
 * commit in one transaction; the last statement of it checks the token and locks the record, so that a stale owner's effect is undone.
 * Until then the record is not locked: an owner that hangs in the middle of its effect blocks its key no longer than its lease.
 *
 * - How much survives a power loss is up to the database's `fsync` and `synchronous_commit`.
 * - The transaction has the isolation level that is the connection's default. Above READ COMMITTED, one that lost against another is a
 *   StoreError, as is one in which the effect takes longer than a heartbeat.
 * - When the connection is lost during the commit, it is not known whether it was done: it is a StoreError, and the retry is told the truth.
 * - An effect holds a connection, and claims need one: the pool should have more than there are effects at a time.
 * - A claim that has waited while another one was granted and given up may have a smaller token than that one, which had ended by itself.
 * - Nothing depends on the connection's session, so that a pooler may share it between transactions.
 */
export class PostgresStore<Client extends PostgresPoolClient = PostgresPoolClient> implements IdempotencyStore<Client> {
  private readonly pool: PostgresPool<Client>;
  private readonly clock: (() => number) | undefined;
  private ready: Promise<Prepared> | undefined;
  /** A pooler between client and server may not know them. */
  private namesStatements = true;
  /** Until when keys are looked for before the effect, by this process's own clock. */
  private looksUntil = 0;
  /** Until when nobody can have taken over, by this process's own clock. */
  private readonly heldUntil = new WeakMap<Claim, number>();

  /**
   * @param pool a `Pool` of the package `pg`, ended by whoever has made it. It needs a listener for `error`, or an idle connection that
   * is lost ends the process. The table is made with the first verb, where it is not there.
   */
  constructor(pool: PostgresPool<Client>, { now }: PostgresStoreOptions = {}) {
    this.pool = pool;
    this.clock = now;
    listenTo(pool);
  }

  /**
   * Makes the table, or brings it up to date. Every verb does that, until it has succeeded; to be called by whoever wants to know early,
   * or has another role for it.
   * @throws {StoreError}
   */
  async setUp(): Promise<void> {
    await this.prepared();
  }

  async claim(id: RecordId, request: RequestFacts, leaseMs: number): Promise<ClaimOutcome> {
    const since = performance.now();
    const { claims } = await this.prepared();
    const row = await claims.ask({ id, request, leaseMs });
    const isKnown = row.fingerprint !== null;
    const hasExpired = isKnown && Number(row.expires_ms) <= Number(row.now_ms);
    if (row.claimed !== null) {
      const claim = { ...id, token: Number(row.claimed) };
      this.heldUntil.set(claim, since + leaseMs);
      const previous = hasExpired ? 'expired' : isKnown ? 'abandoned' : 'none';
      return { kind: 'claimed', claim, previous, points: previous === 'abandoned' ? pointsOf(row) : [] };
    }
    if (row.fingerprint !== request.fingerprint) return { kind: 'mismatch', original: factsOf(row) };
    if (row.lease_ends_ms === null) return { kind: 'completed', reply: toReply(row) };
    const retryAfterMs = leaseLeftMs(Number(row.now_ms), Number(row.lease_ends_ms), Number(row.lease_ms));
    return { kind: 'in-progress', retryAfterMs };
  }

  async renew(claim: Claim, leaseMs: number): Promise<'renewed' | 'lease-lost'> {
    const since = performance.now();
    const { sql } = await this.prepared();
    const { rowCount } = await this.query(sql.renew, [...identityOf(claim), leaseMs, this.now()]);
    if (rowCount !== 1) return 'lease-lost';
    this.heldUntil.set(claim, since + leaseMs);
    return 'renewed';
  }

  /** @throws {TypeError} when the effect has ended the transaction, or gone on after a statement that failed. */
  async commit(claim: Claim, effect: Effect<Client>, retainMs: number): Promise<CommitOutcome> {
    const { complete } = await this.prepared();
    return this.fenced<CommitOutcome>(claim, async (transaction) => {
      const reply = await transaction.execute(effect);
      const values = [this.now(), ...identityOf(claim), ...replyValuesOf(reply), retainMs];
      await explained(transaction.executeAndCommit(complete, values.map(parameter)));
      return { kind: 'stored', reply };
    });
  }

  /**
   * The record that it writes at the end waits for whoever is about to write the same. When keys come that are known, it looks for a record
   * first, for a while: that costs every request a little, and an effect that has to be undone costs more.
   * @throws {TypeError} as {@link commit}.
   */
  async commitUnclaimed(
    id: RecordId,
    request: RequestFacts,
    effect: Effect<Client>,
    retainMs: number,
  ): Promise<CommitUnclaimedOutcome> {
    const { known, insert } = await this.prepared();
    if (performance.now() < this.looksUntil && (await known.ask(id))) return this.known();
    const isNamed = this.namesStatements;
    try {
      return await Transaction.run(this.pool, isNamed, async (transaction) => {
        const reply = await transaction.execute(effect);
        const facts = [
          id.principal,
          id.key,
          request.fingerprint,
          request.method,
          request.path,
          request.requestId ?? null,
        ];
        const values = [this.now(), ...facts, ...replyValuesOf(reply), retainMs];
        const count = await explained(transaction.executeAndCommit(insert, values.map(parameter)));
        if (count === 0) throw hasEnded();
        return { kind: 'stored', reply } as const;
      });
    } catch (error) {
      if (isNamed && this.isConfused(error)) return this.commitUnclaimed(id, request, effect, retainMs);
      if (isTaken(error)) return this.known();
      // What the effect came to grief with may be what the effect of another request with this key has done.
      const mayBeKnown = !(error instanceof StoreError) || isConflict(error);
      if (mayBeKnown && (await known.ask(id).catch(() => false))) return this.known();
      throw error;
    }
  }

  private known(): { kind: 'known' } {
    this.looksUntil = performance.now() + LOOK_MS;
    return { kind: 'known' };
  }

  /** @throws {TypeError} as {@link commit}. */
  async checkpoint(
    claim: Claim,
    phase: string,
    effect: PhaseEffect<Client>,
    leaseMs: number,
  ): Promise<CheckpointOutcome> {
    const { advance, sql } = await this.prepared();
    const row = (await this.query(sql.owned, identityOf(claim))).rows[0];
    if (row === undefined) return { kind: 'lease-lost' };
    const reached = pointsOf(row).find((point) => point.phase === phase);
    if (reached !== undefined) {
      const outcome = await this.renew(claim, leaseMs);
      return outcome === 'renewed' ? { kind: 'reached', result: reached.result } : { kind: outcome };
    }
    const since = performance.now();
    try {
      return await this.fenced<CheckpointOutcome>(claim, async (transaction) => {
        const result = await transaction.execute(effect);
        const point = [prefixOf(phase), `${prefixOf(phase)}${JSON.stringify(result)}}`];
        const values = [this.now(), ...identityOf(claim), ...point, leaseMs];
        await explained(transaction.executeAndCommit(advance, values.map(parameter)));
        this.heldUntil.set(claim, since + leaseMs);
        return { kind: 'reached', result };
      });
    } catch (error) {
      // Somebody has reached it at the same time; what this one did is undone.
      if (sqlStateOf(error) === REFUSALS.reached) return this.checkpoint(claim, phase, effect, leaseMs);
      throw error;
    }
  }

  async release(claim: Claim): Promise<void> {
    const { sql } = await this.prepared();
    this.heldUntil.delete(claim);
    await this.query(sql.release, identityOf(claim));
  }

  async lookup({ principal, key }: RecordId): Promise<RecordInfo | undefined> {
    const { sql } = await this.prepared();
    const found = (await this.query(sql.lookup, [principal, key, this.now()])).rows[0];
    if (found === undefined) return undefined;
    const { fingerprint: _, ...facts } = factsOf(found);
    const times = { firstSeenMs: Number(found.first_seen_ms), expiresMs: Number(found.expires_ms) };
    if (found.status === null) return { state: 'in-progress', ...facts, ...times };
    return { state: 'completed', ...facts, status: found.status, ...times };
  }

  async purge(beforeMs: number, limit: number): Promise<number> {
    const { sql } = await this.prepared();
    const { rowCount } = await this.query(sql.purge, [beforeMs, limit, this.now()]);
    return rowCount ?? 0;
  }

  /**
   * Runs an effect in a transaction, unless its owner is stale. One whose lease may have ended asks first; the end of the transaction
   * checks in any case.
   */
  private async fenced<Outcome>(
    claim: Claim,
    run: (transaction: Transaction<Client>) => Promise<Outcome>,
  ): Promise<Outcome | { kind: 'lease-lost' }> {
    if (!this.isHeld(claim) && !(await this.owns(claim))) return { kind: 'lease-lost' };
    const isNamed = this.namesStatements;
    try {
      return await Transaction.run(this.pool, isNamed, run);
    } catch (error) {
      if (isNamed && this.isConfused(error)) return this.fenced(claim, run);
      if (error instanceof Stale) return { kind: 'lease-lost' };
      // What a stale owner's effect came to grief with may be what the new owner's has done.
      const mayBeStale = isConflict(error) || !this.isHeld(claim);
      if (mayBeStale && !(await this.owns(claim).catch(() => true))) return { kind: 'lease-lost' };
      throw error;
    }
  }

  /** Whether a statement was not known by its name, and the effect undone for it; then names are done without. */
  private isConfused(error: unknown): boolean {
    if (!isConfused(error)) return false;
    this.namesStatements = false;
    return true;
  }

  private isHeld(claim: Claim): boolean {
    return (this.heldUntil.get(claim) ?? 0) > performance.now();
  }

  private async owns(claim: Claim): Promise<boolean> {
    const { sql } = await this.prepared();
    return (await this.query(sql.owned, identityOf(claim))).rowCount === 1;
  }

  private query(text: string, values: unknown[]) {
    return single(this.pool, { text, values });
  }

  /** null: the database asks its own clock. */
  private now(): number | null {
    return this.clock?.() ?? null;
  }

  private prepared(): Promise<Prepared> {
    this.ready ??= this.prepare().catch((error: unknown) => {
      // The next one tries again.
      this.ready = undefined;
      throw error;
    });
    return this.ready;
  }

  private async prepare(): Promise<Prepared> {
    const client = await asked(() => this.pool.connect());
    // A connection that breaks says so to whoever listens, and nobody is the end of the process.
    const ignore = () => undefined;
    client.on('error', ignore);
    let clean = false;
    try {
      const schema = await migrate(client, RECORDS);
      clean = true;
      const claims = claimsOn(this.pool, schema, () => this.now());
      const known = knownOn(this.pool, schema);
      return { sql: statementsIn(schema), claims, known, ...endingsIn(schema) };
    } finally {
      client.release(!clean);
      client.removeListener('error', ignore);
    }
  }
}

/** Pools whose connections have a listener for `error` from the beginning. */
const heard = new WeakSet<object>();

/** Whoever is handed a connection listens to it a moment later; one that breaks before would end the process. */
function listenTo<Client extends PostgresPoolClient>(pool: PostgresPool<Client>): void {
  if (heard.has(pool)) return;
  heard.add(pool);
  pool.on?.('connect', (client) => client.on('error', () => undefined));
}

interface Prepared extends ReturnType<typeof endingsIn> {
  sql: ReturnType<typeof statementsIn>;
  claims: ReturnType<typeof claimsOn>;
  known: ReturnType<typeof knownOn>;
}

/** Whether a record of the same key was there, or came first. */
function isTaken(error: unknown): boolean {
  return sqlStateOf(error) === UNIQUE_VIOLATION && (error as { table?: unknown }).table === 'idempotency_record';
}

/** Says why a transaction could not be ended. */
async function explained<T>(end: Promise<T>): Promise<T> {
  try {
    return await end;
  } catch (error) {
    switch (sqlStateOf(error)) {
      case REFUSALS.leaseLost:
        throw new Stale();
      case REFUSALS.transactionEnded:
        throw hasEnded(error);
      case IN_FAILED_TRANSACTION:
        throw new TypeError(
          'a statement of the effect failed, which undoes the others, and the effect went on: let it throw, or use a savepoint',
          { cause: error },
        );
      default:
        throw error;
    }
  }
}

function hasEnded(cause?: unknown): TypeError {
  return new TypeError(
    'the effect has ended the transaction that it was called in, and its reply is not stored: leave BEGIN, COMMIT and ROLLBACK to the store',
    { cause },
  );
}

/** How a recovery point begins; nothing else in the list of them does, because inside of a JSON string quotes are escaped. */
function prefixOf(phase: string): string {
  return `{"phase":${JSON.stringify(phase)},"result":`;
}

function identityOf({ principal, key, token }: Claim): unknown[] {
  return [principal, key, token];
}

function factsOf({ fingerprint, method, path, request_id: requestId }: PostgresRow): RequestFacts {
  return { fingerprint, method, path, ...(requestId === null ? {} : { requestId }) };
}

function pointsOf({ points }: PostgresRow): RecoveryPoint[] {
  return points ? JSON.parse(points) : [];
}

/** The bytes are copied out of what the client has received, which may be kept for as long as they are. */
function toReply({ status, headers, body }: PostgresRow): Reply {
  return { status, headers: JSON.parse(headers), body: Uint8Array.from(body as Uint8Array) };
}
