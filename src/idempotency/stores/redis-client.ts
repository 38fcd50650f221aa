import { StoreError, type StoreProblem } from '../store.ts';
import type { Script } from './redis-scripts.ts';

/** What a client of the package `redis` can do, as far as the store needs it: `createClient()` and `createClientPool()` fit. */
export interface RedisClient {
  /** Whether it is connected; a pool does not say. */
  readonly isReady?: boolean;
  sendCommand(args: readonly (string | Buffer)[], options?: ReplyOptions): Promise<unknown>;
}

/**
 * How a reply is read: in the protocol, `$` (36) precedes a string, which may be wanted as bytes. The client's own time limit ends where a
 * command is sent, and costs a third of what the command does; there is one of ours, which ends with the answer.
 */
interface ReplyOptions {
  typeMapping?: { 36: BufferConstructor };
  timeout: 0;
}
const AS_TEXT: ReplyOptions = { timeout: 0 };
export const AS_BYTES: ReplyOptions = { timeout: 0, typeMapping: { 36: Buffer } };

/** Codes with which Redis begins the errors that say that it cannot answer now, or not to us. */
const PROBLEMS: Record<string, StoreProblem> = {
  OOM: 'full',
  BUSY: 'unavailable',
  CLUSTERDOWN: 'unavailable',
  LOADING: 'unavailable',
  MASTERDOWN: 'unavailable',
  MISCONF: 'unavailable',
  NOAUTH: 'unavailable',
  NOPERM: 'unavailable',
  NOREPLICAS: 'unavailable',
  READONLY: 'unavailable',
  TRYAGAIN: 'unavailable',
  WRONGPASS: 'unavailable',
};

/** A server as its clients see it: scripts that it has or has not seen, and a connection that may be lost. */
export class RedisConnection {
  private readonly client: RedisClient;
  private readonly limitMs: number;

  /** @param limitMs how long an answer may take; a server that hangs must not hang those who wait for it. */
  constructor(client: RedisClient, limitMs: number) {
    this.client = client;
    this.limitMs = limitMs;
  }

  /**
   * Executes a script; all its keys first, then the time, then its other arguments.
   * @returns its reply: the kind of the outcome, and what belongs to it.
   * @throws {StoreError} when Redis cannot answer; whether the script was executed is not known when the connection was lost meanwhile.
   */
  run(script: Script, keys: string[], now: string, args: (string | Buffer)[], options = AS_TEXT): Promise<Outcome> {
    const words = ['EVALSHA', script.sha1, String(keys.length), ...keys, now, ...args];
    // A server that has been started since has not seen the script; then nothing was executed.
    const again = () => this.client.sendCommand(['EVAL', script.source, ...words.slice(2)], options);
    return this.limited(words, options, again) as Promise<Outcome>;
  }

  /**
   * Asks the server about itself.
   * @returns undefined where it does not tell; some providers forbid the question.
   * @throws {StoreError} when Redis cannot answer.
   */
  async ask(...question: string[]): Promise<unknown> {
    try {
      return await this.limited(question, AS_TEXT);
    } catch (error) {
      const { cause = error } = error as StoreError;
      if (['ERR', 'NOPERM'].includes(codeOf(cause) ?? '')) return undefined;
      throw error;
    }
  }

  /** @param unknown what to do instead when Redis does not know the script. */
  private limited(
    words: (string | Buffer)[],
    options: ReplyOptions,
    unknown?: () => Promise<unknown>,
  ): Promise<unknown> {
    // The client might keep the command until the connection is back, and the request with it.
    if (this.client.isReady === false)
      return Promise.reject(new StoreError('unavailable', 'there is no connection to Redis', undefined));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new StoreError('unavailable', `Redis has not answered within ${this.limitMs} ms`, undefined));
      }, this.limitMs);
      const answer = (reply: unknown) => {
        clearTimeout(timer);
        resolve(reply);
      };
      const fail = (error: unknown) => {
        clearTimeout(timer);
        reject(named(error));
      };
      this.client.sendCommand(words, options).then(answer, (error) => {
        if (unknown !== undefined && codeOf(error) === 'NOSCRIPT') unknown().then(answer, fail);
        else fail(error);
      });
    });
  }
}

/** What a script answers. */
export type Outcome = [kind: string, ...(Buffer | string | number | null | unknown[])[]];

/** An error reply of Redis as an error of ours: of the store's, if the store cannot answer. */
export function errorOf(reply: string): unknown {
  return named(new Error(reply));
}

function named(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreError || error instanceof TypeError) return error;
  const code = codeOf(error);
  // What does not begin with a code, Redis has not said: the connection is lost, or the client was closed.
  const problem = code === undefined ? 'unavailable' : PROBLEMS[code];
  return problem === undefined ? error : new StoreError(problem, error.message, error);
}

/** https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors: by convention the first word, in capitals. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? /^([A-Z]+)(?: |$)/.exec(error.message)?.[1] : undefined;
}
