import { checkDelay, checkTime } from './bounds.ts';
import { type Narrator, narratorOf, type Observer } from './observe.ts';
import { Optimist, type OptimisticStore } from './optimist.ts';
import { Owner } from './owner.ts';
import { recentKeysOf } from './recent.ts';
import type { RecordId, Reply, RequestFacts } from './record.ts';
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
  /**
   * Claims no key before the work begins: where the store can, effect, record and reply are committed in the one transaction that there is,
   * which saves a round trip and a commit. Only for work that changes nothing before its `transaction`, because it may be called for a request
   * that was answered before; then `transaction` rejects, which needs no handling, and the answer is the one that is stored. When several
   * come at once, each is worked on, and one has its effect. There is no phase, no foreign call and no token.
   */
  optimistic?: boolean;
  /** Is told of every decision, for logs and metrics; soon after it, and in order. */
  observe?: Observer;
  /**
   * Makes the tags of decisions a keyed hash (HMAC), so that nobody who reads them can try whether a key is the one that they guess.
   * The same in all processes whose logs are to be compared.
   */
  tagSecret?: string;
}

/** What the work of a request has at hand. */
export interface Work<Transaction> {
  /**
   * Executes the effect and stores its reply with it, in one transaction of the store. To be called once, as the last thing: whatever
   * takes time comes before. A request whose claim was taken over meanwhile has no effect. Where it fails, another may be tried.
   * @returns the reply that was stored, which is the one that is sent, whatever the work returns.
   * @throws {TypeError} when it is called twice, or within a phase.
   */
  transaction(effect: Effect<Transaction>): Promise<Reply>;
  /**
   * An atomic phase before the last one: executes the effect and remembers its result, in one transaction. When a crash comes later, the
   * request that takes over gets the result and executes it no more.
   * @param name unique within the request; the same in every version of the program that a retry may meet.
   * @param effect returns what can be written as JSON.
   * @throws {TypeError} when it is begun before the one before has ended.
   */
  phase<Result>(name: string, effect: (transaction: Transaction) => Result | Promise<Result>): Promise<Result>;
  /**
   * A call that changes something elsewhere, where no transaction of ours reaches. Its result is remembered; a crash before that makes
   * the request that takes over call again, with the same derived key, so that the other service can tell. From here on the key is not
   * free any more when the work fails: only the same request may go on. Several calls may be under way side by side.
   * @param call sends `key` along, as an idempotency key; returns what can be written as JSON.
   */
  foreign<Result>(name: string, call: (key: string) => Promise<Result>): Promise<Result>;
  /** The request's fencing token, for whoever else has to refuse a stale owner. */
  token: number;
  /** Aborted when the claim has been taken over: go no further. An error that it causes needs no handling. */
  signal: AbortSignal;
}

/** What became of a request with a key. */
export type Execution =
  | { kind: 'executed'; reply: Reply }
  | { kind: 'replayed'; reply: Reply }
  | { kind: 'in-progress'; retryAfterMs: number }
  | { kind: 'mismatch'; original: RequestFacts };

/**
 * Executes a request at most once:
 *
 *     claim ─┬─ completed ──────────────────────────────► replayed
 *            ├─ mismatch, in progress ──────────────────► told so; nothing is executed
 *            └─ claimed ─► work ─┬─ transaction(effect) ► executed: effect, record and reply commit together
 *                 (heartbeat)    ├─ reply, no transaction ► executed: stored after the work, unless its status asks for a retry (5xx,
 *                                │                          401, 408, 425, 429)
 *                                ├─ throws ─────────────► released: the key is free, the error is thrown on;
 *                                │                        with a phase behind it, abandoned: the same request goes on from there
 *                                └─ has lost its claim ─► in progress: whoever has taken over is at work
 *
 * With `optimistic`, work and claim change places; see {@link Optimist}.
 *
 * @param work is called only by the owner of the key. One that never calls `transaction` gets the weaker guarantee: a crash between
 * its effect and the end of the work lets a retry execute it again.
 * @throws {StoreError} when the store cannot answer; {RangeError} for times that are none, {TypeError} for a principal or a key that is no
 * text; and whatever `work` throws.
 */
export function execute<Transaction>(
  store: IdempotencyStore<Transaction>,
  id: RecordId,
  request: RequestFacts,
  work: (work: Work<Transaction>) => Promise<Reply>,
  options: ExecuteOptions = {},
): Promise<Execution> {
  try {
    const times = timesOf(options);
    checkText('principal', id.principal);
    checkText('key', id.key);
    const narrator = narratorOf(options, id, request);
    const claimFirst = (own: typeof work) => executeClaimed(store, id, request, own, times, narrator);
    if (!options.optimistic || !isOptimistic(store)) return claimFirst(work);
    // Most retries come to the process that has answered before: they need not be tried.
    const recent = recentKeysOf(store);
    if (recent.has(id.key)) return claimFirst(work);
    return new Optimist(store, id, request, times, narrator, claimFirst, recent).run(work);
  } catch (error) {
    return Promise.reject(error);
  }
}

function isOptimistic<Transaction>(store: IdempotencyStore<Transaction>): store is OptimisticStore<Transaction> {
  return store.commitUnclaimed !== undefined;
}

async function executeClaimed<Transaction>(
  store: IdempotencyStore<Transaction>,
  id: RecordId,
  request: RequestFacts,
  work: (work: Work<Transaction>) => Promise<Reply>,
  times: Times,
  narrator: Narrator,
): Promise<Execution> {
  const outcome = await narrator.watch(store.claim(id, request, times.leaseMs));
  if (outcome.kind === 'claimed') return new Owner(store, request, outcome, times, narrator).run(work);
  if (outcome.kind === 'completed') {
    narrator.tell('replayed', { status: outcome.reply.status });
    return { kind: 'replayed', reply: outcome.reply };
  }
  narrator.tell(outcome.kind);
  return outcome;
}

/**
 * As UTF-8, which databases keep, every half of a surrogate pair becomes the same character: two principals would be one. U+0000 is what
 * PostgreSQL does not keep.
 * @throws {TypeError}
 */
function checkText(what: string, text: string): void {
  if (!text.isWellFormed() || text.includes('\0'))
    throw new TypeError(`the ${what} ${JSON.stringify(text)} holds half of a surrogate pair, or U+0000: it is no text`);
}

/** How long things last, milliseconds. */
export interface Times {
  leaseMs: number;
  heartbeatMs: number;
  retainMs: number;
}

/**
 * The times of an execution, checked.
 * @throws {RangeError} for one that is not a time.
 */
export function timesOf({
  leaseMs = LEASE_MS,
  heartbeatMs = Math.min(HEARTBEAT_MS, leaseMs / 3),
  retainMs = RETENTION_MS,
}: ExecuteOptions): Times {
  checkTime('leaseMs', leaseMs);
  checkTime('retainMs', retainMs);
  checkDelay('heartbeatMs', heartbeatMs);
  return { leaseMs, heartbeatMs, retainMs };
}
