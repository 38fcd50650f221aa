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
  command: string;
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
}

/** A `Pool` of the package `pg`. */
export interface PostgresPool extends PostgresClient {
  connect(): Promise<PostgresPoolClient>;
}

/** Classes of SQLSTATE, and single ones: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const UNAVAILABLE = /^(08|57P|58|XX|53|40|25006|55P03|25P03|28|3D000)/;
const FULL = /^(53100|53200|54)/;

/**
 * What PostgreSQL, or the way to it, says, with a name.
 * @returns a {@link StoreError} for what is no mistake of the caller's SQL, else the error as it is.
 */
export function named(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error;
  const { code, errors } = error as { code?: unknown; errors?: Error[] };
  // Where a name has several addresses, the error about all of them says nothing itself.
  const message = error.message || (errors?.[0]?.message ?? String(code));
  const problem = problemOf(typeof code === 'string' ? code : '', message);
  return problem === undefined ? error : new StoreError(problem, message, error);
}

function problemOf(code: string, message: string): StoreProblem | undefined {
  if (FULL.test(code)) return 'full';
  if (UNAVAILABLE.test(code) || /^E[A-Z]{4,}$/.test(code)) return 'unavailable';
  // The client's own errors have no code.
  return code === '' && /connect|terminat|timeout|pool|not queryable/i.test(message) ? 'unavailable' : undefined;
}
