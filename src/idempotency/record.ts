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
 * The lease is short, so that a crashed owner blocks a key for seconds; the retention is long, and is counted from completion.
 */

/** Whose key: two principals may use the same key without meeting. */
export interface RecordId {
  principal: string;
  /** 1–255 printable ASCII characters, as {@link readIdempotencyKey} returns them. */
  key: string;
}

/** A request, as far as a record keeps it: enough to recognise it and to say what it was, never its body. */
export interface RequestFacts {
  /** SHA-256, hex; see {@link fingerprintOf}. */
  fingerprint: string;
  method: string;
  /** With its query. */
  path: string;
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
  /** Absent while the request is in progress. */
  status?: number;
  firstSeenMs: number;
  /** When the key is forgotten. */
  expiresMs: number;
}

/** How long a claim that nobody has finished or taken over is kept: as long as a client may still retry. Milliseconds. */
export const ABANDONED_MS = 24 * 60 * 60 * 1000;
