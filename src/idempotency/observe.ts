import { sha256Hex } from './fingerprint.ts';
import type { RecordId, RequestFacts } from './record.ts';

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
 * `store-failed` tells that the store could not answer, wherever that happens.
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
  /** Since the request came to the store, milliseconds. */
  elapsedMs: number;
}

export type Observer = (decision: Decision) => void;

/** Enough to tell the keys of a log apart, and too few to be anything else. Hexadecimal digits. */
const TAG_DIGITS = 16;

/** The beginning of the SHA-256 of principal and key, hex. */
export async function keyTag({ principal, key }: RecordId): Promise<string> {
  return (await sha256Hex(JSON.stringify([principal, key]))).slice(0, TAG_DIGITS);
}

/** Tells an observer, in order, what is decided about one request. An observer that throws harms nobody. */
export class Narrator {
  private readonly observer: Observer | undefined;
  private readonly facts: RequestFacts;
  private readonly started = performance.now();
  private readonly tag: Promise<string> | undefined;
  private told: Promise<void> = Promise.resolve();

  constructor(observer: Observer | undefined, id: RecordId, facts: RequestFacts) {
    this.observer = observer;
    this.facts = facts;
    if (observer !== undefined) this.tag = keyTag(id);
  }

  tell(kind: DecisionKind, details: { token?: number; status?: number } = {}): void {
    const { observer, tag: tagged } = this;
    if (observer === undefined || tagged === undefined) return;
    const { method, path, requestId } = this.facts;
    const elapsedMs = performance.now() - this.started;
    this.told = this.told
      .then(async () => {
        const tag = await tagged;
        const named = requestId === undefined ? {} : { requestId };
        observer({ kind, tag, method, path: path.replace(/\?.*$/s, ''), ...named, ...details, elapsedMs });
      })
      .catch(() => undefined);
  }
}
