import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Execution,
  execute,
  fingerprintOf,
  type RecordId,
  type Reply,
  type RequestFacts,
} from '../idempotency/index.ts';
import { ApiError } from './errors.ts';
import { type Exchange, inSeconds, retryAfter, simulatedError } from './exchange.ts';
import type { Ledger } from './ledger.ts';
import { secondsOf } from './quota.ts';
import type { Simulation } from './request.ts';

/** A request that is to be executed at most once. Everything that can be refused without a record has been checked. */
export interface KeyedRequest {
  id: RecordId;
  /** Of the body, lower case, without parameters. */
  mediaType: string;
  /** The body as RFC 8785 writes it. */
  canonical: string;
  simulation: Simulation;
}

/** What a request does, once: looks up what it needs, changes nothing, then calls `transaction` with its effect. */
export type KeyedWork = (
  ledger: Ledger,
  transaction: (effect: (tx: unknown) => Reply | Promise<Reply>) => Promise<Reply>,
) => Promise<Reply>;

/**
 * Executes a request under its key, or answers it as it was answered before.
 * @throws {ApiError} IDEMPOTENCY_CONFLICT, IDEMPOTENCY_IN_PROGRESS, an error that was asked for; and whatever `work` throws.
 */
export async function executeOnce(exchange: Exchange, keyed: KeyedRequest, work: KeyedWork): Promise<Reply> {
  const ledger = exchange.ledger();
  const facts = await factsOf(exchange, keyed);
  const { delayMs, error } = keyed.simulation;
  // What is slow, or fails on purpose, holds its key meanwhile.
  const optimistic = delayMs === 0 && error === undefined;
  const execution = await execute(
    ledger.store,
    keyed.id,
    facts,
    async ({ transaction }) => {
      if (delayMs > 0) await sleep(delayMs);
      if (error !== undefined) throw simulatedError(error);
      return work(ledger, transaction);
    },
    { ...exchange.service.options.execute, optimistic },
  );
  if (execution.kind === 'executed') await ledger.tidy();
  return replyTo(exchange, execution, keyed.id, facts);
}

/** A reply after something is written: at once where the store's transaction is synchronous. */
export function afterwards(written: void | Promise<void>, reply: Reply): Reply | Promise<Reply> {
  return written instanceof Promise ? written.then(() => reply) : reply;
}

async function factsOf(exchange: Exchange, { mediaType, canonical }: KeyedRequest): Promise<RequestFacts> {
  const { method } = exchange.request;
  const path = exchange.url.pathname + exchange.url.search;
  const fingerprint = await fingerprintOf({ method, target: path, contentType: mediaType, body: canonical });
  return { method, path, fingerprint, requestId: exchange.requestId };
}

async function replyTo(exchange: Exchange, execution: Execution, id: RecordId, facts: RequestFacts): Promise<Reply> {
  switch (execution.kind) {
    case 'executed':
      return execution.reply;
    case 'replayed':
      exchange.fields['Idempotent-Replayed'] = 'true';
      return execution.reply;
    case 'in-progress': {
      const seconds = secondsOf(execution.retryAfterMs);
      const detail = `The first request with this key is still running. Send this one again in ${inSeconds(seconds)}.`;
      throw new ApiError('IDEMPOTENCY_IN_PROGRESS', detail, 'Idempotency-Key', retryAfter(seconds));
    }
    case 'mismatch':
      throw await conflict(exchange.ledger(), id, execution.original, facts);
  }
}

/** Says which request the key belongs to, and since when. */
async function conflict(ledger: Ledger, id: RecordId, original: RequestFacts, facts: RequestFacts): Promise<ApiError> {
  const { method, path, requestId } = original;
  const same = method === facts.method && path === facts.path;
  // The record may have expired this very moment.
  const firstSeenMs = (await ledger.store.lookup(id))?.firstSeenMs;
  const when = firstSeenMs === undefined ? '' : ` at ${new Date(firstSeenMs).toISOString()}`;
  const what = same ? ' with another body' : '';
  const which = requestId === undefined ? '' : ` (request ${requestId})`;
  const detail = `The key was first used${when} for ${method} ${path}${what}${which}.`;
  return new ApiError('IDEMPOTENCY_CONFLICT', detail, 'Idempotency-Key');
}
