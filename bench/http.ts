// A warm answer of the server against the least that Node can do: a handler that sends the same bytes and header fields.
import { spawnSync } from 'node:child_process';
import { get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DOCENT, median, ROOT, type Row, start, versionOf } from './lib/tools.ts';

const ROUNDS = 4;
const ROUND_SECONDS = 2;
const CONNECTIONS = 16;

/** The highest port that the server adapter takes for an ordinary one. Above, it takes every URL apart. */
const HIGHEST_PORT = 59_999;

const TOPIC = 'help/errors/not_found';

type Fields = Record<string, string>;

const BROWSER: Fields = {
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
};

export async function run(): Promise<Row[]> {
  if (versionOf('wrk') === undefined) return [{ what: 'wrk is not installed', measured: 'try: apt-get install wrk' }];
  const docent = await start([DOCENT, 'serve', join(ROOT, 'content'), '--port', String(await freePort())]);
  try {
    const tag = (await ask(`${docent.url}${TOPIC}/`, {})).headers.etag as string;
    const rows: Row[] = [];
    for (const [what, path, fields] of [
      ['page', `${TOPIC}/`, {}],
      ['page, as a browser asks', `${TOPIC}/`, BROWSER],
      ['descriptor', `${TOPIC}.json`, {}],
      ['304', `${TOPIC}/`, { 'If-None-Match': tag }],
    ] as [string, string, Fields][])
      rows.push(await compare(what, docent.url, path, fields));
    return rows;
  } finally {
    await docent.stop();
  }
}

async function compare(what: string, url: string, path: string, fields: Fields): Promise<Row> {
  const model = JSON.stringify([`${url}${path}`, fields]);
  const bare = await start([join(ROOT, 'bench/lib/bare.ts'), String(await freePort()), model]);
  try {
    const rates: [ours: number, theirs: number][] = [];
    // Alternating, so that whatever else the machine does meets both. The first round warms both up.
    for (let round = 0; round <= ROUNDS; round++) {
      const pair: [number, number] = [
        requestsPerSecond(`${url}${path}`, fields),
        requestsPerSecond(`${bare.url}${path}`, fields),
      ];
      if (round > 0) rates.push(pair);
    }
    const [ours, theirs] = [median(rates.map(([rate]) => rate)), median(rates.map(([, rate]) => rate))];
    const perSecond = (rate: number) => `${Math.round(rate).toLocaleString('en')} requests/s`;
    return { what, measured: perSecond(ours), against: `${perSecond(theirs)}, bare handler`, ratio: ours / theirs };
  } finally {
    await bare.stop();
  }
}

function requestsPerSecond(url: string, fields: Fields): number {
  const headers = Object.entries(fields).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${ROUND_SECONDS}`, ...headers, url];
  const { stdout } = spawnSync('wrk', args, { encoding: 'utf8' });
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined || /Non-2xx or 3xx/.test(stdout)) throw new Error(`wrk ${args.join(' ')} failed:\n${stdout}`);
  return Number(rate);
}

function ask(url: string, headers: Fields): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, (response) => resolve(response.resume())).on('error', reject);
  });
}

async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    await new Promise((resolve) => server.close(resolve));
    if (typeof address === 'object' && address !== null && address.port <= HIGHEST_PORT) return address.port;
  }
}
