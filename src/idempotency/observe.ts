import { hmacSha256Hex, sha256Hex } from './fingerprint.ts';
import type { RecordId, RequestFacts } from './record.ts';
import { StoreError } from './store.ts';

/**
 * What was decided about a request with a key. First comes one of
 *
 * - `claimed`, `taken-over` (an abandoned claim), `expired` (claimed, where an expired record still lay): it is executed;
 * - `replayed`, `mismatch`, `in-progress`: it is not;
 *
 * and what is executed ends with one of
 *
 * - `stored`: effect and reply are kept; `released`: the key is free again; `abandoned`: only the same request may go on;
 * - `lease-lost`: somebody has taken over, and nothing was done.
 *
 * `store-failed` tells that the store could not answer, each time that it happens, except to a heartbeat.
 */
export type DecisionKind =
  | 'claimed'
  | 'taken-over'
  | 'expired'
  | 'replayed'
  | 'mismatch'
  | 'in-progress'
  | 'stored'
  | 'released'
  | 'abandoned'
  | 'lease-lost'
  | 'store-failed';

/** One decision, for logs and metrics. It holds no key in clear: who reads a log must not be able to send it. */
export interface Decision {
  kind: DecisionKind;
  /** Names the record: the same for all decisions about one key of one principal; see {@link keyTag}. */
  tag: string;
  method: string;
  /** Without its query, which may hold anything. */
  path: string;
  requestId?: string;
  /** The fencing token, where the request has one. */
  token?: number;
  /** Status of the reply that is stored or replayed. */
  status?: number;
  /** What the store's client said, for `store-failed`. */
  reason?: string;
  /** Since the request came to the store, milliseconds. */
  elapsedMs: number;
}

export type Observer = (decision: Decision) => void;

/** Enough to tell the keys of a log apart, and too few to be anything else. Hexadecimal digits. */
const TAG_DIGITS = 16;

/**
 * The beginning of a hash of principal and key, hex: SHA-256, or with a secret HMAC-SHA-256. Without the secret, whoever knows the
 * principal can try out keys, which succeeds where they are no random ones.
 */
export async function keyTag({ principal, key }: RecordId, secret = ''): Promise<string> {
  const name = JSON.stringify([principal, key]);
  const hash = secret === '' ? await sha256Hex(name) : await hmacSha256Hex(secret, name);
  return hash.slice(0, TAG_DIGITS);
}

/** Tells what is decided about one request. */
export interface Narrator {
  tell(kind: DecisionKind, details?: { token?: number; status?: number; reason?: string }): void;
  /** Hands on what a store answers, and tells when it cannot. */
  watch<T>(answer: Promise<T>): Promise<T>;
}

/** Tells nobody. */
const SILENT: Narrator = { tell: () => undefined, watch: (answer) => answer };

/** Who tells an observer of the decisions about a request; nobody is told where there is none. */
export function narratorOf(
  { observe, tagSecret }: { observe?: Observer; tagSecret?: string },
  id: RecordId,
  facts: RequestFacts,
): Narrator {
  return observe === undefined ? SILENT : new ObserverNarrator(observe, keyTag(id, tagSecret), facts);
}

/** Tells an observer, in order. One that throws harms nobody. */
class ObserverNarrator implements Narrator {
  private readonly observer: Observer;
  private readonly tag: Promise<string>;
  private readonly facts: RequestFacts;
  private readonly started = performance.now();
  private told: Promise<void> = Promise.resolve();

  constructor(observer: Observer, tag: Promise<string>, facts: RequestFacts) {
    this.observer = observer;
    this.tag = tag;
    this.facts = facts;
  }

  tell(kind: DecisionKind, details: { token?: number; status?: number; reason?: string } = {}): void {
    const { observer, tag: tagged } = this;
    const { method, path, requestId } = this.facts;
    const elapsedMs = performance.now() - this.started;
    const named = requestId === undefined ? {} : { requestId };
    const decision = { kind, method, path: path.replace(/\?.*$/s, ''), ...named, ...details, elapsedMs };
    this.told = this.told.then(async () => observer({ ...decision, tag: await tagged })).catch(() => undefined);
  }

  async watch<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof StoreError) this.tell('store-failed', { reason: error.message });
      throw error;
    }
  }
}
