// What idempotency costs: a first and a replayed charge against the same handler, with the same effect and durability, without it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, ROOT, type Row, start, versionOf } from './lib/tools.ts';

const ROUNDS = 5;
const ROUND_SECONDS = 2;
const CONNECTIONS = 32;

const SERVER = join(ROOT, 'bench/lib/charges-server.ts');
const SCRIPT = fileURLToPath(new URL('./lib/charges.lua', import.meta.url));

export async function run(folder: string): Promise<Row[]> {
  if (versionOf('wrk') === undefined) return [{ what: 'wrk is not installed', measured: 'try: apt-get install wrk' }];
  const ours = await start([SERVER, 'with', join(folder, 'with.sqlite')]);
  const without = await start([SERVER, 'without', join(folder, 'without.sqlite')]);
  const grouped = await start([SERVER, 'grouped', join(folder, 'grouped.sqlite')]);
  try {
    const rates: Record<'first' | 'replay' | 'without' | 'grouped', number[]> = {
      first: [],
      replay: [],
      without: [],
      grouped: [],
    };
    // Alternating, so that whatever else the machine does meets all of them. The first round warms them up.
    for (let round = 0; round <= ROUNDS; round++) {
      const rate = {
        first: requestsPerSecond(ours.url, `first-${round}`),
        without: requestsPerSecond(without.url, `without-${round}`),
        replay: requestsPerSecond(ours.url, 'replay'),
        grouped: requestsPerSecond(grouped.url, `grouped-${round}`),
      };
      if (round === 0) continue;
      for (const name of Object.keys(rate) as (keyof typeof rates)[]) rates[name].push(rate[name]);
    }
    const plain = 'without idempotency, a commit each';
    const best = 'without idempotency, commits shared';
    return [
      toRow('first charge', rates.first, plain, rates.without),
      toRow('replayed charge', rates.replay, plain, rates.without),
      toRow('first charge', rates.first, best, rates.grouped),
      toRow('replayed charge', rates.replay, best, rates.grouped),
    ];
  } finally {
    await Promise.all([ours.stop(), without.stop(), grouped.stop()]);
  }
}

function toRow(what: string, rates: number[], floor: string, floorRates: number[]): Row {
  const [rate, floorRate] = [median(rates), median(floorRates)];
  return { what, measured: perSecond(rate), against: `${perSecond(floorRate)}, ${floor}`, ratio: rate / floorRate };
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')} requests/s`;
}

/** @param run prefix of the keys; `replay` sends one key again and again. */
function requestsPerSecond(address: string, run: string): number {
  const { origin, hash } = new URL(address);
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${ROUND_SECONDS}`, '-s', SCRIPT, origin];
  const env = { ...process.env, BENCH_TOKEN: hash.slice(1), BENCH_RUN: run };
  const { stdout } = spawnSync('wrk', args, { encoding: 'utf8', env });
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  // While the first request of all replays is under way, the others are told to wait: a few of thousands.
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  if (rate === undefined || failed > CONNECTIONS) throw new Error(`wrk ${args.join(' ')} failed:\n${stdout}`);
  return Number(rate);
}
