// Which stores are proved, and how one comes to a place with data, and to any number of handles on it, in one process or in several.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { IdempotencyStore } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { openFile, readLines, writeLine } from '../idempotency/sqlite-support.ts';
import type { Traits } from './model.ts';

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
}

/** A store that the proofs are about. */
export interface ProvedStore extends Traits {
  name: string;
  /** Whether the data outlive a handle, and other processes reach them. */
  durable: boolean;
  /** A new place, empty. */
  open(): Place | Promise<Place>;
  /** @param now the clock of this handle, milliseconds since 1970. */
  connect(address: string, now: () => number): Handle | Promise<Handle>;
}

/** The memory of this process: all handles on a place share its store, and the clock of the one that came first. */
const memories = new Map<string, { lines: string[]; store?: MemoryStore }>();

const memory: ProvedStore = {
  name: 'memory',
  transactional: false,
  durable: false,
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
      write: (_, line) => void place.lines.push(line),
      drop: () => undefined,
    };
  },
};

const sqlite: ProvedStore = {
  name: 'sqlite',
  transactional: true,
  durable: true,
  open: () => {
    const folder = mkdtempSync(join(tmpdir(), 'docent-proof-'));
    const address = join(folder, 'records.sqlite');
    const db = openFile(address);
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
  connect: (address, now) => {
    const db = openFile(address);
    return {
      store: new SqliteStore(db, { now }),
      write: (transaction, line) => writeLine(transaction as DatabaseSync, line),
      drop: () => db.close(),
    };
  },
};

export const STORES: readonly ProvedStore[] = [memory, sqlite];
