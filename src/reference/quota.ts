import { LRUCache } from 'lru-cache';
import { serializeList } from 'structured-headers';
import { StoreError } from '../idempotency/index.ts';
import type { Ledger } from './ledger.ts';

/** Ten requests a second for a whole minute: more than anybody tries out by hand, less than a loop sends that has got out of hand. */
const REQUESTS_PER_MINUTE = 600;

/** A run of all examples of this manual makes some forty; a class of twenty behind one address has its share as well. */
const SANDBOXES_PER_HOUR = 1000;

/**
 * A process takes a part of a quota out of the store ahead, and counts it down by itself: so only one request in so many waits for the
 * store. What it has taken and not used is lost to the other processes until the window ends.
 */
const PARTS = 20;

/** A store that could not count is not asked again for so long: a locked file would hold up every request. Milliseconds. */
const UNCOUNTED_MS = 5000;

/** Whoever is forgotten has a part of a quota taken once more. Buckets; some hundred bytes each. */
const REMEMBERED = 10_000;

/** What may be asked of the reference API. 0 for no limit. */
export interface Limits {
  /** Requests with the token of one sandbox; {@link REQUESTS_PER_MINUTE} by default. */
  requestsPerMinute?: number;
  /** Sandboxes made from one address; {@link SANDBOXES_PER_HOUR} by default. */
  sandboxesPerHour?: number;
}

/** A quota policy (draft-ietf-httpapi-ratelimit-headers-10, section 3). */
export interface Policy {
  name: 'sandbox' | 'address';
  /** Units in a window; 0 for no limit. */
  quota: number;
  windowMs: number;
}

/** What became of the wish to spend one unit. */
export interface Allowance {
  policy: Policy;
  allowed: boolean;
  /** Units that are left, as far as this process knows: others may have spent some since it asked. */
  remaining: number;
  /** When the window ends; milliseconds from now. */
  resetMs: number;
}

/** What a process knows about a bucket in the window that is running. */
interface Share {
  /** False when the store could not count: nobody is refused then, for what needs the store fails by itself. */
  counted: boolean;
  /** Taken out of the store and not spent. */
  left: number;
  /** What nobody has taken, when this process asked last. */
  untaken: number;
  /** By the ledger's clock. */
  endsMs: number;
}

/**
 * Quotas for all processes on a store together: never more than the quota is spent in one window. Windows are fixed and begin with the
 * first request.
 *
 *     request ─► share left? ── yes ─► spend one of it
 *                    │ no
 *                    ▼
 *                take a part out of the store ─┬─ nothing left ─► refused, without asking again, until the window ends
 *                                              └─ it cannot count ─► granted: reading and replaying may work all the same
 */
export class Quotas {
  private readonly policies: Record<Policy['name'], Policy>;
  private readonly shares = new LRUCache<string, Share>({ max: REMEMBERED });
  /** One request asks the store for all that wait. */
  private readonly asking = new Map<string, Promise<Share>>();

  constructor({ requestsPerMinute = REQUESTS_PER_MINUTE, sandboxesPerHour = SANDBOXES_PER_HOUR }: Limits = {}) {
    this.policies = {
      sandbox: { name: 'sandbox', quota: requestsPerMinute, windowMs: 60_000 },
      address: { name: 'address', quota: sandboxesPerHour, windowMs: 3_600_000 },
    };
  }

  /** The quotas that are limited at all. */
  all(): Policy[] {
    return Object.values(this.policies).filter(({ quota }) => quota > 0);
  }

  /**
   * Spends one unit.
   * @param who whose quota it is.
   * @returns undefined where there is no limit, or none can be kept now.
   */
  async spend(ledger: Ledger, name: Policy['name'], who: string): Promise<Allowance | undefined> {
    const policy = this.policies[name];
    if (policy.quota === 0) return undefined;
    const bucket = `${name}:${who}`;
    for (;;) {
      const now = ledger.now();
      const share = this.shares.get(bucket);
      const runs = share !== undefined && share.endsMs > now && share.endsMs <= now + policy.windowMs;
      if (runs && !share.counted) return undefined;
      if (runs && (share.left > 0 || share.untaken === 0)) {
        const allowed = share.left > 0;
        if (allowed) share.left -= 1;
        return { policy, allowed, remaining: share.left + share.untaken, resetMs: share.endsMs - now };
      }
      await this.take(ledger, policy, bucket);
    }
  }

  private take(ledger: Ledger, policy: Policy, bucket: string): Promise<Share> {
    const under = this.asking.get(bucket);
    if (under !== undefined) return under;
    const asked = this.ask(ledger, policy, bucket).finally(() => this.asking.delete(bucket));
    this.asking.set(bucket, asked);
    return asked;
  }

  private async ask(ledger: Ledger, policy: Policy, bucket: string): Promise<Share> {
    const share = await countedShare(ledger, policy, bucket).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      return { counted: false, left: 0, untaken: 0, endsMs: ledger.now() + UNCOUNTED_MS };
    });
    this.shares.set(bucket, share);
    return share;
  }
}

async function countedShare(ledger: Ledger, { quota, windowMs }: Policy, bucket: string): Promise<Share> {
  const part = Math.ceil(quota / PARTS);
  const { spent, resetMs } = await ledger.spend(bucket, part, windowMs);
  return {
    counted: true,
    left: Math.max(0, Math.min(part, quota - (spent - part))),
    untaken: Math.max(0, quota - spent),
    endsMs: ledger.now() + Math.max(1, Math.min(resetMs, windowMs)),
  };
}

/** The header fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4). */
export function rateLimitFields({ policy, remaining, resetMs }: Allowance): Record<string, string> {
  const { name, quota, windowMs } = policy;
  return {
    'RateLimit-Policy': serializeList([[name, parameters({ q: quota, w: windowMs / 1000 })]]),
    RateLimit: serializeList([[name, parameters({ r: remaining, t: secondsOf(resetMs) })]]),
  };
}

function parameters(values: Record<string, number>): Map<string, number> {
  return new Map(Object.entries(values));
}

/** Whole seconds, at least one: after so long it is over. */
export function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
