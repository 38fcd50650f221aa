import type { Work } from './execute.ts';
import type { HandlerWork } from './handler-options.ts';
import type { Reply } from './record.ts';
import { checkReply, readReply, repeatable } from './reply.ts';
import type { Effect } from './store.ts';

/** Fields that are about the content beside which they stand (RFC 9110 sections 6.4, 8 and 8.8). */
const ABOUT_CONTENT = /^(content-|etag$|last-modified$|transfer-encoding$)/i;

/**
 * What a handler has at hand, and the reply of the request that it executes: that is sent in full, and stored without the headers that a replay
 * does not repeat.
 */
export class FirstReply<Transaction> implements HandlerWork<Transaction> {
  /** In full; undefined while there is none. */
  reply: Reply | undefined;
  readonly key: string | undefined;
  readonly principal: string;
  readonly phase: Work<Transaction>['phase'];
  readonly foreign: Work<Transaction>['foreign'];
  private readonly work: Work<Transaction>;
  private readonly limitBytes: number;
  private readonly repeated: ReadonlySet<string>;
  private committed: Promise<Reply> | undefined;
  /** What it has come to. */
  private stored: Reply | undefined;
  /** Why it has come to nothing. */
  private failure: { error: unknown } | undefined;

  constructor(
    work: Work<Transaction>,
    key: string | undefined,
    principal: string,
    { replyLimitBytes, repeated }: { replyLimitBytes: number; repeated: ReadonlySet<string> },
  ) {
    this.phase = work.phase;
    this.foreign = work.foreign;
    this.work = work;
    this.key = key;
    this.principal = principal;
    this.limitBytes = replyLimitBytes;
    this.repeated = repeated;
  }

  /** An effect whose reply cannot be stored or sent is undone. */
  readonly transaction = (effect: Effect<Transaction>): Promise<Reply> => {
    const stored = this.work.transaction((transaction) => {
      const reply = effect(transaction);
      return reply instanceof Promise ? reply.then((value) => this.keep(value)) : this.keep(reply);
    });
    const reply = stored.then(
      () => {
        this.stored = this.reply as Reply;
        return this.stored;
      },
      (error: unknown) => {
        if (this.committed === reply) {
          this.committed = undefined;
          this.failure = { error };
        }
        throw error;
      },
    );
    // Whoever does not wait for it need not hear of it.
    reply.catch(() => undefined);
    this.committed ??= reply;
    return reply;
  };

  // Asked for when the handler does: not every request has a token, and few handlers want the signal.
  get token(): number {
    return this.work.token;
  }

  get signal(): AbortSignal {
    return this.work.signal;
  }

  /**
   * What is to be stored of a handler's answer, or has been.
   * @throws what the transaction has failed with, where the handler answers with success nevertheless: it has not waited for it, and what it
   * says would be repeated for an effect that nobody has. Whoever means it says it in another transaction.
   * @param tooLarge makes the answer of a request whose own is too large to be stored.
   */
  settle(
    answer: Response | Reply | undefined,
    tooLarge: (limitBytes: number) => Promise<Reply>,
  ): Promise<Reply> | Reply {
    const { committed, stored, failure } = this;
    if (committed === undefined) {
      if (failure !== undefined && answer !== undefined && answer.status < 400) throw failure.error;
      return this.store(answer, tooLarge);
    }
    return stored === undefined ? committed.then((reply) => this.send(answer, reply)) : this.send(answer, stored);
  }

  /** What the transaction has stored is what is sent, whatever the handler returns beside it. */
  private send(answer: Response | Reply | undefined, stored: Reply): Reply {
    this.reply = withHeadersOf(answer, stored);
    return this.reply;
  }

  private async store(
    answer: Response | Reply | undefined,
    tooLarge: (limitBytes: number) => Promise<Reply>,
  ): Promise<Reply> {
    const outcome = await readReply(answer, this.limitBytes);
    if (outcome.kind === 'reply') {
      this.reply = outcome.reply;
      return repeatable(outcome.reply, this.repeated);
    }
    // Nobody can undo what the handler has done; that a retry does it again can be prevented.
    const refusal = await tooLarge(this.limitBytes);
    this.reply = refusal;
    return this.work.transaction(() => repeatable(refusal, this.repeated));
  }

  private keep(value: unknown): Reply {
    const reply = checkReply(value, 'the effect');
    if (reply.body.length > this.limitBytes)
      throw new RangeError(
        `the reply has ${reply.body.length} bytes, and replyLimitBytes is ${this.limitBytes}: reply with where it is to be found`,
      );
    this.reply = reply;
    return repeatable(reply, this.repeated);
  }
}

/** A reply with what middleware has added to the response that the handler made of it: a cookie, CORS. */
function withHeadersOf(answer: Response | Reply | undefined, reply: Reply): Reply {
  if (answer === reply) return reply;
  const own = new Set(reply.headers.map(([name]) => name.toLowerCase()));
  const added = [...(answer?.headers ?? [])].filter(
    ([name]) => !own.has(name.toLowerCase()) && !ABOUT_CONTENT.test(name),
  );
  return added.length === 0 ? reply : { ...reply, headers: [...reply.headers, ...added] };
}
