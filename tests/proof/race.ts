// Many callers with the same keys at the same time, in several processes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Execution, execute, type Reply, type RequestFacts, type Work } from '../../src/idempotency/index.ts';
import { connectTo } from './connect.ts';
import type { Handle, ProvedStore } from './stores.ts';

/** Longer than a race takes: nobody is taken over from. Milliseconds. */
const LEASE_MS = 600_000;

const FACTS: RequestFacts = { fingerprint: 'f'.repeat(64), method: 'POST', path: '/charges' };

export interface RaceOrders {
  store: string;
  address: string;
  process: number;
  callers: number;
  keys: number;
}

/** What the callers of a process were told about a key. */
export interface KeyReport {
  executed: number;
  inProgress: number;
  replayed: number;
  /** The bodies of executions and replays, each once. */
  bodies: string[];
}

/** Of so many callers, one asks again until it has an answer; the others go on to the next key. */
const PATIENT = 4;

/** All callers of a process: each asks for one key after the other, and all ask for the same at the same time. */
export async function callAll({ store, address, process, callers, keys }: RaceOrders): Promise<KeyReport[]> {
  const handle = await connectTo(store, address, Date.now);
  const reports: KeyReport[] = Array.from({ length: keys }, () => ({
    executed: 0,
    inProgress: 0,
    replayed: 0,
    bodies: [],
  }));
  const caller = async (_: unknown, index: number) => {
    for (const [key, report] of reports.entries()) {
      const ask = () => call(handle, `k${key}`, `${key} by ${process}.${index}`);
      let execution = await ask();
      for (; execution.kind === 'in-progress' && index % PATIENT === 0; execution = await ask()) {
        report.inProgress += 1;
        await sleep(1);
      }
      if (execution.kind === 'mismatch') assert.fail(`key ${key} was used for another request`);
      if (execution.kind === 'in-progress') {
        report.inProgress += 1;
        continue;
      }
      report[execution.kind] += 1;
      const body = new TextDecoder().decode(execution.reply.body);
      if (!report.bodies.includes(body)) report.bodies.push(body);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  await handle.drop();
  return reports;
}

function call(handle: Handle, key: string, line: string): Promise<Execution> {
  const work = async ({ transaction }: Work<unknown>) => {
    // Others have time to come while it is at work.
    await turn();
    const reply: Reply = { status: 201, headers: [], body: new TextEncoder().encode(line) };
    return transaction((tx) => {
      const written = handle.write(tx, line);
      return written instanceof Promise ? written.then(() => reply) : reply;
    });
  };
  // Every other key is claimed first.
  const optimistic = /[13579]$/.test(key);
  return execute(handle.store, { principal: 'race', key }, FACTS, work, { leaseMs: LEASE_MS, optimistic });
}

const RACE_PROCESS = fileURLToPath(new URL('race-process.ts', import.meta.url));

/** @throws {AssertionError} when it fails. */
async function inProcess(orders: RaceOrders): Promise<KeyReport[]> {
  const child = spawn(process.execPath, [RACE_PROCESS, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const [said, complained] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
  const [code] = await closed;
  assert.equal(code, 0, `a process of callers failed: ${Buffer.concat(complained)}`);
  return JSON.parse(Buffer.concat(said).toString());
}

export interface RaceOptions {
  /** In each process. */
  callers: number;
  keys: number;
  processes: number;
}

export interface RaceReport {
  /** With those that asked again. */
  calls: number;
  executed: number;
  replayed: number;
  inProgress: number;
}

/** @throws {AssertionError} unless each key is executed once, and everybody else is told to wait or gets the same answer. */
export async function proveRaces(store: ProvedStore, { callers, keys, processes }: RaceOptions): Promise<RaceReport> {
  const place = await store.open();
  try {
    const orders = { store: store.name, address: place.address, callers, keys };
    const reports = await Promise.all(
      store.durable
        ? Array.from({ length: processes }, (_, process) => inProcess({ ...orders, process }))
        : [callAll({ ...orders, callers: callers * processes, process: 0 })],
    );
    const lines = await place.lines();
    assert.equal(lines.length, keys, 'an effect for each key');
    const total: RaceReport = { calls: 0, executed: 0, replayed: 0, inProgress: 0 };
    for (let key = 0; key < keys; key += 1) {
      const told = reports.map((report) => report[key] as KeyReport);
      const executed = told.reduce((sum, report) => sum + report.executed, 0);
      assert.equal(executed, 1, `key ${key} was executed ${executed} times`);
      const bodies = new Set(told.flatMap((report) => report.bodies));
      assert.deepEqual(
        [...bodies],
        lines.filter((line) => line.startsWith(`${key} `)),
        `the answers to key ${key}`,
      );
      for (const report of told) {
        total.executed += report.executed;
        total.replayed += report.replayed;
        total.inProgress += report.inProgress;
      }
    }
    total.calls = total.executed + total.replayed + total.inProgress;
    assert.ok(total.calls >= callers * processes * keys);
    return total;
  } finally {
    await place.close();
  }
}
