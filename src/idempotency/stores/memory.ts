import {
  ABANDONED_MS,
  type Claim,
  leaseLeftMs,
  nameOf,
  type RecordId,
  type RecordInfo,
  type RecoveryPoint,
  type Reply,
  type RequestFacts,
} from '../record.ts';
import type {
  CheckpointOutcome,
  ClaimOutcome,
  CommitOutcome,
  CommitUnclaimedOutcome,
  Effect,
  IdempotencyStore,
  PhaseEffect,
} from '../store.ts';

interface Entry {
  facts: RequestFacts;
  token: number;
  firstSeenMs: number;
  leaseMs: number;
  leaseEndsMs: number;
  points: RecoveryPoint[];
  expiresMs: number;
  reply: Reply | undefined;
  /** Until then an effect is running, and nobody takes over, as in a database nobody passes a lock. */
  committing: Promise<void> | undefined;
}

/**
 * Records in the memory of one process, for tests and for seeing how little a store is. There is no transaction: what an effect does
 * elsewhere, and then throws, is not undone; and nothing survives the process.
 */
export class MemoryStore implements IdempotencyStore<undefined> {
  private readonly entries = new Map<string, Entry>();
  private readonly now: () => number;
  private lastToken = 0;

  /** @param options.now the store's clock, milliseconds since 1970. */
  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.now = now;
  }

  async claim(id: RecordId, request: RequestFacts, leaseMs: number): Promise<ClaimOutcome> {
    const now = this.now();
    const name = nameOf(id);
    const entry = this.entries.get(name);
    const found = unexpired(entry, now);
    if (found !== undefined) {
      const { facts, reply, committing, leaseEndsMs } = found;
      if (facts.fingerprint !== request.fingerprint) return { kind: 'mismatch', original: { ...facts } };
      if (reply !== undefined) return { kind: 'completed', reply: copyOf(reply) };
      const left = leaseLeftMs(now, leaseEndsMs, found.leaseMs);
      if (committing || left > 0) return { kind: 'in-progress', retryAfterMs: Math.max(1, left) };
    }
    const { token, points } = this.enter(name, request, leaseMs, found);
    return {
      kind: 'claimed',
      claim: { ...id, token },
      previous: found !== undefined ? 'abandoned' : entry !== undefined ? 'expired' : 'none',
      points: points.map((point) => ({ ...point })),
    };
  }

  async renew(claim: Claim, leaseMs: number): Promise<'renewed' | 'lease-lost'> {
    const entry = this.owned(claim);
    if (entry === undefined) return 'lease-lost';
    this.extend(entry, leaseMs);
    return 'renewed';
  }

  async commit(claim: Claim, effect: Effect<undefined>, retainMs: number): Promise<CommitOutcome> {
    const reply = await this.alone(claim, (entry) => this.complete(entry, effect, retainMs));
    return reply === undefined ? { kind: 'lease-lost' } : { kind: 'stored', reply };
  }

  async commitUnclaimed(
    id: RecordId,
    request: RequestFacts,
    effect: Effect<undefined>,
    retainMs: number,
  ): Promise<CommitUnclaimedOutcome> {
    const name = nameOf(id);
    if (this.entries.has(name)) return { kind: 'known' };
    const entry = this.enter(name, request, 0);
    try {
      // Whoever comes while the effect runs is told that the key is in use.
      const reply = await hold(entry, () => this.complete(entry, effect, retainMs));
      // As in a database, which writes all of it at the end.
      entry.firstSeenMs = entry.expiresMs - retainMs;
      return { kind: 'stored', reply };
    } catch (error) {
      // Whoever has come since keeps the key.
      if (this.entries.get(name) === entry) this.entries.delete(name);
      throw error;
    }
  }

  async checkpoint(
    claim: Claim,
    phase: string,
    effect: PhaseEffect<undefined>,
    leaseMs: number,
  ): Promise<CheckpointOutcome> {
    const outcome = await this.alone(claim, async (entry): Promise<CheckpointOutcome> => {
      const reached = entry.points.find((point) => point.phase === phase);
      const result = reached?.result ?? (await effect(undefined));
      if (reached === undefined) entry.points.push({ phase, result });
      this.extend(entry, leaseMs);
      return { kind: 'reached', result };
    });
    return outcome ?? { kind: 'lease-lost' };
  }

  async release(claim: Claim): Promise<void> {
    await this.alone(claim, () => this.entries.delete(nameOf(claim)));
  }

  async lookup(id: RecordId): Promise<RecordInfo | undefined> {
    const found = unexpired(this.entries.get(nameOf(id)), this.now());
    if (found === undefined) return undefined;
    const { firstSeenMs, expiresMs, reply } = found;
    const { fingerprint: _, ...facts } = found.facts;
    if (reply === undefined) return { state: 'in-progress', ...facts, firstSeenMs, expiresMs };
    return { state: 'completed', ...facts, status: reply.status, firstSeenMs, expiresMs };
  }

  async purge(beforeMs: number, limit: number): Promise<number> {
    const before = Math.min(beforeMs, this.now());
    let deleted = 0;
    for (const [name, entry] of this.entries) {
      if (deleted === limit) break;
      if (entry.expiresMs > before || entry.committing) continue;
      this.entries.delete(name);
      deleted += 1;
    }
    return deleted;
  }

  /** Writes a claim. @param found the abandoned one that it takes over. */
  private enter(name: string, request: RequestFacts, leaseMs: number, found?: Entry): Entry {
    const now = this.now();
    this.lastToken += 1;
    const entry: Entry = {
      // The request id stays that of the first, under which the work was begun.
      facts: { ...(found?.facts ?? request) },
      token: this.lastToken,
      firstSeenMs: found?.firstSeenMs ?? now,
      leaseMs,
      leaseEndsMs: now + leaseMs,
      points: found?.points ?? [],
      expiresMs: now + leaseMs + ABANDONED_MS,
      reply: undefined,
      committing: undefined,
    };
    this.entries.set(name, entry);
    return entry;
  }

  private async complete(entry: Entry, effect: Effect<undefined>, retainMs: number): Promise<Reply> {
    const reply = await effect(undefined);
    entry.reply = copyOf(reply);
    entry.expiresMs = this.now() + retainMs;
    return reply;
  }

  /**
   * Does something under a claim, after whatever else is done under it.
   * @returns undefined when the claim is not, or no longer, the current one.
   */
  private async alone<T>(claim: Claim, act: (entry: Entry) => T | Promise<T>): Promise<T | undefined> {
    let entry = this.owned(claim);
    while (entry?.committing !== undefined) {
      await entry.committing;
      entry = this.owned(claim);
    }
    return entry === undefined ? undefined : hold(entry, act);
  }

  private extend(entry: Entry, leaseMs: number): void {
    entry.leaseMs = leaseMs;
    entry.leaseEndsMs = this.now() + leaseMs;
    entry.expiresMs = entry.leaseEndsMs + ABANDONED_MS;
  }

  private owned(claim: Claim): Entry | undefined {
    const entry = this.entries.get(nameOf(claim));
    return entry?.token === claim.token && entry.reply === undefined ? entry : undefined;
  }
}

function unexpired(entry: Entry | undefined, now: number): Entry | undefined {
  return entry !== undefined && (entry.committing || entry.expiresMs > now) ? entry : undefined;
}

/** Lets others wait until something is done. */
async function hold<T>(entry: Entry, act: (entry: Entry) => T | Promise<T>): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<void>();
  entry.committing = promise;
  try {
    return await act(entry);
  } finally {
    entry.committing = undefined;
    resolve();
  }
}

/** What a caller does with its bytes later must not reach what is stored. */
function copyOf({ status, headers, body }: Reply): Reply {
  return { status, headers: headers.map(([name, value]) => [name, value]), body: body.slice() };
}
