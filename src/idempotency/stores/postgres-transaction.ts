import { StoreError } from '../store.ts';
import { asked, named, type PostgresPool, type PostgresPoolClient } from './postgres-client.ts';
import { BEGIN } from './postgres-schema.ts';

/** What ends a transaction, or begins another one: only the store does that. `ROLLBACK TO` a savepoint is the effect's. */
const ENDS_TRANSACTION =
  /^(?:\s|;|--.*\n|\/\*[\s\S]*?\*\/)*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!(?:\s+work|\s+transaction)?\s+to\b))\b/i;

/** A transaction on a connection of its own, in which an effect is executed. */
export class Transaction<Client extends PostgresPoolClient> {
  private readonly client: Client;
  private lost: Error | undefined;
  private readonly onError = (error: Error) => {
    this.lost ??= error;
  };

  private constructor(client: Client) {
    this.client = client;
    client.on('error', this.onError);
  }

  /**
   * Begins a transaction, runs its parts, and leaves the connection clean: `run` has to commit, or to throw, after which everything is undone.
   * @throws {StoreError} when PostgreSQL cannot be reached, or cannot answer; and whatever `run` throws.
   */
  static async run<Client extends PostgresPoolClient, Result>(
    pool: PostgresPool<Client>,
    run: (transaction: Transaction<Client>) => Promise<Result>,
  ): Promise<Result> {
    const transaction = new Transaction(await asked(() => pool.connect()));
    let clean = false;
    try {
      await transaction.send(BEGIN);
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

  /** Sends statements of the store's own, in one message. @throws {StoreError} */
  send(text: string): Promise<unknown> {
    return asked(() => this.client.query({ text }));
  }

  /**
   * Calls an effect with the connection, which it can use for as long as it runs.
   * @throws {StoreError} when the connection is lost meanwhile; and whatever the effect throws.
   */
  async execute<Result>(effect: (client: Client) => Result | Promise<Result>): Promise<Result> {
    const { client, withdraw } = lend(this.client);
    try {
      return await effect(client);
    } catch (error) {
      throw this.lost === undefined ? named(error) : new StoreError('unavailable', this.lost.message, error);
    } finally {
      withdraw();
    }
  }

  private async rollBack(): Promise<boolean> {
    if (this.lost !== undefined) return false;
    return this.client.query({ text: 'ROLLBACK' }).then(
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

/** The same client, for as long as it is lent, without what would end the transaction. */
function lend<Client extends PostgresPoolClient>(client: Client): { client: Client; withdraw(): void } {
  let isOver = false;
  const query = (...args: unknown[]) => {
    if (isOver)
      throw new TypeError('the effect is over, and its connection belongs to others; await every query in it');
    if (ENDS_TRANSACTION.test(textOf(args[0])))
      throw new TypeError('an effect runs in the transaction of the store: leave BEGIN, COMMIT and ROLLBACK to it');
    return Reflect.apply(client.query, client, args);
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
