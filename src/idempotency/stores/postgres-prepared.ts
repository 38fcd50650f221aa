import { type PostgresClient, type PostgresResult, sqlStateOf } from './postgres-client.ts';

/** A statement that is planned once for each connection. */
export interface Prepared {
  /** Unique among all statements of the connection. */
  name: string;
  text: string;
}

/** PostgreSQL does not know the statement, or knows another of its name: between client and server, a pooler changes connections. */
const CONFUSED = new Set(['26000', '42P05']);

/** Whether a statement has failed because it had a name. */
export function isConfused(error: unknown): boolean {
  return CONFUSED.has(sqlStateOf(error) ?? '');
}

/** What the package `pg` lets a query of one's own do, as its packages `pg-cursor` and `pg-query-stream` do it. */
interface Connection {
  readonly stream: { cork?(): void; uncork?(): void };
  parse(statement: Prepared): void;
  bind(values: { statement: string; values: unknown[]; valueMapper(value: unknown): unknown }): void;
  execute(portal: object): void;
  sync(): void;
  close(statement: { type: 'S'; name: string }): void;
}

/** The texts that are known to have been prepared, by name, of each connection: stores in two schemas may share one. */
const prepared = new WeakMap<Connection, Map<string, string>>();

/** Ends the transaction; nothing in it is planned, but a prepared one needs no message of its own. */
const COMMIT: Prepared = { name: 'idempotency_commit', text: 'COMMIT' };

/**
 * Executes a statement and commits, in one message where the client allows it, else in two that are sent one after the other. After a statement
 * that fails, PostgreSQL executes no COMMIT, or takes it for a ROLLBACK.
 * @param isNamed whether the statement may be kept by PostgreSQL, under its name.
 * @returns how many rows it has inserted.
 * @throws whatever the client says.
 */
export async function executeAndCommit(
  client: PostgresClient,
  statement: Prepared,
  values: unknown[],
  isNamed: boolean,
): Promise<number> {
  if (isNamed && takesOwnQueries(client)) {
    return new Promise((resolve, reject) => {
      const answer: Answer = (error, count) => (error === null ? resolve(count ?? 0) : reject(error));
      (client as unknown as { query(query: object): void }).query(new Committing(statement, values, answer));
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

/** Not so those of another package, and those that send their queries before the ones before are answered. */
function takesOwnQueries(client: PostgresClient): boolean {
  const { connection, pipeline } = client as { connection?: Partial<Connection>; pipeline?: boolean };
  if (connection === undefined || pipeline) return false;
  const { parse, bind, execute, sync, close } = connection;
  return [parse, bind, execute, sync, close].every((method) => typeof method === 'function');
}

type Answer = (error: unknown, count?: number) => void;

/** A query of the package `pg`: two statements before one Sync (https://www.postgresql.org/docs/current/protocol-flow.html). */
class Committing {
  /** `pg` puts one of its own in its place, for a limit of time. */
  callback: Answer;
  private readonly statement: Prepared;
  private readonly values: unknown[];
  private known: Map<string, string> | undefined;
  private inserted = 0;

  constructor(statement: Prepared, values: unknown[], answer: Answer) {
    this.statement = statement;
    this.values = values;
    this.callback = answer;
  }

  submit(connection: Connection): null {
    this.known = prepared.get(connection) ?? new Map();
    prepared.set(connection, this.known);
    connection.stream.cork?.();
    try {
      this.send(connection, this.statement, this.values);
      this.send(connection, COMMIT, []);
      connection.sync();
    } finally {
      connection.stream.uncork?.();
    }
    return null;
  }

  private send(connection: Connection, { name, text }: Prepared, values: unknown[]): void {
    if (this.known?.get(name) !== text) {
      // It may be there all the same: one that was prepared and then failed, or another text.
      connection.close({ type: 'S', name });
      connection.parse({ name, text });
    }
    connection.bind({ statement: name, values, valueMapper: (value) => value });
    connection.execute({});
  }

  handleCommandComplete({ text }: { text: string }): void {
    const [, count] = /^INSERT \d+ (\d+)$/.exec(text) ?? [];
    if (count !== undefined) this.inserted = Number(count);
  }

  handleError(error: unknown): void {
    if (isConfused(error)) this.known?.clear();
    this.callback(error);
  }

  handleReadyForQuery(): void {
    for (const { name, text } of [this.statement, COMMIT]) this.known?.set(name, text);
    this.callback(null, this.inserted);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
