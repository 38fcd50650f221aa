// Clients that use one store at the same time, do what owners do and what they must not do, and write down what they ask and hear.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { type RequestFacts, StoreError } from '../../src/idempotency/index.ts';
import { type ClockOptions, clockOf, instant, randomness } from './clock.ts';
import { connectTo } from './connect.ts';
import type { Fault, Operation, Outcome } from './model.ts';
import { perform } from './perform.ts';
import type { Handle } from './stores.ts';

/** What one process of clients has to do. */
export interface Orders {
  store: string;
  address: string;
  /** No other process of the round has it; it names the lines that effects write. */
  process: number;
  seed: number;
  clients: number;
  /** At which instant to stop. */
  until: number;
  clock: ClockOptions;
  /** For how long clients come back to a key. Milliseconds. */
  keyMs: number;
  /** Whether things are done to the store that make it unable to answer. */
  outages: boolean;
}

/** One line of what is written down: an operation that begins, or that has ended. */
export type Note =
  | { at: number; call: number; key: string; operation: Operation }
  /** Without an outcome when the store could not answer: then nobody knows. */
  | { at: number; call: number; outcome?: Outcome };

/** Two handles in each process, as two connections. */
const HANDLES = 2;

/** So many keys are in use at a time: fewer than clients, so that they meet. */
const KEYS = 3;

/** For how long a client waits after an outage; each attempt is one more of which nobody knows what it has done. Steps of the clock. */
const RETRY_STEPS = 8;

/** Which token a client uses: that of one of the latest claims in its process. */
const TOKENS = 3;

export const PRINCIPAL = 'proof';

const REQUESTS: readonly RequestFacts[] = ['a', 'b'].map((name) => ({
  fingerprint: name.repeat(64),
  method: 'POST',
  path: `/${name}`,
}));

/** Runs all clients of a process until the round ends. @throws what a store throws for no reason. */
export async function runClients(orders: Orders, note: (note: Note) => void): Promise<void> {
  const { now, stepMs } = clockOf(orders.clock);
  const handles: Handle[] = [];
  for (let index = 0; index < HANDLES; index += 1) handles.push(await connectTo(orders.store, orders.address, now));
  const shared = new Shared(orders, stepMs, note);
  await Promise.all(
    Array.from({ length: orders.clients }, (_, index) =>
      new Client(orders, handles[index % HANDLES] as Handle, shared, index).run(),
    ),
  );
  for (const handle of handles) await handle.drop();
}

/** What the clients of a process have in common. */
class Shared {
  readonly note: (note: Note) => void;
  readonly stepMs: number;
  /** Tokens of the latest claims of each key. */
  readonly tokens = new Map<string, number[]>();
  private readonly orders: Orders;
  private calls = 0;

  constructor(orders: Orders, stepMs: number, note: (note: Note) => void) {
    this.orders = orders;
    this.stepMs = stepMs;
    this.note = note;
  }

  nextCall(): number {
    this.calls += 1;
    return this.calls;
  }

  /** One of the keys that are in use now: the same ones in all processes. */
  keyAt(at: number, choice: number): string {
    const { clock, keyMs } = this.orders;
    return `k${Math.floor((at - clock.from) / keyMs) + Math.floor(choice * KEYS)}`;
  }
}

class Client {
  private readonly orders: Orders;
  private readonly handle: Handle;
  private readonly shared: Shared;
  private readonly random: () => number;

  constructor(orders: Orders, handle: Handle, shared: Shared, index: number) {
    this.orders = orders;
    this.handle = handle;
    this.shared = shared;
    this.random = randomness(orders.seed * 1000 + index);
  }

  async run(): Promise<void> {
    while (instant() < this.orders.until) {
      await this.call();
      // Sometimes at once, sometimes after others, sometimes after a step of the clock.
      const pause = this.random();
      if (pause > 0.97) await sleep(this.orders.clock.everyMs);
      else if (pause > 0.5) await turn();
    }
  }

  private async call(): Promise<void> {
    const { shared, handle } = this;
    const key = shared.keyAt(instant(), this.random());
    const call = shared.nextCall();
    const operation = this.draw(key, call);
    shared.note({ at: instant(), call, key, operation });
    try {
      const id = { principal: PRINCIPAL, key };
      const outcome = await perform(handle, id, operation, () => Promise.reject(new Error('nobody reads yet')));
      shared.note({ at: instant(), call, outcome });
      if (outcome.kind === 'claimed')
        shared.tokens.set(key, [outcome.token, ...(shared.tokens.get(key) ?? [])].slice(0, TOKENS));
    } catch (error) {
      shared.note({ at: instant(), call });
      await this.recover(error);
    }
  }

  /** A store that cannot answer is asked again a little later; one that nothing is done to has to answer. */
  private async recover(error: unknown): Promise<void> {
    if (!(error instanceof StoreError) || !this.orders.outages) throw error;
    await sleep(RETRY_STEPS * this.orders.clock.everyMs);
  }

  private draw(key: string, call: number): Operation {
    const choice = this.random();
    const steps = this.shared.stepMs * (1 + Math.floor(this.random() * 3));
    const tokens = this.shared.tokens.get(key) ?? [];
    const token = tokens[Math.floor(this.random() ** 2 * tokens.length)];
    const common = { token: token ?? 0, line: `${key} ${this.orders.process}.${call}`, ...this.fault() };
    if (choice < 0.01) return { verb: 'purge' };
    if (choice < 0.1) return { verb: 'lookup' };
    if (choice < 0.2) {
      const { token: _, ...effect } = common;
      return { verb: 'commitUnclaimed', request: this.request(call), ...effect, retainMs: 2 * steps };
    }
    if (token === undefined || choice < 0.5) return { verb: 'claim', request: this.request(call), leaseMs: steps };
    if (choice < 0.68) return { verb: 'commit', ...common, retainMs: 2 * steps };
    if (choice < 0.8)
      return { verb: 'checkpoint', ...common, phase: this.random() < 0.5 ? 'ride' : 'mail', leaseMs: steps };
    if (choice < 0.92) return { verb: 'renew', token, leaseMs: this.random() < 0.2 ? 0 : steps };
    return { verb: 'release', token };
  }

  private request(call: number): RequestFacts {
    const request = REQUESTS[this.random() < 0.8 ? 0 : 1] as RequestFacts;
    return { ...request, requestId: `${this.orders.process}.${call}` };
  }

  private fault(): { fault?: Fault } {
    const choice = this.random();
    return choice < 0.1 ? { fault: 'before' } : choice < 0.2 ? { fault: 'after' } : {};
  }
}
