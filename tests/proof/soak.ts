// `npm run soak`: the proofs at full length. Prints what it did: counts, seed, versions, time. Arguments name the parts; the options
// `--store NAME` (as often as needed) and `--seed NUMBER` choose the stores, and repeat a run.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { LEASE_MS } from '../../src/idempotency/index.ts';
import { type ConcurrencyReport, proveConcurrency } from './concurrency.ts';
import { proveCrashes } from './crash.ts';
import { proveFencing, provePauses } from './fencing.ts';
import { proveIsolation } from './isolation.ts';
import { proveOutage } from './outage.ts';
import { proveRaces } from './race.ts';
import { proveSequences } from './sequences.ts';
import { type ProvedStore, STORES } from './stores.ts';
import { LEDGERS, proveStrangers } from './strangers.ts';

/** @returns what a part did on a store, in a line; undefined when there is nothing to do on it. */
type Part = (store: ProvedStore, seed: number) => Promise<string | undefined>;

const SEQUENCES = 10_000;
/** Of each store, so that all together do more than a million; and by its own clock. */
const OPERATIONS = 270_000;
const OWN_CLOCK_OPERATIONS = 50_000;
const ROUND_MS = 6000;
const KILLS = 1000;
/** Most of the time they wait for a lease to end. */
const LANES = 8;
const OWNERS = 10_000;
const STOPPED_OWNERS = 1000;
const PAIRS = 10_000;
const OUTAGE_REQUESTS = 200;

const PARTS: Record<string, Part> = {
  model: async (store, seed) => {
    const { steps, seen } = await proveSequences(store, { seed, count: SEQUENCES });
    return `${SEQUENCES} sequences, ${steps} steps; ${list(seen)}`;
  },
  concurrency: async (store, seed) => {
    const rounds = { seed, roundMs: ROUND_MS };
    const harmed = await proveConcurrency(store, { ...rounds, operations: OPERATIONS });
    const real = await proveConcurrency(store, { ...rounds, operations: OWN_CLOCK_OPERATIONS, real: true });
    const all = ({ faults, ...counts }: ConcurrencyReport) => list([...Object.entries(counts), ...faults]);
    return `${all(harmed)}; by its own clock: ${all(real)}`;
  },
  crash: async (store, seed) => (store.durable ? crash(store, seed) : undefined),
  race: async (store) => list(Object.entries(await proveRaces(store, { callers: 1000, keys: 100, processes: 3 }))),
  fencing: async (store, seed) => {
    const byClock = await proveFencing(store, { owners: OWNERS, seed });
    if (!store.durable) return list(Object.entries(byClock));
    const stopped = await provePauses(store, { owners: STOPPED_OWNERS, leaseMs: 300 });
    return `${list(Object.entries(byClock))}; stopped by the system: ${list(Object.entries(stopped))}`;
  },
  isolation: async (store, seed) => {
    const counts = list(Object.entries(await proveIsolation(store, { seed, pairs: PAIRS })));
    if (!(store.name in LEDGERS)) return counts;
    const strangers = await proveStrangers(store, { seed, pairs: PAIRS });
    return `${counts}; through the reference API: ${list(Object.entries(strangers))}`;
  },
  outage: async (store) =>
    store.hasServer ? list(Object.entries(await proveOutage(store, OUTAGE_REQUESTS))) : undefined,
};

async function crash(store: ProvedStore, seed: number): Promise<string> {
  const options = { seed, kills: KILLS, lanes: LANES, leaseMs: LEASE_MS };
  const { points, slowestRecoveryMs, ...counts } = await proveCrashes(store, options);
  const slowest = `slowest answer after a restart: ${(slowestRecoveryMs / 1000).toFixed(2)} s`;
  return [list(Object.entries(counts)), slowest, list(points)].join('; ');
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { store: { type: 'string', multiple: true }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const parts = chosen(Object.keys(PARTS), positionals, 'part');
const names = chosen(
  STORES.map(({ name }) => name),
  values.store ?? [],
  'store',
);
if (!Number.isSafeInteger(seed)) refuse(`the seed has to be an integer, not ${values.seed}`);

console.log(`node ${process.version}, ${cpus().length} cores, seed ${seed}`);
for (const part of parts) {
  for (const store of STORES.filter(({ name }) => names.includes(name))) {
    const started = performance.now();
    try {
      const done = await PARTS[part]?.(store, seed);
      if (done === undefined) continue;
      console.log(`${part}, ${store.name} (${((performance.now() - started) / 1000).toFixed(0)} s): ${done}`);
    } catch (error) {
      console.error(error);
      console.error(`soak: failed; again with: npm run soak -- ${part} --store ${store.name} --seed ${seed}`);
      process.exitCode = 1;
    }
  }
}

function list(counts: Iterable<[string, number]>): string {
  return [...counts].map(([what, count]) => `${what}: ${count}`).join(', ');
}

function chosen(all: string[], wanted: string[], what: string): string[] {
  for (const name of wanted)
    if (!all.includes(name)) refuse(`there is no ${what} "${name}"; there are: ${all.join(', ')}`);
  return wanted.length === 0 ? all : wanted;
}

function refuse(problem: string): never {
  console.error(`soak: ${problem}`);
  process.exit(2);
}
