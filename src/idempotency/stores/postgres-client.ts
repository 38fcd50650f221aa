import { StoreError, type StoreProblem } from '../store.ts';

/** A query as the package `pg` takes it. */
export interface PostgresQuery {
  text: string;
  values?: unknown[];
}

// biome-ignore lint/suspicious/noExplicitAny: rows have the columns that the query names, as in `pg` itself
export type PostgresRow = Record<string, any>;

export interface PostgresResult {
  rowCount: number | null;
  rows: PostgresRow[];
}

/** What a client of the package `pg` can do, as far as the store needs it. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
}

/** A client that belongs to a pool. */
export interface PostgresPoolClient extends PostgresClient {
  /** @param destroy whether the connection is of no use any more. */
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** A `Pool` of the package `pg`. The second form of `connect` is there because `pg` has it: types are inferred from both. */
export interface PostgresPool<Client> extends PostgresClient {
  connect: { (): Promise<Client>; (callback: never): unknown };
}

/** SQLSTATEs, by class or in full: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const FULL = '53100';
/**
 * The connection, the login, the server or its resources, a limit of time, a transaction that lost against another, one that must not write.
 */
const UNAVAILABLE = /^(08|28|3D|40|53|57|58|XX|25006|25P03|25P04|55P03)/;

/** A transaction that was undone because of others that ran at the same time; the same statements may succeed the next time. */
const CONFLICT = /^40/;

/** @returns the SQLSTATE that PostgreSQL has sent; undefined for an error that comes from elsewhere. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' ? code : undefined;
}

/** Whether PostgreSQL has undone a transaction because of another. */
export function isConflict(error: unknown): boolean {
  return CONFLICT.test(sqlStateOf(error instanceof StoreError ? error.cause : error) ?? '');
}

/** Gives an error of PostgreSQL a name: a {@link StoreError}, or the error itself where a mistake was made. */
export function named(error: unknown): unknown {
  const problem = problemOf(sqlStateOf(error) ?? '');
  return problem === undefined ? error : new StoreError(problem, (error as Error).message, error);
}

function problemOf(state: string): StoreProblem | undefined {
  if (state === FULL) return 'full';
  return UNAVAILABLE.test(state) ? 'unavailable' : undefined;
}

/**
 * Runs a statement of the store's own. What does not come from PostgreSQL comes from the way to it.
 * @throws {StoreError} when PostgreSQL cannot be reached, or cannot answer.
 */
export async function asked<T>(statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    if (sqlStateOf(error) !== undefined) throw named(error);
    throw new StoreError('unavailable', error instanceof Error ? error.message : String(error), error);
  }
}

/** Transactions at an isolation level above READ COMMITTED are undone because of each other; many times in a row, hardly one is. */
const TRIES = 10;

/**
 * Runs a statement that is a transaction of its own, again when it was undone because of another.
 * @throws {StoreError} as {@link asked}.
 */
export async function single(client: PostgresClient, query: PostgresQuery): Promise<PostgresResult> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await asked(() => client.query(query));
    } catch (error) {
      if (tried === TRIES || !isConflict(error)) throw error;
    }
  }
}

/**
 * A value as SQL, for statements that are sent together and hence without parameters.
 * @throws {TypeError} for anything else.
 */
export function literal(value: string | number | Uint8Array<ArrayBuffer> | null): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Uint8Array)
    return quoted(`\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`);
  if (Number.isFinite(value)) return String(value);
  throw new TypeError(`${value} is nothing that can be stored`);
}

/** With E, a backslash means the same whatever `standard_conforming_strings` is set to. */
function quoted(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
