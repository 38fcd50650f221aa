// Load by wrk: requests per second, and how long the slow ones take.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from './tools.ts';

/** As many requests at a time as a busy server has under way. */
const CONNECTIONS = 32;

/** Refused are those that meet the first of all replays under way, each perhaps some times while the disk is slow; more is a mistake. */
const REFUSED_LIMIT = 10 * CONNECTIONS;

const SCRIPT = fileURLToPath(new URL('./charges.lua', import.meta.url));

/** What one round has shown. */
export interface Load {
  /** Requests answered per second. */
  rate: number;
  /** Of a hundred requests one takes longer. Milliseconds. */
  p99: number;
}

const MILLISECONDS: Record<string, number> = { us: 0.001, ms: 1, s: 1000 };

/**
 * Sends charges for some time.
 * @param keys which keys they have: `same`, `new:NAME` or `stored:COUNT`; see `charges.lua`.
 * @throws {Error} when wrk fails, or more requests are refused than can meet the first of all replays under way.
 */
export async function charge(url: string, keys: string, seconds: number): Promise<Load> {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}`, '--latency', '-s', SCRIPT, url];
  const { stdout } = await promisify(execFile)('wrk', args, { env: { ...process.env, BENCH_KEYS: keys } });
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  const [, slow, unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  if (rate === undefined || slow === undefined || refused > REFUSED_LIMIT || /Socket errors/.test(stdout))
    throw new Error(`wrk ${args.join(' ')} failed:\n${stdout}`);
  return { rate: Number(rate), p99: Number(slow) * (MILLISECONDS[unit] as number) };
}

/**
 * Measures several things in turn, so that whatever else the machine does meets all of them. A first round warms them up.
 * @param measures each is told the number of the round.
 * @returns medians of each.
 */
export async function inTurn<Name extends string>(
  measures: Record<Name, (round: number) => Promise<Load>>,
  rounds: number,
): Promise<Record<Name, Load>> {
  const names = Object.keys(measures) as Name[];
  const loads = names.map((): Load[] => []);
  for (let round = 0; round <= rounds; round++)
    for (const [index, name] of names.entries()) {
      const load = await measures[name](round);
      if (round > 0) loads[index]?.push(load);
    }
  const medians = loads.map((found) => ({
    rate: median(found.map(({ rate }) => rate)),
    p99: median(found.map(({ p99 }) => p99)),
  }));
  return Object.fromEntries(names.map((name, index) => [name, medians[index]])) as Record<Name, Load>;
}

/** Rate and p99 in words. */
export function worded({ rate, p99 }: Load): string {
  return `${Math.round(rate).toLocaleString('en')} requests/s, p99 ${p99.toFixed(1)} ms`;
}
