// Redis for tests: a server of one's own that may be killed, or a key space of one's own on a server that is shared.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { createClient } from 'redis';
import { findProgram } from '../../scripts/lib/process.mjs';

export interface RedisOptions {
  /** Of redis.conf: `{ appendonly: 'yes', appendfsync: 'always' }`. By default nothing is written to disk. */
  settings?: Record<string, string>;
}

/** A server that belongs to one test file, and ends with it. */
export interface RedisServer {
  /** The same after a restart. */
  url: string;
  /** SIGKILL: a crash. */
  kill(): Promise<void>;
  /** Starts it again with its data; one that runs is ended first, in an orderly way. */
  restart(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** A part of a server in which nobody else writes: every key in it begins with the prefix. */
export interface RedisDatabase {
  url: string;
  prefix: string;
}

/** Somebody may take a free port before the server does; several times in a row, nobody does. */
const PORT_ATTEMPTS = 5;

/** Both are asked for by name; a Valkey server takes the same settings. */
const PROGRAMS = ['redis-server', 'valkey-server'];

/** Keys to remove at once. */
const SWEEP_SIZE = 1000;

const DEFAULTS: Record<string, string> = { bind: '127.0.0.1', save: '', appendonly: 'no', logfile: '' };

/** Ends the server when whoever has started this shell is gone, however that was: then its input ends. Tells the server's process id. */
const KEEPER = `exec 3<&0 2>&1; "$@" & server=$!; echo "pid $server"
(read -r _ <&3; kill -9 $server) 2>/dev/null & keeper=$!
wait $server; kill $keeper 2>/dev/null`;

// Not where they are made: there, they would end with the test that has made them.
const endings: (() => Promise<void>)[] = [];
after(async () => {
  for (const end of endings.reverse()) await end();
});

/** Starts a server on loopback with a port and a folder of its own. */
export async function startRedis({ settings = {} }: RedisOptions = {}): Promise<RedisServer> {
  const program = PROGRAMS.map((name) => findProgram(name)).find((path) => path !== undefined);
  if (program === undefined) {
    throw new Error(
      `neither ${PROGRAMS.join(' nor ')} is on the PATH: install redis-server (Debian: apt-get install redis-server)`,
    );
  }
  const dir = mkdtempSync(join(tmpdir(), 'docent-redis-'));
  const server = new Server(program, { ...DEFAULTS, ...settings, dir });
  endings.push(async () => {
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  });
  await server.start();
  return server;
}

let shared: Promise<RedisServer> | undefined;

/**
 * An empty key space on the server in `DOCENT_TEST_REDIS_URL`, else on one that this test file shares. What is in it is removed when the
 * file has ended.
 */
export async function redisDatabase(): Promise<RedisDatabase> {
  const prefix = `docent-test:${crypto.randomUUID()}:`;
  const given = process.env.DOCENT_TEST_REDIS_URL;
  if (given !== undefined && given !== '') {
    endings.push(() => sweep(given, prefix));
    return { url: given, prefix };
  }
  shared ??= startRedis();
  return { url: (await shared).url, prefix };
}

async function sweep(url: string, prefix: string): Promise<void> {
  const client = await createClient({ url }).connect();
  try {
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: SWEEP_SIZE })) {
      if (keys.length > 0) await client.unlink(keys);
    }
  } finally {
    client.destroy();
  }
}

interface Running {
  pid: number;
  ended: Promise<unknown>;
}

class Server implements RedisServer {
  private readonly program: string;
  private readonly settings: Record<string, string>;
  private port = 0;
  private running: Running | undefined;

  constructor(program: string, settings: Record<string, string>) {
    this.program = program;
    this.settings = settings;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** @throws {Error} with what the server has printed, when it does not start. */
  async start(): Promise<void> {
    for (let attempt = 1; this.running === undefined; attempt += 1) {
      this.port = await freePort();
      try {
        this.running = await this.launch();
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !/already in use/.test(String(error))) throw error;
      }
    }
  }

  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  async restart(): Promise<void> {
    await this.stop();
    this.running = await this.launch();
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const ended = this.running?.ended;
    this.signal(signal);
    this.running = undefined;
    await ended;
  }

  private signal(signal: NodeJS.Signals): void {
    if (this.running === undefined) return;
    try {
      process.kill(this.running.pid, signal);
    } catch {
      // It has ended by itself.
    }
  }

  private async launch(): Promise<Running> {
    const settings = Object.entries({ ...this.settings, port: String(this.port) });
    const args = settings.flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn('sh', ['-c', KEEPER, 'sh', this.program, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
    const ended = once(child, 'close');
    let output = '';
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const pid = Number(/^pid (\d+)$/m.exec(output)?.[1]);
        if (/Ready to accept connections/.test(output)) resolve({ pid, ended });
      });
      ended.then(() => reject(new Error(`${this.program} did not start: ${output}`)), reject);
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
