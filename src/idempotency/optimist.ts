import type { Execution, Times, Work } from './execute.ts';
import type { Narrator } from './observe.ts';
import { isTransient } from './owner.ts';
import type { RecentKeys } from './recent.ts';
import type { RecordId, Reply, RequestFacts } from './record.ts';
import { type Effect, type IdempotencyStore, StoreError } from './store.ts';

/** A store that can commit what nobody has claimed. */
export type OptimisticStore<Transaction> = IdempotencyStore<Transaction> &
  Required<Pick<IdempotencyStore<Transaction>, 'commitUnclaimed'>>;

type WorkOf<Transaction> = (work: Work<Transaction>) => Promise<Reply>;

/** Ends the work of a request that was answered before, or that somebody else executes. */
class Settled extends Error {
  constructor() {
    super('the key is known: the effect was not executed');
    this.name = 'Settled';
  }
}

/**
 * Who executes a request without having claimed its key, because it changes nothing before its effect:
 *
 *     work ─┬─ transaction(effect) ► commitUnclaimed ─┬─ stored ► executed
 *           │                                         └─ known ─► claim ─┬─ claimed, from somebody who has given up ► the effect: executed
 *           │                                                            └─ replayed, mismatch, in progress
 *           ├─ reply, no transaction ► commitUnclaimed, as above
 *           └─ throws, or asks for a retry ► claim, because a record that is there says more; released, where there was none
 */
export class Optimist<Transaction> implements Work<Transaction> {
  private readonly store: OptimisticStore<Transaction>;
  private readonly id: RecordId;
  private readonly request: RequestFacts;
  private readonly times: Times;
  private readonly narrator: Narrator;
  private readonly claimFirst: (work: WorkOf<Transaction>) => Promise<Execution>;
  private readonly recent: RecentKeys;
  /** What the transaction has come to, as long as it has not failed. */
  private execution: Promise<Execution> | undefined;
  /** The same, once it is known. */
  private executed: Execution | undefined;
  private failed = false;
  /** Whoever has claimed the key tells of it. */
  private isClaimed = false;
  private controller: AbortController | undefined;

  /**
   * @param claimFirst claims the key, and then does some work, as other requests do.
   * @param recent is told of the key when it has been answered.
   */
  constructor(
    store: OptimisticStore<Transaction>,
    id: RecordId,
    request: RequestFacts,
    times: Times,
    narrator: Narrator,
    claimFirst: (work: WorkOf<Transaction>) => Promise<Execution>,
    recent: RecentKeys,
  ) {
    this.store = store;
    this.id = id;
    this.request = request;
    this.times = times;
    this.narrator = narrator;
    this.claimFirst = claimFirst;
    this.recent = recent;
  }

  async run(work: WorkOf<Transaction>): Promise<Execution> {
    let reply: Reply;
    try {
      reply = await work(this);
    } catch (error) {
      return this.remembered(await this.afterError(error));
    }
    if (this.execution !== undefined) return this.remembered(this.executed ?? (await this.execution));
    if (isTransient(reply.status)) return this.remembered(await this.claimFirst(() => Promise.resolve(reply)));
    return this.remembered(await this.execute(() => reply));
  }

  private remembered(execution: Execution): Execution {
    this.recent.add(this.id.key);
    return execution;
  }

  private async afterError(error: unknown): Promise<Execution> {
    const execution = await this.execution?.catch(() => undefined);
    if (execution !== undefined && execution.kind !== 'executed') return execution;
    // To an effect the store has answered; without one, the work may have failed because it was done before.
    if (execution !== undefined || this.failed) throw error;
    return this.claimFirst(() => Promise.reject(error));
  }

  readonly transaction = (effect: Effect<Transaction>): Promise<Reply> => {
    if (this.execution !== undefined)
      return Promise.reject(new TypeError('transaction() was called twice; a request has one effect'));
    this.execution = this.execute(effect);
    const stored = this.execution.then(
      (execution) => {
        this.executed = execution;
        if (execution.kind === 'executed') return execution.reply;
        throw new Settled();
      },
      (error: unknown) => {
        // Nothing was changed, or the store will say that the key is known: another effect may be tried.
        this.execution = undefined;
        this.failed = true;
        if (!this.isClaimed && !(error instanceof StoreError)) {
          this.narrator.tell('claimed');
          this.narrator.tell('released');
        }
        throw error;
      },
    );
    // Whoever does not wait for it need not hear of it.
    stored.catch(() => undefined);
    return stored;
  };

  async phase(): Promise<never> {
    return refuse('phase()');
  }

  async foreign(): Promise<never> {
    return refuse('foreign()');
  }

  get token(): number {
    return refuse('token');
  }

  /** Never aborted: there is no claim that could be lost. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }

  private async execute(effect: Effect<Transaction>): Promise<Execution> {
    const { store, id, request, times, narrator } = this;
    const outcome = await narrator.watch(store.commitUnclaimed(id, request, effect, times.retainMs));
    if (outcome.kind === 'known') {
      this.isClaimed = true;
      return this.claimFirst(({ transaction }) => transaction(effect));
    }
    narrator.tell('claimed');
    narrator.tell('stored', { status: outcome.reply.status });
    return { kind: 'executed', reply: outcome.reply };
  }
}

function refuse(name: string): never {
  throw new TypeError(`${name} needs a claim before the effect: leave "optimistic" out`);
}
