import {
  ABANDONED_MS,
  type Claim,
  leaseLeftMs,
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
  reply?: Reply;
  /** An effect is running: nobody takes over meanwhile, as in a database nobody passes a lock. */
  committing?: true;
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
    const found = this.unexpired(entry);
    if (found !== undefined) {
      const { facts, reply, committing, leaseEndsMs } = found;
      if (facts.fingerprint !== request.fingerprint) return { kind: 'mismatch', original: { ...facts } };
      if (reply !== undefined) return { kind: 'completed', reply: copyOf(reply) };
      const left = leaseLeftMs(now, leaseEndsMs, found.leaseMs);
      if (committing || left > 0) return { kind: 'in-progress', retryAfterMs: Math.max(1, left) };
    }
    const points = found?.points ?? [];
    this.lastToken += 1;
    this.entries.set(name, {
      // The request id stays that of the first, under which the work was begun.
      facts: { ...(found?.facts ?? request) },
      token: this.lastToken,
      firstSeenMs: found?.firstSeenMs ?? now,
      leaseMs,
      leaseEndsMs: now + leaseMs,
      points,
      expiresMs: now + leaseMs + ABANDONED_MS,
    });
    return {
      kind: 'claimed',
      claim: { ...id, token: this.lastToken },
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
    const entry = this.owned(claim);
    if (entry === undefined || entry.committing) return { kind: 'lease-lost' };
    entry.committing = true;
    try {
      const reply = await effect(undefined);
      entry.reply = copyOf(reply);
      entry.expiresMs = this.now() + retainMs;
      return { kind: 'stored', reply };
    } finally {
      delete entry.committing;
    }
  }

  async checkpoint(
    claim: Claim,
    phase: string,
    effect: PhaseEffect<undefined>,
    leaseMs: number,
  ): Promise<CheckpointOutcome> {
    const entry = this.owned(claim);
    if (entry === undefined || entry.committing) return { kind: 'lease-lost' };
    const reached = entry.points.find((point) => point.phase === phase);
    if (reached !== undefined) {
      this.extend(entry, leaseMs);
      return { kind: 'reached', result: reached.result };
    }
    entry.committing = true;
    try {
      const result = await effect(undefined);
      entry.points.push({ phase, result });
      this.extend(entry, leaseMs);
      return { kind: 'reached', result };
    } finally {
      delete entry.committing;
    }
  }

  async release(claim: Claim): Promise<void> {
    if (this.owned(claim) !== undefined) this.entries.delete(nameOf(claim));
  }

  async lookup(id: RecordId): Promise<RecordInfo | undefined> {
    const found = this.find(id);
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

  private extend(entry: Entry, leaseMs: number): void {
    entry.leaseMs = leaseMs;
    entry.leaseEndsMs = this.now() + leaseMs;
    entry.expiresMs = entry.leaseEndsMs + ABANDONED_MS;
  }

  private find(id: RecordId): Entry | undefined {
    return this.unexpired(this.entries.get(nameOf(id)));
  }

  private unexpired(entry: Entry | undefined): Entry | undefined {
    return entry !== undefined && (entry.committing || entry.expiresMs > this.now()) ? entry : undefined;
  }

  private owned(claim: Claim): Entry | undefined {
    const entry = this.entries.get(nameOf(claim));
    return entry?.token === claim.token && entry.reply === undefined ? entry : undefined;
  }
}

/** The length tells where the principal ends, whatever it is made of. */
function nameOf({ principal, key }: RecordId): string {
  return `${principal.length}:${principal}${key}`;
}

/** What a caller does with its bytes later must not reach what is stored. */
function copyOf({ status, headers, body }: Reply): Reply {
  return { status, headers: headers.map(([name, value]) => [name, value]), body: body.slice() };
}
