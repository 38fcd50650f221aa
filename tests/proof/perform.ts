// Operations of the model, done on a real store; and what it answers, in the words of the model.
import { isDeepStrictEqual } from 'node:util';
import type { Claim, RecordId, Reply } from '../../src/idempotency/index.ts';
import { type Fault, type Operation, type Outcome, replyOf, resultOf, STATUS } from './model.ts';
import type { Handle } from './stores.ts';

/** So few that it may leave any record there. */
const PURGE_LIMIT = 2;

/** What an effect throws on purpose. */
class Refusal extends Error {}

/**
 * Does it.
 * @param read how the business data of the key are read.
 * @throws what the store throws, except for the effect's own error, which is an outcome.
 */
export async function perform(
  handle: Handle,
  id: RecordId,
  operation: Operation,
  read: () => Promise<string[]>,
): Promise<Outcome> {
  const { store } = handle;
  switch (operation.verb) {
    case 'claim': {
      const outcome = await store.claim(id, operation.request, operation.leaseMs);
      if (outcome.kind === 'claimed') {
        const { claim, previous, points } = outcome;
        if (!isDeepStrictEqual(claim, { ...id, token: claim.token })) throw new Error('the claim is for another key');
        return { kind: 'claimed', token: claim.token, previous, points };
      }
      return outcome.kind === 'completed' ? { kind: 'completed', reply: textOf(outcome.reply) } : outcome;
    }
    case 'renew':
      return { kind: await store.renew(claimOf(id, operation), operation.leaseMs) };
    case 'checkpoint': {
      const { line, fault, phase, leaseMs } = operation;
      const effect = effectOf(handle, line, resultOf(line), fault);
      return refusable(store.checkpoint(claimOf(id, operation), phase, effect, leaseMs));
    }
    case 'commit': {
      const { line, fault, retainMs } = operation;
      const effect = effectOf(handle, line, toReply(replyOf(line)), fault);
      const outcome = await refusable(store.commit(claimOf(id, operation), effect, retainMs));
      return outcome.kind === 'stored' ? { kind: 'stored', reply: textOf(outcome.reply) } : outcome;
    }
    case 'commitUnclaimed': {
      const { request, line, fault, retainMs } = operation;
      if (store.commitUnclaimed === undefined) throw new Error('the store has no commitUnclaimed');
      const effect = effectOf(handle, line, toReply(replyOf(line)), fault);
      const outcome = await refusable(store.commitUnclaimed(id, request, effect, retainMs));
      return outcome.kind === 'stored' ? { kind: 'stored', reply: textOf(outcome.reply) } : outcome;
    }
    case 'release':
      await store.release(claimOf(id, operation));
      return { kind: 'released' };
    case 'lookup': {
      const info = await store.lookup(id);
      return info === undefined ? { kind: 'unknown-key' } : { kind: 'known-key', info };
    }
    case 'read':
      return { kind: 'lines', lines: (await read()).toSorted() };
    case 'purge':
      await store.purge(Number.MAX_SAFE_INTEGER, PURGE_LIMIT);
      return { kind: 'purged' };
    case 'lose':
      throw new Error('nobody can ask a store to lose something');
  }
}

function claimOf(id: RecordId, { token }: { token: number }): Claim {
  return { ...id, token };
}

async function refusable<O>(outcome: Promise<O>): Promise<O | { kind: 'thrown' }> {
  try {
    return await outcome;
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'thrown' };
    throw error;
  }
}

/** An effect that writes a line and returns something; synchronous where the store's writing is. */
function effectOf<Result>(handle: Handle, line: string, result: Result, fault?: Fault) {
  return (transaction: unknown): Result | Promise<Result> => {
    if (fault === 'before') throw new Refusal();
    const finish = () => {
      if (fault === 'after') throw new Refusal();
      return result;
    };
    const written = handle.write(transaction, line);
    return written instanceof Promise ? written.then(finish) : finish();
  };
}

/** Headers, and bytes that are no UTF-8: a reply comes back as it was, or its text is another one. */
function toReply(text: string): Reply {
  const bytes = new TextEncoder().encode(text);
  return { status: STATUS, headers: [['X-Reply', text]], body: Uint8Array.from([0xff, 0, ...bytes]) };
}

function textOf(reply: Reply): string {
  const text = reply.headers[0]?.[1] ?? '';
  return isDeepStrictEqual(reply, toReply(text)) ? text : `${text}, changed: ${JSON.stringify(reply)}`;
}
