import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { IdempotencyStore } from '../idempotency/index.ts';
import type { Dialect } from './errors.ts';

/** Somebody who tries something out has finished a day later. Milliseconds. */
export const SANDBOX_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** An anonymous account. */
export interface Sandbox {
  id: string;
  dialect: Dialect;
  expiresMs: number;
}

export interface Charge {
  id: string;
  /** In the currency's minor unit. */
  amount: number;
  /** ISO 4217, lower case. */
  currency: string;
  description: string | null;
  /** RFC 3339. */
  created_at: string;
}

/** Part of a list of charges, latest first. */
export interface ChargePage {
  charges: Charge[];
  /** Whether there are charges after the last one of these. */
  hasMore: boolean;
}

/** How much of a quota has been spent in the window that is running. */
export interface Spending {
  /** Everybody's, in all processes on the store, this one's included. */
  spent: number;
  /** When the window ends and the count begins anew; milliseconds from now. */
  resetMs: number;
}

/** What every ledger can be told when it is opened. */
export interface LedgerOptions {
  /** Milliseconds since 1970; the store's own clock by default. */
  now?: () => number;
  /** The most charges of one sandbox; {@link CHARGES_PER_SANDBOX} by default. */
  chargesPerSandbox?: number;
}

/**
 * Where the reference API keeps its data: sandboxes, charges, quotas, and the idempotency records, in one store, so that a charge and
 * its record commit together. There is one implementation for each store (`ledgers/`); any number of processes may use the same data.
 * Every method throws a {@link StoreError} when the store cannot answer.
 */
export interface Ledger<Transaction = unknown> {
  readonly store: IdempotencyStore<Transaction>;

  /** Makes a sandbox, and clears up some of what has expired. @returns it, with the token that is told only once. */
  createSandbox(dialect: Dialect): Promise<Sandbox & { token: string }>;

  /** The sandbox that a token opens, expired or not, until it is cleared up. */
  sandboxOf(token: string): Promise<Sandbox | undefined>;

  /** Milliseconds since 1970, by the clock that decides what has expired. */
  now(): number;

  /**
   * Inserts a charge: an effect, to be called inside the store's transaction. Synchronous where that has to be.
   * @throws {SandboxFull} when the sandbox holds as many charges as it may; nothing is inserted.
   * @throws {SandboxGone} when the sandbox has been cleared up; nothing is inserted.
   */
  insertCharge(transaction: Transaction, sandbox: string, charge: Charge): void | Promise<void>;

  /**
   * Changes the description of a charge that was there a moment ago: an effect, as {@link insertCharge}.
   * @throws {SandboxGone} when this sandbox does not hold it any more, as it has been cleared up.
   */
  describeCharge(
    transaction: Transaction,
    sandbox: string,
    id: string,
    description: string | null,
  ): void | Promise<void>;

  /** A charge of this sandbox; somebody else's is not there. */
  charge(sandbox: string, id: string): Promise<Charge | undefined>;

  /**
   * Charges of a sandbox, latest first; those of one instant in the order of their insertion.
   * @param limit the most to answer, at least 1.
   * @param after id of the charge that was the last one of the page before; undefined for the first page.
   * @returns undefined when there is no charge with the id `after` in this sandbox.
   */
  charges(sandbox: string, limit: number, after: string | undefined): Promise<ChargePage | undefined>;

  /**
   * Counts something that is limited in a fixed window of time, for all processes on the store together.
   * @param bucket whose quota, and which: `sandbox:sbx_1`.
   * @param amount how much to add; at least 1.
   * @param windowMs length of the window, which begins with the first spending.
   */
  spend(bucket: string, amount: number, windowMs: number): Promise<Spending>;

  /** To be called after each charge: now and then it clears up some of what has expired. Never rejects. */
  tidy(): Promise<void>;

  /** Whether the data is still that which was opened: false when its file has been moved away or replaced. */
  isInPlace(): boolean;

  /**
   * Whether it finds back to its data by itself after the store could not answer, as a client of a server does. A file is opened anew: it
   * may have been unmounted, restored or repaired.
   */
  readonly reconnects: boolean;

  /** Called when no request uses it any more. */
  close(): void | Promise<void>;
}

/** More than anybody tries out by hand, and some megabytes at the most. Charges. */
export const CHARGES_PER_SANDBOX = 10_000;

/** Thrown by an effect: the sandbox holds as many charges as it may. */
export class SandboxFull extends Error {}

/** Thrown by an effect: the sandbox has expired and was cleared up while the request was under way. */
export class SandboxGone extends Error {}

/** 128 bits: nobody guesses one. */
const TOKEN_BYTES = 16;

/** 68 random bits: no two of the ids that ever fit into one store are equal. Hexadecimal digits. */
const ID_DIGITS = 18;

/** `ch_4f1…`: the prefix says what it is. Made of a UUID, because Node draws the randomness of many of them at once. */
export function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '').slice(0, ID_DIGITS)}`;
}

/** A sandbox with its token; the token is kept nowhere. */
export function newSandbox(dialect: Dialect, nowMs: number): Sandbox & { token: string } {
  const token = `sk_sandbox_${randomBytes(TOKEN_BYTES).toString('hex')}`;
  return { id: newId('sbx'), dialect, expiresMs: nowMs + SANDBOX_LIFETIME_MS, token };
}

/** What is kept of a token: its SHA-256, hex, so that who reads the store cannot use it. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
