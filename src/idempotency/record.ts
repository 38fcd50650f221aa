/**
 * What a store remembers about a key, and how that changes:
 *
 *                        claim, same fingerprint, after the lease: a new token takes over
 *                                    ┌──────┐
 *                                    ▼      │
 *     absent ───── claim ────► in progress ─┘ ───── commit ────► completed
 *       ▲                            │                               │
 *       ├───────── release ──────────┘                               │
 *       └───────── retention has passed ─────────────────────────────┘
 *
 * `commitUnclaimed` leads from absent to completed in one step. The lease is short, so that a crashed owner blocks a key for seconds; the
 * retention is long, and is counted from completion.
 */

/** Whose key: two principals may use the same key without meeting. */
export interface RecordId {
  /** Unicode text without U+0000 and without half of a surrogate pair; case and spelling count. */
  principal: string;
  /** 1–255 printable ASCII characters, as {@link readIdempotencyKey} returns them. */
  key: string;
}

/** One text for a record's two names. The length tells where the principal ends, whatever it is made of. */
export function nameOf({ principal, key }: RecordId): string {
  return `${principal.length}:${principal}${key}`;
}

/** A request, as far as a record keeps it: enough to recognise it and to say what it was, never its body. */
export interface RequestFacts {
  /** SHA-256, hex; see {@link fingerprintOf}. */
  fingerprint: string;
  method: string;
  /** With its query. */
  path: string;
  /** The server's own name for the request, so that a look-up leads to its log. */
  requestId?: string;
}

/**
 * A step of a request that is behind it: whoever takes the request over goes on after it. `result` is what the step came to, as JSON.
 */
export interface RecoveryPoint {
  /** Unique within the request. */
  phase: string;
  result: string;
}

/** The right to finish a request. Its token names one claim of one owner: no other claim ever has the same one. */
export interface Claim extends RecordId {
  /** The fencing token: a later claim has a greater one. */
  token: number;
}

/** What a client gets, and gets again. */
export interface Reply {
  status: number;
  /** Only the headers that are to be repeated; never `Set-Cookie`. */
  headers: [name: string, value: string][];
  body: Uint8Array<ArrayBuffer>;
}

/** What can be told about a key without its answer. Times are milliseconds since 1970 by the store's clock. */
export interface RecordInfo {
  state: 'in-progress' | 'completed';
  method: string;
  path: string;
  requestId?: string;
  /** Absent while the request is in progress. */
  status?: number;
  /** When the store first heard of it: at the claim, or at a commit without one. */
  firstSeenMs: number;
  /** When the key is forgotten. */
  expiresMs: number;
}

/** How long a claim that nobody has finished or taken over is kept: as long as a client may still retry. Milliseconds. */
export const ABANDONED_MS = 24 * 60 * 60 * 1000;

/**
 * How long a lease still holds; 0 once it has ended. One that ends later than twice its length from now was granted before the clock was
 * set back: it counts as ended, because a crashed owner must not block a key until the clock has caught up. An owner that is alive loses
 * at most its work to that: the fencing token keeps its effect out. Milliseconds.
 * @param leaseMs the length that it was granted for.
 */
export function leaseLeftMs(nowMs: number, leaseEndsMs: number, leaseMs: number): number {
  const left = leaseEndsMs - nowMs;
  return left > 2 * leaseMs ? 0 : Math.max(0, left);
}
