// What the contract of ledgers is tested with: a place for data, handles on it, and a clock.
import assert from 'node:assert/strict';
import type { Claim } from '../../src/idempotency/index.ts';
import { type Charge, type Ledger, type LedgerOptions, newId } from '../../src/reference/ledger.ts';
import { FACTS, LEASE, RETAIN, replyOf, START } from '../idempotency/bench.ts';

/**
 * What a module exports with which ledgers of one kind are opened, in this process and in others.
 * @param place where the data is: a path, or a URL.
 */
export interface LedgerModule<Transaction = unknown> {
  openLedger(place: string, options: LedgerOptions): Ledger<Transaction> | Promise<Ledger<Transaction>>;
}

/** Where the data of one test is; empty at first. */
export interface Place {
  /** As {@link LedgerModule} takes it. */
  place: string;
  /** Everything that is kept there, as text, so that a test can see whether something is. */
  dump(): string | Promise<string>;
}

export interface LedgerUnderTest {
  name: string;
  /** A {@link LedgerModule}. */
  module: URL;
  /** Whether what an effect has written is undone when it throws, and whether a check in it sees what others have written. */
  transactional: boolean;
  /** Each test has a place of its own; whoever makes it also removes it. */
  make(): Place | Promise<Place>;
}

export const CHARGE: Omit<Charge, 'id'> = {
  amount: 1000,
  currency: 'usd',
  description: 'Two tickets',
  created_at: new Date(START).toISOString(),
};

/** What a test holds: a place, handles on it, its clock, and short forms of what requests do. */
export class LedgerBench<T> {
  now = START;
  readonly place: Place;
  readonly under: LedgerUnderTest;
  private readonly opened = new Set<Ledger<T>>();
  private keys = 0;

  constructor(under: LedgerUnderTest, place: Place) {
    this.under = under;
    this.place = place;
  }

  /** A handle of its own, as another process has one. */
  async open(options: Omit<LedgerOptions, 'now'> = {}): Promise<Ledger<T>> {
    const { openLedger }: LedgerModule<T> = await import(this.under.module.href);
    const ledger = await openLedger(this.place.place, { now: () => this.now, ...options });
    this.opened.add(ledger);
    return ledger;
  }

  async close(ledger: Ledger<T>): Promise<void> {
    this.opened.delete(ledger);
    await ledger.close();
  }

  async closeAll(): Promise<void> {
    for (const ledger of this.opened) await this.close(ledger);
  }

  async claim(ledger: Ledger<T>, sandbox: string): Promise<Claim> {
    this.keys += 1;
    const outcome = await ledger.store.claim({ principal: sandbox, key: `key ${this.keys}` }, FACTS, LEASE);
    assert.equal(outcome.kind, 'claimed');
    return (outcome as { claim: Claim }).claim;
  }

  /** Makes a charge as a request does: with a record of its own. Rejects with what the effect throws, and gives the claim up then. */
  async charge(ledger: Ledger<T>, sandbox: string, given: Partial<Charge> = {}): Promise<Charge> {
    const charge = { id: newId('ch'), ...CHARGE, ...given };
    await this.effect(ledger, sandbox, (transaction) => ledger.insertCharge(transaction, sandbox, charge));
    return charge;
  }

  async describe(ledger: Ledger<T>, sandbox: string, id: string, description: string | null): Promise<void> {
    await this.effect(ledger, sandbox, (transaction) => ledger.describeCharge(transaction, sandbox, id, description));
  }

  private async effect(
    ledger: Ledger<T>,
    sandbox: string,
    write: (transaction: T) => void | Promise<void>,
  ): Promise<void> {
    const claim = await this.claim(ledger, sandbox);
    try {
      await ledger.store.commit(claim, (transaction) => after(write(transaction), replyOf('done')), RETAIN);
    } catch (error) {
      await ledger.store.release(claim);
      throw error;
    }
  }
}

/** A reply once something is written: at once where that is synchronous. */
export function after<R>(written: void | Promise<void>, reply: R): R | Promise<R> {
  return written instanceof Promise ? written.then(() => reply) : reply;
}
