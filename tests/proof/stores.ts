// Which stores are proved, and how one comes to a place with data, and to any number of handles on it, in one process or in several.
import type { IdempotencyStore } from '../../src/idempotency/index.ts';
import { memory } from './memory.ts';
import type { Traits } from './model.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { sqlite } from './sqlite.ts';

/** A store, as one process has it open. */
export interface Handle {
  store: IdempotencyStore<unknown>;
  /** What an effect does: adds a line to the business data. */
  write(transaction: unknown, line: string): void | Promise<void>;
  /** Lets go of it, whatever it is doing. */
  drop(): void | Promise<void>;
}

/** Data in one place: a file, a schema of a server. */
export interface Place {
  /** What {@link ProvedStore.connect} needs in another process. */
  address: string;
  /** Deletes all records and lines. */
  empty(): void | Promise<void>;
  /** All lines that have been written and not undone, in order. */
  lines(): string[] | Promise<string[]>;
  close(): void | Promise<void>;
  /** What can be done to its server and to the connections to it, by name: only where it was opened to be harmed. */
  faults?: Record<string, () => Promise<void>>;
  /** Its server, where it was opened to be harmed. */
  server?: { kill(): Promise<void>; restart(): Promise<void> };
}

/** A store that the proofs are about. */
export interface ProvedStore extends Traits {
  name: string;
  /** Whether the data outlive a handle, and other processes reach them. */
  durable: boolean;
  /** Whether they are on a server, which may be away. */
  hasServer?: true;
  pace: {
    /** How fast the clocks go of clients that work at the same time. */
    stepMs: number;
    /** For how long they come back to a key: some hundred times. */
    keyMs: number;
    /** Sequences of verbs that take a second or a few. */
    sequences: number;
  };
  /**
   * A new place, empty.
   * @param options.harmed on a server of its own, if the store has servers, for harm to be done to it.
   */
  open(options?: { harmed?: boolean }): Place | Promise<Place>;
  /** @param now the clock of this handle, milliseconds since 1970; by default the store's own. */
  connect(address: string, now?: () => number): Handle | Promise<Handle>;
}

export const STORES: readonly ProvedStore[] = [memory, sqlite, postgres, redis];
