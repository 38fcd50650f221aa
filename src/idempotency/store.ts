import type { Claim, RecordId, RecordInfo, RecoveryPoint, Reply, RequestFacts } from './record.ts';

/** What became of the wish to execute a request. Mismatch is decided before in-flight, and harms no record. */
export type ClaimOutcome =
  /**
   * The caller owns the key until its lease ends, and has to `commit` or `release`. `previous` tells what was there: nothing; a record
   * that had expired and was not yet purged; a claim whose lease had ended, by the same request. `points` are the phases that the
   * abandoned claim has behind it, in the order in which they were reached.
   */
  | { kind: 'claimed'; claim: Claim; previous: 'none' | 'expired' | 'abandoned'; points: RecoveryPoint[] }
  /** Somebody else does; trying again makes sense after this time. */
  | { kind: 'in-progress'; retryAfterMs: number }
  | { kind: 'completed'; reply: Reply }
  | { kind: 'mismatch'; original: RequestFacts };

export type CommitOutcome =
  | { kind: 'stored'; reply: Reply }
  /** Another claim has taken over: the effect was not executed. */
  | { kind: 'lease-lost' };

export type CommitUnclaimedOutcome =
  | { kind: 'stored'; reply: Reply }
  /** There is a record of the key, or was when the effect came to grief: nothing was done. To ask for a claim tells what it is. */
  | { kind: 'known' };

export type CheckpointOutcome =
  /** `result` is the one that is stored: of an earlier checkpoint of that phase, if there is one. */
  | { kind: 'reached'; result: string }
  /** Another claim has taken over: the effect was not executed. */
  | { kind: 'lease-lost' };

/**
 * The business effect of a request, and the answer to it.
 * @param transaction what the store offers for writing together with the record; a store without transactions offers nothing.
 */
export type Effect<Transaction> = (transaction: Transaction) => Reply | Promise<Reply>;

/** The effect of one phase of a request; returns its result, as JSON. */
export type PhaseEffect<Transaction> = (transaction: Transaction) => string | Promise<string>;

/**
 * Where records live. Each verb is atomic and has a closed set of outcomes; each throws a {@link StoreError} when the store cannot
 * answer. It has done nothing then, or all of it, where the answer was lost on its way. Times are by the store's clock.
 */
export interface IdempotencyStore<Transaction> {
  /**
   * Asks for the right to execute a request. An expired record counts as absent, purged or not. A claim whose lease has ended is
   * taken over by the same fingerprint only.
   * @param leaseMs how long the claim holds without {@link renew}.
   */
  claim(id: RecordId, request: RequestFacts, leaseMs: number): Promise<ClaimOutcome>;

  /**
   * Extends a lease from now, also one that has ended, as long as nobody has taken over. With 0 the claim is abandoned: the same request
   * may take over at once, and nobody else.
   */
  renew(claim: Claim, leaseMs: number): Promise<'renewed' | 'lease-lost'>;

  /**
   * Checks the fencing token, executes the effect and stores the reply, in one transaction where the store has transactions.
   * What the effect throws is thrown on, with nothing changed: the claim still stands.
   * @param retainMs how long the reply is kept, counted from now.
   */
  commit(claim: Claim, effect: Effect<Transaction>, retainMs: number): Promise<CommitOutcome>;

  /**
   * Checks the fencing token, executes the effect of a phase and remembers its result, in one transaction where the store has
   * transactions, and extends the lease from now. A phase that has been reached before is not executed again. What the effect throws is
   * thrown on, with nothing changed.
   */
  checkpoint(
    claim: Claim,
    phase: string,
    effect: PhaseEffect<Transaction>,
    leaseMs: number,
  ): Promise<CheckpointOutcome>;

  /**
   * Executes the effect and stores the reply under a key that nobody has claimed, in one transaction where the store has transactions: for
   * a request that has nothing to protect before its effect, which saves it the claim. When several come at once, one is stored; the effects
   * of the others are undone, or not executed, in a store with transactions and in one that makes them wait for each other. What the effect
   * throws is thrown on, with nothing changed.
   *
   * A store need not have it; then such requests claim their keys like all others.
   * @param retainMs how long the reply is kept, counted from now.
   */
  commitUnclaimed?(
    id: RecordId,
    request: RequestFacts,
    effect: Effect<Transaction>,
    retainMs: number,
  ): Promise<CommitUnclaimedOutcome>;

  /** Gives a claim up: nothing was done, and the key is free. Does nothing when the claim is no longer the current one. */
  release(claim: Claim): Promise<void>;

  /** @returns undefined for a key that is unknown or expired. */
  lookup(id: RecordId): Promise<RecordInfo | undefined>;

  /**
   * Deletes records that have expired; never one that has not, whatever the caller's clock says.
   * @param beforeMs by the store's clock: only those that had expired by then. `Number.MAX_SAFE_INTEGER` for all of them.
   * @param limit the most to delete at once, so that other requests do not wait long.
   * @returns how many were deleted; fewer than `limit` means that there are no more.
   */
  purge(beforeMs: number, limit: number): Promise<number>;
}

/** Why a store cannot answer. */
export type StoreProblem = 'unavailable' | 'full';

/**
 * The store cannot answer now. What was asked for was not done, unless the answer was lost on its way; a retry finds out. `cause` is what
 * its client said.
 */
export class StoreError extends Error {
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'StoreError';
    this.problem = problem;
  }
}
