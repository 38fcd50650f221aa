// Which stores are proved, and how one comes to a place with data, and to any number of handles on it, in one process or in several.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import type { IdempotencyStore } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import type { Ledger } from '../../src/reference/ledger.ts';
import { SqliteLedger } from '../../src/reference/ledgers/sqlite.ts';
import { openFile, readLines, writeLine } from '../idempotency/sqlite-support.ts';
import type { Traits } from './model.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';

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
}

/** A store that the proofs are about. */
export interface ProvedStore extends Traits {
  name: string;
  /** Whether the data outlive a handle, and other processes reach them. */
  durable: boolean;
  /** How fast the clocks of clients that work at the same time go, and how long they come back to a key: some hundred times. */
  pace: { stepMs: number; keyMs: number };
  /** The reference API's data, in a place of their own beside this one. */
  ledger?(address: string): Ledger;
  /**
   * A new place, empty.
   * @param options.harmed on a server of its own, if the store has servers, for harm to be done to it.
   */
  open(options?: { harmed?: boolean }): Place | Promise<Place>;
  /** @param now the clock of this handle, milliseconds since 1970. */
  connect(address: string, now: () => number): Handle | Promise<Handle>;
}

/** The memory of this process: all handles on a place share its store, and the clock of the one that came first. */
const memories = new Map<string, { lines: string[]; store?: MemoryStore }>();

const memory: ProvedStore = {
  name: 'memory',
  transactional: false,
  durable: false,
  pace: { stepMs: 1, keyMs: 4 },
  open: () => {
    const address = `memory ${memories.size}`;
    const place: { lines: string[]; store?: MemoryStore } = { lines: [] };
    memories.set(address, place);
    return {
      address,
      empty: () => {
        delete place.store;
        place.lines.length = 0;
      },
      lines: () => place.lines,
      close: () => void memories.delete(address),
    };
  },
  connect: (address, now) => {
    const place = memories.get(address);
    if (place === undefined) throw new Error(`${address} is none of this process`);
    return {
      get store() {
        place.store ??= new MemoryStore({ now });
        return place.store;
      },
      write: async (_, line) => {
        // Others have time to come between, as where writing is a message to a server.
        await turn();
        place.lines.push(line);
      },
      drop: () => undefined,
    };
  },
};

const sqlite: ProvedStore = {
  name: 'sqlite',
  transactional: true,
  durable: true,
  pace: { stepMs: 5, keyMs: 30 },
  open: () => {
    const folder = mkdtempSync(join(tmpdir(), 'docent-proof-'));
    const address = join(folder, 'records.sqlite');
    const db = openFile(address);
    // Makes the table.
    new SqliteStore(db);
    return {
      address,
      empty: () => db.exec('DELETE FROM line; DELETE FROM idempotency_record'),
      lines: () => readLines(db),
      close: () => {
        db.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
  ledger: (address) => new SqliteLedger(`${address}.ledger`),
  connect: (address, now) => {
    const db = openFile(address);
    return {
      store: new SqliteStore(db, { now }),
      write: (transaction, line) => writeLine(transaction as DatabaseSync, line),
      drop: () => db.close(),
    };
  },
};

export const STORES: readonly ProvedStore[] = [memory, sqlite, postgres, redis];

/** @throws when there is none of this name. */
export function storeNamed(name: string): ProvedStore {
  const store = STORES.find((store) => store.name === name);
  if (store === undefined) throw new Error(`there is no store ${name}`);
  return store;
}
