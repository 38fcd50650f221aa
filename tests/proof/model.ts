/**
 * What a store has to do with one key, as a pure function: the specification that the proofs hold every store to. It shares no code with
 * the stores, and knows neither locks nor retries nor bytes: a reply is the text that it is compared by.
 *
 *     claim  ──► nothing there, or expired            claimed, from the beginning
 *            ──► another request                      mismatch
 *            ──► a reply                              completed
 *            ──► a claim whose lease holds            in progress
 *            ──► a claim whose lease has ended        claimed, from its recovery points
 *     commitUnclaimed ──► no record, expired or not   stored
 *                     ──► one                         known, and nothing happens
 *     renew, checkpoint, commit, release ──► the token is that of the claim that is there: done; else lease-lost, and nothing happens
 */
import type { RecordInfo, RecoveryPoint, RequestFacts } from '../../src/idempotency/index.ts';

/** How long a claim is remembered after its lease. Milliseconds; a copy on purpose, as everything here. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/** When an effect throws: before it has written its line, or after it. */
export type Fault = 'before' | 'after';

/** What is asked of a store about one key. Effects write a line of business data; a line names its effect. */
export type Operation =
  | { verb: 'claim'; request: RequestFacts; leaseMs: number }
  | { verb: 'renew'; token: number; leaseMs: number }
  | { verb: 'checkpoint'; token: number; phase: string; line: string; leaseMs: number; fault?: Fault }
  | { verb: 'commit'; token: number; line: string; retainMs: number; fault?: Fault }
  | { verb: 'release'; token: number }
  | { verb: 'commitUnclaimed'; request: RequestFacts; line: string; retainMs: number; fault?: Fault }
  | { verb: 'lookup' }
  /** Reads the business data that effects under this key have written. */
  | { verb: 'read' }
  /** Purges expired records of any keys, so many at the most that this one may be among them or not. */
  | { verb: 'purge' }
  /** Not asked by anybody: the store may lose what it need not keep. */
  | { verb: 'lose' };

/** Those that may have done something to the key, or not, whatever they answer. */
export const OPTIONAL: ReadonlySet<Operation['verb']> = new Set(['purge', 'lose']);

export type Outcome =
  | { kind: 'claimed'; token: number; previous: 'none' | 'expired' | 'abandoned'; points: readonly RecoveryPoint[] }
  | { kind: 'in-progress'; retryAfterMs: number }
  | { kind: 'completed'; reply: string }
  | { kind: 'mismatch'; original: RequestFacts }
  | { kind: 'renewed' }
  | { kind: 'reached'; result: string }
  | { kind: 'stored'; reply: string }
  | { kind: 'known' }
  | { kind: 'lease-lost' }
  | { kind: 'released' }
  /** The effect has thrown, and its own error came out. */
  | { kind: 'thrown' }
  | { kind: 'unknown-key' }
  | { kind: 'known-key'; info: RecordInfo }
  | { kind: 'lines'; lines: readonly string[] }
  | { kind: 'purged' }
  | { kind: 'lost' };

/** What is kept under a key, expired or not, until it is purged. */
export interface ModelRecord {
  request: RequestFacts;
  token: number;
  firstSeenMs: number;
  leaseMs: number;
  leaseEndsMs: number;
  points: readonly RecoveryPoint[];
  expiresMs: number;
  /** With it the record is completed. */
  reply?: string;
  /** It may be lost with the store's memory; then what it has replaced, which had expired, is there again. */
  volatile?: { over?: ModelRecord };
}

export interface KeyState {
  record?: ModelRecord;
  /** The greatest token that has been drawn: a later claim has a greater one. */
  lastToken: number;
  /** Sorted: rows of a table have no order, other than that of some column. */
  lines: readonly string[];
}

export const UNTOUCHED: KeyState = { lastToken: 0, lines: [] };

export interface Traits {
  /** Whether what an effect has written is undone when it throws. */
  transactional: boolean;
  /** Whether a claim of a free key is kept in memory alone until it is renewed, or comes to a checkpoint or to its commit. */
  volatileClaims?: boolean;
  /**
   * Whether an effect only collects what is to be done, and is called before the store is asked: then what it throws while the store cannot
   * answer is thrown on, whether the claim stands or not.
   */
  collects?: boolean;
  /**
   * Whether others see that a key is in use while the effect of `commitUnclaimed` is executed, although it may still throw and
   * leave nothing.
   */
  showsUnfinished?: boolean;
  /**
   * Whether a token is drawn before it is known whether somebody else is faster: then a claim that has waited while another one was granted
   * and given up has a smaller token than that one. No stale owner gains by it: the one with the greater token has ended by itself.
   */
  drawsEarly?: boolean;
}

/** A reply that was never claimed has no token of its own. */
const NOBODYS = 0;

export interface Step {
  outcome: Outcome;
  state: KeyState;
}

/**
 * The reply of a commit and the result of a phase, both made of the line that its effect writes: whoever sees one knows which effect was
 * executed.
 */
export const replyOf = (line: string) => `reply of ${line}`;
export const resultOf = (line: string) => JSON.stringify({ line });

/**
 * What an operation answers, and what it leaves behind: the very same state when it changes nothing.
 * @param nowMs by the clock of the store's handle.
 * @param token the one that the store draws if it grants a claim.
 */
export function apply(state: KeyState, operation: Operation, nowMs: number, token: number, traits: Traits): Step {
  switch (operation.verb) {
    case 'claim':
      return claim(state, operation, nowMs, token, traits);
    case 'renew': {
      const record = owned(state, operation.token);
      if (record === undefined) return { outcome: { kind: 'lease-lost' }, state };
      return { outcome: { kind: 'renewed' }, state: { ...state, record: extended(record, nowMs, operation.leaseMs) } };
    }
    case 'checkpoint':
      return checkpoint(state, operation, nowMs, traits);
    case 'commit':
      return commit(state, operation, nowMs, traits);
    case 'commitUnclaimed':
      return commitUnclaimed(state, operation, nowMs, traits);
    case 'release':
      return {
        outcome: { kind: 'released' },
        state: owned(state, operation.token) ? withoutRecord(state, traits) : state,
      };
    case 'lookup':
      return { outcome: lookup(state, nowMs), state };
    case 'read':
      return { outcome: { kind: 'lines', lines: state.lines }, state };
    case 'purge':
      return {
        outcome: { kind: 'purged' },
        state: isPurged(state, nowMs, nowMs) ? withoutRecord(state, traits) : state,
      };
    case 'lose':
      return {
        outcome: { kind: 'lost' },
        state: state.record?.volatile ? reverted(state, state.record.volatile, traits) : state,
      };
  }
}

/** Whether purging what had expired by a time would delete the record: it has to have expired by now as well. */
export function isPurged({ record }: KeyState, beforeMs: number, nowMs: number): boolean {
  return record !== undefined && record.expiresMs <= Math.min(beforeMs, nowMs);
}

function claim(
  state: KeyState,
  { request, leaseMs }: Operation & { verb: 'claim' },
  nowMs: number,
  token: number,
  { volatileClaims }: Traits,
): Step {
  const there = state.record;
  const valid = unexpired(state, nowMs);
  if (valid !== undefined) {
    if (valid.request.fingerprint !== request.fingerprint)
      return { outcome: { kind: 'mismatch', original: valid.request }, state };
    if (valid.reply !== undefined) return { outcome: { kind: 'completed', reply: valid.reply }, state };
    const retryAfterMs = valid.leaseEndsMs - nowMs;
    // A lease that ends later than it could have been granted now was granted before the clock was set back: it counts as ended.
    const holds = retryAfterMs > 0 && retryAfterMs <= 2 * valid.leaseMs;
    if (holds) return { outcome: { kind: 'in-progress', retryAfterMs }, state };
  }
  const previous = valid !== undefined ? 'abandoned' : there !== undefined ? 'expired' : 'none';
  const points = valid?.points ?? [];
  const fresh = { token, points, request: valid?.request ?? request, firstSeenMs: valid?.firstSeenMs ?? nowMs };
  const granted = extended({ ...fresh, leaseMs, leaseEndsMs: 0, expiresMs: 0 }, nowMs, leaseMs);
  const volatile = there === undefined ? {} : { over: there };
  const record = volatileClaims && previous !== 'abandoned' ? { ...granted, volatile } : granted;
  return { outcome: { kind: 'claimed', token, previous, points }, state: { ...state, record, lastToken: token } };
}

function checkpoint(
  state: KeyState,
  { token, phase, line, leaseMs, fault }: Operation & { verb: 'checkpoint' },
  nowMs: number,
  traits: Traits,
): Step {
  const record = owned(state, token);
  if (record === undefined) return { outcome: { kind: 'lease-lost' }, state };
  const reached = record.points.find((point) => point.phase === phase);
  const renewed = extended(record, nowMs, leaseMs);
  if (reached !== undefined)
    return { outcome: { kind: 'reached', result: reached.result }, state: { ...state, record: renewed } };
  if (fault !== undefined) return thrown(state, line, fault, traits);
  const result = resultOf(line);
  const points = [...record.points, { phase, result }];
  return {
    outcome: { kind: 'reached', result },
    state: { ...state, record: { ...renewed, points }, lines: withLine(state, line) },
  };
}

function commit(
  state: KeyState,
  { token, line, retainMs, fault }: Operation & { verb: 'commit' },
  nowMs: number,
  traits: Traits,
): Step {
  const record = owned(state, token);
  if (record === undefined) return { outcome: { kind: 'lease-lost' }, state };
  if (fault !== undefined) return thrown(state, line, fault, traits);
  const reply = replyOf(line);
  const { volatile: _, ...kept } = record;
  return {
    outcome: { kind: 'stored', reply },
    state: { ...state, record: { ...kept, reply, expiresMs: nowMs + retainMs }, lines: withLine(state, line) },
  };
}

function commitUnclaimed(
  state: KeyState,
  { request, line, retainMs, fault }: Operation & { verb: 'commitUnclaimed' },
  nowMs: number,
  traits: Traits,
): Step {
  if (state.record !== undefined) return { outcome: { kind: 'known' }, state };
  if (fault !== undefined) return thrown(state, line, fault, traits);
  const reply = replyOf(line);
  const times = { firstSeenMs: nowMs, leaseMs: 0, leaseEndsMs: nowMs, expiresMs: nowMs + retainMs };
  const record = { request, token: NOBODYS, points: [], ...times, reply };
  return { outcome: { kind: 'stored', reply }, state: { ...state, record, lines: withLine(state, line) } };
}

/** Nothing else changes, and a claim stands; only a store without transactions keeps what was written before. */
function thrown(state: KeyState, line: string, fault: Fault, { transactional }: Traits): Step {
  const stays = !transactional && fault === 'after';
  return { outcome: { kind: 'thrown' }, state: stays ? { ...state, lines: withLine(state, line) } : state };
}

function lookup(state: KeyState, nowMs: number): Outcome {
  const valid = unexpired(state, nowMs);
  if (valid === undefined) return { kind: 'unknown-key' };
  const { method, path, requestId } = valid.request;
  const info: RecordInfo = {
    state: valid.reply === undefined ? 'in-progress' : 'completed',
    method,
    path,
    ...(requestId === undefined ? {} : { requestId }),
    ...(valid.reply === undefined ? {} : { status: STATUS }),
    firstSeenMs: valid.firstSeenMs,
    expiresMs: valid.expiresMs,
  };
  return { kind: 'known-key', info };
}

/** The status of every reply. */
export const STATUS = 201;

function unexpired({ record }: KeyState, nowMs: number): ModelRecord | undefined {
  return record !== undefined && record.expiresMs > nowMs ? record : undefined;
}

/** The claim that a token is the current one of, however long its lease has ended. */
function owned({ record }: KeyState, token: number): ModelRecord | undefined {
  return record !== undefined && record.token === token && record.reply === undefined ? record : undefined;
}

function extended(record: ModelRecord, nowMs: number, leaseMs: number): ModelRecord {
  const leaseEndsMs = nowMs + leaseMs;
  const { volatile: _, ...kept } = record;
  return { ...kept, leaseMs, leaseEndsMs, expiresMs: leaseEndsMs + ABANDONED_MS };
}

function withLine({ lines }: KeyState, line: string): readonly string[] {
  return [...lines, line].sort();
}

function reverted(state: KeyState, { over }: NonNullable<ModelRecord['volatile']>, traits: Traits): KeyState {
  return over === undefined ? withoutRecord(state, traits) : { ...state, record: over };
}

function withoutRecord({ record: _, ...state }: KeyState, { drawsEarly }: Traits): KeyState {
  return drawsEarly ? { ...state, lastToken: 0 } : state;
}
