// What idempotency costs, by store: a first and a replayed request against the same handler, with the same effect, store, client, pool and
// durability, without it. In the same run: a handler without any effect, and other libraries.
import { join } from 'node:path';
import type { Durability } from './lib/effects.ts';
import { charge, inTurn, type Load, worded } from './lib/load.ts';
import { installedPeers, PEERS } from './lib/peers.ts';
import { SERVERS } from './lib/servers.ts';
import { ROOT, type Row, type Started, start, versionOf } from './lib/tools.ts';

const ROUNDS = 5;
const ROUND_SECONDS = 2;

/** A server that has run for a while has been compiled for what it does; before that, the one with more code has the disadvantage. */
const WARM_UP_SECONDS = 8;

const SERVER = join(ROOT, 'bench/lib/idempotency-server.ts');
const PEER_SERVER = join(ROOT, 'bench/lib/peer-server.ts');

interface Plan {
  store: string;
  durability: Durability;
  title: string;
  /** Whether the other libraries have this store as well. */
  peers?: true;
}

/** What is lost is the last second or so. */
const RELAXED = 'a power loss may take the last commits';

const PLANS: Plan[] = [
  { store: 'memory', durability: 'full', title: 'memory', peers: true },
  { store: 'sqlite', durability: 'full', title: 'SQLite' },
  { store: 'sqlite', durability: 'relaxed', title: `SQLite, synchronous NORMAL (${RELAXED})` },
  { store: 'postgres', durability: 'full', title: 'PostgreSQL' },
  { store: 'postgres', durability: 'relaxed', title: `PostgreSQL, synchronous_commit off (${RELAXED})` },
  { store: 'redis', durability: 'full', title: 'Redis, appendfsync always', peers: true },
  { store: 'redis', durability: 'relaxed', title: `Redis, appendfsync everysec (${RELAXED})` },
];

/** What is measured: a mode of a server, and what is sent to it. */
interface Subject {
  server: string[];
  replay?: true;
}

/** @param only a store, for a part of the part. */
export async function run(folder: string, only: string | undefined): Promise<Row[]> {
  if (versionOf('wrk') === undefined) return [{ what: 'wrk is not installed', measured: 'try: apt-get install wrk' }];
  const plans = PLANS.filter(({ store }) => only === undefined || store === only);
  if (plans.length === 0) throw new Error(`bench: there is no store "${only}"`);
  const peers = installedPeers();
  const rows: Row[] = [];
  for (const plan of plans) rows.push(...(await measure(plan, folder, peers)));
  return rows;
}

async function measure(plan: Plan, folder: string, peers: string): Promise<Row[]> {
  const { store, durability, title } = plan;
  const startDatabase = SERVERS[store];
  const database = await startDatabase?.(durability);
  if (startDatabase !== undefined && database === undefined)
    return [{ what: title, measured: 'is not installed: npm test installs it, or says how' }];
  try {
    const place = (mode: string) => database?.url ?? join(folder, `${store}-${durability}-${mode}`);
    const own = (mode: string) => [SERVER, store, mode, durability, place(mode)];
    const subjects: Record<string, Subject> = {
      first: { server: own('with') },
      claimed: { server: own('claimed') },
      replay: { server: own('with'), replay: true },
      without: { server: own('without') },
      ...(store === 'sqlite' && { together: { server: own('together') } }),
      idle: { server: own('idle') },
    };
    for (const mode of plan.peers ? [...Object.keys(PEERS), 'express'] : []) {
      const server = [PEER_SERVER, store, mode, place(mode), peers];
      subjects[mode] = { server };
      if (mode in PEERS) subjects[`${mode}, replay`] = { server, replay: true };
    }
    return rowsOf(plan, await loadsOf(subjects));
  } finally {
    await database?.stop();
  }
}

/** Starts each server once, and loads them in turn. */
async function loadsOf(subjects: Record<string, Subject>): Promise<Record<string, Load>> {
  const running = new Map<string, Started>();
  try {
    const measures: Record<string, (round: number) => Promise<Load>> = {};
    for (const [name, { server, replay }] of Object.entries(subjects)) {
      const line = server.join(' ');
      const { url, stop } = running.get(line) ?? (await start(server));
      running.set(line, { url, stop });
      measures[name] = (round) => {
        const seconds = round === 0 ? WARM_UP_SECONDS : ROUND_SECONDS;
        return charge(url, replay ? 'same' : `new:${name}-${round}`, seconds);
      };
    }
    return await inTurn(measures, ROUNDS);
  } finally {
    for (const server of running.values()) await server.stop();
  }
}

function rowsOf({ title, peers }: Plan, loads: Record<string, Load>): Row[] {
  const row = (what: string, subject: string, floor: string, words: string): Row[] => {
    const [load, against] = [loads[subject], loads[floor]];
    if (load === undefined || against === undefined) return [];
    const ratio = load.rate / against.rate;
    return [{ what: `${title}: ${what}`, measured: worded(load), against: `${words}: ${worded(against)}`, ratio }];
  };
  const plain = loads.together === undefined ? 'without' : 'without, a commit each';
  const others = Object.entries(peers ? PEERS : {}).flatMap(([mode, { title: library, lacks }]) => {
    const [floor, words] = mode.startsWith('express') ? ['express', 'Express without'] : ['without', plain];
    return [
      ...row(`first, ${library} (${lacks})`, mode, floor, words),
      ...row(`replay, ${library}`, `${mode}, replay`, floor, words),
    ];
  });
  return [
    ...row('first', 'first', 'without', plain),
    ...row('first, claimed before', 'claimed', 'without', plain),
    ...row('replay', 'replay', 'without', plain),
    ...row('first', 'first', 'together', 'without, commits shared'),
    ...row('replay', 'replay', 'together', 'without, commits shared'),
    ...row('first', 'first', 'idle', 'without an effect'),
    ...row('replay', 'replay', 'idle', 'without an effect'),
    ...others,
  ];
}
