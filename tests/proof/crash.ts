// Servers that die at every step of the protocol, and clients that retry as clients should.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fingerprintOf } from '../../src/idempotency/index.ts';
import { randomness } from './clock.ts';
import { POINTS } from './crash-points.ts';
import type { ServerOrders } from './crash-server.ts';
import type { Handle, Place, ProvedStore } from './stores.ts';

const CRASH_SERVER = fileURLToPath(new URL('crash-server.ts', import.meta.url));

/** Clients of one server. */
const CLIENTS = 3;

/** Between requests of a client, so that most of them come to servers that have something to do. Milliseconds. */
const PAUSE_MS = 20;

/** Before another attempt at a server that did not answer. Milliseconds. */
const RECONNECT_MS = 20;

/** The usual work. Milliseconds. */
const SHORT_WORK_MS = 50;

/** Records that have expired, so that there is something to purge. */
const EXPIRED = 300;

/** Where requests go that are done all at once, without a claim. */
const SIMPLE = '/simple';

/** Every other key of a client is for one of those. */
function pathOf(key: string): string {
  return Number(key.split('.').at(-1)) % 2 === 0 ? SIMPLE : '/';
}

export interface CrashOptions {
  seed: number;
  kills: number;
  /** So many servers, each with data of its own, at the same time: most of the time they wait for a lease to end. */
  lanes: number;
  leaseMs: number;
}

export interface CrashReport {
  kills: number;
  requests: number;
  /**
   * From the time at which the server was back to the answer to a request that its death had interrupted, apart from the time that the
   * work itself takes. Milliseconds.
   */
  slowestRecoveryMs: number;
  /** How often servers have died at each point. */
  points: ReadonlyMap<string, number>;
}

/** @throws {AssertionError} when an effect was executed twice or not at all, or an answer was lost or changed. */
export async function proveCrashes(store: ProvedStore, options: CrashOptions): Promise<CrashReport> {
  const partner = new Partner();
  await partner.start();
  const plan = new Plan(options.seed, options.kills);
  const lanes = Array.from({ length: options.lanes }, (_, index) => new Lane(store, options, plan, partner, index));
  try {
    const ends = await Promise.allSettled(lanes.map((lane) => lane.run()));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  } finally {
    partner.stop();
  }
  const requests = lanes.reduce((sum, lane) => sum + lane.requests, 0);
  const slowestRecoveryMs = Math.max(...lanes.map((lane) => lane.slowestRecoveryMs));
  return { kills: plan.died, requests, slowestRecoveryMs, points: plan.points };
}

/** Who dies next, and where; every point has its turn. */
class Plan {
  readonly points = new Map<string, number>();
  private readonly random: () => number;
  private readonly all = [...POINTS, 'at any moment'];
  private readonly seed: number;
  private left: number;

  constructor(seed: number, kills: number) {
    this.random = randomness(seed);
    this.seed = seed;
    this.left = kills;
  }

  /** @returns undefined when enough have died. */
  next(): { point: string; times: number } | undefined {
    if (this.left === 0) return undefined;
    this.left -= 1;
    const point = this.all[(this.seed + this.left) % this.all.length] as string;
    // Few requests come to a release.
    return { point, times: point.endsWith('release') ? 1 : 1 + Math.floor(this.random() * 3) };
  }

  hasDied(point: string): void {
    this.points.set(point, (this.points.get(point) ?? 0) + 1);
  }

  get died(): number {
    return [...this.points.values()].reduce((sum, count) => sum + count, 0);
  }
}

/** Another service, which knows idempotency keys as well. */
class Partner {
  /** The keys that it has been called with for each of our requests. */
  readonly keys = new Map<string, Set<string>>();
  private readonly server: Server = createServer(async (request, response) => {
    const key = Buffer.concat(await request.toArray()).toString();
    const used = this.keys.get(key) ?? new Set();
    this.keys.set(key, used.add(String(request.headers['idempotency-key'])));
    response.end();
  });

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** One server after the other on the same data, and its clients. */
class Lane {
  requests = 0;
  slowestRecoveryMs = 0;
  private readonly store: ProvedStore;
  private readonly options: CrashOptions;
  private readonly plan: Plan;
  private readonly partner: Partner;
  private readonly index: number;
  private readonly random: () => number;
  private readonly answers = new Map<string, string>();
  private child: ChildProcess | undefined;
  private url = '';
  /** How long the work takes on it. */
  private workMs = 0;
  /** Resolves when there is a server. */
  private up = Promise.withResolvers<void>();
  /** When it was there. */
  private upAt = 0;
  /** How many have died. */
  private deaths = 0;
  private done = false;
  private failure: unknown;

  constructor(store: ProvedStore, options: CrashOptions, plan: Plan, partner: Partner, index: number) {
    this.store = store;
    this.options = options;
    this.plan = plan;
    this.partner = partner;
    this.index = index;
    this.random = randomness(options.seed + index + 1);
  }

  async run(): Promise<void> {
    const place = await this.store.open();
    try {
      await this.leaveExpired(place);
      const serving = this.serve(place).catch((error) => {
        this.failure = error;
        this.up.resolve();
      });
      await Promise.all(Array.from({ length: CLIENTS }, (_, client) => this.send(client)));
      this.done = true;
      this.child?.kill();
      await serving;
      if (this.failure !== undefined) throw this.failure;
      await this.check(place);
    } finally {
      this.done = true;
      this.child?.kill();
      await place.close();
    }
  }

  private async leaveExpired(place: Place): Promise<void> {
    const handle = await this.store.connect(place.address, () => Date.now() - 60_000);
    const facts = { fingerprint: 'e', method: 'POST', path: '/' };
    const claim = async (_: unknown, index: number) => {
      const outcome = await handle.store.claim({ principal: 'expired', key: `k${index}` }, facts, 1);
      assert.equal(outcome.kind, 'claimed');
      if (outcome.kind !== 'claimed') return;
      const reply = { status: 204, headers: [], body: new Uint8Array() };
      await handle.store.commit(outcome.claim, () => reply, 1);
    };
    try {
      await Promise.all(Array.from({ length: EXPIRED }, claim));
    } finally {
      await handle.drop();
    }
  }

  /** Starts a server whenever there is none. */
  private async serve(place: Place): Promise<void> {
    while (!this.done) {
      const death = this.plan.next();
      const orders: ServerOrders = {
        store: this.store.name,
        address: place.address,
        times: 1,
        ...death,
        leaseMs: this.options.leaseMs,
        partner: this.partner.url,
        // Long enough for a heart to beat, where one has to.
        workMs: death?.point.endsWith('renew') ? this.options.leaseMs / 2 : this.random() * SHORT_WORK_MS,
      };
      this.workMs = orders.workMs;
      const child = spawn(process.execPath, [CRASH_SERVER, JSON.stringify(orders)], {
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      this.child = child;
      const closed = once(child, 'close');
      const said = child.stderr.toArray();
      child.stdout.once('data', (port) => {
        this.url = `http://127.0.0.1:${String(port).trim()}`;
        this.upAt = performance.now();
        this.up.resolve();
        if (death?.point === 'at any moment') setTimeout(() => child.kill('SIGKILL'), this.random() * 1000);
      });
      const [code, signal] = await closed;
      this.up = Promise.withResolvers();
      if (this.done) return;
      assert.equal(signal, 'SIGKILL', `a server ended with ${code}: ${Buffer.concat(await said)}`);
      this.deaths += 1;
      this.plan.hasDied(death?.point ?? 'nowhere');
    }
  }

  /** Sends one request after the other for as long as servers are to die. */
  private async send(client: number): Promise<void> {
    for (let number = 0; this.plan.died < this.options.kills && this.failure === undefined; number += 1) {
      const key = `${this.index}.${client}.${number}`;
      const body = await this.answerTo(key);
      if (body === undefined) return;
      this.answers.set(key, body);
      this.requests += 1;
      await sleep(this.random() * PAUSE_MS);
    }
  }

  /** Asks until there is an answer. @returns its body; undefined when there is no server any more. */
  private async answerTo(key: string): Promise<string | undefined> {
    const failing = this.random() < 0.2 ? 'early' : this.random() < 0.1 ? 'late' : 'never';
    const before = { deaths: this.deaths, at: performance.now() };
    for (let attempt = 1; this.failure === undefined; attempt += 1) {
      const headers = { 'Idempotency-Key': key, 'X-Failing': attempt === 1 ? failing : 'never' };
      let answer: Response;
      let body: string;
      try {
        answer = await fetch(`${this.url}${pathOf(key)}`, { method: 'POST', headers });
        body = await answer.text();
      } catch {
        // It is dead, or dies: not even asked again before there is another one, which would only keep this machine busy.
        await sleep(RECONNECT_MS);
        await this.up.promise;
        continue;
      }
      if (answer.status === 201) {
        if (this.deaths > before.deaths) {
          const work = answer.headers.has('idempotent-replayed') ? 0 : this.workMs;
          const recovery = performance.now() - Math.max(this.upAt, before.at) - work;
          this.slowestRecoveryMs = Math.max(this.slowestRecoveryMs, recovery);
        }
        return body;
      }
      assert.ok([409, 503].includes(answer.status), `${key} was answered with ${answer.status}: ${body}`);
      await sleep(1000 * Number(answer.headers.get('retry-after')));
    }
    return undefined;
  }

  /** Whatever was answered has been done, once, and is answered again in the same way. */
  private async check(place: Place): Promise<void> {
    const lines = await place.lines();
    assert.deepEqual(
      lines.toSorted(),
      [...this.answers.keys()].flatMap((key) => [`${key} booked`, `${key} written`]).sort(),
      'the business data are not those of the requests that were answered',
    );
    const handle = await this.store.connect(place.address, Date.now);
    try {
      await this.checkRecords(handle);
    } finally {
      await handle.drop();
    }
  }

  private async checkRecords(handle: Handle): Promise<void> {
    for (const [key, body] of this.answers) {
      const target = pathOf(key);
      const fingerprint = await fingerprintOf({ method: 'POST', target, contentType: '', body: new Uint8Array() });
      const names = this.partner.keys.get(key)?.size ?? 0;
      assert.equal(names, target === SIMPLE ? 0 : 1, `the other service knows ${key} by ${names} derived keys`);
      const outcome = await handle.store.claim({ principal: 'proof', key }, { fingerprint, method: '', path: '' }, 1);
      assert.equal(outcome.kind, 'completed', `the answer to ${key} is lost`);
      if (outcome.kind === 'completed') assert.equal(new TextDecoder().decode(outcome.reply.body), body);
    }
  }
}
