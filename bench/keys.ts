// What many stored keys cost: requests beside a thousand, a hundred thousand and ten million of them, and while a million are purged.
import { join } from 'node:path';
import { charge, inTurn, type Load, worded } from './lib/load.ts';
import { FILL, type Filling, TEMPLATE_KEY } from './lib/records.ts';
import { newDatabase, SERVERS } from './lib/servers.ts';
import { ROOT, type Row, type Started, start, versionOf } from './lib/tools.ts';

const ROUNDS = 5;
const ROUND_SECONDS = 2;

/** See `idempotency.ts`. */
const WARM_UP_SECONDS = 8;

/** Long enough for a p99 to mean something. Seconds. */
const PURGE_ROUND_SECONDS = 4;

/** Stored keys. The largest take some 10 GB of a disk, and some minutes to write. */
const COUNTS = [1000, 100_000, 10_000_000];

/** For a quick look: without the last. */
const QUICK_COUNTS = [1000, 100_000];

/** More than are purged in all rounds. */
const EXPIRED = 1_000_000;

/** Far from the numbers of those that are stored. */
const EXPIRED_FROM = 20_000_000;

const TITLES: Record<string, string> = { sqlite: 'SQLite', postgres: 'PostgreSQL' };

const SERVER = join(ROOT, 'bench/lib/idempotency-server.ts');

/** @param only a store, or `quick` for fewer keys. */
export async function run(folder: string, only: string | undefined): Promise<Row[]> {
  if (versionOf('wrk') === undefined) return [{ what: 'wrk is not installed', measured: 'try: apt-get install wrk' }];
  const isQuick = only === 'quick';
  const titles = Object.entries(TITLES).filter(([store]) => only === undefined || isQuick || store === only);
  if (titles.length === 0) throw new Error(`bench: there is no store "${only}"`);
  const rows: Row[] = [];
  for (const [store, title] of titles) {
    const startDatabase = SERVERS[store];
    const database = await startDatabase?.('full');
    if (startDatabase !== undefined && database === undefined) {
      rows.push({ what: title, measured: 'is not installed: npm test installs it, or says how' });
      continue;
    }
    try {
      const place = async (name: string) =>
        database === undefined ? join(folder, `${store}-${name}`) : newDatabase(database.url, `keys_${name}`);
      rows.push(...(await measureCounts(store, isQuick ? QUICK_COUNTS : COUNTS, place)));
      rows.push(...(await measurePurge(store, await place('purge'))));
    } finally {
      await database?.stop();
    }
  }
  return rows;
}

function seconds(round: number): number {
  return round === 0 ? WARM_UP_SECONDS : ROUND_SECONDS;
}

async function measureCounts(
  store: string,
  counts: number[],
  place: (name: string) => Promise<string>,
): Promise<Row[]> {
  const servers: Started[] = [];
  try {
    const measures: Record<string, (round: number) => Promise<Load>> = {};
    for (const count of counts) {
      const data = await place(String(count));
      const server = await startBeside(store, data, { count, from: 1 });
      // One that asks the store for every replay, and remembers no key: a thousand it would know by heart.
      const asking = await start([SERVER, store, 'claimed', 'full', data]);
      servers.push(server, asking);
      measures[`first ${count}`] = (round) => charge(server.url, `new:${round}`, seconds(round));
      measures[`replay ${count}`] = (round) => charge(asking.url, `stored:${count}`, seconds(round));
    }
    const loads = await inTurn(measures, ROUNDS);
    const [least = 0, ...more] = counts;
    return more.flatMap((count) =>
      ['first', 'replay'].map((what): Row => {
        const [load, floor] = [loads[`${what} ${count}`] as Load, loads[`${what} ${least}`] as Load];
        return {
          what: `${TITLES[store]}: ${what} beside ${count.toLocaleString('en')} keys`,
          measured: worded(load),
          against: `beside ${least.toLocaleString('en')}: ${worded(floor)}`,
          ratio: load.rate / floor.rate,
        };
      }),
    );
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function measurePurge(store: string, place: string): Promise<Row[]> {
  const server = await startBeside(store, place, { count: EXPIRED, from: EXPIRED_FROM, expired: true });
  try {
    let [deleted, seconds] = [0, 0];
    const loads = await inTurn(
      {
        quiet: (round) => charge(server.url, `new:quiet-${round}`, PURGE_ROUND_SECONDS),
        busy: async (round) => {
          const started = performance.now();
          await togglePurge(server.url);
          const load = await charge(server.url, `new:busy-${round}`, PURGE_ROUND_SECONDS);
          const purged = await togglePurge(server.url);
          seconds += (performance.now() - started) / 1000;
          deleted += purged.deleted;
          if (purged.isFinished) throw new Error(`bench: ${EXPIRED} expired keys were purged before all was measured`);
          return load;
        },
      },
      ROUNDS,
    );
    const rate = Math.round(deleted / seconds).toLocaleString('en');
    return [
      {
        what: `${TITLES[store]}: p99 of first requests while a million keys are purged (${rate} per second)`,
        measured: worded(loads.busy),
        against: `no purge: ${worded(loads.quiet)}`,
        ratio: loads.busy.p99 / loads.quiet.p99,
      },
    ];
  } finally {
    await server.stop();
  }
}

/** A server beside so many stored records: copies of one that it has written itself. */
async function startBeside(store: string, place: string, filling: Filling): Promise<Started> {
  const args = [SERVER, store, 'with', 'full', place];
  const first = await start(args);
  const headers = {
    Authorization: 'Bearer sk_bench',
    'Content-Type': 'application/json',
    'Idempotency-Key': `"${TEMPLATE_KEY}"`,
  };
  const body = '{"amount":1000,"currency":"usd"}';
  const { status } = await fetch(new URL('api/charges', first.url), { method: 'POST', headers, body });
  await first.stop();
  if (status !== 201) throw new Error(`bench: the first request was answered ${status}`);
  await FILL[store]?.(place, filling);
  return start(args);
}

async function togglePurge(url: string): Promise<{ deleted: number; isFinished: boolean }> {
  const answer = await fetch(new URL('purge', url));
  return (await answer.json()) as { deleted: number; isFinished: boolean };
}
