import { Narrator, type Observer } from './observe.ts';
import { derivedKey } from './phase.ts';
import type { Claim, RecordId, Reply, RequestFacts } from './record.ts';
import { type ClaimOutcome, type Effect, type IdempotencyStore, StoreError } from './store.ts';

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
  /** Is told of every decision, for logs and metrics; soon after it, and in order. */
  observe?: Observer;
}

/** What the work of a request has at hand. */
export interface Work<Transaction> {
  /**
   * Executes the effect and stores its reply with it, in one transaction of the store. To be called once, as the last thing: whatever
   * takes time comes before. A request whose claim was taken over meanwhile has no effect.
   * @throws {TypeError} when it is called twice.
   */
  transaction(effect: Effect<Transaction>): Promise<Reply>;
  /**
   * An atomic phase before the last one: executes the effect and remembers its result, in one transaction. When a crash comes later, the
   * request that takes over gets the result and executes it no more.
   * @param name unique within the request; the same in every version of the program that a retry may meet.
   * @param effect returns what can be written as JSON.
   */
  phase<Result>(name: string, effect: (transaction: Transaction) => Result | Promise<Result>): Promise<Result>;
  /**
   * A call that changes something elsewhere, where no transaction of ours reaches. Its result is remembered; a crash before that makes
   * the request that takes over call again, with the same derived key, so that the other service can tell.
   * @param call sends `key` along, as an idempotency key; returns what can be written as JSON.
   */
  foreign<Result>(name: string, call: (key: string) => Promise<Result>): Promise<Result>;
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
 *                                └─ throws ─────────────► released: the key is free, the error is thrown on;
 *                                                         with a phase behind it, abandoned: the same request goes on from there
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
  const narrator = new Narrator(options.observe, id, request);
  try {
    const outcome = await store.claim(id, request, options.leaseMs ?? LEASE_MS);
    if (outcome.kind === 'claimed') return await new Owner(store, request, outcome, options, narrator).run(work);
    if (outcome.kind === 'completed') {
      narrator.tell('replayed', { status: outcome.reply.status });
      return { kind: 'replayed', reply: outcome.reply };
    }
    narrator.tell(outcome.kind);
    return outcome;
  } catch (error) {
    if (error instanceof StoreError) narrator.tell('store-failed');
    throw error;
  }
}

/** Who has claimed a key, from the claim to its end. */
class Owner<Transaction> {
  private readonly store: IdempotencyStore<Transaction>;
  private readonly request: RequestFacts;
  private readonly claim: Claim;
  private readonly narrator: Narrator;
  private readonly leaseMs: number;
  private readonly retainMs: number;
  private readonly heart: Heart<Transaction>;
  /** Results of the phases that are behind the request, as JSON. */
  private readonly results: Map<string, string>;
  /** Something has been changed that the end of the claim does not undo. */
  private begun: boolean;
  private stored: Promise<Reply> | undefined;

  constructor(
    store: IdempotencyStore<Transaction>,
    request: RequestFacts,
    { claim, previous, points }: ClaimOutcome & { kind: 'claimed' },
    options: ExecuteOptions,
    narrator: Narrator,
  ) {
    const { leaseMs = LEASE_MS, retainMs = RETENTION_MS } = options;
    const { heartbeatMs = Math.min(HEARTBEAT_MS, leaseMs / 3) } = options;
    this.store = store;
    this.request = request;
    this.claim = claim;
    this.narrator = narrator;
    this.leaseMs = leaseMs;
    this.retainMs = retainMs;
    this.results = new Map(points.map(({ phase, result }) => [phase, result]));
    this.begun = points.length > 0;
    narrator.tell(previous === 'none' ? 'claimed' : previous === 'expired' ? 'expired' : 'taken-over', {
      token: claim.token,
    });
    this.heart = new Heart(store, claim, leaseMs, heartbeatMs);
  }

  async run(work: (work: Work<Transaction>) => Promise<Reply>): Promise<Execution> {
    try {
      const reply = await work(this.tools());
      // What is stored is what is sent: a retry gets what the first request got.
      if (this.stored !== undefined) return { kind: 'executed', reply: await this.stored };
      if (reply.status < 500) return { kind: 'executed', reply: await this.transaction(() => reply) };
      await this.end();
      return { kind: 'executed', reply };
    } catch (error) {
      if (error instanceof LeaseLost) {
        this.narrator.tell('lease-lost', { token: this.claim.token });
        return { kind: 'in-progress', retryAfterMs: this.leaseMs };
      }
      // A transaction that is still under way decides what becomes of the key.
      await this.stored?.catch(() => undefined);
      // A store that cannot end the claim now lets the lease end; the error that led here is the one to be told.
      if (this.stored === undefined) await this.end().catch(() => undefined);
      throw error;
    } finally {
      this.heart.stop();
    }
  }

  private tools(): Work<Transaction> {
    return {
      transaction: (effect) => this.transaction(effect),
      phase: (name, effect) => this.phase(name, effect),
      foreign: (name, call) => this.foreign(name, call),
      token: this.claim.token,
      signal: this.heart.signal,
    };
  }

  private transaction(effect: Effect<Transaction>): Promise<Reply> {
    if (this.stored !== undefined)
      return Promise.reject(new TypeError('transaction() was called twice; a request has one effect'));
    const reply = this.commit(effect);
    this.stored = reply;
    reply.catch(() => {
      // Nothing was changed: another effect may be tried.
      this.stored = undefined;
    });
    return reply;
  }

  /** @throws {LeaseLost} */
  private async commit(effect: Effect<Transaction>): Promise<Reply> {
    const outcome = await this.store.commit(this.claim, effect, this.retainMs);
    if (outcome.kind === 'lease-lost') throw new LeaseLost();
    this.narrator.tell('stored', { token: this.claim.token, status: outcome.reply.status });
    return outcome.reply;
  }

  private async phase<Result>(
    name: string,
    effect: (transaction: Transaction) => Result | Promise<Result>,
  ): Promise<Result> {
    const reached = this.results.get(name);
    if (reached !== undefined) return fromJson(reached);
    const outcome = await this.store.checkpoint(
      this.claim,
      name,
      (transaction) => {
        const result = effect(transaction);
        return result instanceof Promise ? result.then(toJson) : toJson(result);
      },
      this.leaseMs,
    );
    if (outcome.kind === 'lease-lost') throw new LeaseLost();
    this.begun = true;
    this.results.set(name, outcome.result);
    return fromJson(outcome.result);
  }

  private async foreign<Result>(name: string, call: (key: string) => Promise<Result>): Promise<Result> {
    const reached = this.results.get(name);
    if (reached !== undefined) return fromJson(reached);
    const key = await derivedKey(this.claim, this.request.fingerprint, name);
    // Whether a call that has failed has changed something, nobody here can tell.
    this.begun = true;
    const result = await call(key);
    return this.phase(name, () => result);
  }

  /** Nothing was done: the key is free. Or something was: only the same request may go on from there. */
  private async end(): Promise<void> {
    if (this.begun) await this.store.renew(this.claim, 0);
    else await this.store.release(this.claim);
    this.narrator.tell(this.begun ? 'abandoned' : 'released', { token: this.claim.token });
  }
}

/** JSON has no `undefined`, which a phase without a result returns. */
function toJson(result: unknown): string {
  return JSON.stringify(result ?? null);
}

function fromJson<Result>(text: string): Result {
  return JSON.parse(text);
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
