import {
  asked,
  isLost,
  named,
  type PostgresPool,
  type PostgresPoolClient,
  sqlStateOf,
  unavailable,
} from './postgres-client.ts';
import { Opening } from './postgres-opening.ts';
import { executeAndCommit, OPENING_TEXT, type Prepared } from './postgres-prepared.ts';

/** What ends a transaction, or begins another one: only the store does that. `ROLLBACK TO` a savepoint is the effect's. */
const ENDS_TRANSACTION =
  /^(?:\s|;|--.*\n|\/\*[\s\S]*?\*\/)*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!(?:\s+work|\s+transaction)?\s+to\b))\b/i;

/** A transaction on a connection of its own, in which an effect is executed. */
export class Transaction<Client extends PostgresPoolClient> {
  private readonly client: Client;
  private readonly isNamed: boolean;
  private readonly opening: Opening;
  /** Why the connection is of no use any more. */
  private lost: { cause: unknown } | undefined;
  private readonly onError = (cause: unknown) => {
    this.lost ??= { cause };
  };

  private constructor(client: Client, isNamed: boolean) {
    this.client = client;
    this.isNamed = isNamed;
    this.opening = new Opening(client, isNamed);
    client.on('error', this.onError);
  }

  /**
   * Runs the parts of a transaction, and leaves the connection clean: `run` has to commit, or to throw, after which everything is undone.
   * @param isNamed whether PostgreSQL may keep statements under their names.
   * @throws {StoreError} when PostgreSQL cannot be reached, or cannot answer; and whatever `run` throws.
   */
  static async run<Client extends PostgresPoolClient, Result>(
    pool: PostgresPool<Client>,
    isNamed: boolean,
    run: (transaction: Transaction<Client>) => Promise<Result>,
  ): Promise<Result> {
    const transaction = new Transaction(await asked(() => pool.connect()), isNamed);
    let clean = false;
    try {
      await transaction.own(() => transaction.opening.prepare());
      const result = await run(transaction);
      clean = true;
      return result;
    } catch (error) {
      clean = await transaction.rollBack();
      throw error;
    } finally {
      transaction.release(clean);
    }
  }

  /** Executes a statement of the store's own, and commits. @returns how many rows it has inserted. @throws {StoreError} */
  executeAndCommit(statement: Prepared, values: unknown[]): Promise<number> {
    return this.own(async () => {
      const isOpen = this.opening.isSent;
      this.opening.isSent = true;
      if (isOpen || this.isNamed) return executeAndCommit(this.client, statement, values, this.isNamed, isOpen);
      // Where statements have no names, it cannot be sent along.
      await this.client.query(OPENING_TEXT);
      return executeAndCommit(this.client, statement, values, false, true);
    });
  }

  private async own<Result>(send: () => Promise<Result>): Promise<Result> {
    // An effect may have gone on after a query that was given up; it may be executed yet.
    const problem = this.problem();
    if (problem !== undefined) throw problem;
    return asked(() => send().catch((error: unknown) => this.told(error)));
  }

  /**
   * Calls an effect with the connection, which it can use for as long as it runs.
   * @throws {StoreError} when the connection is lost meanwhile; and whatever the effect throws.
   */
  async execute<Result>(effect: (client: Client) => Result | Promise<Result>): Promise<Result> {
    const send = (args: unknown[]) => this.opening.query(args);
    const { client, withdraw } = lend(this.client, send, (error) => this.told(error));
    try {
      return await effect(client);
    } catch (error) {
      // What is no answer of PostgreSQL's comes from elsewhere: a file, another server. That is the effect's own affair.
      throw this.problem() ?? (sqlStateOf(error) === undefined ? error : named(error));
    } finally {
      withdraw();
    }
  }

  /** Why nothing can be done on the connection any more, whatever the effect has made of it. */
  private problem(): unknown {
    const { failure } = this.opening;
    if (failure !== undefined) return named(failure.cause);
    return this.lost && unavailable(this.lost.cause);
  }

  private told(error: unknown): never {
    if (isLost(error)) this.onError(error);
    throw error;
  }

  private async rollBack(): Promise<boolean> {
    if (this.problem() !== undefined) return false;
    if (!this.opening.isSent) return true;
    return this.client.query('ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  /** One that may still be in a transaction must not go back to the pool. */
  private release(clean: boolean): void {
    this.client.release(!clean);
    this.client.removeListener('error', this.onError);
  }
}

/**
 * The same client, for as long as it is lent, without what would end the transaction.
 * @param send hands a query to the client.
 * @param failed is told what a query has failed with.
 */
function lend<Client extends PostgresPoolClient>(
  client: Client,
  send: (args: unknown[]) => unknown,
  failed: (error: unknown) => never,
): { client: Client; withdraw(): void } {
  let isOver = false;
  const query = (...args: unknown[]) => {
    if (isOver)
      throw new TypeError('the effect is over, and its connection belongs to others; await every query in it');
    if (ENDS_TRANSACTION.test(textOf(args[0])))
      throw new TypeError('an effect runs in the transaction of the store: leave BEGIN, COMMIT and ROLLBACK to it');
    const result = send(args);
    return result instanceof Promise ? result.catch(failed) : result;
  };
  const refuse = () => {
    throw new TypeError('the connection belongs to the store, which releases it after the effect');
  };
  const replaced = new Map<PropertyKey, unknown>([
    ['query', query],
    ['release', refuse],
    ['end', refuse],
  ]);
  const get = (target: Client, name: PropertyKey) => replaced.get(name) ?? Reflect.get(target, name, target);
  return {
    client: new Proxy(client, { get }),
    withdraw: () => {
      isOver = true;
    },
  };
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const { text } = (query ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text : '';
}
