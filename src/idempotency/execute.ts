import type { Claim, RecordId, Reply, RequestFacts } from './record.ts';
import type { Effect, IdempotencyStore } from './store.ts';

/**
 * How long a claim holds without a sign of life. Short, because after a crash a retry has to wait for its end; several times the
 * heartbeat, so that a busy owner does not lose it. Milliseconds.
 */
export const LEASE_MS = 3000;

/** How often an owner extends its lease, so that one or two beats may be late. Milliseconds. */
export const HEARTBEAT_MS = LEASE_MS / 3;

/** How long a reply is kept, counted from completion: a client that has slept over a day has lost its retry. Milliseconds. */
export const RETENTION_MS = 24 * 60 * 60 * 1000;

export interface ExecuteOptions {
  /** {@link LEASE_MS} by default. */
  leaseMs?: number;
  /** {@link HEARTBEAT_MS} by default, and a third of a lease that is shorter than the usual one. */
  heartbeatMs?: number;
  /** {@link RETENTION_MS} by default. */
  retainMs?: number;
}

/** What the work of a request has at hand. */
export interface Work<Transaction> {
  /**
   * Executes the effect and stores its reply with it, in one transaction of the store. To be called once, as the last thing: whatever
   * takes time comes before. A request whose claim was taken over meanwhile has no effect.
   */
  transaction(effect: Effect<Transaction>): Promise<Reply>;
  /** The request's fencing token, for whoever else has to refuse a stale owner. */
  token: number;
  /** Aborted when the claim has been taken over: go no further. */
  signal: AbortSignal;
}

/** What became of a request with a key. */
export type Execution =
  | { kind: 'executed'; reply: Reply }
  | { kind: 'replayed'; reply: Reply }
  | { kind: 'in-progress'; retryAfterMs: number }
  | { kind: 'mismatch'; original: RequestFacts };

/** Ends the work of an owner that is one no longer. */
class LeaseLost extends Error {}

/**
 * Executes a request at most once:
 *
 *     claim ─┬─ completed ──────────────────────────────► replayed
 *            ├─ mismatch, in progress ──────────────────► told so; nothing is executed
 *            └─ claimed ─► work ─┬─ transaction(effect) ► executed: effect, record and reply commit together
 *                 (heartbeat)    ├─ reply, no transaction ► executed: stored after the work, unless it is a 5xx
 *                                └─ throws ─────────────► released: the key is free, the error is thrown on
 *
 * @param work is called only by the owner of the key. One that never calls `transaction` gets the weaker guarantee: a crash between
 * its effect and the end of the work lets a retry execute it again.
 * @throws {StoreError} when the store cannot answer; and whatever `work` throws.
 */
export async function execute<Transaction>(
  store: IdempotencyStore<Transaction>,
  id: RecordId,
  request: RequestFacts,
  work: (work: Work<Transaction>) => Promise<Reply>,
  options: ExecuteOptions = {},
): Promise<Execution> {
  const { leaseMs = LEASE_MS, retainMs = RETENTION_MS } = options;
  const { heartbeatMs = Math.min(HEARTBEAT_MS, leaseMs / 3) } = options;
  const outcome = await store.claim(id, request, leaseMs);
  if (outcome.kind === 'completed') return { kind: 'replayed', reply: outcome.reply };
  if (outcome.kind !== 'claimed') return outcome;
  const { claim } = outcome;
  const heart = new Heart(store, claim, leaseMs, heartbeatMs);
  let stored: Promise<Reply> | undefined;
  const transaction = (effect: Effect<Transaction>): Promise<Reply> => {
    if (stored !== undefined)
      return Promise.reject(new TypeError('transaction() was called twice; a request has one effect'));
    const reply = commit(store, claim, effect, retainMs);
    stored = reply;
    reply.catch(() => {
      // Nothing was changed: another effect may be tried.
      stored = undefined;
    });
    return reply;
  };
  try {
    const reply = await work({ transaction, token: claim.token, signal: heart.signal });
    // What is stored is what is sent: a retry gets what the first request got.
    if (stored !== undefined) return { kind: 'executed', reply: await stored };
    if (reply.status < 500) return { kind: 'executed', reply: await transaction(() => reply) };
    await store.release(claim);
    return { kind: 'executed', reply };
  } catch (error) {
    if (error instanceof LeaseLost) return { kind: 'in-progress', retryAfterMs: leaseMs };
    // A transaction that is still under way decides what becomes of the key.
    await stored?.catch(() => undefined);
    if (stored === undefined) await giveUp(store, claim);
    throw error;
  } finally {
    heart.stop();
  }
}

/** @throws {LeaseLost} */
async function commit<Transaction>(
  store: IdempotencyStore<Transaction>,
  claim: Claim,
  effect: Effect<Transaction>,
  retainMs: number,
): Promise<Reply> {
  const outcome = await store.commit(claim, effect, retainMs);
  if (outcome.kind === 'lease-lost') throw new LeaseLost();
  return outcome.reply;
}

/** A store that cannot release now lets the lease end; the error that led here is the one to be told. */
async function giveUp<Transaction>(store: IdempotencyStore<Transaction>, claim: Claim): Promise<void> {
  try {
    await store.release(claim);
  } catch {
    // The lease ends by itself.
  }
}

/** Extends a lease for as long as the work takes. */
class Heart<Transaction> {
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly controller = new AbortController();

  constructor(store: IdempotencyStore<Transaction>, claim: Claim, leaseMs: number, heartbeatMs: number) {
    this.timer = setInterval(async () => {
      try {
        if ((await store.renew(claim, leaseMs)) === 'lease-lost') this.controller.abort();
      } catch {
        // A store that cannot answer now may at the next beat; the commit checks the token in any case.
      }
    }, heartbeatMs);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
