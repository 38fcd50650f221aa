// Rounds of clients in several processes, which are killed; histories of what they asked and heard, checked key by key.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Note, type Orders, PRINCIPAL, runClients } from './clients.ts';
import { clockOf, instant, randomness } from './clock.ts';
import { checkHistory, type Event } from './linearize.ts';
import { perform } from './perform.ts';
import type { Place, ProvedStore } from './stores.ts';

const CLIENT_PROCESS = fileURLToPath(new URL('client-process.ts', import.meta.url));

/** Processes at work at a time, and clients in each. */
const PROCESSES = 3;
const CLIENTS = 4;

/** From the end of one harm to the beginning of the next, about. Milliseconds. */
const HARM_EVERY_MS = 700;

/** A process has to start before it can do anything. Milliseconds. */
const START_MS = 400;

export interface ConcurrencyOptions {
  seed: number;
  /** How many operations there have to be, over as many rounds as that takes. */
  operations: number;
  /** How long a round lasts. Milliseconds. */
  roundMs: number;
  /** By its own clock, and unharmed: what cannot answer for long leaves open what its clock has shown. */
  real?: boolean;
}

export interface ConcurrencyReport {
  rounds: number;
  operations: number;
  /** Of them, those of which nobody knows what they have done. */
  unknown: number;
  keys: number;
  /** Histories with more orders than could be tried. */
  undecided: number;
  /** What was done to processes and servers, and how often. */
  faults: ReadonlyMap<string, number>;
}

/** What one process has written down. */
interface Transcript {
  orders: Orders;
  notes: Note[];
  /** When it had ended, one way or the other. */
  ended: number;
}

/** @throws {AssertionError} with the shortest history that no order explains. */
export async function proveConcurrency(
  store: ProvedStore,
  { seed, operations, roundMs, real = false }: ConcurrencyOptions,
): Promise<ConcurrencyReport> {
  const place = await store.open({ harmed: !real });
  const faults = new Map<string, number>();
  const report = { rounds: 0, operations: 0, unknown: 0, keys: 0, undecided: 0, faults };
  try {
    while (report.operations < operations) {
      await place.empty();
      const round = new Round(store, place, { seed: seed + report.rounds, roundMs, real }, faults);
      const histories = await round.run();
      report.rounds += 1;
      for (const [key, events] of histories) {
        report.keys += 1;
        report.operations += events.length;
        report.unknown += events.filter(({ outcome }) => outcome === undefined).length;
        const verdict = checkHistory(events, store);
        if (verdict.kind === 'undecided') report.undecided += 1;
        if (verdict.kind === 'not-linearizable') assert.fail(story(key, verdict.history));
      }
    }
  } finally {
    await place.close();
  }
  return report;
}

class Round {
  private readonly store: ProvedStore;
  private readonly place: Place;
  private readonly random: () => number;
  private readonly roundMs: number;
  private readonly real: boolean;
  private readonly faults: Map<string, number>;
  private readonly from = instant();
  private readonly until: number;
  /** When the store may have lost what it keeps in memory only. */
  private readonly losses: Event[] = [];
  private started = 0;

  constructor(
    store: ProvedStore,
    place: Place,
    { seed, roundMs, real }: { seed: number; roundMs: number; real: boolean },
    faults: Map<string, number>,
  ) {
    this.store = store;
    this.place = place;
    this.random = randomness(seed);
    this.roundMs = roundMs;
    this.real = real;
    this.faults = faults;
    this.until = this.from + (store.durable ? START_MS : 0) + roundMs;
  }

  /** @returns the history of each key. */
  async run(): Promise<Map<string, Event[]>> {
    const work = this.store.durable ? this.inProcesses() : this.inThisProcess().then((transcript) => [transcript]);
    const [transcripts] = await Promise.all([work, this.harm()]);
    const { histories, purges } = historiesOf(transcripts);
    const optional = [...purges, ...this.losses];
    for (const history of histories.values()) history.push(...concerning(history, optional));
    await this.readAll(histories);
    return histories;
  }

  /** Does something to the server now and again, while the clients are at work. */
  private async harm(): Promise<void> {
    const faults = Object.entries(this.place.faults ?? {});
    if (faults.length === 0) return;
    await sleep(START_MS);
    while (instant() < this.until - HARM_EVERY_MS) {
      const [name, fault] = faults[Math.floor(this.random() * faults.length)] as (typeof faults)[number];
      const invoked = instant();
      await fault();
      const loss = { operation: { verb: 'lose' }, outcome: { kind: 'lost' }, clocks: [0] } as const;
      this.losses.push({ ...loss, invoked, returned: instant() });
      this.count(name);
      await sleep(HARM_EVERY_MS * (0.5 + this.random()));
    }
  }

  private count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  private orders(): Orders {
    this.started += 1;
    const { store, place, from } = this;
    const { stepMs, keyMs } = store.pace;
    const seed = Math.floor(this.random() * 2 ** 31);
    return {
      store: store.name,
      address: place.address,
      process: this.started,
      seed,
      clients: store.durable ? CLIENTS : PROCESSES * CLIENTS,
      until: this.until,
      clock: { from, everyMs: stepMs, skew: store.durable ? 2 : 0, seed, real: this.real },
      keyMs,
      outages: place.faults !== undefined,
    };
  }

  private async inThisProcess(): Promise<Transcript> {
    const orders = this.orders();
    const notes: Note[] = [];
    await runClients(orders, (note) => void notes.push(note));
    return { orders, notes, ended: instant() };
  }

  private async inProcesses(): Promise<Transcript[]> {
    const folder = mkdtempSync(join(tmpdir(), 'docent-proof-'));
    const transcripts: Transcript[] = [];
    const keepOne = async () => {
      // Whoever is killed is followed by somebody else, until the round is over.
      for (let orders = this.orders(); instant() < orders.until; orders = this.orders()) {
        const file = join(folder, `${orders.process}.jsonl`);
        await this.oneProcess(orders, file);
        transcripts.push({ orders, notes: notesIn(file), ended: instant() });
      }
    };
    try {
      const ends = await Promise.allSettled(Array.from({ length: PROCESSES }, keepOne));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      return transcripts;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Lets a process work until it is done, or kills it. @throws when it ends in an error. */
  private async oneProcess(orders: Orders, file: string): Promise<void> {
    const child = spawn(process.execPath, [CLIENT_PROCESS, JSON.stringify(orders), file], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    const closed = once(child, 'close');
    const said = child.stderr.toArray();
    const killed = await this.killSometimes(child, orders, closed);
    const [code] = await closed;
    if (!killed) assert.equal(code, 0, `a process of clients failed: ${Buffer.concat(await said)}`);
  }

  private async killSometimes(child: ChildProcess, { until }: Orders, closed: Promise<unknown>): Promise<boolean> {
    if (this.random() < 0.4) return false;
    const soon = START_MS + this.random() * this.roundMs;
    if (instant() + soon > until) return false;
    const ended = await Promise.race([closed.then(() => true), sleep(soon, false)]);
    if (ended) return false;
    this.count('process killed');
    return child.kill('SIGKILL');
  }

  /** When everybody has gone: what is there has to be what the histories lead to. */
  private async readAll(histories: Map<string, Event[]>): Promise<void> {
    const lines = Map.groupBy(await this.place.lines(), (line) => line.split(' ', 1)[0] ?? '');
    for (const key of lines.keys()) assert.ok(histories.has(key), `business data of ${key}, which nobody has used`);
    const clock = clockOf({ ...this.orders().clock, skew: 0 });
    const handle = await this.store.connect(this.place.address, clock.now);
    try {
      for (const [key, events] of histories) {
        for (const verb of ['read', 'lookup'] as const) {
          const invoked = instant();
          const read = async () => lines.get(key) ?? [];
          const outcome = await perform(handle, { principal: PRINCIPAL, key }, { verb }, read);
          const returned = instant();
          events.push({ operation: { verb }, outcome, invoked, returned, clocks: clock.values(invoked, returned) });
        }
      }
    } finally {
      await handle.drop();
    }
  }
}

/** What a process has written, apart from a line at which it was killed; nothing, when that was before it began. */
function notesIn(file: string): Note[] {
  return (existsSync(file) ? readFileSync(file, 'utf8') : '')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** What happened to each key, and what may have happened to any. */
function historiesOf(transcripts: Transcript[]): { histories: Map<string, Event[]>; purges: Event[] } {
  const histories = new Map<string, Event[]>();
  const purges: Event[] = [];
  for (const { orders, notes, ended } of transcripts) {
    const clock = clockOf(orders.clock);
    const ends = new Map(notes.filter((note) => !('operation' in note)).map((note) => [note.call, note]));
    for (const note of notes) {
      if (!('operation' in note)) continue;
      const { key, operation, at: invoked } = note;
      const end = ends.get(note.call);
      const clocks = clock.values(invoked, end?.at ?? ended);
      const event: Event =
        end === undefined || 'operation' in end || end.outcome === undefined
          ? { operation, invoked, returned: Number.POSITIVE_INFINITY, clocks }
          : { operation, outcome: end.outcome, invoked, returned: end.at, clocks };
      const history = operation.verb === 'purge' ? purges : histories.get(key);
      if (history === undefined) histories.set(key, [event]);
      else history.push(event);
    }
  }
  return { histories, purges };
}

/** Of what may have happened to any key, what may have made a difference to this one. */
function concerning(history: Event[], optional: Event[]): Event[] {
  const from = Math.min(...history.map(({ invoked }) => invoked));
  const until = Math.max(...history.map(({ invoked, returned }) => (Number.isFinite(returned) ? returned : invoked)));
  const possible = optional.filter(({ returned }) => returned >= from);
  const [meanwhile, later] = [
    possible.filter(({ invoked, outcome }) => invoked <= until || outcome === undefined),
    possible.filter(({ invoked, outcome }) => invoked > until && outcome !== undefined),
  ];
  // With nothing between them, the last one of each kind is as good as all.
  const last = Map.groupBy(later, ({ operation }) => operation.verb);
  return [...meanwhile, ...[...last.values()].map(merged)];
}

function merged(events: Event[]): Event {
  const [event] = events as [Event];
  const invoked = Math.min(...events.map(({ invoked }) => invoked));
  const returned = Math.max(...events.map(({ returned }) => returned));
  return { ...event, invoked, returned, clocks: [Math.max(...events.flatMap(({ clocks }) => clocks))] };
}

/** The end of a history tells what went wrong. Events. */
const TOLD = 60;

/** A history, as somebody can read it. Times are milliseconds since its beginning. */
function story(key: string, history: Event[]): string {
  const start = Math.min(...history.map(({ invoked }) => invoked));
  const lines = history.map(({ operation, outcome, invoked, returned, clocks }) => {
    const clock = clocks.length < 4 ? clocks.join('|') : `${clocks[0]}…${clocks.at(-1)}`;
    const times = `${(invoked - start).toFixed(3)}–${(returned - start).toFixed(3)} at ${clock}`;
    return `${times} ${JSON.stringify(operation)} → ${JSON.stringify(outcome) ?? 'unknown'}`;
  });
  const left = Math.max(0, lines.length - TOLD);
  const shown = lines
    .slice(left)
    .join('\n')
    .replaceAll(/(\w)\1{63}/g, '$1…');
  return `no order explains what was heard about ${key}, of which the last ${lines.length - left} of ${lines.length} are:\n${shown}`;
}
