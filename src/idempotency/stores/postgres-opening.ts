import { type PostgresClient, sqlStateOf } from './postgres-client.ts';
import {
  type Connection,
  corked,
  executePrepared,
  forgetPrepared,
  isPrepared,
  OPENING,
  OPENING_TEXT,
  type OpenClient,
  type Submittable,
  submit,
  takesOwnQueries,
} from './postgres-prepared.ts';

/** The class of queries that a client of the package `pg` makes itself. */
type QueryClass = new (
  config: unknown,
  values: unknown,
  callback: (error: unknown, result: unknown) => void,
) => Submittable;

/**
 * The beginning of the transaction of an effect. It is sent together with the first query of the effect, which saves a round trip; alone, where
 * nothing can be sent together.
 *
 *     client of `pg` ─┬─ a query with values, statements prepared ► BEGIN and query in one message
 *                     └─ any other query ─────────────────────────► BEGIN, and the query behind it
 *     another client ─────────────────────────────────────────────► BEGIN, before the effect is called
 *
 * Nothing may be executed where it has failed, because it would not be undone: then the connection is cut.
 */
export class Opening {
  /** What it has failed with. */
  failure: { cause: unknown } | undefined;
  /** Whether it has been sent, successfully or not. */
  isSent = false;
  private readonly client: PostgresClient;
  private readonly own: OpenClient | undefined;
  private readonly isNamed: boolean;

  /** @param isNamed whether PostgreSQL may be expected to keep statements under their names. */
  constructor(client: PostgresClient, isNamed: boolean) {
    this.client = client;
    this.own = takesOwnQueries(client) ? client : undefined;
    this.isNamed = isNamed;
  }

  /** To be awaited before the effect is called: begins, where it cannot be done later. */
  async prepare(): Promise<void> {
    if (this.own !== undefined) return;
    this.isSent = true;
    await this.client.query(OPENING_TEXT);
  }

  /** Hands a query of the effect to the client, which has been begun by then. */
  query(args: unknown[]): unknown {
    const { own, client } = this;
    if (!this.isSent && own !== undefined) {
      this.isSent = true;
      const Query = this.isNamed ? queryClassOf(own, args) : undefined;
      if (Query !== undefined) return this.queryTogether(own, Query, args);
      submit(own, new Alone(this));
    }
    return Reflect.apply(client.query, client, args);
  }

  private queryTogether(client: OpenClient, Query: BeginningClass, [config, values]: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const query = new Query(config, values, (error, result) => (error ? reject(error) : resolve(result)));
      query.opening = this;
      query.query_timeout = (config as { query_timeout?: number }).query_timeout;
      submit(client, query);
    });
  }

  /** Before `pg` sends anything else, which it does when PostgreSQL is ready for it. */
  fail(cause: unknown, connection: Connection): void {
    this.failure = { cause };
    forgetPrepared(connection);
    connection.stream.destroy();
  }
}

/** BEGIN, without another query. */
class Alone implements Submittable {
  private readonly opening: Opening;

  constructor(opening: Opening) {
    this.opening = opening;
  }

  /** `pg` wants one. What is wrong the query behind it is told. */
  callback(): void {}

  submit(connection: Connection): null {
    connection.query(OPENING_TEXT);
    return null;
  }

  handleError(error: unknown, connection: Connection): void {
    if (sqlStateOf(error) !== undefined) this.opening.fail(error, connection);
  }

  handleCommandComplete(): void {}
  handleReadyForQuery(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
}

type BeginningClass = new (
  ...args: ConstructorParameters<QueryClass>
) => Submittable & { opening: Opening | undefined; query_timeout: number | undefined };

const beginningClasses = new WeakMap<QueryClass, BeginningClass>();

/**
 * The class of a query that begins the transaction as well.
 * @returns undefined for a query, or a connection, that does not allow it.
 */
function queryClassOf(client: OpenClient, args: unknown[]): BeginningClass | undefined {
  const { connection } = client;
  const { Query } = client.constructor as { Query?: QueryClass };
  if (Query === undefined || !isExtended(connection, args)) return undefined;
  if (!OPENING.every((statement) => isPrepared(connection, statement))) return undefined;
  let Beginning = beginningClasses.get(Query);
  if (Beginning === undefined) {
    Beginning = beginningOf(Query);
    beginningClasses.set(Query, Beginning);
  }
  return Beginning;
}

/** Whether `pg` sends a query as Parse, Bind and Execute (the extended protocol), and answers with a promise. */
function isExtended({ parsedStatements = {} }: Connection, [query, more, ...rest]: unknown[]): boolean {
  if (rest.length > 0 || (more !== undefined && !Array.isArray(more))) return false;
  const config = typeof query === 'string' ? { text: query } : ((query ?? {}) as Record<string, unknown>);
  const { text, name, values = more, rows, submit: own, callback } = config as Record<string, unknown>;
  if (typeof text !== 'string' || rows !== undefined || own !== undefined || callback !== undefined) return false;
  // Another text under the same name, which `pg` refuses.
  if (typeof name === 'string' && (parsedStatements[name] ?? text) !== text) return false;
  return Array.isArray(values) && values.length > 0;
}

/** A query of `pg`'s own, with BEGIN before it: what PostgreSQL says of that is not for the query. */
function beginningOf(Query: QueryClass): BeginningClass {
  return class Beginning extends Query {
    opening: Opening | undefined;
    /** `pg` looks for it. */
    query_timeout: number | undefined;
    private awaited = OPENING.length;

    override submit(connection: Connection) {
      return corked(connection, () => {
        for (const statement of OPENING) executePrepared(connection, statement);
        return super.submit(connection);
      });
    }

    override handleCommandComplete(message: { text: string }, connection: Connection): void {
      if (this.awaited === 0) super.handleCommandComplete(message, connection);
      else this.awaited -= 1;
    }

    override handleError(error: unknown, connection: Connection): void {
      if (this.awaited > 0 && sqlStateOf(error) !== undefined) this.opening?.fail(error, connection);
      super.handleError(error, connection);
    }
  };
}
