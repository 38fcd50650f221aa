// `npm run soak`: the proofs at full length. Prints what it did: counts, seed, versions, time. Arguments name the parts; the options
// `--store NAME` (as often as needed) and `--seed NUMBER` choose the stores, and repeat a run.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { proveConcurrency } from './concurrency.ts';
import { proveSequences } from './sequences.ts';
import { type ProvedStore, STORES } from './stores.ts';

/** What a part did on a store, in a line. */
type Part = (store: ProvedStore, seed: number) => Promise<string>;

const SEQUENCES = 10_000;
/** Of each store, so that all together do more than a million. */
const OPERATIONS = 300_000;
const ROUND_MS = 6000;

const PARTS: Record<string, Part> = {
  model: async (store, seed) => {
    const { steps, seen } = await proveSequences(store, { seed, count: SEQUENCES });
    return `${SEQUENCES} sequences, ${steps} steps; ${list(seen)}`;
  },
  concurrency: async (store, seed) => {
    const { faults, ...counts } = await proveConcurrency(store, { seed, operations: OPERATIONS, roundMs: ROUND_MS });
    return list([...Object.entries(counts), ...faults]);
  },
};

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
