// Owners that are paused until somebody has taken over, and then go on as if nothing had happened.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Claim, execute, type RecordId, type Reply, type RequestFacts } from '../../src/idempotency/index.ts';
import { randomness } from './clock.ts';
import type { Handle, Place, ProvedStore } from './stores.ts';

const LEASE_MS = 3000;
const RETAIN_MS = 60_000;
const FACTS: RequestFacts = { fingerprint: 'f'.repeat(64), method: 'POST', path: '/charges' };

/** Owners at work at the same time. */
const BATCH = 100;

export interface FencingReport {
  owners: number;
  /** What stale owners have tried. */
  attempts: number;
}

function replyOf(line: string): Reply {
  return { status: 201, headers: [], body: new TextEncoder().encode(line) };
}

function effectOf<Result>(handle: Handle, line: string, result: Result) {
  return (transaction: unknown): Result | Promise<Result> => {
    const written = handle.write(transaction, line);
    return written instanceof Promise ? written.then(() => result) : result;
  };
}

async function claimed(handle: Handle, id: RecordId): Promise<Claim> {
  const outcome = await handle.store.claim(id, FACTS, LEASE_MS);
  assert.equal(outcome.kind, 'claimed');
  return (outcome as { claim: Claim }).claim;
}

/**
 * Owners on one handle lose their lease by the clock, others take over on another handle, and then both go on at the same time.
 * @throws {AssertionError} when a stale owner changes anything.
 */
export async function proveFencing(
  store: ProvedStore,
  { owners, seed }: { owners: number; seed: number },
): Promise<FencingReport> {
  const place = await store.open();
  let now = Date.UTC(2026, 10, 22, 12);
  const handles: Handle[] = [];
  let attempts = 0;
  try {
    for (let index = 0; index < 2; index += 1) handles.push(await store.connect(place.address, () => now));
    const [slow, quick] = handles as [Handle, Handle];
    for (let from = 0; from < owners; from += BATCH) {
      const count = Math.min(BATCH, owners - from);
      const ids = Array.from({ length: count }, (_, index) => ({ principal: 'p', key: `k${from + index}` }));
      const stale = await Promise.all(ids.map((id) => claimed(slow, id)));
      now += LEASE_MS;
      const fresh = await Promise.all(ids.map((id) => claimed(quick, id)));
      const tried = await Promise.all(
        ids.map((_, index) => {
          const pair = { stale: stale[index] as Claim, fresh: fresh[index] as Claim };
          return meet(slow, quick, pair, randomness(seed + from + index));
        }),
      );
      attempts += tried.reduce((sum, count) => sum + count, 0);
      await checkFresh(place, quick, ids);
      await place.empty();
    }
  } finally {
    for (const handle of handles) await handle.drop();
    await place.close();
  }
  return { owners, attempts };
}

/** A stale owner tries everything, in some order, while the fresh one does its work. @returns how much it has tried. */
async function meet(
  slow: Handle,
  quick: Handle,
  { stale, fresh }: { stale: Claim; fresh: Claim },
  random: () => number,
): Promise<number> {
  const { key } = stale;
  const lost = { kind: 'lease-lost' };
  const tricks: (() => Promise<void>)[] = [
    async () =>
      assert.deepEqual(
        await slow.store.commit(stale, effectOf(slow, `${key} stale`, replyOf('stale')), RETAIN_MS),
        lost,
      ),
    async () =>
      assert.deepEqual(
        await slow.store.checkpoint(stale, 'phase', effectOf(slow, `${key} stale`, '"stale"'), LEASE_MS),
        lost,
      ),
    async () => assert.equal(await slow.store.renew(stale, LEASE_MS), 'lease-lost'),
    async () => assert.equal(await slow.store.renew(stale, 0), 'lease-lost'),
    () => slow.store.release(stale),
  ];
  const work = async () => {
    const phase = effectOf(quick, `${key} phase`, '"fresh"');
    assert.deepEqual(await quick.store.checkpoint(fresh, 'phase', phase, LEASE_MS), {
      kind: 'reached',
      result: '"fresh"',
    });
    const outcome = await quick.store.commit(fresh, effectOf(quick, `${key} done`, replyOf(key)), RETAIN_MS);
    assert.equal(outcome.kind, 'stored');
  };
  const order = tricks.map((trick) => ({ trick, at: random() })).sort((a, b) => a.at - b.at);
  // Before the fresh owner's work, during it, or after it.
  const begin = Math.floor(random() * (tricks.length + 1));
  let working: Promise<void> | undefined;
  for (const [index, { trick }] of order.entries()) {
    if (index === begin) working = work();
    await trick();
  }
  await (working ?? work());
  for (const { trick } of order) await trick();
  return 2 * tricks.length;
}

async function checkFresh(place: Place, handle: Handle, ids: RecordId[]): Promise<void> {
  const expected = ids.flatMap(({ key }) => [`${key} done`, `${key} phase`]);
  assert.deepEqual((await place.lines()).toSorted(), expected.sort(), 'the business data are those of fresh owners');
  for (const id of ids) {
    const outcome = await handle.store.claim(id, FACTS, LEASE_MS);
    assert.deepEqual(outcome, { kind: 'completed', reply: replyOf(id.key) });
  }
}

const OWNER_PROCESS = fileURLToPath(new URL('owner-process.ts', import.meta.url));

export interface OwnerOrders {
  store: string;
  address: string;
  /** The first key, and how many. */
  from: number;
  owners: number;
  leaseMs: number;
}

/**
 * The same with `execute()`, a real clock, and a process that is stopped by the operating system until its leases have ended.
 * @throws {AssertionError} when one of its owners changes anything, or is told that it has.
 */
export async function provePauses(
  store: ProvedStore,
  { owners, leaseMs }: { owners: number; leaseMs: number },
): Promise<FencingReport> {
  const place = await store.open();
  const handle = await store.connect(place.address, Date.now);
  try {
    for (let from = 0; from < owners; from += BATCH) {
      const count = Math.min(BATCH, owners - from);
      await pauseOne(store, place, handle, { from, owners: count, leaseMs });
    }
    const expected = Array.from({ length: owners }, (_, index) => `k${index} fresh`);
    assert.deepEqual((await place.lines()).toSorted(), expected.sort());
  } finally {
    await handle.drop();
    await place.close();
  }
  return { owners, attempts: owners };
}

/** One process of owners. */
async function pauseOne(
  store: ProvedStore,
  place: Place,
  handle: Handle,
  { from, owners, leaseMs }: { from: number; owners: number; leaseMs: number },
): Promise<void> {
  const orders: OwnerOrders = { store: store.name, address: place.address, from, owners, leaseMs };
  const child = spawn(process.execPath, [OWNER_PROCESS, JSON.stringify(orders)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    assert.equal((await lines.next()).value, 'at work');
    child.kill('SIGSTOP');
    // Its leases were granted before, and no heart beats.
    await sleep(leaseMs + 1);
    const takeOver = (index: number) => {
      const id = { principal: 'p', key: `k${from + index}` };
      const work = () => effectOf(handle, `${id.key} fresh`, replyOf('fresh'));
      return execute(handle.store, id, FACTS, ({ transaction }) => transaction(work()), { leaseMs });
    };
    const half = Math.floor(owners / 2);
    // Half of them are taken over from while they are stopped, the others while they go on.
    for (let index = 0; index < half; index += 1) assert.equal((await takeOver(index)).kind, 'executed');
    const claims = await Promise.all(
      Array.from({ length: owners - half }, (_, index) =>
        claimed(handle, { principal: 'p', key: `k${from + half + index}` }),
      ),
    );
    child.kill('SIGCONT');
    child.stdin.end('go on');
    for (const claim of claims) {
      const effect = effectOf(handle, `${claim.key} fresh`, replyOf('fresh'));
      assert.equal((await handle.store.commit(claim, effect, RETAIN_MS)).kind, 'stored');
    }
    const told = JSON.parse(String((await lines.next()).value));
    assert.deepEqual(told, Array(owners).fill('in-progress'), 'what stale owners were told');
    assert.deepEqual(await closed, [0, null]);
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
}
