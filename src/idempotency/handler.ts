import { readRequestBody } from './body.ts';
import { readContent } from './content.ts';
import { type ExecuteOptions, type Execution, execute, type Work } from './execute.ts';
import { fingerprintNow } from './fingerprint.ts';
import { FirstReply } from './first-reply.ts';
import {
  type HandlerWork,
  type IdempotentHandler,
  type IdempotentOptions,
  type Settings,
  settle,
} from './handler-options.ts';
import { readIdempotencyKey } from './key.ts';
import { type Occurrence, problemDocument, type Refusal, storeRefusal, toProblem } from './problem.ts';
import type { RecordId, RequestFacts } from './record.ts';
import { checkReply, isResponse, jsonReply, toReply, toResponse } from './reply.ts';
import { reread } from './reread.ts';
import { StoreError } from './store.ts';

/** The record of a request without a key is of no use to anybody. The shortest time that every store can keep one. Milliseconds. */
const KEYLESS_RETAIN_MS = 1;

/**
 * Makes a handler of requests with idempotency keys (draft-ietf-httpapi-idempotency-key-header) out of a Fetch handler:
 *
 *     request ─► body ─► principal ─► key ─► content ─► check ─► claim ─► handler ─► reply
 *                 413      401        400      400               409, 503   └─ transaction, phase, foreign
 *
 * What is refused before the claim leaves no trace: a corrected request may use the same key. A first reply is sent as the handler made
 * it; a replay has its status, its bytes, the headers of the allow-list, and `Idempotent-Replayed: true`.
 *
 * @param handler is called once per key and principal, beside retries of what has failed. See {@link IdempotentHandler}.
 * @returns a function that never throws for what a client sends. It rejects with what `handler`, or any other function of the options,
 * throws; the key is free then, unless a phase or a transaction of the request is behind it.
 * @throws {TypeError} for options that are missing or wrong; {RangeError} for limits and times that are none.
 */
export function idempotent<Transaction, Rest extends unknown[] = []>(
  handler: IdempotentHandler<Transaction, Rest>,
  options: IdempotentOptions<Transaction, Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  if (typeof handler !== 'function') throw new TypeError('idempotent: the handler is no function');
  const settings = settle(options);
  return (request, ...rest) =>
    settings.methods.includes(request.method)
      ? new Exchange(handler, settings, request, rest).answer()
      : passThrough(handler, request, rest);
}

/** One request with a key, or one that should have one. */
class Exchange<Transaction, Rest extends unknown[]> {
  private readonly handler: IdempotentHandler<Transaction, Rest>;
  private readonly settings: Settings<Transaction, Rest>;
  private readonly request: Request;
  private readonly rest: Rest;
  private readonly occurrence: Occurrence;
  /** The same, with its body. */
  private readable: Request;

  constructor(
    handler: IdempotentHandler<Transaction, Rest>,
    settings: Settings<Transaction, Rest>,
    request: Request,
    rest: Rest,
  ) {
    this.handler = handler;
    this.settings = settings;
    this.request = request;
    this.readable = request;
    this.rest = rest;
    this.occurrence = { method: request.method, target: '' };
  }

  async answer(): Promise<Response> {
    const { settings, request } = this;
    const { pathname, search } = new URL(request.url);
    this.occurrence.target = pathname + search;
    const requestId = settings.requestId?.(request, ...this.rest);
    if (requestId) this.occurrence.requestId = requestId;
    const body = await readRequestBody(request, settings.bodyLimitBytes);
    if (body.kind === 'too-large')
      return this.refuse({ code: 'content_too_large', limitBytes: settings.bodyLimitBytes });
    if (body.kind === 'incomplete') return this.refuse({ code: 'content_incomplete' });
    const asked = this.principal();
    const principal = typeof asked === 'string' ? asked : await asked;
    if (typeof principal !== 'string') return principal;
    const key = readIdempotencyKey(request.headers.get('idempotency-key'));
    if (key.kind === 'invalid') return this.refuse({ code: 'idempotency_key_invalid', reason: key.detail });
    if (key.kind === 'missing' && settings.required) return this.refuse({ code: 'idempotency_key_missing' });
    const content = readContent(body.bytes, request.headers.get('content-type') ?? '');
    if ('code' in content) return this.refuse(content);
    this.readable = reread(request, body.bytes, content.json);
    if (settings.check !== undefined) {
      const refusal = await settings.check(this.readable, ...this.rest);
      if (refusal !== undefined) return refusal;
    }
    if (key.kind === 'missing') return this.executeWithoutKey(principal);
    const { method, target } = this.occurrence;
    const hash = fingerprintNow({ method, target, contentType: content.contentType, body: content.body });
    const facts: RequestFacts = { fingerprint: typeof hash === 'string' ? hash : await hash, method, path: target };
    if (requestId) facts.requestId = requestId;
    return await this.execute({ principal, key: key.key }, facts, key.key, settings);
  }

  /** Mostly at once; a function that is not asynchronous may throw at once, too. */
  private principal(): string | Promise<string | Response> {
    try {
      const principal = this.settings.principal(this.request, ...this.rest);
      return typeof principal === 'string' && principal !== '' ? principal : this.resolved(principal);
    } catch (error) {
      return this.resolved(Promise.reject(error));
    }
  }

  private async resolved(answer: unknown): Promise<string | Response> {
    let principal: unknown;
    try {
      principal = await answer;
    } catch (error) {
      if (isResponse(error)) return error;
      throw error;
    }
    if (isResponse(principal) || (typeof principal === 'string' && principal !== '')) return principal;
    throw new TypeError(
      `principal() returned ${principal === '' ? 'an empty string' : String(principal)}: return the caller’s name, or a Response that refuses the request`,
    );
  }

  /** Executed each time, under a key that nobody else has; so the handler finds the same things at hand. */
  private executeWithoutKey(principal: string): Promise<Response> {
    const { method, target: path } = this.occurrence;
    const { observe: _, ...options } = this.settings;
    const key = crypto.randomUUID();
    const facts = { fingerprint: key, method, path };
    return this.execute({ principal, key }, facts, undefined, { ...options, retainMs: KEYLESS_RETAIN_MS });
  }

  private async execute(
    id: RecordId,
    facts: RequestFacts,
    key: string | undefined,
    options: ExecuteOptions,
  ): Promise<Response> {
    const { settings } = this;
    let first: FirstReply<Transaction> | undefined;
    const tooLarge = async (limitBytes: number) => toReply(await this.refuse({ code: 'reply_too_large', limitBytes }));
    let execution: Execution;
    try {
      const work = async (tools: Work<Transaction>) => {
        first = new FirstReply(tools, key, id.principal, settings);
        const answer = await this.handler(this.readable, first, ...this.rest);
        return first.settle(answer, tooLarge);
      };
      execution = await execute(settings.store, id, facts, work, options);
    } catch (error) {
      if (error instanceof StoreError) return this.refuse(storeRefusal(error));
      throw error;
    }
    switch (execution.kind) {
      case 'executed':
        return toResponse(first?.reply ?? execution.reply, false);
      case 'replayed':
        return toResponse(execution.reply, true);
      case 'mismatch':
        return this.refuse({ code: 'idempotency_conflict', original: execution.original });
      case 'in-progress': {
        const retryAfterSeconds = Math.max(1, Math.ceil(execution.retryAfterMs / 1000));
        return this.refuse({ code: 'idempotency_in_progress', retryAfterSeconds });
      }
    }
  }

  private async refuse(refusal: Refusal): Promise<Response> {
    const { occurrence, settings } = this;
    const problem = toProblem(refusal, occurrence, settings.style);
    const headers: Record<string, string> =
      'retryAfterSeconds' in refusal ? { 'Retry-After': String(refusal.retryAfterSeconds) } : {};
    if (settings.problem === undefined) {
      const document = problemDocument(problem, occurrence, settings.style);
      const own = { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' };
      return toResponse(jsonReply(problem.status, document, { ...own, ...headers }), false);
    }
    const response = await settings.problem(problem, this.request);
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    return response;
  }
}

/** A method that takes no key: as if there were no wrapper. */
async function passThrough<Transaction, Rest extends unknown[]>(
  handler: IdempotentHandler<Transaction, Rest>,
  request: Request,
  rest: Rest,
): Promise<Response> {
  const answer = await handler(request, withoutKey(request.method), ...rest);
  return isResponse(answer) ? answer : toResponse(checkReply(answer, 'the handler'), false);
}

function withoutKey<Transaction>(method: string): HandlerWork<Transaction> {
  const refuse = (): never => {
    throw new TypeError(
      `${method} takes no idempotency key, so that nothing is committed with one: use the database itself, or add it to "methods"`,
    );
  };
  return {
    key: undefined,
    get principal() {
      return refuse();
    },
    get token() {
      return refuse();
    },
    transaction: async () => refuse(),
    phase: async () => refuse(),
    foreign: async () => refuse(),
    signal: new AbortController().signal,
  };
}
