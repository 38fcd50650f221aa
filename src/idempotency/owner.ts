import type { Execution, Times, Work } from './execute.ts';
import { Heart } from './heart.ts';
import type { Narrator } from './observe.ts';
import { derivedKey } from './phase.ts';
import type { Claim, Reply, RequestFacts } from './record.ts';
import type { ClaimOutcome, Effect, IdempotencyStore } from './store.ts';

/**
 * Statuses below 500 that say "not executed, send it again" (RFC 9110 sections 15.5.2 and 15.5.9, RFC 8470, RFC 6585): kept for a day,
 * they would refuse the retry that they ask for.
 */
const TRANSIENT = new Set([401, 408, 425, 429]);

/** Ends the work of an owner that is one no longer. */
class LeaseLost extends Error {
  constructor() {
    super('the claim was taken over: another request with this key is executed');
    this.name = 'LeaseLost';
  }
}

/** Who has claimed a key, from the claim to its end. */
export class Owner<Transaction> {
  private readonly store: IdempotencyStore<Transaction>;
  private readonly request: RequestFacts;
  private readonly claim: Claim;
  private readonly times: Times;
  private readonly narrator: Narrator;
  private readonly heart: Heart;
  /** Results of the phases that are behind the request, as JSON. */
  private readonly results: Map<string, string>;
  /** Something has been changed that the end of the claim does not undo. */
  private begun: boolean;
  /** The claim was found to be somebody else's, or is given up. */
  private over = false;
  /** The effect that is running, in words. */
  private running: string | undefined;
  /** What the store is doing for this request: one thing after another. */
  private turn: Promise<unknown> = Promise.resolve();
  private stored: Promise<Reply> | undefined;

  constructor(
    store: IdempotencyStore<Transaction>,
    request: RequestFacts,
    { claim, previous, points }: ClaimOutcome & { kind: 'claimed' },
    times: Times,
    narrator: Narrator,
  ) {
    this.store = store;
    this.request = request;
    this.claim = claim;
    this.times = times;
    this.narrator = narrator;
    this.results = new Map(points.map(({ phase, result }) => [phase, result]));
    this.begun = points.length > 0;
    narrator.tell(previous === 'none' ? 'claimed' : previous === 'expired' ? 'expired' : 'taken-over', {
      token: claim.token,
    });
    const renew = () => store.renew(claim, times.leaseMs);
    this.heart = new Heart(renew, times.heartbeatMs, () => new LeaseLost());
  }

  async run(work: (work: Work<Transaction>) => Promise<Reply>): Promise<Execution> {
    try {
      const reply = await work(this.tools());
      // What is stored is what is sent: a retry gets what the first request got.
      if (this.stored !== undefined) return { kind: 'executed', reply: await this.stored };
      if (!isTransient(reply.status)) return { kind: 'executed', reply: await this.transaction(() => reply) };
      return (await this.end()) ? { kind: 'executed', reply } : this.waiting();
    } catch (error) {
      // A transaction that is still under way decides what becomes of the key.
      const reply = await this.stored?.catch(() => undefined);
      if (isLeaseLost(error)) this.over = true;
      // A store that cannot end the claim now lets the lease end; the error that led here is the one to be told.
      if (reply === undefined) await this.end().catch(() => undefined);
      if (!isLeaseLost(error)) throw error;
      return reply === undefined ? this.waiting() : { kind: 'executed', reply };
    } finally {
      this.over = true;
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
    const reply = this.alone('the transaction', () => this.commit(effect));
    this.stored = reply;
    reply.then(
      () => this.heart.stop(),
      () => {
        // Nothing was changed, or the store will say that the claim is over: another effect may be tried.
        this.stored = undefined;
      },
    );
    return reply;
  }

  /** @throws {LeaseLost} */
  private async commit(effect: Effect<Transaction>): Promise<Reply> {
    const outcome = await this.narrator.watch(this.store.commit(this.claim, effect, this.times.retainMs));
    if (outcome.kind === 'lease-lost') throw this.loss();
    this.narrator.tell('stored', { token: this.claim.token, status: outcome.reply.status });
    return outcome.reply;
  }

  private async phase<Result>(
    name: string,
    effect: (transaction: Transaction) => Result | Promise<Result>,
  ): Promise<Result> {
    const reached = this.results.get(name);
    if (reached !== undefined) return fromJson(reached);
    const json = (transaction: Transaction) => {
      const result = effect(transaction);
      return result instanceof Promise ? result.then((value) => toJson(name, value)) : toJson(name, result);
    };
    return this.alone(`phase "${name}"`, () => this.reach(name, json));
  }

  private async foreign<Result>(name: string, call: (key: string) => Promise<Result>): Promise<Result> {
    const reached = this.results.get(name);
    if (reached !== undefined) return fromJson(reached);
    // Before anything is awaited: whether a call that fails has changed something, nobody here can tell.
    this.begun = true;
    const key = await derivedKey(this.claim, this.request.fingerprint, name);
    if (this.over || this.heart.signal.aborted) throw this.loss();
    const result = toJson(name, await call(key));
    return this.inTurn(() => this.reach(name, () => result));
  }

  /** @throws {LeaseLost} */
  private async reach<Result>(
    name: string,
    effect: (transaction: Transaction) => string | Promise<string>,
  ): Promise<Result> {
    const outcome = await this.narrator.watch(this.store.checkpoint(this.claim, name, effect, this.times.leaseMs));
    if (outcome.kind === 'lease-lost') throw this.loss();
    // A call beside it has failed meanwhile: that this one has succeeded is remembered, but the key must not be held for it.
    if (this.over) await this.narrator.watch(this.store.renew(this.claim, 0));
    this.begun = true;
    this.results.set(name, outcome.result);
    return fromJson(outcome.result);
  }

  /** An effect waits in a transaction of its own; one inside another would wait for ever in most stores. */
  private async alone<Result>(name: string, step: () => Promise<Result>): Promise<Result> {
    if (this.running !== undefined)
      throw new TypeError(`${name} was begun inside ${this.running}, or beside it: await one before the next`);
    this.running = name;
    try {
      return await this.inTurn(step);
    } finally {
      this.running = undefined;
    }
  }

  private inTurn<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(step);
    this.turn = result.catch(() => undefined);
    return result;
  }

  /**
   * Nothing was done: the key is free. Or something was: only the same request may go on from there.
   * @returns false when the claim is known to be somebody else's by now.
   */
  private async end(): Promise<boolean> {
    const { store, claim, narrator } = this;
    let held = !this.over;
    // From now on, who is still at work for the request begins nothing, and holds nothing.
    this.over = true;
    await this.heart.stop();
    if (held && this.begun) held = (await narrator.watch(store.renew(claim, 0))) === 'renewed';
    else if (held) await narrator.watch(store.release(claim));
    narrator.tell(!held ? 'lease-lost' : this.begun ? 'abandoned' : 'released', { token: claim.token });
    return held;
  }

  private loss(): LeaseLost {
    this.over = true;
    return new LeaseLost();
  }

  /** Whoever has taken over is at work. */
  private waiting(): Execution {
    return { kind: 'in-progress', retryAfterMs: this.times.leaseMs };
  }
}

/** Whether a reply says that nothing was executed, and that the request may be sent again. */
export function isTransient(status: number): boolean {
  return status >= 500 || TRANSIENT.has(status);
}

/** Also what was aborted by the signal: some hand its reason on, others name it as their cause. */
function isLeaseLost(error: unknown): boolean {
  return error instanceof LeaseLost || (error instanceof Error && error.cause instanceof LeaseLost);
}

/**
 * JSON has no `undefined`, which a phase without a result returns.
 * @throws {TypeError} for what JSON does not have, and for a query that nobody has started.
 */
function toJson(phase: string, result: unknown): string {
  if (typeof result === 'object' && result !== null && 'then' in result)
    throw new TypeError(`the effect of phase "${phase}" returned a query that has not been started: await it`);
  const text: string | undefined = JSON.stringify(result ?? null);
  if (text === undefined) throw new TypeError(`phase "${phase}" returned a ${typeof result}, which JSON does not have`);
  return text;
}

function fromJson<Result>(text: string): Result {
  return JSON.parse(text);
}
