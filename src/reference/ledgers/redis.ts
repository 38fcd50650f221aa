import { type RedisServer, RedisStore, type RedisTransaction } from '../../idempotency/stores/redis.ts';
import { type RedisClient, RedisConnection } from '../../idempotency/stores/redis-client.ts';
import type { Dialect } from '../errors.ts';
import {
  CHARGES_PER_SANDBOX,
  type Charge,
  type ChargePage,
  type Ledger,
  type LedgerOptions,
  newSandbox,
  SANDBOX_LIFETIME_MS,
  type Sandbox,
  SandboxFull,
  SandboxGone,
  type Spending,
  tokenHash,
} from '../ledger.ts';
import { CLEAR_UP, FIND_CHARGE, FIND_SANDBOX, LIST_CHARGES, MAKE_SANDBOX, SPEND } from './redis-scripts.ts';

/** Less than a lease, and no longer than somebody likes to wait for a 503. Milliseconds. */
const ANSWER_LIMIT_MS = 2000;

/** So few that no request waits for the clearing up. Records. */
const PURGE_LIMIT = 100;

/** After so many charges something is cleared up. Fewer than are cleared up at once, so that the memory does not grow for ever. */
const CHARGES_PER_PURGE = PURGE_LIMIT / 2;

/** Each is a handful of keys, and Redis frees them beside its work. Sandboxes. */
const SANDBOXES_PER_PURGE = 10;

/** A client of the package `redis`, which the ledger ends when it is closed. */
export interface OwnedClient extends RedisClient {
  readonly isReady: boolean;
  close(): Promise<unknown>;
  destroy(): void;
}

export interface RedisLedgerOptions extends LedgerOptions {
  /** What the names of all keys begin with; `docent:` by default. */
  prefix?: string;
}

/**
 * Sandboxes, charges and idempotency records in Redis or Valkey. What it promises is what {@link RedisStore} promises: a charge, its record
 * and its answer become visible at once and are fenced; what survives a crash of the server is up to its configuration.
 */
export class RedisLedger implements Ledger<RedisTransaction> {
  readonly store: RedisStore;
  readonly reconnects = true;
  private readonly client: OwnedClient;
  private readonly connection: RedisConnection;
  private readonly prefix: string;
  private readonly given: (() => number) | undefined;
  private readonly chargesPerSandbox: number;
  /** How much the server's clock is ahead of ours, as last seen. Milliseconds. */
  private aheadMs = 0;
  /** Charges since something was cleared up. */
  private sincePurge = 0;

  /** @param client connected, or about to be: until it is, every method throws a {@link StoreError}. */
  constructor(client: OwnedClient, options: RedisLedgerOptions = {}) {
    const { prefix = 'docent:', now, chargesPerSandbox = CHARGES_PER_SANDBOX } = options;
    this.client = client;
    this.prefix = prefix;
    this.given = now;
    this.chargesPerSandbox = chargesPerSandbox;
    const clock = now === undefined ? {} : { now };
    this.store = new RedisStore(client, { prefix: `${prefix}idempotency:`, answerLimitMs: ANSWER_LIMIT_MS, ...clock });
    this.connection = new RedisConnection(client, ANSWER_LIMIT_MS);
  }

  /** What the server is like. @throws {StoreError} when it does not answer, or no record can be entrusted to it. */
  server(): Promise<RedisServer> {
    return this.store.server();
  }

  async createSandbox(dialect: Dialect): Promise<Sandbox & { token: string }> {
    await this.clearUp();
    const { id, token } = newSandbox(dialect, 0);
    const keys = [this.name('sandboxes'), this.tokenName(token), this.name('sandbox', id)];
    const [, expires] = await this.run(MAKE_SANDBOX, keys, id, dialect, String(SANDBOX_LIFETIME_MS));
    return { id, dialect, expiresMs: Number(expires), token };
  }

  async sandboxOf(token: string): Promise<Sandbox | undefined> {
    const [, now, found] = await this.run(FIND_SANDBOX, [this.tokenName(token)]);
    this.aheadMs = Number(now) - Date.now();
    return found === null ? undefined : JSON.parse(String(found));
  }

  /** The server's clock, as it was last seen: whoever asks has just looked up a sandbox. */
  now(): number {
    return this.given?.() ?? Date.now() + this.aheadMs;
  }

  insertCharge(transaction: RedisTransaction, sandbox: string, charge: Charge): void {
    const order = this.name('order', sandbox);
    this.requireSandbox(transaction, sandbox);
    transaction.require(['LLEN', order], '<', this.chargesPerSandbox, () => new SandboxFull());
    transaction.command('RPUSH', order, charge.id);
    transaction.command('HSET', this.name('charges', sandbox), charge.id, JSON.stringify(charge));
  }

  describeCharge(transaction: RedisTransaction, sandbox: string, id: string, description: string | null): void {
    this.requireSandbox(transaction, sandbox);
    transaction.require(['HEXISTS', this.name('charges', sandbox), id], '=', 1, () => new SandboxGone());
    transaction.command('HSET', this.name('descriptions', sandbox), id, JSON.stringify(description));
  }

  async tidy(): Promise<void> {
    this.sincePurge += 1;
    if (this.sincePurge < CHARGES_PER_PURGE) return;
    this.sincePurge = 0;
    try {
      await this.clearUp();
    } catch {
      // The charge is made, and that is what has to be told. A store that cannot write now tells so to the next one.
    }
  }

  async charge(sandbox: string, id: string): Promise<Charge | undefined> {
    const [, charge, description] = await this.run(FIND_CHARGE, this.chargeNames(sandbox), id);
    return charge === null ? undefined : chargeOf(charge, description);
  }

  async charges(sandbox: string, limit: number, after: string | undefined): Promise<ChargePage | undefined> {
    const keys = [this.name('order', sandbox), ...this.chargeNames(sandbox)];
    const args = after === undefined ? [] : [after];
    const [kind, hasMore, ...found] = await this.run(LIST_CHARGES, keys, String(limit), ...args);
    if (kind === 'unknown') return undefined;
    const charges: Charge[] = [];
    for (let index = 0; index < found.length; index += 2) charges.push(chargeOf(found[index], found[index + 1]));
    return { charges, hasMore: hasMore === 1 };
  }

  async spend(bucket: string, amount: number, windowMs: number): Promise<Spending> {
    const args = [String(amount), String(windowMs)];
    const [, spent, resetMs] = await this.run(SPEND, [this.name('quota', bucket)], ...args);
    return { spent: Number(spent), resetMs: Number(resetMs) };
  }

  isInPlace(): boolean {
    return true;
  }

  async close(): Promise<void> {
    // In order, if there is somebody to say good-bye to.
    if (this.client.isReady) await this.client.close();
    else this.client.destroy();
  }

  private requireSandbox(transaction: RedisTransaction, sandbox: string): void {
    transaction.require(['EXISTS', this.name('sandbox', sandbox)], '=', 1, () => new SandboxGone());
  }

  private async clearUp(): Promise<void> {
    await this.store.purge(Number.MAX_SAFE_INTEGER, PURGE_LIMIT);
    await this.run(CLEAR_UP, [this.name('sandboxes')], String(SANDBOXES_PER_PURGE), this.prefix);
  }

  private run(script: Parameters<RedisConnection['run']>[0], keys: string[], ...args: string[]) {
    const time = this.given === undefined ? '' : String(this.given());
    return this.connection.run(script, keys, time, args);
  }

  private name(kind: string, ...of: string[]): string {
    return this.prefix + [kind, ...of].join(':');
  }

  private tokenName(token: string): string {
    return this.name('token', tokenHash(token));
  }

  private chargeNames(sandbox: string): [charges: string, descriptions: string] {
    return [this.name('charges', sandbox), this.name('descriptions', sandbox)];
  }
}

function chargeOf(charge: unknown, description: unknown): Charge {
  const { id, amount, currency, created_at, ...rest } = JSON.parse(String(charge));
  const described = description === null ? rest.description : JSON.parse(String(description));
  return { id, amount, currency, description: described, created_at };
}
