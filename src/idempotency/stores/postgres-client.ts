import { StoreError, type StoreProblem } from '../store.ts';

/** A query as the package `pg` takes it: one with a name is prepared once for each connection. */
export interface PostgresQuery {
  name?: string;
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
  /** @param query a text is taken as it is; what has values is copied first, member by member. */
  query(query: PostgresQuery | string): Promise<PostgresResult>;
}

/** A client that belongs to a pool. */
export interface PostgresPoolClient extends PostgresClient {
  /** @param destroy whether the connection is of no use any more. */
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** A `Pool` of the package `pg`. The second form of `connect` is there because `pg` has it: types are inferred from both. */
export interface PostgresPool<Client = PostgresPoolClient> extends PostgresClient {
  connect: { (): Promise<Client>; (callback: never): unknown };
  on?(event: 'connect', listener: (client: Client) => void): unknown;
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

/** What the package `pg` itself says when it has lost a connection or has given up on it; such errors have no code. */
const LOST = /^Connection terminated|not queryable|^Query read timeout|^timeout (exceeded|expired)|after calling end/;

/** Whether a query failed on the way to PostgreSQL or back: what became of it is not known, and the connection is of no use any more. */
export function isLost(error: unknown): boolean {
  const { code, syscall, message } = (error ?? {}) as { code?: unknown; syscall?: unknown; message?: unknown };
  return (typeof syscall === 'string' && typeof code === 'string') || LOST.test(String(message));
}

/**
 * Gives an error a name.
 * @returns a {@link StoreError} when PostgreSQL cannot be reached, or cannot answer; the error itself where a mistake was made.
 */
export function named(error: unknown): unknown {
  if (error instanceof StoreError) return error;
  const problem = isLost(error) ? 'unavailable' : problemOf(sqlStateOf(error) ?? '');
  return problem === undefined ? error : new StoreError(problem, messageOf(error), error);
}

function problemOf(state: string): StoreProblem | undefined {
  if (state === FULL) return 'full';
  return UNAVAILABLE.test(state) ? 'unavailable' : undefined;
}

/** The store cannot answer because of this, whatever it is. */
export function unavailable(cause: unknown): StoreError {
  return new StoreError('unavailable', messageOf(cause), cause);
}

/** Where a name has several addresses, the error about all of them says nothing itself. */
function messageOf(error: unknown): string {
  const { message, errors, code } = (error ?? {}) as { message?: string; errors?: Error[]; code?: string };
  return message || errors?.[0]?.message || String(code ?? error);
}

/**
 * Runs a statement of the store's own. What does not come from PostgreSQL comes from the way to it.
 * @throws {StoreError} when PostgreSQL cannot be reached, or cannot answer.
 */
export async function asked<T>(statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    throw sqlStateOf(error) === undefined ? unavailable(error) : named(error);
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

/** Bytes as a parameter; the same, not a copy. @throws {TypeError} for anything else. */
export function buffer(value: Uint8Array<ArrayBuffer>): Buffer {
  if (!(value instanceof Uint8Array)) throw new TypeError('a body has to be a Uint8Array');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
