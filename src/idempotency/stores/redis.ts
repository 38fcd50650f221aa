import { checkDelay } from '../bounds.ts';
import type { Claim, RecordId, RecordInfo, Reply, RequestFacts } from '../record.ts';
import {
  type CheckpointOutcome,
  type ClaimOutcome,
  type CommitOutcome,
  type CommitUnclaimedOutcome,
  type Effect,
  type IdempotencyStore,
  type PhaseEffect,
  StoreError,
} from '../store.ts';
import { Batches } from './batches.ts';
import { AS_BYTES, errorOf, type Outcome, type RedisClient, RedisConnection } from './redis-client.ts';
import { identityOf, pointsOf, replyOf, requestOf, spelled } from './redis-record.ts';
import {
  CHECKPOINT,
  CLAIM,
  COMMIT,
  COMMIT_UNCLAIMED,
  HELD,
  KNOWN,
  LOOKUP,
  PURGE,
  RELEASE,
  RENEW,
  type Script,
} from './redis-scripts.ts';
import { type RedisServer, serverOf } from './redis-server.ts';
import { Collector, CommandTable, PartialEffectError, type RedisTransaction, type Word } from './redis-transaction.ts';

export type { RedisClient } from './redis-client.ts';
export type { RedisServer } from './redis-server.ts';
export { type Comparison, PartialEffectError, type RedisTransaction } from './redis-transaction.ts';

/** Less than a lease, so that an owner still learns in time that it cannot reach its store. Milliseconds. */
const ANSWER_LIMIT_MS = 2000;

/** Claims or commits in one script: enough to share its cost, and few enough that Redis works on some while we work on the next. */
const BATCH = 8;

/** Characters and bytes in one script, by and large, beyond which another one is begun: Redis does nothing else meanwhile. */
const BATCH_ROOM = { of: ({ collector, words }: Unclaimed) => collector.length + lengthOf(words), limit: 256 * 1024 };

/** Records to look at in one script: a fraction of a millisecond, in which Redis does nothing else. */
const SCAN_SIZE = 100;

export interface RedisStoreOptions {
  /** What the names of all keys of the store begin with; `idempotency:` by default. */
  prefix?: string;
  /** The store's clock, milliseconds since 1970; that of the server by default, so that all processes have the same. */
  now?: () => number;
  /** How long Redis may take to answer, as long as a timer can wait; {@link ANSWER_LIMIT_MS} by default. Milliseconds. */
  answerLimitMs?: number;
  /**
   * Takes a server that drops keys when its memory is full. A record that was dropped is as if it had never been: the retry executes
   * once more.
   */
  acceptEviction?: boolean;
  /**
   * Writes a claim of a free key to disk and sends it to replicas, before it is answered, as everything else. By default it is kept in
   * memory until the first heartbeat, the first checkpoint or the commit, whichever comes first.
   */
  durableClaims?: boolean;
}

/**
 * Records in Redis (7 or later) or Valkey, for any number of processes. Every verb is one script, and the fence is checked inside, so that
 * a stale owner writes nothing. An effect collects commands ({@link RedisTransaction}); they, the record and the reply become visible at once.
 *
 * What it cannot promise:
 *
 * - **Undoing.** When a command of an effect fails, Redis does not undo the earlier ones. What is wrong with a command whatever the data is
 *   found before; when the first one fails, nothing was done; without memory, or when it must not write, Redis refuses before the first. What
 *   remains (another type of value, no number) is told, and blocks the key: {@link PartialEffectError}.
 * - **Durability** is up to the server ({@link RedisStore.server} tells). With `appendfsync always`, what was answered survives a crash and a
 *   power loss. With `everysec`, the last second or two may be lost with the power; without an appended file, all since the last snapshot is
 *   lost with the process. A retry of what was lost executes again.
 * - **Claims** of a free key are not durable, unless `durableClaims`: or every request would wait for the disk twice. A crash of Redis, or a
 *   fail-over, frees the keys of requests that are in progress and have neither a phase nor a heartbeat behind them. Their owners write nothing any more, and are
 *   told `lease-lost`; what they have done elsewhere is done.
 * - **Replicas** are told after the answer. A fail-over loses what they were not told, and a retry executes again. `min-replicas-to-write` makes
 *   it less likely. Tokens go on growing, because they are made of the time.
 * - **Eviction.** A server that may drop keys is refused, unless `acceptEviction`.
 * - **Redis Cluster** is refused: records and what effects write would have to share a slot.
 *
 * While the connection is down, every verb fails at once. One whose connection is lost while it waits, or whose answer takes too long, fails
 * as well, and may have been executed: a retry finds out. Give the client `disableOfflineQueue: true`, or what it could not send is executed
 * when the connection is back; that is harmless, because it is fenced, but late.
 */
export class RedisStore implements IdempotencyStore<RedisTransaction> {
  private readonly connection: RedisConnection;
  private readonly commands: CommandTable;
  private readonly meta: string;
  private readonly recordPrefix: string;
  /** Of the names of all records. */
  private readonly pattern: string;
  private readonly now: (() => number) | undefined;
  private readonly acceptEviction: boolean;
  private readonly durability: 'durable' | '';
  private readonly claims: Batches<Asked, Outcome>;
  private readonly unclaimed: Batches<Unclaimed, Outcome | 0 | 1>;
  private inspection: Promise<RedisServer> | undefined;
  private inspected = false;

  /**
   * @param client made by `createClient()` of the package `redis`, and connected by whoever has made it. It needs a listener for `error`,
   * or a lost connection ends the process.
   * @throws {RangeError} for an `answerLimitMs` that no timer can wait.
   */
  constructor(client: RedisClient, options: RedisStoreOptions = {}) {
    const {
      prefix = 'idempotency:',
      now,
      answerLimitMs = ANSWER_LIMIT_MS,
      acceptEviction = false,
      durableClaims = false,
    } = options;
    checkDelay('answerLimitMs', answerLimitMs);
    this.connection = new RedisConnection(client, answerLimitMs);
    this.commands = new CommandTable(this.connection);
    this.meta = `${prefix}meta`;
    this.recordPrefix = `${prefix}record:`;
    this.pattern = `${this.recordPrefix.replaceAll(/[*?[\]\\]/g, '\\$&')}*`;
    this.now = now;
    this.acceptEviction = acceptEviction;
    this.durability = durableClaims ? 'durable' : '';
    this.claims = new Batches((claims: Asked[]) => this.claimMany(claims), { most: BATCH, isEager: true });
    this.unclaimed = new Batches((commits: Unclaimed[]) => this.commitMany(commits), {
      most: BATCH,
      isEager: true,
      room: BATCH_ROOM,
    });
  }

  /**
   * What the server is like. Asked for once, before the first verb; to be called at the start by whoever wants to know early.
   * @throws {StoreError} when it is a server to which records cannot be entrusted, or one that does not answer.
   */
  server(): Promise<RedisServer> {
    this.inspection ??= this.inspect();
    return this.inspection;
  }

  /** @throws {PartialEffectError} when the effect of an earlier claim has been executed in part. */
  async claim(id: RecordId, request: RequestFacts, leaseMs: number): Promise<ClaimOutcome> {
    const words = [identityOf(request), String(leaseMs)];
    const [kind, ...values] = await this.claims.ask({ name: this.nameOf(id), words });
    switch (kind) {
      case 'claimed': {
        const [token, previous, points] = values as [number, 'none' | 'expired' | 'abandoned', Buffer | null];
        return { kind, claim: { ...id, token }, previous, points: pointsOf(points) };
      }
      case 'in-progress':
        return { kind, retryAfterMs: values[0] as number };
      case 'completed':
        return { kind, reply: replyOf(values[0] as Buffer) };
      case 'mismatch':
        return { kind, original: requestOf(String(values[0])) };
      case 'failed':
        throw new PartialEffectError(this.nameOf(id), String(values[0]));
      default:
        throw errorOf(String(values[0]));
    }
  }

  async renew(claim: Claim, leaseMs: number): Promise<'renewed' | 'lease-lost'> {
    const [kind] = await this.run(RENEW, [this.nameOf(claim)], [String(claim.token), String(leaseMs)]);
    return kind === 'renewed' ? kind : 'lease-lost';
  }

  /**
   * The effect may be asynchronous. That of a stale owner is called, but what it has collected is not executed.
   * @throws {TypeError} for a command that Redis does not know, or that cannot be part of a script, and for a reply that is none.
   * @throws {PartialEffectError} when a command has failed after others.
   */
  async commit(claim: Claim, effect: Effect<RedisTransaction>, retainMs: number): Promise<CommitOutcome> {
    const collector = new Collector();
    const [name, token] = [this.nameOf(claim), String(claim.token)];
    let reply: Reply;
    const args: Word[] = [token, String(retainMs)];
    try {
      const answer = effect(collector);
      reply = answer instanceof Promise ? await answer : answer;
      args.push(spelled(reply));
      await this.end(collector);
    } catch (error) {
      if (await this.isOther(HELD, [name], [token])) return { kind: 'lease-lost' };
      throw error;
    }
    collector.tell(args);
    const outcome = await this.run(COMMIT, [name], args);
    if (outcome[0] === 'stored') return { kind: 'stored', reply };
    if (outcome[0] === 'lease-lost') return { kind: 'lease-lost' };
    throw this.failure(claim, collector, outcome);
  }

  /** As {@link commit}. The effect of a key that is known is called as well, and not executed. */
  async commitUnclaimed(
    id: RecordId,
    request: RequestFacts,
    effect: Effect<RedisTransaction>,
    retainMs: number,
  ): Promise<CommitUnclaimedOutcome> {
    const collector = new Collector();
    const name = this.nameOf(id);
    let reply: Reply;
    let text: Word;
    try {
      const answer = effect(collector);
      reply = answer instanceof Promise ? await answer : answer;
      text = spelled(reply);
      const checked = this.end(collector);
      if (checked !== undefined) await checked;
    } catch (error) {
      if (await this.isOther(KNOWN, [name], [])) return { kind: 'known' };
      throw error;
    }
    const words = [identityOf(request), String(retainMs), text];
    const outcome = await this.unclaimed.ask({ name, words, collector });
    if (Array.isArray(outcome)) throw this.failure(id, collector, outcome);
    return Number(outcome) === 1 ? { kind: 'stored', reply } : { kind: 'known' };
  }

  /** As {@link commit}. The effect of a phase that has been reached is called as well, and not executed. */
  async checkpoint(
    claim: Claim,
    phase: string,
    effect: PhaseEffect<RedisTransaction>,
    leaseMs: number,
  ): Promise<CheckpointOutcome> {
    const collector = new Collector();
    const args: Word[] = [String(claim.token), String(leaseMs), JSON.stringify(phase)];
    const name = this.nameOf(claim);
    let result: string;
    try {
      result = JSON.stringify(await effect(collector));
      await this.end(collector);
    } catch (error) {
      const settled = await this.run(CHECKPOINT, [name], args).catch(() => undefined);
      if (settled?.[0] === 'lease-lost') return { kind: 'lease-lost' };
      if (settled?.[0] === 'reached') return { kind: 'reached', result: JSON.parse(String(settled[1])) };
      throw error;
    }
    args.push(result);
    collector.tell(args);
    const outcome = await this.run(CHECKPOINT, [name], args);
    if (outcome[0] === 'reached') return { kind: 'reached', result: JSON.parse(String(outcome[1])) };
    if (outcome[0] === 'lease-lost') return { kind: 'lease-lost' };
    throw this.failure(claim, collector, outcome);
  }

  async release(claim: Claim): Promise<void> {
    await this.run(RELEASE, [this.nameOf(claim)], [String(claim.token)]);
  }

  /** The key of an effect that was executed in part is told to be in progress. */
  async lookup(id: RecordId): Promise<RecordInfo | undefined> {
    const [kind, identity, firstSeenMs, expiresMs, status] = await this.run(LOOKUP, [this.nameOf(id)], []);
    if (kind === 'unknown') return undefined;
    const { fingerprint: _, ...facts } = requestOf(String(identity));
    const times = { firstSeenMs: Number(firstSeenMs), expiresMs: Number(expiresMs) };
    if (kind === 'completed') return { state: 'completed', ...facts, status: Number(status), ...times };
    return { state: 'in-progress', ...facts, ...times };
  }

  /**
   * Redis deletes what has expired by itself, a minute later. Only a store with a clock of its own, which Redis does not know, looks at all
   * records.
   */
  async purge(beforeMs: number, limit: number): Promise<number> {
    let deleted = 0;
    let cursor: string | undefined = '0';
    if (this.now === undefined) {
      await this.connection.ask('PING');
      cursor = undefined;
    }
    while (cursor !== undefined && deleted < limit) {
      const scan = await this.connection.ask('SCAN', cursor, 'MATCH', this.pattern, 'COUNT', String(SCAN_SIZE));
      const [next, names] = scan as [string, string[]];
      const [, count] = await this.run(PURGE, names, [String(beforeMs), String(limit - deleted)]);
      deleted += Number(count);
      cursor = next === '0' ? undefined : next;
    }
    return deleted;
  }

  private async inspect(): Promise<RedisServer> {
    try {
      const server = await serverOf(this.connection, this.acceptEviction);
      this.inspected = true;
      return server;
    } catch (error) {
      // It may have been set right when the next one asks.
      this.inspection = undefined;
      throw error;
    }
  }

  private async claimMany(claims: Asked[]): Promise<Outcome[]> {
    const keys = [this.meta];
    const args: Word[] = [this.durability];
    for (const { name, words } of claims) {
      keys.push(name);
      for (const word of words) args.push(word);
    }
    return this.many(await this.run(CLAIM, keys, args, AS_BYTES)) as Outcome[];
  }

  private async commitMany(commits: Unclaimed[]): Promise<(Outcome | 0 | 1)[]> {
    const keys = [this.meta];
    const args: Word[] = [];
    for (const { name, words, collector } of commits) {
      keys.push(name);
      for (const word of words) args.push(word);
      args.push(String(collector.size));
      collector.tell(args);
    }
    return this.many(await this.run(COMMIT_UNCLAIMED, keys, args)) as (Outcome | 0 | 1)[];
  }

  /**
   * What a script for many answers: an outcome each.
   * @throws {StoreError} where it has found records that it does not know.
   */
  private many(outcomes: Outcome): unknown[] {
    if (outcomes[0] !== 'version') return outcomes;
    const message = `the idempotency records have a format (${outcomes[1]}) which this library does not know: use a later one`;
    throw new StoreError('unavailable', message, undefined);
  }

  private async run(script: Script, keys: string[], args: Word[], options?: typeof AS_BYTES): Promise<Outcome> {
    if (!this.inspected) await this.server();
    return this.connection.run(script, keys, this.now === undefined ? '' : String(this.now()), args, options);
  }

  /** Nothing is collected any more. @throws {TypeError} for what no script can execute, also later, where Redis has to be asked. */
  private end(collector: Collector): Promise<void> | undefined {
    collector.end();
    return this.commands.check(collector.shapes);
  }

  /**
   * Whether an effect that has thrown should not have been called: then that comes first.
   * @param script answers `held` when it was to be called.
   */
  private async isOther(script: Script, keys: string[], args: string[]): Promise<boolean> {
    const settled = await this.run(script, keys, args).catch(() => undefined);
    return settled !== undefined && settled[0] !== 'held';
  }

  /** What is thrown when a script has not executed what was collected, or not all of it. */
  private failure(id: RecordId, collector: Collector, [kind, index, problem]: Outcome): unknown {
    if (kind === 'unmet') return collector.unmet(Number(index));
    return Number(index) > 1 ? new PartialEffectError(this.nameOf(id), String(problem)) : errorOf(String(problem));
  }

  private nameOf({ principal, key }: RecordId): string {
    return this.recordPrefix + JSON.stringify([principal, key]);
  }
}

/** What one asks of a script for many. */
interface Asked {
  /** Of the record. */
  name: string;
  /** What the script is told; see there. */
  words: Word[];
}

/** What is to be committed without a claim. */
interface Unclaimed extends Asked {
  collector: Collector;
}

function lengthOf(words: Word[]): number {
  let length = 0;
  for (const word of words) length += word.length;
  return length;
}
