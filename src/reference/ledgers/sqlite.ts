import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Durability } from '../../config/config.ts';
import { StoreError } from '../../idempotency/index.ts';
import { SqliteStore } from '../../idempotency/stores/sqlite.ts';
import { migrate } from '../../idempotency/stores/sqlite-schema.ts';
import { guard, Statements } from '../../idempotency/stores/sqlite-transaction.ts';
import { makeFolder } from '../../pack/folder.ts';
import type { Dialect } from '../errors.ts';
import {
  CHARGES_PER_SANDBOX,
  type Charge,
  type ChargePage,
  type Ledger,
  type LedgerOptions,
  newSandbox,
  type Sandbox,
  SandboxFull,
  SandboxGone,
  type Spending,
  tokenHash,
} from '../ledger.ts';
import { LEDGER } from './sqlite-schema.ts';

/** What trying things out may take of a disk. Bytes; some millions of charges. */
const SIZE_LIMIT_BYTES = 1024 * 1024 * 1024;

/** Another process of this server holds the lock for a few milliseconds; a longer wait would hold up everybody here. Milliseconds. */
const BUSY_TIMEOUT_MS = 250;

/** So few that no request waits for the clearing up. Rows. */
const PURGE_LIMIT = 100;

/** After so many charges something is cleared up. Fewer than are cleared up at once, so that the file does not grow for ever. */
const CHARGES_PER_PURGE = PURGE_LIMIT / 2;

const SELECT_CHARGE = 'SELECT id, amount, currency, description, created_at FROM charge';

const INSERT_SANDBOX = 'INSERT INTO sandbox (id, token_hash, dialect, expires_ms) VALUES (?, ?, ?, ?)';

// Counts a charge, if there is room for it: a counter costs the same for the first and for the last one.
const COUNT_CHARGE = 'UPDATE sandbox SET charges = charges + 1 WHERE id = ? AND charges < ?';

const SPEND = `
  INSERT INTO quota (bucket, spent, ends_ms) VALUES (?1, ?2, ?3)
  ON CONFLICT (bucket) DO UPDATE SET
    spent = CASE WHEN ends_ms > ?4 THEN spent ELSE 0 END + excluded.spent,
    ends_ms = CASE WHEN ends_ms > ?4 THEN ends_ms ELSE excluded.ends_ms END
  RETURNING spent, ends_ms AS endsMs`;

export interface SqliteLedgerOptions extends LedgerOptions {
  /** The most that the file may take; {@link SIZE_LIMIT_BYTES} by default. */
  sizeLimitBytes?: number;
  /** With `relaxed` a power loss may undo the last commits; the end of the process undoes none. `full` by default. */
  durability?: Durability;
}

/** https://www.sqlite.org/pragma.html#pragma_synchronous, in WAL mode. */
const SYNCHRONOUS: Record<Durability, string> = { full: 'FULL', relaxed: 'NORMAL' };

/**
 * Sandboxes, charges and idempotency records in one SQLite file, so that they commit together. A commit is on the disk when it
 * returns, unless that was given up: it survives `kill -9` and a power loss.
 */
export class SqliteLedger implements Ledger<DatabaseSync> {
  readonly store: SqliteStore;
  readonly reconnects = false;
  private readonly db: DatabaseSync;
  readonly now: () => number;
  private readonly statements: Statements;
  private readonly path: string;
  private readonly place: string | undefined;
  private readonly chargesPerSandbox: number;
  /** Charges since something was cleared up. */
  private sincePurge = 0;

  /**
   * Opens the file, and makes it and its folder if they are not there.
   * @throws {StoreError} when it cannot be opened, written, or is no database.
   */
  constructor(path: string, options: SqliteLedgerOptions = {}) {
    const { now = Date.now, chargesPerSandbox = CHARGES_PER_SANDBOX, durability = 'full' } = options;
    const { sizeLimitBytes = SIZE_LIMIT_BYTES } = options;
    this.now = now;
    this.chargesPerSandbox = chargesPerSandbox;
    this.path = path;
    this.db = open(path);
    this.statements = new Statements(this.db);
    this.place = placeOf(path);
    try {
      this.store = guard(() => {
        this.db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL`);
        this.db.exec(`PRAGMA synchronous = ${SYNCHRONOUS[durability]}`);
        const { page_size: pageSize } = this.db.prepare('PRAGMA page_size').get() as { page_size: number };
        this.db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(sizeLimitBytes / pageSize))}`);
        migrate(this.db, LEDGER);
        return new SqliteStore(this.db, { now });
      });
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  async createSandbox(dialect: Dialect): Promise<Sandbox & { token: string }> {
    await this.store.purge(this.now(), PURGE_LIMIT);
    const { token, ...sandbox } = newSandbox(dialect, this.now());
    await this.store.group.submit(() => {
      this.clearUp();
      this.run(INSERT_SANDBOX, sandbox.id, tokenHash(token), dialect, sandbox.expiresMs);
    });
    return { ...sandbox, token };
  }

  async sandboxOf(token: string): Promise<Sandbox | undefined> {
    const sql = 'SELECT id, dialect, expires_ms AS expiresMs FROM sandbox WHERE token_hash = ?';
    return this.get(sql, tokenHash(token)) as unknown as Sandbox | undefined;
  }

  insertCharge(_: DatabaseSync, sandbox: string, { id, amount, currency, description, created_at }: Charge): void {
    if (this.run(COUNT_CHARGE, sandbox, this.chargesPerSandbox) === 0)
      throw this.get('SELECT 1 FROM sandbox WHERE id = ?', sandbox) === undefined
        ? new SandboxGone()
        : new SandboxFull();
    this.run('INSERT INTO charge VALUES (?, ?, ?, ?, ?, ?)', id, sandbox, amount, currency, description, created_at);
  }

  describeCharge(_: DatabaseSync, sandbox: string, id: string, description: string | null): void {
    const sql = 'UPDATE charge SET description = ? WHERE sandbox = ? AND id = ?';
    if (this.run(sql, description, sandbox, id) === 0) throw new SandboxGone();
  }

  async tidy(): Promise<void> {
    this.sincePurge += 1;
    if (this.sincePurge < CHARGES_PER_PURGE) return;
    this.sincePurge = 0;
    try {
      await this.store.purge(this.now(), PURGE_LIMIT);
      await this.store.group.submit(() => this.clearUp());
    } catch {
      // The charge is made, and that is what has to be told. A store that cannot write now tells so to the next one.
    }
  }

  async charge(sandbox: string, id: string): Promise<Charge | undefined> {
    return this.get(`${SELECT_CHARGE} WHERE sandbox = ? AND id = ?`, sandbox, id) as unknown as Charge | undefined;
  }

  async charges(sandbox: string, limit: number, after: string | undefined): Promise<ChargePage | undefined> {
    const last = after && this.get('SELECT rowid AS row FROM charge WHERE sandbox = ? AND id = ?', sandbox, after);
    if (after !== undefined && !last) return undefined;
    const before = last ? (last.row as number) : Number.MAX_SAFE_INTEGER;
    const sql = `${SELECT_CHARGE} WHERE sandbox = ? AND rowid < ? ORDER BY rowid DESC LIMIT ?`;
    const found = guard(() => this.statements.of(sql).all(sandbox, before, limit + 1)) as unknown as Charge[];
    return { charges: found.slice(0, limit), hasMore: found.length > limit };
  }

  async spend(bucket: string, amount: number, windowMs: number): Promise<Spending> {
    return this.store.group.submit(() => {
      const now = this.now();
      const row = this.get(SPEND, bucket, amount, now + windowMs, now) as { spent: number; endsMs: number };
      return { spent: row.spent, resetMs: row.endsMs - now };
    });
  }

  isInPlace(): boolean {
    return placeOf(this.path) === this.place;
  }

  close(): void {
    this.db.close();
  }

  private clearUp(): void {
    const now = this.now();
    this.run(
      'DELETE FROM quota WHERE bucket IN (SELECT bucket FROM quota WHERE ends_ms <= ? LIMIT ?)',
      now,
      PURGE_LIMIT,
    );
    const expired = 'SELECT id FROM sandbox WHERE expires_ms <= ? LIMIT 1';
    const old = this.get(expired, now) as { id: string } | undefined;
    if (old !== undefined) {
      const some = 'DELETE FROM charge WHERE rowid IN (SELECT rowid FROM charge WHERE sandbox = ? LIMIT ?)';
      if (this.run(some, old.id, PURGE_LIMIT) < PURGE_LIMIT) this.run('DELETE FROM sandbox WHERE id = ?', old.id);
    }
  }

  private get(sql: string, ...values: (string | number | null)[]): Record<string, unknown> | undefined {
    return guard(() => this.statements.of(sql).get(...values));
  }

  /** @returns how many rows it has changed. */
  private run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.statements.of(sql).run(...values).changes);
  }
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
