import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../idempotency/index.ts';
import { SqliteStore } from '../idempotency/stores/sqlite.ts';
import { guard, Statements, transaction } from '../idempotency/stores/sqlite-transaction.ts';
import { makeFolder } from '../pack/folder.ts';
import type { Dialect } from './errors.ts';

/** Somebody who tries something out has finished a day later. Milliseconds. */
export const SANDBOX_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** What trying things out may take of a disk. Bytes; some millions of charges. */
const SIZE_LIMIT_BYTES = 1024 * 1024 * 1024;

/** Another process of this server holds the lock for a few milliseconds; a longer wait would hold up everybody here. Milliseconds. */
const BUSY_TIMEOUT_MS = 250;

/** So few that no request waits for the clearing up. Rows. */
const PURGE_LIMIT = 100;

/** After so many charges something is cleared up. Fewer than are cleared up at once, so that the file does not grow for ever. */
const CHARGES_PER_PURGE = PURGE_LIMIT / 2;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS sandbox (
    id            TEXT PRIMARY KEY,
    token_hash    TEXT NOT NULL UNIQUE, -- SHA-256 of the token, hex: who reads the file cannot use it
    dialect       TEXT NOT NULL,
    expires_ms    INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS sandbox_expires ON sandbox (expires_ms);
  CREATE TABLE IF NOT EXISTS charge (
    id            TEXT PRIMARY KEY,
    sandbox       TEXT NOT NULL REFERENCES sandbox (id) ON DELETE CASCADE,
    amount        INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    description   TEXT,
    created_at    TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS charge_sandbox ON charge (sandbox);
`;

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

export interface LedgerOptions {
  /** Milliseconds since 1970. */
  now?: () => number;
  /** The most that the file may take; {@link SIZE_LIMIT_BYTES} by default. */
  sizeLimitBytes?: number;
}

/**
 * Sandboxes, charges and idempotency records in one SQLite file, so that they commit together. A commit is on the disk when it
 * returns: it survives `kill -9` and a power loss.
 */
export class Ledger {
  readonly store: SqliteStore;
  private readonly db: DatabaseSync;
  private readonly now: () => number;
  private readonly statements: Statements;
  private readonly path: string;
  private readonly place: string | undefined;
  /** Charges since something was cleared up. */
  private charges = 0;

  /**
   * Opens the file, and makes it and its folder if they are not there.
   * @throws {StoreError} when it cannot be opened, written, or is no database.
   */
  constructor(path: string, { now = Date.now, sizeLimitBytes = SIZE_LIMIT_BYTES }: LedgerOptions = {}) {
    this.now = now;
    this.path = path;
    this.db = open(path);
    this.statements = new Statements(this.db);
    this.place = placeOf(path);
    try {
      this.store = guard(() => {
        this.db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`);
        const { page_size: pageSize } = this.db.prepare('PRAGMA page_size').get() as { page_size: number };
        this.db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(sizeLimitBytes / pageSize))}`);
        this.db.exec(SCHEMA);
        return new SqliteStore(this.db, { now });
      });
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  /** Makes a sandbox, and clears up some that have expired. @returns it, with the token that is told only once. */
  async createSandbox(dialect: Dialect): Promise<Sandbox & { token: string }> {
    await this.store.purge(this.now(), PURGE_LIMIT);
    const token = `sk_sandbox_${randomBytes(TOKEN_BYTES).toString('hex')}`;
    const sandbox = { id: newId('sbx'), dialect, expiresMs: this.now() + SANDBOX_LIFETIME_MS };
    transaction(this.db, () => {
      this.clearUp();
      this.run('INSERT INTO sandbox VALUES (?, ?, ?, ?)', sandbox.id, hash(token), dialect, sandbox.expiresMs);
    });
    return { ...sandbox, token };
  }

  /** The sandbox that a token opens, expired or not, until it is cleared up. */
  sandboxOf(token: string): Sandbox | undefined {
    const row = this.get('SELECT id, dialect, expires_ms AS expiresMs FROM sandbox WHERE token_hash = ?', hash(token));
    return row as unknown as Sandbox | undefined;
  }

  /** Inserts a charge: the effect, to be called inside the store's transaction. */
  insertCharge(sandbox: string, { id, amount, currency, description, created_at }: Charge): void {
    const sql = 'INSERT INTO charge VALUES (?, ?, ?, ?, ?, ?)';
    this.run(sql, id, sandbox, amount, currency, description, created_at);
  }

  /** To be called after each charge: now and then it clears up some of what has expired. Never rejects. */
  async tidy(): Promise<void> {
    this.charges += 1;
    if (this.charges < CHARGES_PER_PURGE) return;
    this.charges = 0;
    try {
      await this.store.purge(this.now(), PURGE_LIMIT);
      transaction(this.db, () => this.clearUp());
    } catch {
      // The charge is made, and that is what has to be told. A store that cannot write now tells so to the next one.
    }
  }

  /** A charge of this sandbox; somebody else's is not there. */
  charge(sandbox: string, id: string): Charge | undefined {
    const sql = 'SELECT id, amount, currency, description, created_at FROM charge WHERE sandbox = ? AND id = ?';
    return this.get(sql, sandbox, id) as unknown as Charge | undefined;
  }

  newCharge(amount: number, currency: string, description: string | null): Charge {
    return { id: newId('ch'), amount, currency, description, created_at: new Date(this.now()).toISOString() };
  }

  isExpired({ expiresMs }: Sandbox): boolean {
    return expiresMs <= this.now();
  }

  /** Whether the file at the path is still the one that is open. */
  isInPlace(): boolean {
    return placeOf(this.path) === this.place;
  }

  close(): void {
    this.db.close();
  }

  private clearUp(): void {
    const now = this.now();
    const expired = 'SELECT id FROM sandbox WHERE expires_ms <= ? LIMIT 1';
    const old = this.get(expired, now) as { id: string } | undefined;
    if (old !== undefined) {
      const some = 'DELETE FROM charge WHERE rowid IN (SELECT rowid FROM charge WHERE sandbox = ? LIMIT ?)';
      const { changes } = this.statements.of(some).run(old.id, PURGE_LIMIT);
      if (Number(changes) < PURGE_LIMIT) this.run('DELETE FROM sandbox WHERE id = ?', old.id);
    }
  }

  private get(sql: string, ...values: (string | number | null)[]): Record<string, unknown> | undefined {
    return guard(() => this.statements.of(sql).get(...values));
  }

  private run(sql: string, ...values: (string | number | null)[]): void {
    this.statements.of(sql).run(...values);
  }
}

/** 128 bits: nobody guesses one. */
const TOKEN_BYTES = 16;

/** 68 random bits: no two of the ids that ever fit into one file are equal. Hexadecimal digits. */
const ID_DIGITS = 18;

/** `ch_4f1…`: the prefix says what it is. Made of a UUID, because Node draws the randomness of many of them at once. */
export function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '').slice(0, ID_DIGITS)}`;
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Which file is at a path; undefined when there is none, or none that can be reached. */
function placeOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** Tokens are stored hashed, but what people try out is nobody else's business either. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

function open(path: string): DatabaseSync {
  try {
    makeFolder(dirname(path), FOLDER_MODE);
    // SQLite would make it readable for everybody; the files that it makes beside it get the rights of this one.
    closeSync(openSync(path, 'a', FILE_MODE));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StoreError('unavailable', `${path} cannot be made or written (${code})`, error);
  }
  return guard(() => new DatabaseSync(path));
}
