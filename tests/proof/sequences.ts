// Sequences of verbs, of time steps and of crashes, drawn by fast-check, on a real store and on the model at the same time.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { RecordId, RequestFacts } from '../../src/idempotency/index.ts';
import { apply, type Fault, isPurged, type KeyState, type Operation, type Outcome, UNTOUCHED } from './model.ts';
import { perform } from './perform.ts';
import type { Handle, Place, ProvedStore } from './stores.ts';

const SECOND = 1000;
const HOUR = 60 * 60 * SECOND;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 10, 22, 12);
const LEASES = [1, SECOND, 3 * SECOND];

const IDS: readonly RecordId[] = ['p', 'q'].flatMap((principal) => ['a', 'b'].map((key) => ({ principal, key })));
/** Two handles on the same data, as two processes have them. */
const HANDLES = 2;

const id = fc.constantFrom(...IDS);
const handle = fc.nat(HANDLES - 1);
const leaseMs = fc.constantFrom(...LEASES);
/** Now and then one of these; mostly nothing. */
const seldom = <T>(weight: number, ...values: T[]) =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...values) });
const fault = seldom<Fault>(3, 'before', 'after');
const retainMs = fc.constantFrom(1, SECOND, DAY);
const request = {
  other: fc.constantFrom(false, false, false, true),
  requestId: fc.constantFrom(undefined, 'req_1', 'req_2'),
};
/** Which of the claims so far, latest first; and whether something about it is wrong. */
const owner = {
  handle,
  which: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3),
  forged: seldom(12, 'principal', 'key', 'token'),
};

/** Forwards to the ends of leases, retentions and abandoned claims, and just before them. */
const forwards = fc.constantFrom(1, 999, SECOND, 3 * SECOND);
/** So that everything expires; or backwards, to where a lease is longer than it can be. */
const far = fc.constantFrom(DAY, DAY + SECOND, -1, -999, -SECOND, -3 * SECOND - 1, -HOUR);

/** One step of a sequence, as plain data, so that a failure prints what to do to see it again; and how often it is drawn. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait'), ms: forwards }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), ms: far }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash'), handle }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('claim'),
      handle,
      id,
      ...request,
      leaseMs,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('renew'), ...owner, leaseMs: fc.constantFrom(0, ...LEASES) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('checkpoint'),
      ...owner,
      phase: fc.constantFrom('ride', 'mail'),
      leaseMs,
      fault,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('commit'), ...owner, retainMs, fault }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('commitUnclaimed'), handle, id, ...request, retainMs, fault }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release'), ...owner }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lookup'), handle, id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read'), id }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('purge'),
      handle,
      aheadMs: fc.constantFrom(0, 0, -SECOND, DAY),
      limit: fc.nat(3),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What the data may be, as far as the outcomes so far tell: purging some of many leaves open which. */
type World = ReadonlyMap<string, KeyState>;

const nameOf = ({ principal, key }: RecordId) => `${principal}/${key}`;

/** What sequences run on, one after the other. */
interface Ground {
  store: ProvedStore;
  place: Place;
  handles: Handle[];
  clock: { now: number };
  /** How often each verb had each outcome. */
  seen: Map<string, number>;
}

/** One sequence. */
class Run {
  private readonly store: ProvedStore;
  private readonly place: Place;
  private readonly handles: Handle[];
  private readonly clock: { now: number };
  private readonly claims: (RecordId & { token: number })[] = [];
  private worlds: World[] = [new Map()];
  private readonly seen: Map<string, number>;
  private lastToken = 0;
  private lines = 0;

  constructor({ store, place, handles, clock, seen }: Ground) {
    this.store = store;
    this.place = place;
    this.handles = handles;
    this.clock = clock;
    this.seen = seen;
    this.clock.now = START;
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case 'wait':
        this.clock.now += step.ms;
        return;
      case 'crash':
        return this.crash(step.handle);
      case 'purge':
        return this.purge(step);
      default: {
        const asked = this.operationOf(step);
        if (asked !== undefined) await this.operate(asked.id, asked.operation, 'handle' in step ? step.handle : 0);
      }
    }
  }

  /** Nothing more happens: the data have to be as the model says. */
  async end(): Promise<void> {
    for (const id of IDS) {
      await this.operate(id, { verb: 'read' }, 0);
      await this.operate(id, { verb: 'lookup' }, 0);
    }
  }

  private async crash(index: number): Promise<void> {
    if (!this.store.durable) return;
    await this.handles[index]?.drop();
    this.handles[index] = await this.store.connect(this.place.address, () => this.clock.now);
  }

  private async purge({ handle, aheadMs, limit }: Step & { do: 'purge' }): Promise<void> {
    const beforeMs = this.clock.now + aheadMs;
    const deleted = await this.handle(handle).store.purge(beforeMs, limit);
    const next = this.worlds.flatMap((world) => {
      const names = [...world].filter(([, state]) => isPurged(state, beforeMs, this.clock.now)).map(([name]) => name);
      return Math.min(limit, names.length) === deleted
        ? subsets(names, deleted).map((gone) => without(world, gone))
        : [];
    });
    assert.ok(next.length > 0, `purge deleted ${deleted}, which no state of the model allows`);
    this.worlds = next;
  }

  private operationOf(step: Step): { id: RecordId; operation: Operation } | undefined {
    this.lines += 1;
    const line = `line ${this.lines}`;
    switch (step.do) {
      case 'claim':
        return { id: step.id, operation: { verb: 'claim', request: requestOf(step), leaseMs: step.leaseMs } };
      case 'commitUnclaimed': {
        const { id, retainMs, fault } = step;
        const effect = { line: `${nameOf(id)} ${line}`, retainMs, ...(fault === undefined ? {} : { fault }) };
        return { id, operation: { verb: 'commitUnclaimed', request: requestOf(step), ...effect } };
      }
      case 'lookup':
      case 'read':
        return { id: step.id, operation: { verb: step.do } };
      case 'renew':
      case 'checkpoint':
      case 'commit':
      case 'release': {
        const claim = this.claims[step.which];
        if (claim === undefined) return undefined;
        const id = {
          principal: step.forged === 'principal' ? (claim.principal === 'p' ? 'q' : 'p') : claim.principal,
          key: step.forged === 'key' ? (claim.key === 'a' ? 'b' : 'a') : claim.key,
        };
        const token = step.forged === 'token' ? claim.token + 1 : claim.token;
        if (step.do === 'release') return { id, operation: { verb: 'release', token } };
        if (step.do === 'renew') return { id, operation: { verb: 'renew', token, leaseMs: step.leaseMs } };
        const fault = step.fault === undefined ? {} : { fault: step.fault };
        const common = { token, line: `${nameOf(id)} ${line}`, ...fault };
        return step.do === 'commit'
          ? { id, operation: { verb: 'commit', ...common, retainMs: step.retainMs } }
          : { id, operation: { verb: 'checkpoint', ...common, phase: step.phase, leaseMs: step.leaseMs } };
      }
    }
    return undefined;
  }

  private async operate(id: RecordId, operation: Operation, index: number): Promise<void> {
    const name = nameOf(id);
    const read = async () => (await this.place.lines()).filter((line) => line.startsWith(`${name} `));
    const outcome = await perform(this.handle(index), id, operation, read);
    const what = `${operation.verb} → ${outcome.kind}${outcome.kind === 'claimed' ? ` (${outcome.previous})` : ''}`;
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
    let token = 0;
    if (outcome.kind === 'claimed') {
      token = outcome.token;
      assert.ok(token > this.lastToken && Number.isSafeInteger(token), `token ${token} after ${this.lastToken}`);
      this.lastToken = token;
      this.claims.unshift({ ...id, token });
    }
    const expected: Outcome[] = [];
    const next = this.worlds.flatMap((world) => {
      const step = apply(world.get(name) ?? UNTOUCHED, operation, this.clock.now, token, this.store);
      expected.push(step.outcome);
      return isDeepStrictEqual(step.outcome, outcome) ? [new Map(world).set(name, step.state)] : [];
    });
    if (next.length === 0) assert.deepEqual(outcome, expected[0], `${operation.verb} ${name}: not as the model says`);
    this.worlds = next;
  }

  private handle(index: number): Handle {
    return this.handles[index] as Handle;
  }
}

function requestOf({ other, requestId }: Step & { do: 'claim' | 'commitUnclaimed' }): RequestFacts {
  const fingerprint = (other ? 'b' : 'a').repeat(64);
  const facts = other ? { method: 'PATCH', path: '/charges/1' } : { method: 'POST', path: '/charges?expand=all' };
  return { fingerprint, ...facts, ...(requestId === undefined ? {} : { requestId }) };
}

function without(world: World, names: string[]): World {
  const next = new Map(world);
  for (const name of names) {
    const { record: _, ...state } = world.get(name) as KeyState;
    next.set(name, state);
  }
  return next;
}

function subsets(names: string[], size: number): string[][] {
  const [first, ...rest] = names;
  if (size === 0) return [[]];
  if (first === undefined) return [];
  return [...subsets(rest, size - 1).map((subset) => [first, ...subset]), ...subsets(rest, size)];
}

export interface SequenceOptions {
  seed: number;
  count: number;
}

export interface SequenceReport {
  steps: number;
  /** How often each verb had each outcome. */
  seen: ReadonlyMap<string, number>;
}

/** @throws with the shortest sequence that fast-check can find, and its seed, when a store does not do as the model says. */
export async function proveSequences(store: ProvedStore, { seed, count }: SequenceOptions): Promise<SequenceReport> {
  const place = await store.open();
  const ground: Ground = { store, place, handles: [], clock: { now: START }, seen: new Map() };
  let steps = 0;
  try {
    for (let index = 0; index < HANDLES; index += 1)
      ground.handles.push(await store.connect(place.address, () => ground.clock.now));
    const sequences = fc.array(step, { minLength: 5, maxLength: 60, size: 'max' });
    const property = fc.asyncProperty(sequences, async (sequence) => {
      await place.empty();
      const run = new Run(ground);
      for (const step of sequence) await run.step(step);
      await run.end();
      steps += sequence.length;
    });
    await fc.assert(property, { numRuns: count, seed });
  } finally {
    for (const handle of ground.handles) await handle.drop();
    await place.close();
  }
  return { steps, seen: ground.seen };
}
