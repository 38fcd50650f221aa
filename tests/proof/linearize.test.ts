// The checker is held to histories that are known to be right or wrong, and to the plain enumeration of all orders.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { RequestFacts } from '../../src/idempotency/index.ts';
import { checkHistory, type Event } from './linearize.ts';
import { apply, type KeyState, type Operation, type Outcome, replyOf, UNTOUCHED } from './model.ts';

const TRAITS = { transactional: true };
const REQUEST: RequestFacts = { fingerprint: 'a', method: 'POST', path: '/a' };
const OTHER: RequestFacts = { fingerprint: 'b', method: 'POST', path: '/b' };
const LEASE = 10;

const CLAIM: Operation = { verb: 'claim', request: REQUEST, leaseMs: LEASE };
const commit = (token: number, line: string): Operation => ({ verb: 'commit', token, line, retainMs: 1000 });
const claimed = (token: number, previous: 'none' | 'abandoned' = 'none'): Outcome => ({
  kind: 'claimed',
  token,
  previous,
  points: [],
});
const stored = (line: string): Outcome => ({ kind: 'stored', reply: replyOf(line) });
const completed = (line: string): Outcome => ({ kind: 'completed', reply: replyOf(line) });
const read = (...lines: string[]): Outcome => ({ kind: 'lines', lines });

/** From one time to another; the clock shows what the scale shows. */
function event(invoked: number, returned: number, operation: Operation, outcome?: Outcome): Event {
  const last = Number.isFinite(returned) ? returned : invoked + 1;
  const clocks = Array.from({ length: last - invoked + 1 }, (_, index) => invoked + index);
  return outcome === undefined
    ? { operation, invoked, returned: Number.POSITIVE_INFINITY, clocks }
    : { operation, outcome, invoked, returned, clocks };
}

const never = Number.POSITIVE_INFINITY;

const GOOD: Record<string, Event[]> = {
  'one after the other': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, 3, commit(1, 'x'), stored('x')),
    event(4, 5, CLAIM, completed('x')),
    event(6, 7, { verb: 'read' }, read('x')),
  ],
  'the one that was invoked later came first': [
    event(0, 9, CLAIM, { kind: 'in-progress', retryAfterMs: LEASE - 2 }),
    event(1, 3, CLAIM, claimed(1)),
  ],
  'a commit that nobody heard of has happened': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, never, commit(1, 'x')),
    event(4, 5, CLAIM, completed('x')),
    event(6, 7, { verb: 'read' }, read('x')),
  ],
  'a commit that nobody heard of has not happened': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, never, commit(1, 'x')),
    event(14, 15, CLAIM, claimed(2, 'abandoned')),
    event(16, 17, { verb: 'read' }, read()),
  ],
  'a claim that nobody heard of keeps the key': [
    event(0, never, CLAIM),
    event(2, 3, { ...CLAIM, request: OTHER }, { kind: 'mismatch', original: REQUEST }),
    event(12, 13, CLAIM, claimed(7, 'abandoned')),
  ],
  'a stale owner is late': [
    event(0, 1, CLAIM, claimed(1)),
    event(12, 20, CLAIM, claimed(2, 'abandoned')),
    event(13, 19, commit(1, 'x'), { kind: 'lease-lost' }),
    event(21, 22, commit(2, 'y'), stored('y')),
  ],
  'a clock that is read at the end of a claim': [
    event(0, 5, CLAIM, claimed(1)),
    event(6, 7, CLAIM, { kind: 'in-progress', retryAfterMs: 9 }),
  ],
  'who asks while an effect is executed is told to wait, though the lease has ended': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, 40, commit(1, 'x'), stored('x')),
    event(30, 31, CLAIM, { kind: 'in-progress', retryAfterMs: 1 }),
    event(41, 42, CLAIM, completed('x')),
  ],
};

const BAD: Record<string, Event[]> = {
  'two own the key': [event(0, 9, CLAIM, claimed(1)), event(1, 3, CLAIM, claimed(2))],
  'a token is no greater than the one before': [
    event(0, 1, CLAIM, claimed(2)),
    event(12, 13, CLAIM, claimed(1, 'abandoned')),
  ],
  'an effect is executed twice': [
    event(0, 1, CLAIM, claimed(1)),
    event(12, 13, CLAIM, claimed(2, 'abandoned')),
    event(14, 16, commit(1, 'x'), stored('x')),
    event(14, 16, commit(2, 'y'), stored('y')),
  ],
  'a stale owner has executed its effect, although it was told that it has not': [
    event(0, 1, CLAIM, claimed(1)),
    event(12, 13, CLAIM, claimed(2, 'abandoned')),
    event(14, 15, commit(1, 'x'), { kind: 'lease-lost' }),
    event(16, 17, { verb: 'read' }, read('x')),
  ],
  'an effect that was answered is lost': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, 3, commit(1, 'x'), stored('x')),
    event(4, 5, { verb: 'read' }, read()),
  ],
  'a reply that was answered is lost': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, 3, commit(1, 'x'), stored('x')),
    event(14, 15, CLAIM, claimed(2, 'abandoned')),
  ],
  'a reply is there before it can be': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, 3, CLAIM, completed('x')),
    event(4, 5, commit(1, 'x'), stored('x')),
  ],
  'a reply is another one': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, 3, commit(1, 'x'), stored('x')),
    event(4, 5, CLAIM, completed('y')),
  ],
  'in progress is told after the end was told': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, 3, commit(1, 'x'), stored('x')),
    event(4, 5, CLAIM, { kind: 'in-progress', retryAfterMs: LEASE - 4 }),
  ],
  'a take-over comes before the lease has ended': [
    event(0, 1, CLAIM, claimed(1)),
    event(5, 8, CLAIM, claimed(2, 'abandoned')),
  ],
  'another request takes over': [
    event(0, 1, CLAIM, claimed(1)),
    event(14, 15, { ...CLAIM, request: OTHER }, claimed(2, 'none')),
  ],
  'half of a commit that nobody heard of has happened': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, never, commit(1, 'x')),
    event(14, 15, CLAIM, claimed(2, 'abandoned')),
    event(16, 17, { verb: 'read' }, read('x')),
  ],
  'a commit that nobody heard of happens when it is too late': [
    event(0, 1, CLAIM, claimed(1)),
    event(2, never, commit(1, 'x')),
    event(14, 15, CLAIM, claimed(2, 'abandoned')),
    event(16, 17, commit(2, 'y'), stored('y')),
    event(18, 19, { verb: 'read' }, read('x', 'y')),
  ],
};

describe('a history', () => {
  for (const [what, events] of Object.entries(GOOD)) {
    test(`is linearizable: ${what}`, () => {
      assert.deepEqual(checkHistory(events, TRAITS), { kind: 'linearizable' });
    });
  }

  for (const [what, events] of Object.entries(BAD)) {
    test(`is not: ${what}`, () => {
      assert.equal(checkHistory(events, TRAITS).kind, 'not-linearizable');
    });
  }

  test('that is not is told up to where it goes wrong', () => {
    const good = event(20, 21, CLAIM, completed('x'));
    const verdict = checkHistory([...(BAD['two own the key'] ?? []), good], TRAITS);
    assert.deepEqual(verdict, { kind: 'not-linearizable', history: BAD['two own the key'] });
  });
});

interface Draft {
  operation: Operation;
  invoked: number;
  lasts: number;
  /** When it happens, as a part of how long it lasts. */
  at: number;
  heard: boolean;
}

const token = fc.integer({ min: 1, max: 3 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.constantFrom<Operation>(CLAIM, CLAIM, CLAIM, { ...CLAIM, request: OTHER }),
  fc.record({ verb: fc.constant('renew' as const), token, leaseMs: fc.constantFrom(0, LEASE) }),
  fc.record({
    verb: fc.constant('checkpoint' as const),
    token,
    phase: fc.constantFrom('p', 'q'),
    line: fc.constantFrom('s', 't'),
    leaseMs: fc.constant(LEASE),
  }),
  fc.record({ verb: fc.constant('commit' as const), token, line: fc.constantFrom('x', 'y'), retainMs: fc.constant(8) }),
  fc.record({ verb: fc.constant('release' as const), token }),
  fc.constantFrom<Operation>({ verb: 'lookup' }, { verb: 'read' }),
);
const draft: fc.Arbitrary<Draft> = fc.record({
  operation,
  invoked: fc.nat(40),
  lasts: fc.nat(12),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  heard: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
});

/** What the model answers when everything happens at its instant: a history that is right. */
function played(drafts: Draft[]): Event[] {
  const instant = ({ invoked, lasts, at }: Draft) => Math.floor(invoked + lasts * at);
  let state: KeyState = UNTOUCHED;
  return drafts
    .toSorted((a, b) => instant(a) - instant(b))
    .map((draft) => {
      const { operation, invoked, lasts, heard } = draft;
      // A token that nobody heard of is used by nobody.
      const token = heard ? Math.floor(state.lastToken) + 1 : state.lastToken + 0.5;
      const step = apply(state, operation, instant(draft), token, TRAITS);
      state = step.state;
      return heard
        ? event(invoked, invoked + lasts, operation, step.outcome)
        : { ...event(invoked, invoked + lasts, operation, step.outcome), ...unheard(operation, invoked, lasts) };
    })
    .map(withoutUndefined);
}

function unheard(operation: Operation, invoked: number, lasts: number) {
  const { clocks } = event(invoked, invoked + lasts, operation, { kind: 'released' });
  return { outcome: undefined, returned: never, clocks };
}

function withoutUndefined({ outcome, ...rest }: Omit<Event, 'outcome'> & { outcome?: Outcome | undefined }): Event {
  return outcome === undefined ? rest : { ...rest, outcome };
}

/** All orders, one after the other. */
function hasOrder(events: Event[], state: KeyState = UNTOUCHED): boolean {
  if (events.every(({ outcome }) => outcome === undefined)) return true;
  return events.some((event) => {
    const rest = events.filter((other) => other !== event);
    if (rest.some(({ returned }) => returned < event.invoked)) return false;
    const { outcome, operation, clocks } = event;
    if (outcome === undefined && hasOrder(rest, state)) return true;
    const token = outcome?.kind === 'claimed' ? outcome.token : state.lastToken + 0.5;
    if (token <= state.lastToken) return false;
    return clocks.some((now) => {
      const step = apply(state, operation, now, token, TRAITS);
      return (outcome === undefined || isDeepStrictEqual(outcome, step.outcome)) && hasOrder(rest, step.state);
    });
  });
}

describe('the checker', () => {
  test('accepts whatever the model has answered, in whatever order it was asked', () => {
    const drafts = fc.array(draft, { minLength: 1, maxLength: 30, size: 'max' });
    fc.assert(
      fc.property(drafts, (drafts) => {
        assert.deepEqual(checkHistory(played(drafts), TRAITS), { kind: 'linearizable' });
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  test('says of small histories, right ones and changed ones, what trying all orders says', () => {
    const said = { linearizable: 0, 'not-linearizable': 0, undecided: 0 };
    const drafts = fc.array(draft, { minLength: 2, maxLength: 5, size: 'max' });
    fc.assert(
      fc.property(drafts, fc.nat(), fc.nat(), (drafts, from, to) => {
        const events = played(drafts);
        // One answer is put where another one was.
        const outcome = events[from % events.length]?.outcome;
        const changed = events[to % events.length];
        if (outcome !== undefined && changed?.outcome !== undefined) changed.outcome = outcome;
        const { kind } = checkHistory(events, TRAITS);
        said[kind] += 1;
        // A checker that knows effects to take time allows more; see "who asks while an effect is executed".
        const waits = events.some(({ outcome }) => outcome?.kind === 'in-progress');
        if (!(waits && kind === 'linearizable')) assert.equal(kind === 'linearizable', hasOrder(events));
      }),
      { numRuns: 2000, seed: 7 },
    );
    assert.ok(said.linearizable > 300 && said['not-linearizable'] > 300 && said.undecided === 0, JSON.stringify(said));
  });
});
