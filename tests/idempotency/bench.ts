// What the contract of stores is tested with: a store, its clock, and business data that effects change.
import assert from 'node:assert/strict';
import type {
  Claim,
  CommitOutcome,
  CommitUnclaimedOutcome,
  Effect,
  IdempotencyStore,
  PhaseEffect,
  RecordId,
  Reply,
  RequestFacts,
} from '../../src/idempotency/index.ts';

/** A store to be tested, empty, with business data that effects change. */
export interface Subject<Transaction> {
  store: IdempotencyStore<Transaction>;
  /** The same records through another handle: another connection, as another process would have. */
  other: IdempotencyStore<Transaction>;
  /** What an effect does: adds a line to the business data. */
  write(transaction: Transaction, line: string): void | Promise<void>;
  /** All lines that have been written and not undone. */
  lines(): string[] | Promise<string[]>;
}

export interface StoreUnderTest<Transaction> {
  name: string;
  /** Whether what an effect has written is undone when it throws. */
  transactional: boolean;
  /** @param now the clock that the store has to go by, milliseconds since 1970. */
  make(now: () => number): Subject<Transaction> | Promise<Subject<Transaction>>;
}

/** An instant to begin at. */
export const START = Date.UTC(2026, 10, 22, 12);
export const LEASE = 3000;
export const RETAIN = 60_000;
/** How long the claim of a crashed owner is remembered after its lease. */
export const DAY = 24 * 60 * 60 * 1000;

export const ID: RecordId = { principal: 'sbx_1', key: 'order-4711' };
export const FACTS: RequestFacts = { fingerprint: 'a'.repeat(64), method: 'POST', path: '/api/charges?expand=all' };
export const OTHER_FACTS: RequestFacts = { fingerprint: 'b'.repeat(64), method: 'PATCH', path: '/api/charges/ch_1' };

export function replyOf(body: string | Uint8Array, status = 201): Reply {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : Uint8Array.from(body);
  return { status, headers: [['Content-Type', 'application/json']], body: bytes };
}

/** Claims a key that is free. */
export async function claimed<T>(
  store: IdempotencyStore<T>,
  id = ID,
  facts = FACTS,
  leaseMs: number = LEASE,
): Promise<Claim> {
  const outcome = await store.claim(id, facts, leaseMs);
  assert.equal(outcome.kind, 'claimed');
  return (outcome as { claim: Claim }).claim;
}

/** Commits what nobody has claimed, which all stores of ours can. */
export async function commitUnclaimed<T>(
  store: IdempotencyStore<T>,
  effect: Effect<T>,
  { id = ID, facts = FACTS, retainMs = RETAIN }: { id?: RecordId; facts?: RequestFacts; retainMs?: number } = {},
): Promise<CommitUnclaimedOutcome> {
  assert.ok(store.commitUnclaimed, 'the store cannot commit what nobody has claimed');
  return store.commitUnclaimed(id, facts, effect, retainMs);
}

interface Unclaimed<T> {
  id?: RecordId;
  facts?: RequestFacts;
  reply?: Reply;
  retainMs?: number;
  store?: IdempotencyStore<T>;
}

/** What a test holds: the store, its clock, and short forms of its verbs. */
export class Bench<T> {
  now = START;
  readonly subject: Subject<T>;

  private constructor(subject: Subject<T>) {
    this.subject = subject;
  }

  static async make<T>({ make }: StoreUnderTest<T>): Promise<Bench<T>> {
    let bench: Bench<T> | undefined;
    bench = new Bench(await make(() => bench?.now ?? START));
    return bench;
  }

  get store(): IdempotencyStore<T> {
    return this.subject.store;
  }

  /** An effect that writes a line and answers; `then` is what happens after the writing. */
  effect(line: string, reply: Reply, then = () => {}): Effect<T> {
    return (transaction) => {
      const written = this.subject.write(transaction, line);
      const finish = () => {
        then();
        return reply;
      };
      return written instanceof Promise ? written.then(finish) : finish();
    };
  }

  /** The same for a phase, whose result is JSON. */
  phaseEffect(line: string, result: string, then = () => {}): PhaseEffect<T> {
    return (transaction) => {
      const written = this.subject.write(transaction, line);
      const finish = () => {
        then();
        return result;
      };
      return written instanceof Promise ? written.then(finish) : finish();
    };
  }

  commit(
    claim: Claim,
    line = 'done',
    reply = replyOf(line),
    retainMs = RETAIN,
    store: IdempotencyStore<T> = this.store,
  ): Promise<CommitOutcome> {
    return store.commit(claim, this.effect(line, reply), retainMs);
  }

  /** The same for a key that nobody has claimed. */
  commitUnclaimed(
    line = 'done',
    { id = ID, facts = FACTS, reply = replyOf(line), retainMs = RETAIN, store = this.store }: Unclaimed<T> = {},
  ): Promise<CommitUnclaimedOutcome> {
    return commitUnclaimed(store, this.effect(line, reply), { id, facts, retainMs });
  }

  /** Claims and commits. */
  async complete(id = ID, facts = FACTS, reply = replyOf('done')): Promise<Claim> {
    const claim = await claimed(this.store, id, facts);
    assert.deepEqual(await this.commit(claim, 'done', reply), { kind: 'stored', reply });
    return claim;
  }

  /** What a request gets without changing anything: a claim of it is given up at once. */
  async kindOf(facts = FACTS, id = ID, store: IdempotencyStore<T> = this.store): Promise<string> {
    const outcome = await store.claim(id, facts, LEASE);
    if (outcome.kind === 'claimed') await store.release(outcome.claim);
    return outcome.kind;
  }

  async lines(): Promise<string[]> {
    return await this.subject.lines();
  }
}
