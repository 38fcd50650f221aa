import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { StoreError } from '../store.ts';

/**
 * Runs synchronous statements between BEGIN IMMEDIATE and COMMIT, all in one tick.
 * @throws {StoreError} when SQLite cannot; and whatever `statements` throws, after a rollback.
 */
export function transaction<T>(db: DatabaseSync, statements: () => T): T {
  return guard(() => {
    db.exec('BEGIN IMMEDIATE');
    try {
      const result = statements();
      db.exec('COMMIT');
      return result;
    } catch (error) {
      // Some errors, a full disk among them, have rolled back already.
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  });
}

/** The statements of a connection, each prepared once. */
export class Statements {
  private readonly db: DatabaseSync;
  private readonly prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  /** @throws whatever SQLite says about SQL that it does not understand, or a database that it cannot read. */
  of(sql: string): StatementSync {
    let statement = this.prepared.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      // However the connection was opened: rows are objects, and numbers are numbers.
      statement.setReadBigInts(false);
      statement.setReturnArrays(false);
      this.prepared.set(sql, statement);
    }
    return statement;
  }
}

interface Job {
  run(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Many requests, one commit: what is asked for in one turn of the event loop is executed in one transaction, so that it waits for the
 * disk once. Nobody is told anything before the commit.
 *
 *     request ─► job ┐
 *     request ─► job ├─► BEGIN · job · job · job · COMMIT ─► every job is answered
 *     request ─► job ┘         (a job that throws is rolled back alone)
 *
 * When the transaction cannot be committed, nothing was done: where the store is to blame, every job fails; else one of them is (what it wrote
 * violates a constraint that is deferred), and each is executed once more in a transaction of its own.
 */
export class GroupCommit {
  private readonly db: DatabaseSync;
  private readonly statements: Statements;
  private jobs: Job[] = [];

  constructor(db: DatabaseSync, statements = new Statements(db)) {
    this.db = db;
    this.statements = statements;
  }

  /**
   * @param run synchronous statements.
   * @returns what they return, once it is committed; rejected with what they throw, or with a {@link StoreError}.
   */
  submit<T>(run: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.jobs.length === 0) setImmediate(() => this.leave());
      this.jobs.push({ run, resolve: resolve as Job['resolve'], reject });
    });
  }

  private leave(): void {
    const jobs = this.jobs;
    this.jobs = [];
    this.commit(jobs);
  }

  private commit(jobs: Job[]): void {
    let answers: (() => void)[];
    try {
      answers = transaction(this.db, () => jobs.map((job) => this.execute(job)));
    } catch (error) {
      if (jobs.length === 1 || error instanceof StoreError) for (const { reject } of jobs) reject(error);
      else for (const job of jobs) this.commit([job]);
      return;
    }
    for (const answer of answers) answer();
  }

  /**
   * @returns how to answer the job after the commit.
   * @throws {StoreError} when the whole transaction has ended.
   */
  private execute({ run, resolve, reject }: Job): () => void {
    this.statement('SAVEPOINT job');
    let answer: () => void;
    try {
      const value = run();
      answer = () => resolve(value);
    } catch (error) {
      // An error that has ended the whole transaction is everybody's.
      if (!this.db.isTransaction) throw ended(error);
      this.ofJob('ROLLBACK TO job');
      answer = () => reject(named(error));
    }
    this.ofJob('RELEASE job');
    return answer;
  }

  /** A statement that fails when an effect has ended the transaction. */
  private ofJob(sql: string): void {
    try {
      this.statement(sql);
    } catch (error) {
      throw ended(error);
    }
  }

  private statement(sql: string): void {
    this.statements.of(sql).run();
  }
}

/** What SQLite says when the transaction is over, or is another one, which somebody has begun in between. */
function ended(error: unknown): StoreError {
  const known = named(error);
  if (known instanceof StoreError) return known;
  const message =
    'an effect has ended the transaction that it shares with others: leave BEGIN, COMMIT and ROLLBACK to the store. What was committed before, a retry finds';
  return new StoreError('unavailable', message, error);
}

/** Primary result codes: https://www.sqlite.org/rescode.html */
const SQLITE_FULL = 13;
const UNAVAILABLE = new Set([5, 6, 8, 10, 11, 14, 15, 23, 26]);

/**
 * Runs statements, and gives what SQLite says a name.
 * @throws {StoreError} `full`, or `unavailable` for a database that is locked, read-only, missing, damaged or unreadable.
 */
export function guard<T>(statements: () => T): T {
  try {
    return statements();
  } catch (error) {
    throw named(error);
  }
}

function named(error: unknown): unknown {
  const { errcode, message } = (error ?? {}) as { errcode?: unknown; message?: unknown };
  if (typeof errcode !== 'number') return error;
  const code = errcode & 0xff;
  if (code === SQLITE_FULL) return new StoreError('full', String(message), error);
  return UNAVAILABLE.has(code) ? new StoreError('unavailable', String(message), error) : error;
}
