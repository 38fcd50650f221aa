import { StoreError } from '../../idempotency/index.ts';
import { type PostgresClient, type PostgresPool, PostgresStore } from '../../idempotency/stores/postgres.ts';
import { named, type PostgresRow } from '../../idempotency/stores/postgres-client.ts';
import { migrate } from '../../idempotency/stores/postgres-schema.ts';
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
import { LEDGER } from './postgres-schema.ts';

/** So few that no request waits for the clearing up. Rows. */
const PURGE_LIMIT = 100;

/** After so many charges something is cleared up. Fewer than are cleared up at once, so that the tables do not grow for ever. */
const CHARGES_PER_PURGE = PURGE_LIMIT / 2;

/** The server's time at the beginning of a statement, or the one that is given as a parameter. */
const now = (parameter: number) =>
  `coalesce($${parameter}::bigint, (extract(epoch from statement_timestamp()) * 1000)::bigint)`;

const INSERT_SANDBOX = `
  INSERT INTO docent_sandbox (id, token_hash, dialect, expires_ms) VALUES ($1, $2, $3, ${now(4)} + $5::bigint)
  RETURNING expires_ms`;

const FIND_SANDBOX = `
  SELECT ${now(2)} AS now_ms, sandbox.id, sandbox.dialect, sandbox.expires_ms
  FROM (SELECT 1) AS one LEFT JOIN docent_sandbox AS sandbox ON sandbox.token_hash = $1`;

// Counts a charge, if there is room for it: a counter costs the same for the first and for the last one. It also locks the sandbox, so that
// its charges are numbered as they are committed.
const INSERT_CHARGE = `
  WITH room AS (UPDATE docent_sandbox SET charges = charges + 1 WHERE id = $2 AND charges < $7 RETURNING id)
  INSERT INTO docent_charge (id, sandbox, amount, currency, description, created_at)
  SELECT $1, id, $3, $4, $5, $6 FROM room`;

const DESCRIBE_CHARGE = 'UPDATE docent_charge SET description = $3 WHERE sandbox = $1 AND id = $2';

const FIND_CHARGE =
  'SELECT id, amount, currency, description, created_at FROM docent_charge WHERE sandbox = $1 AND id = $2';

const LIST_CHARGES = `
  SELECT id, amount, currency, description, created_at FROM docent_charge
  WHERE sandbox = $1 AND position < $2 ORDER BY position DESC LIMIT $3`;

/** Above every position. */
const BEHIND_ALL = Number.MAX_SAFE_INTEGER;

const SPEND = `
  INSERT INTO docent_quota AS quota VALUES ($1, $2, ${now(4)} + $3::bigint)
  ON CONFLICT (bucket) DO UPDATE SET
    spent = CASE WHEN quota.ends_ms > ${now(4)} THEN quota.spent ELSE 0 END + excluded.spent,
    ends_ms = CASE WHEN quota.ends_ms > ${now(4)} THEN quota.ends_ms ELSE excluded.ends_ms END
  RETURNING spent, ends_ms - ${now(4)} AS reset_ms`;

// What another process is clearing up, or charging, is left to the next time.
const CLEAR_QUOTAS = `
  DELETE FROM docent_quota WHERE bucket IN
    (SELECT bucket FROM docent_quota WHERE ends_ms <= ${now(1)} LIMIT $2 FOR UPDATE SKIP LOCKED)`;
const CLEAR_SANDBOX = `
  WITH old AS
    (SELECT id FROM docent_sandbox WHERE expires_ms <= ${now(1)} ORDER BY expires_ms LIMIT 1 FOR UPDATE SKIP LOCKED),
  cleared AS (DELETE FROM docent_charge WHERE id IN
    (SELECT charge.id FROM docent_charge AS charge JOIN old ON charge.sandbox = old.id LIMIT $2) RETURNING 1)
  DELETE FROM docent_sandbox WHERE id IN (SELECT id FROM old) AND (SELECT count(*) FROM cleared) < $2`;

/** A pool of the package `pg`, which the ledger ends when it is closed. */
export interface OwnedPool extends PostgresPool {
  end(): Promise<void>;
}

/**
 * Sandboxes, charges and idempotency records in one PostgreSQL database, so that they commit together. What survives a power loss is up to
 * the server's `fsync` and `synchronous_commit`.
 */
export class PostgresLedger implements Ledger<PostgresClient> {
  readonly store: PostgresStore;
  readonly reconnects = true;
  private readonly pool: OwnedPool;
  private readonly given: (() => number) | undefined;
  private readonly chargesPerSandbox: number;
  private ready: Promise<void> | undefined;
  /** How much the server's clock is ahead of ours, as last seen. Milliseconds. */
  private aheadMs = 0;
  /** Charges since something was cleared up. */
  private sincePurge = 0;

  /** @param pool with limits to how long a connection and a query may take, and a listener for `error`. */
  constructor(pool: OwnedPool, { now, chargesPerSandbox = CHARGES_PER_SANDBOX }: LedgerOptions = {}) {
    this.pool = pool;
    this.given = now;
    this.chargesPerSandbox = chargesPerSandbox;
    this.store = new PostgresStore(pool, now === undefined ? {} : { now });
  }

  /**
   * Makes the tables, or brings them up to date. Called by every method; to be called at the start by whoever wants to know early.
   * @throws {StoreError} when the server cannot be reached, or a later version has made the tables.
   */
  setUp(): Promise<void> {
    this.ready ??= this.migrate().catch((error: unknown) => {
      // The next one tries again.
      this.ready = undefined;
      throw error instanceof StoreError ? error : new StoreError('unavailable', (error as Error).message, error);
    });
    return this.ready;
  }

  async createSandbox(dialect: Dialect): Promise<Sandbox & { token: string }> {
    await this.clearUp();
    const { id, token } = newSandbox(dialect, 0);
    const values = [id, tokenHash(token), dialect, this.time(), SANDBOX_LIFETIME_MS];
    const [made] = await this.rows('make-sandbox', INSERT_SANDBOX, values);
    return { id, dialect, expiresMs: Number(made?.expires_ms), token };
  }

  async sandboxOf(token: string): Promise<Sandbox | undefined> {
    const [found] = await this.rows('find-sandbox', FIND_SANDBOX, [tokenHash(token), this.time()]);
    this.aheadMs = Number(found?.now_ms) - Date.now();
    const { id, dialect, expires_ms: expiresMs } = found ?? {};
    return id === null ? undefined : { id, dialect, expiresMs: Number(expiresMs) };
  }

  /** The server's clock, as it was last seen: whoever asks has just looked up a sandbox. */
  now(): number {
    return this.given?.() ?? Date.now() + this.aheadMs;
  }

  async insertCharge(transaction: PostgresClient, sandbox: string, charge: Charge): Promise<void> {
    const { id, amount, currency, description, created_at } = charge;
    const values = [id, sandbox, amount, currency, JSON.stringify(description), created_at, this.chargesPerSandbox];
    const { rowCount } = await transaction.query(query('insert-charge', INSERT_CHARGE, values));
    if (rowCount === 1) return;
    const { rows } = await transaction.query({ text: 'SELECT 1 FROM docent_sandbox WHERE id = $1', values: [sandbox] });
    throw rows.length === 0 ? new SandboxGone() : new SandboxFull();
  }

  async describeCharge(
    transaction: PostgresClient,
    sandbox: string,
    id: string,
    description: string | null,
  ): Promise<void> {
    const values = [sandbox, id, JSON.stringify(description)];
    const { rowCount } = await transaction.query(query('describe-charge', DESCRIBE_CHARGE, values));
    if (rowCount !== 1) throw new SandboxGone();
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
    if (!isText(id)) return undefined;
    const [found] = await this.rows('find-charge', FIND_CHARGE, [sandbox, id]);
    return found && chargeOf(found);
  }

  async charges(sandbox: string, limit: number, after: string | undefined): Promise<ChargePage | undefined> {
    const before = after === undefined ? BEHIND_ALL : await this.positionOf(sandbox, after);
    if (before === undefined) return undefined;
    const found = await this.rows('list-charges', LIST_CHARGES, [sandbox, before, limit + 1]);
    return { charges: found.slice(0, limit).map(chargeOf), hasMore: found.length > limit };
  }

  async spend(bucket: string, amount: number, windowMs: number): Promise<Spending> {
    const [row] = await this.rows('spend', SPEND, [bucket, amount, windowMs, this.time()]);
    return { spent: Number(row?.spent), resetMs: Number(row?.reset_ms) };
  }

  isInPlace(): boolean {
    return true;
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async migrate(): Promise<void> {
    try {
      const client = await this.pool.connect();
      try {
        await migrate(client, LEDGER);
        client.release();
      } catch (error) {
        client.release(true);
        throw error;
      }
      await this.store.setUp();
    } catch (error) {
      throw named(error);
    }
  }

  private async clearUp(): Promise<void> {
    await this.store.purge(Number.MAX_SAFE_INTEGER, PURGE_LIMIT);
    await this.rows('clear-quotas', CLEAR_QUOTAS, [this.time(), PURGE_LIMIT]);
    await this.rows('clear-sandbox', CLEAR_SANDBOX, [this.time(), PURGE_LIMIT]);
  }

  private async positionOf(sandbox: string, id: string): Promise<number | undefined> {
    if (!isText(id)) return undefined;
    const sql = 'SELECT position FROM docent_charge WHERE sandbox = $1 AND id = $2';
    const [found] = await this.rows('find-position', sql, [sandbox, id]);
    return found && Number(found.position);
  }

  private async rows(name: string, text: string, values: unknown[]): Promise<PostgresRow[]> {
    await this.setUp();
    try {
      return (await this.pool.query(query(name, text, values))).rows;
    } catch (error) {
      throw named(error);
    }
  }

  /** null: the server asks its own clock. */
  private time(): number | null {
    return this.given?.() ?? null;
  }
}

/** Each is prepared once for each connection. */
function query(name: string, text: string, values: unknown[]) {
  return { name: `docent-reference-${name}`, text, values };
}

/** Whether PostgreSQL can hold it: no id has U+0000, but a caller may ask for anything. */
function isText(text: string): boolean {
  return !text.includes('\0');
}

function chargeOf({ id, amount, currency, description, created_at }: PostgresRow): Charge {
  return { id, amount: Number(amount), currency, description: JSON.parse(description), created_at };
}
