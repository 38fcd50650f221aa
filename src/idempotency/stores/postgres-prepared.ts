import { type PostgresClient, type PostgresResult, sqlStateOf } from './postgres-client.ts';

/** A statement that is planned once for each connection. */
export interface Prepared {
  /** Unique among all statements of the connection. */
  name: string;
  text: string;
}

/** Begins the transaction of an effect. */
const BEGIN: Prepared = { name: 'idempotency_begin', text: 'BEGIN' };

/** Marks it. The setting ends with it, so that what the effect has ended is told from what it has not. */
const MARK: Prepared = { name: 'idempotency_mark', text: 'SET LOCAL idempotency.effect = on' };

/** Ends it; nothing in it is planned, but a prepared one needs no message of its own. */
const COMMIT: Prepared = { name: 'idempotency_commit', text: 'COMMIT' };

/** What begins the transaction of an effect, in order. */
export const OPENING: readonly Prepared[] = [BEGIN, MARK];

/** The same as one text. */
export const OPENING_TEXT = OPENING.map(({ text }) => text).join('; ');

/** PostgreSQL does not know the statement, or knows another of its name: between client and server, a pooler changes connections. */
const CONFUSED = new Set(['26000', '42P05']);

/** Whether a statement has failed because it had a name. */
export function isConfused(error: unknown): boolean {
  return CONFUSED.has(sqlStateOf(error) ?? '');
}

/** What the package `pg` lets a query of one's own do, as its packages `pg-cursor` and `pg-query-stream` do it. */
export interface Connection {
  readonly stream: { cork?(): void; uncork?(): void; destroy(): void };
  /** Texts by name, as `pg` has prepared them itself. */
  readonly parsedStatements?: Record<string, string>;
  query(text: string): void;
  parse(statement: Prepared): void;
  bind(values: { statement: string; values: unknown[]; valueMapper(value: unknown): unknown }): void;
  execute(portal: object): void;
  sync(): void;
  close(statement: { type: 'S'; name: string }): void;
}

/** A query of one's own, and what `pg` tells it. */
export interface Submittable {
  submit(connection: Connection): Error | null | undefined;
  handleCommandComplete(message: { text: string }, connection: Connection): void;
  handleError(error: unknown, connection: Connection): void;
}

/** A client that takes such queries. */
export interface OpenClient extends PostgresClient {
  readonly connection: Connection;
}

/** Not so those of another package, and those that send their queries before the ones before are answered. */
export function takesOwnQueries(client: PostgresClient): client is OpenClient {
  const { connection, pipeline } = client as { connection?: Partial<Connection>; pipeline?: boolean };
  if (connection === undefined || pipeline) return false;
  const { query, parse, bind, execute, sync, close } = connection;
  return [query, parse, bind, execute, sync, close].every((method) => typeof method === 'function');
}

/** Hands a query of one's own to a client. */
export function submit(client: OpenClient, query: Submittable): void {
  (client as unknown as { query(query: Submittable): void }).query(query);
}

/** Sends all that is written meanwhile in one piece. */
export function corked<Result>({ stream }: Connection, write: () => Result): Result {
  stream.cork?.();
  try {
    return write();
  } finally {
    stream.uncork?.();
  }
}

/** The texts that are known to have been prepared, by name, of each connection: stores in two schemas may share one. */
const prepared = new WeakMap<Connection, Map<string, string>>();

/** Whether a statement can be executed on a connection without being sent again. */
export function isPrepared(connection: Connection, { name, text }: Prepared): boolean {
  return prepared.get(connection)?.get(name) === text;
}

function rememberPrepared(connection: Connection, statements: readonly Prepared[]): void {
  const known = prepared.get(connection) ?? new Map<string, string>();
  for (const { name, text } of statements) known.set(name, text);
  prepared.set(connection, known);
}

/** That any can is no longer believed. */
export function forgetPrepared(connection: Connection): void {
  prepared.delete(connection);
}

/** Has a statement prepared, unless it is known to be. */
function prepare(connection: Connection, statement: Prepared): void {
  if (isPrepared(connection, statement)) return;
  const { name, text } = statement;
  // It may be there all the same: one that was prepared and then failed, or another text.
  connection.close({ type: 'S', name });
  connection.parse({ name, text });
}

/** Executes a statement that is prepared. */
export function executePrepared(connection: Connection, { name }: Prepared, values: unknown[] = []): void {
  connection.bind({ statement: name, values, valueMapper: (value) => value });
  connection.execute({});
}

/**
 * Executes a statement and commits, in one message where the client allows it, else in two that are sent one after the other. After a statement
 * that fails, PostgreSQL executes no COMMIT, or takes it for a ROLLBACK.
 * @param isNamed whether the statement may be kept by PostgreSQL, under its name.
 * @param isOpen whether the transaction has been begun; where not, the client takes queries of one's own.
 * @returns how many rows it has inserted; 0 where it is no INSERT.
 * @throws whatever the client says.
 */
export async function executeAndCommit(
  client: PostgresClient,
  statement: Prepared,
  values: unknown[],
  isNamed: boolean,
  isOpen: boolean,
): Promise<number> {
  if (isNamed && takesOwnQueries(client)) {
    return new Promise((resolve, reject) => {
      const answer: Answer = (error, count) => (error === null ? resolve(count ?? 0) : reject(error));
      submit(client, new Committing(statement, values, isOpen, answer));
    });
  }
  const written = client.query({ ...(isNamed ? statement : { text: statement.text }), values });
  const committed = client.query(COMMIT.text);
  // Of two that fail, the first says why.
  const [first, second] = await Promise.allSettled([written, committed]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return (first.value as PostgresResult).rowCount ?? 0;
}

type Answer = (error: unknown, count?: number) => void;

/** Statements before one Sync (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING). */
class Committing implements Submittable {
  /** `pg` puts one of its own in its place, for a limit of time. */
  callback: Answer;
  private readonly statement: Prepared;
  private readonly values: unknown[];
  private readonly isOpen: boolean;
  private connection: Connection | undefined;
  private inserted = 0;

  constructor(statement: Prepared, values: unknown[], isOpen: boolean, answer: Answer) {
    this.statement = statement;
    this.values = values;
    this.isOpen = isOpen;
    this.callback = answer;
  }

  submit(connection: Connection): null {
    this.connection = connection;
    corked(connection, () => {
      for (const statement of this.statements()) prepare(connection, statement);
      if (!this.isOpen) for (const opening of OPENING) executePrepared(connection, opening);
      executePrepared(connection, this.statement, this.values);
      executePrepared(connection, COMMIT);
      connection.sync();
    });
    return null;
  }

  /** Those that begin the next transaction on the connection as well. */
  private statements(): Prepared[] {
    return [...OPENING, this.statement, COMMIT];
  }

  handleCommandComplete({ text }: { text: string }): void {
    const [, count] = /^INSERT \d+ (\d+)$/.exec(text) ?? [];
    if (count !== undefined) this.inserted = Number(count);
  }

  handleError(error: unknown): void {
    if (isConfused(error) && this.connection !== undefined) forgetPrepared(this.connection);
    this.callback(error);
  }

  handleReadyForQuery(connection: Connection): void {
    rememberPrepared(connection, this.statements());
    this.callback(null, this.inserted);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
