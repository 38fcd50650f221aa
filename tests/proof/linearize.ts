/**
 * Whether a history of concurrent operations on one key has an order in which the model would have answered the same: the search of Wing
 * and Gong, with Lowe's memory of what has been tried ("Testing for linearizability", 2017).
 *
 *     A  ├──── claim: claimed ────┤            ├─ commit: stored ─┤
 *     B        ├─ claim: in progress ─┤              ├──── claim: ? ──── …   (no answer: it may have happened, now, later, or never)
 *
 * An operation happens at one instant between its invocation and its return; one that had returned before another was invoked comes first.
 */
import { isDeepStrictEqual } from 'node:util';
import { apply, type KeyState, OPTIONAL, type Operation, type Outcome, type Traits, UNTOUCHED } from './model.ts';

/** An operation as it was seen. Times are on one scale for all of a history. */
export interface Event {
  operation: Operation;
  /** Undefined: nobody knows; it may have happened at any time after its invocation, or never. */
  outcome?: Outcome;
  invoked: number;
  /** Infinite without an outcome. */
  returned: number;
  /** The times that the clock of the store's handle has shown meanwhile, milliseconds. */
  clocks: readonly number[];
}

export type Verdict =
  | { kind: 'linearizable' }
  /** `history` is the shortest beginning of the history that has no such order. */
  | { kind: 'not-linearizable'; history: Event[] }
  /** Too many orders to try them all. */
  | { kind: 'undecided' };

/** States to visit before the search gives up; a history of some hundred events takes some thousand. */
const SEARCH_LIMIT = 500_000;

/** @param events of one key, in any order. */
export function checkHistory(events: readonly Event[], traits: Traits, before: KeyState = UNTOUCHED): Verdict {
  const sorted = events.toSorted((a, b) => a.invoked - b.invoked);
  const whole = new Search(sorted, traits, before).run();
  if (whole !== 'none') return { kind: whole };
  // Whatever begins with a history that has no order has none either.
  const ends = sorted
    .map(({ returned }) => returned)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const until = (end: number) => sorted.filter(({ invoked }) => invoked <= end).map((event) => cutOff(event, end));
  let [low, high] = [0, ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const found = new Search(until(ends[middle] as number), traits, before).run();
    if (found === 'none') high = middle;
    else low = middle + 1;
  }
  return { kind: 'not-linearizable', history: until(ends[low] as number) };
}

/** An event as somebody sees it who looks at this time. */
function cutOff(event: Event, end: number): Event {
  if (event.returned <= end) return event;
  const { outcome: _, ...unknown } = event;
  return { ...unknown, returned: Number.POSITIVE_INFINITY };
}

/** How far a search has come. Events are told by their index. */
interface Position {
  state: KeyState;
  /** All events before this one have been placed, apart from those that are open. */
  first: number;
  /** Those after it that have been placed. */
  ahead: readonly number[];
  /** Those before it without an outcome: they may be placed, and need not. */
  open: readonly number[];
}

class Search {
  private readonly events: readonly Event[];
  private readonly traits: Traits;
  private readonly before: KeyState;
  private readonly tried = new Set<string>();

  /** @param events in the order of their invocations. */
  constructor(events: readonly Event[], traits: Traits, before: KeyState) {
    this.events = events;
    this.traits = traits;
    this.before = before;
  }

  run(): 'linearizable' | 'none' | 'undecided' {
    const stack = [this.advance({ state: this.before, first: 0, ahead: [], open: [] })];
    for (let position = stack.pop(); position !== undefined; position = stack.pop()) {
      if (position.first === this.events.length) return 'linearizable';
      if (this.tried.size > SEARCH_LIMIT) return 'undecided';
      const candidates = this.candidates(position);
      // What may come now and changes nothing may as well come now: whatever comes later finds the same state.
      const idle = candidates.find((index) => this.isIdle(position.state, index));
      if (idle !== undefined) stack.push(...this.place(position, idle, [position.state]));
      // The most promising one comes last, and is taken up first.
      else for (const index of candidates) stack.push(...this.place(position, index));
    }
    return 'none';
  }

  /** The events that may come next: those that were invoked before the first return of all that are still to be placed. */
  private candidates({ first, ahead, open }: Position): number[] {
    const found: number[] = [];
    let end = Number.POSITIVE_INFINITY;
    for (let index = first; index < this.events.length; index += 1) {
      const { invoked, returned } = this.event(index);
      if (invoked > end) break;
      if (ahead.includes(index)) continue;
      end = Math.min(end, returned);
      found.push(index);
    }
    const timely = found.filter((index) => this.event(index).invoked <= end);
    return [...open, ...timely.sort((a, b) => this.event(b).returned - this.event(a).returned)];
  }

  /** Whether an event may come here without changing anything, and could not have come later and changed something. */
  private isIdle(state: KeyState, index: number): boolean {
    const { outcome } = this.event(index);
    if (outcome === undefined || outcome.kind === 'released' || OPTIONAL.has(this.event(index).operation.verb))
      return false;
    return this.explain(state, index).includes(state);
  }

  /** Where an event leads, if the model allows it there. */
  private place(position: Position, index: number, states = this.explain(position.state, index)): Position[] {
    const next: Position[] = [];
    for (const state of states) {
      const { first } = position;
      const ahead = index < first ? position.ahead : [...position.ahead, index].sort((a, b) => a - b);
      const open = position.open.filter((other) => other !== index);
      const reached = this.advance({ state, first, ahead, open });
      const name = JSON.stringify(reached);
      if (this.tried.has(name)) continue;
      this.tried.add(name);
      next.push(reached);
    }
    return next;
  }

  /** Passes over what has been placed, and over unknown events, which stay open. */
  private advance(position: Position): Position {
    const open = [...position.open];
    const placed = new Set(position.ahead);
    let { first } = position;
    for (; first < this.events.length; first += 1) {
      if (placed.delete(first)) continue;
      if (this.event(first).outcome !== undefined) break;
      open.push(first);
    }
    return { state: position.state, first, ahead: [...placed], open };
  }

  private event(index: number): Event {
    return this.events[index] as Event;
  }

  /** The states after an event, one for each time that the clock may have shown; none when its outcome is impossible. */
  private explain(state: KeyState, index: number): KeyState[] {
    const { operation, outcome, clocks } = this.event(index);
    // Of a claim that nobody heard of, nobody knows the token, other than that it is a greater one.
    const token = outcome?.kind === 'claimed' ? outcome.token : state.lastToken + 1 / 2;
    if (token <= state.lastToken) return [];
    const states: KeyState[] = outcome !== undefined && OPTIONAL.has(operation.verb) ? [state] : [];
    if (outcome?.kind === 'thrown' && this.traits.collects) return [state];
    for (const nowMs of clocks) {
      const step = apply(state, operation, nowMs, token, this.traits);
      // What is unknown, and changes nothing, need not be placed.
      if (outcome === undefined ? step.state !== state : isDeepStrictEqual(step.outcome, outcome))
        states.push(step.state);
    }
    if (states.length === 0 && this.isHeldUp(state, this.event(index))) states.push(state);
    return states;
  }

  /** Whether an answer is that of a store in which an effect without a claim is under way. */
  private isShown(operation: Operation, outcome: Outcome | undefined, invoked: number, returned: number): boolean {
    const others = this.events.filter(
      (other) =>
        other.operation !== operation &&
        other.operation.verb === 'commitUnclaimed' &&
        other.invoked <= returned &&
        other.returned >= invoked,
    );
    const requests = others.map((other) => (other.operation as Operation & { verb: 'commitUnclaimed' }).request);
    if (operation.verb === 'commitUnclaimed') return outcome?.kind === 'known' && requests.length > 0;
    if (operation.verb === 'lookup') return outcome?.kind === 'known-key' && requests.length > 0;
    if (operation.verb !== 'claim') return false;
    const { fingerprint } = operation.request;
    if (outcome?.kind === 'mismatch') return requests.some((request) => request.fingerprint !== fingerprint);
    return outcome?.kind === 'in-progress' && requests.some((request) => request.fingerprint === fingerprint);
  }

  /** While an effect is being executed, a store may have those wait who ask for the key, whether the lease has ended or not. */
  private isHeldUp({ record }: KeyState, { operation, outcome, invoked, returned }: Event): boolean {
    if (record === undefined && this.traits.showsUnfinished) return this.isShown(operation, outcome, invoked, returned);
    if (operation.verb !== 'claim' || outcome?.kind !== 'in-progress' || outcome.retryAfterMs < 1) return false;
    if (record === undefined || record.reply !== undefined) return false;
    if (record.request.fingerprint !== operation.request.fingerprint) return false;
    return this.events.some(
      (other) =>
        (other.operation.verb === 'commit' || other.operation.verb === 'checkpoint') &&
        other.operation.token === record.token &&
        other.invoked <= returned &&
        other.returned >= invoked,
    );
  }
}
