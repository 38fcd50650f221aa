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

/** A client of Redis that connects beside the requests, again and again, and leaves a connection on which nothing comes back. */
export class WatchedClient implements OwnedClient {
  private readonly client: ReturnType<typeof createClient>;
  private readonly silenceLimitMs: number;
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  /** @param client not connected yet. */
  constructor(client: ReturnType<typeof createClient>, silenceLimitMs = SILENCE_LIMIT_MS) {
    this.client = client;
    this.silenceLimitMs = silenceLimitMs;
    // Without a listener a lost connection would end the process.
    client.on('error', () => undefined);
    this.connect();
    this.beatLater();
  }

  get isReady(): boolean {
    return this.client.isReady;
  }

  sendCommand(...given: Parameters<OwnedClient['sendCommand']>): Promise<unknown> {
    const [args, options] = given;
    return this.client.sendCommand([...args], options);
  }

  /** Fulfilled when there is a connection. @throws {StoreError} as soon as an attempt to connect has failed. */
  async connected(): Promise<void> {
    if (this.client.isReady) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (problem?: unknown) => {
        this.client.off('ready', settle).off('error', settle);
        if (problem === undefined) resolve();
        else reject(new StoreError('unavailable', messageOf(problem), problem));
      };
      this.client.on('ready', settle).on('error', settle);
    });
  }

  async close(): Promise<void> {
    this.end();
    const late = setTimeout(() => this.client.destroy(), this.silenceLimitMs);
    await this.client.close();
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

  private connect(): void {
    // A failed attempt has been told by an event, and is followed by others.
    this.client.connect().catch(() => undefined);
  }

  private beatLater(): void {
    this.timer = setTimeout(() => this.beat(), HEARTBEAT_MS).unref();
  }

  private async beat(): Promise<void> {
    if (this.client.isReady && !(await this.isAlive()) && !this.isClosed) {
      this.client.destroy();
      this.connect();
    }
    if (!this.isClosed) this.beatLater();
  }

  /** Whether anything comes back within the limit: an error does as well. */
  private isAlive(): Promise<boolean> {
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve(false), this.silenceLimitMs).unref();
      const answered = () => {
        clearTimeout(late);
        resolve(true);
      };
      this.client.sendCommand(['PING']).then(answered, answered);
    });
  }
}

/** An error that stands for several attempts (IPv6, IPv4) has no message of its own. */
function messageOf(error: unknown): string {
  const { message, code, errors } = error as { message?: string; code?: string; errors?: unknown[] };
  return message || (errors?.[0] as Error | undefined)?.message || code || String(error);
}
