import { setTimeout as sleep } from 'node:timers/promises';
import type { createClient } from 'redis';
import { StoreError } from '../idempotency/index.ts';
import type { OwnedClient } from '../reference/ledgers/redis.ts';

/** How long a server may take to be reached: somebody waits for a 503 meanwhile. Milliseconds. */
const CONNECT_LIMIT_MS = 2000;

/** The first attempt to be back after an outage, and the longest pause between two later ones. Milliseconds. */
const RECONNECT_FIRST_MS = 50;
const RECONNECT_LAST_MS = 1000;

/**
 * How often Redis is asked for a sign of life, and how long it has for it. A connection that the network has swallowed would otherwise be
 * waited on for a quarter of an hour, until the system gives it up. Milliseconds.
 */
const HEARTBEAT_MS = 1000;
const SILENCE_LIMIT_MS = 3000;

/** How the client of Redis is made. */
export const CLIENT_OPTIONS = {
  // What could not be sent is told at once, and not executed whenever the connection is back.
  disableOfflineQueue: true,
  socket: {
    connectTimeout: CONNECT_LIMIT_MS,
    reconnectStrategy: (retries: number) => Math.min(RECONNECT_FIRST_MS * 2 ** retries, RECONNECT_LAST_MS),
  },
} satisfies Parameters<typeof createClient>[0];

type Client = ReturnType<typeof createClient>;

/** A client of Redis that connects beside the requests, again and again, and is replaced when nothing comes back from its server. */
export class WatchedClient implements OwnedClient {
  private readonly make: () => Client;
  private readonly silenceLimitMs: number;
  private client: Client;
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  /** @param make makes one that is not connected yet. */
  constructor(make: () => Client, silenceLimitMs = SILENCE_LIMIT_MS) {
    this.make = make;
    this.silenceLimitMs = silenceLimitMs;
    this.client = this.connecting();
    this.beatLater();
  }

  get isReady(): boolean {
    return this.client.isReady;
  }

  sendCommand(...given: Parameters<OwnedClient['sendCommand']>): Promise<unknown> {
    const [args, options] = given;
    return this.client.sendCommand([...args], options);
  }

  /** Fulfilled when there is a connection. @throws {StoreError} as soon as an attempt to connect has failed, or takes too long. */
  async connected(): Promise<void> {
    if (this.client.isReady) return;
    const { client } = this;
    await new Promise<void>((resolve, reject) => {
      const settle = (problem?: unknown) => {
        clearTimeout(late);
        client.off('ready', settle).off('error', settle);
        if (problem === undefined) resolve();
        else reject(new StoreError('unavailable', messageOf(problem), problem));
      };
      const silent = new Error(`it has not answered within ${CONNECT_LIMIT_MS} ms`);
      const late = setTimeout(() => settle(silent), CONNECT_LIMIT_MS);
      client.on('ready', settle).on('error', settle);
    });
  }

  async close(): Promise<void> {
    this.end();
    const { client } = this;
    const late = setTimeout(() => client.destroy(), this.silenceLimitMs);
    await client.close();
    clearTimeout(late);
  }

  destroy(): void {
    this.end();
    this.client.destroy();
  }

  private end(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private connecting(): Client {
    const client = this.make();
    // Without a listener a lost connection would end the process.
    client.on('error', () => undefined);
    // A failed attempt has been told by that event, and is followed by others.
    client.connect().catch(() => undefined);
    return client;
  }

  private beatLater(): void {
    this.timer = setTimeout(() => this.beat(), HEARTBEAT_MS).unref();
  }

  private async beat(): Promise<void> {
    if (!(await this.isAlive()) && !this.isClosed) {
      this.client.destroy();
      this.client = this.connecting();
    }
    if (!this.isClosed) this.beatLater();
  }

  /** Whether anything comes back within the limit, be it an error; or a connection, where there is none. */
  private async isAlive(): Promise<boolean> {
    const { client } = this;
    const late = sleep(this.silenceLimitMs, false, { ref: false });
    if (client.isReady) return Promise.race([late, client.sendCommand(['PING']).then(yes, yes)]);
    return (await late) || client.isReady;
  }
}

const yes = () => true;

/** An error that stands for several attempts (IPv6, IPv4) has no message of its own. */
function messageOf(error: unknown): string {
  const { message, code, errors } = error as { message?: string; code?: string; errors?: unknown[] };
  return message || (errors?.[0] as Error | undefined)?.message || code || String(error);
}
