import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExecuteOptions,
  type Execution,
  execute,
  fingerprintOf,
  type Reply,
  type RequestFacts,
  StoreError,
} from '../idempotency/index.ts';
import { slugOf } from '../topic/id.ts';
import { Connection, type Lease } from './connection.ts';
import { ApiError, DEFAULT_DIALECT, type Dialect, type ErrorName, errorDocument } from './errors.ts';
import { type Charge, type Ledger, newId, type Sandbox } from './ledger.ts';
import {
  type ChargeRequest,
  checkCharge,
  checkSandbox,
  readBody,
  readObject,
  readSimulation,
  requireJson,
  requireKey,
  type Simulation,
} from './request.ts';

/** After an outage of the store: long enough for a lock or a remount, short enough for a person. Seconds. */
const UNAVAILABLE_RETRY_SECONDS = 5;

/** A full disk is not emptied by itself. Seconds. */
const FULL_RETRY_SECONDS = 60;

/** How long a browser may remember the answer to a preflight request. Seconds. */
const PREFLIGHT_SECONDS = 86_400;

/** Any page may try the API: a token is in no cookie, so nobody's rights are lent. */
const COMMON_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Idempotent-Replayed, Location, Request-Id, Retry-After',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

export interface ReferenceOptions {
  /** Opens the store; called again after it has failed. @throws {StoreError} when it cannot be opened now. */
  open(): Ledger;
  /** Where the API is mounted: `/api` below the base path. */
  prefix: string;
  /**
   * URL of the page that documents an error, or `about:blank`.
   * @param slug of its topic.
   */
  pageUrl(slug: string, request: Request): string;
  /** Is told of errors that are nobody's fault but ours, and of a store that cannot answer. */
  report(error: unknown, request: Request): void;
  execute?: ExecuteOptions;
}

/** The reference API as a Fetch handler. */
export interface ReferenceApi {
  /** Answers a request below its prefix. Never throws. */
  answer(request: Request): Promise<Response>;
  /** Closes the store, once the requests that are under way are done with it. */
  close(): Promise<void>;
}

/**
 * The reference API: sandboxes and charges, the smallest API that needs idempotency keys. A store that cannot be opened now is tried
 * again with each request, so that it comes back without a restart.
 */
export function createReferenceApi(options: ReferenceOptions): ReferenceApi {
  const connection = new Connection(options.open);
  return {
    answer: (request) => new Exchange(options, request, connection).answer(),
    close: () => connection.close(),
  };
}

/** One request and what is known about it so far. */
class Exchange {
  private readonly options: ReferenceOptions;
  private readonly request: Request;
  private readonly connection: Connection;
  private readonly requestId = newId('req');
  private readonly url: URL;
  private dialect: Dialect = DEFAULT_DIALECT;
  private lease: Lease | undefined;

  constructor(options: ReferenceOptions, request: Request, connection: Connection) {
    this.options = options;
    this.request = request;
    this.connection = connection;
    this.url = new URL(request.url);
  }

  async answer(): Promise<Response> {
    let response: Response;
    try {
      response = await this.route();
    } catch (error) {
      response = this.refuse(this.toApiError(error));
    } finally {
      this.lease?.end();
    }
    for (const [name, value] of Object.entries(COMMON_HEADERS)) response.headers.set(name, value);
    response.headers.set('Request-Id', this.requestId);
    return response;
  }

  private async route(): Promise<Response> {
    const path = this.url.pathname.slice(this.options.prefix.length);
    const charge = /^\/charges\/([^/]+)$/.exec(path)?.[1];
    if (path === '/sandboxes') return this.method({ POST: () => this.createSandbox() });
    if (path === '/charges') return this.method({ POST: () => this.createCharge() });
    if (charge !== undefined) return this.method({ GET: () => this.readCharge(charge) });
    await this.tryAuthenticate();
    throw new ApiError('NOT_FOUND', `There is nothing at ${this.url.pathname}.`);
  }

  private async method(handlers: Record<string, () => Promise<Response>>): Promise<Response> {
    const allowed = [...Object.keys(handlers), ...('GET' in handlers ? ['HEAD'] : []), 'OPTIONS'];
    const { method } = this.request;
    if (method === 'OPTIONS') return preflight(allowed);
    const name = method === 'HEAD' ? 'GET' : method;
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (handler !== undefined) return handler();
    await this.tryAuthenticate();
    const detail = `${method} is not allowed here. Use ${allowed.join(', ')}.`;
    throw new ApiError('METHOD_NOT_ALLOWED', detail, null, { Allow: allowed.join(', ') });
  }

  private async createSandbox(): Promise<Response> {
    const body = await readBody(this.request);
    if (body.length > 0) requireJson(this.request.headers.get('content-type'));
    const dialect = body.length === 0 ? undefined : checkSandbox(readObject(body).members);
    const sandbox = await this.ledger().createSandbox(dialect ?? DEFAULT_DIALECT);
    const { id, token, expiresMs } = sandbox;
    const expires_at = new Date(expiresMs).toISOString();
    return toResponse(jsonReply(201, { id, token, dialect: sandbox.dialect, expires_at }));
  }

  /** What can be refused without a record is refused before the claim: a corrected retry with the same key executes. */
  private async createCharge(): Promise<Response> {
    const body = await readBody(this.request);
    const sandbox = await this.authenticate();
    const { headers } = this.request;
    requireJson(headers.get('content-type'));
    const simulation = readSimulation(headers.get('docent-simulate'));
    const key = requireKey(headers.get('idempotency-key'));
    const { members, canonical } = readObject(body);
    const charge = checkCharge(members);
    const facts = await this.facts(canonical);
    const id = { principal: sandbox.id, key };
    const execution = await this.execute(id, facts, charge, simulation);
    if (execution.kind === 'executed') await this.ledger().tidy();
    return this.answerExecution(execution, facts);
  }

  private execute(
    id: { principal: string; key: string },
    facts: RequestFacts,
    request: ChargeRequest,
    simulation: Simulation,
  ): Promise<Execution> {
    const ledger = this.ledger();
    return execute(
      ledger.store,
      id,
      facts,
      async ({ transaction }) => {
        if (simulation.delayMs > 0) await sleep(simulation.delayMs);
        if (simulation.error !== undefined) throw this.simulated(simulation.error);
        const charge: Charge = { id: newId('ch'), ...request, created_at: new Date(ledger.now()).toISOString() };
        const reply = jsonReply(201, charge);
        reply.headers.push(['Location', `${this.options.prefix}/charges/${charge.id}`]);
        return transaction((tx) => {
          // Where the store's transaction is synchronous, so is the effect.
          const inserted = ledger.insertCharge(tx, id.principal, charge);
          return inserted instanceof Promise ? inserted.then(() => reply) : reply;
        });
      },
      this.options.execute,
    );
  }

  private answerExecution(execution: Execution, facts: RequestFacts): Response {
    switch (execution.kind) {
      case 'executed':
        return toResponse(execution.reply);
      case 'replayed': {
        const response = toResponse(execution.reply);
        response.headers.set('Idempotent-Replayed', 'true');
        return response;
      }
      case 'in-progress': {
        const seconds = Math.max(1, Math.ceil(execution.retryAfterMs / 1000));
        const wait = `${seconds} second${seconds === 1 ? '' : 's'}`;
        const detail = `The first request with this key is still running. Send this one again in ${wait}.`;
        throw new ApiError('IDEMPOTENCY_IN_PROGRESS', detail, 'Idempotency-Key', { 'Retry-After': String(seconds) });
      }
      case 'mismatch': {
        const { method, path } = execution.original;
        const same = method === facts.method && path === facts.path;
        const what = same ? ' with another body' : '';
        const detail = `The key was first used for ${method} ${path}${what}.`;
        throw new ApiError('IDEMPOTENCY_CONFLICT', detail, 'Idempotency-Key');
      }
    }
  }

  private async facts(canonical: string): Promise<RequestFacts> {
    const { method } = this.request;
    const path = this.url.pathname + this.url.search;
    // Nothing but JSON comes so far, and its one parameter says nothing.
    const contentType = 'application/json';
    return { method, path, fingerprint: await fingerprintOf({ method, target: path, contentType, body: canonical }) };
  }

  private async readCharge(id: string): Promise<Response> {
    const sandbox = await this.authenticate();
    const charge = await this.ledger().charge(sandbox.id, id);
    if (charge === undefined)
      throw new ApiError('CHARGE_NOT_FOUND', `This sandbox has no charge ${JSON.stringify(id.slice(0, 60))}.`, 'id');
    return toResponse(jsonReply(200, charge), this.request.method === 'HEAD');
  }

  /** @throws {StoreError} when the store cannot be opened now. */
  private ledger(): Ledger {
    this.lease ??= this.connection.lease();
    return this.lease.ledger;
  }

  /** @throws {ApiError} TOKEN_MISSING or TOKEN_INVALID. */
  private async authenticate(): Promise<Sandbox> {
    const header = this.request.headers.get('authorization');
    const challenge = 'Bearer realm="docent"';
    if (header === null) {
      const hint = `Send "Authorization: Bearer TOKEN" with the token of a sandbox (POST ${this.options.prefix}/sandboxes).`;
      throw new ApiError('TOKEN_MISSING', `This request needs a token. ${hint}`, 'Authorization', {
        'WWW-Authenticate': challenge,
      });
    }
    const invalid = (detail: string) =>
      new ApiError('TOKEN_INVALID', detail, 'Authorization', {
        'WWW-Authenticate': `${challenge}, error="invalid_token"`,
      });
    // RFC 6750 section 2.1; the scheme's name is case-insensitive (RFC 9110 section 11.1).
    const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(header.trim())?.[1];
    if (token === undefined) throw invalid('The header Authorization has to be "Bearer", a space, and a token.');
    const ledger = this.ledger();
    const sandbox = await ledger.sandboxOf(token);
    if (sandbox === undefined) throw invalid('No sandbox has this token. It may have expired and been cleared up.');
    if (sandbox.expiresMs <= ledger.now()) {
      this.dialect = sandbox.dialect;
      throw invalid(`The sandbox of this token expired at ${new Date(sandbox.expiresMs).toISOString()}.`);
    }
    this.dialect = sandbox.dialect;
    return sandbox;
  }

  /** For an error that needs no token, but is told in the caller's dialect where the caller is known. */
  private async tryAuthenticate(): Promise<void> {
    try {
      if (this.request.headers.has('authorization')) await this.authenticate();
    } catch {
      // The error that led here is the one to be told.
    }
  }

  private simulated(error: NonNullable<Simulation['error']>): ApiError {
    const seconds = error === 'STORE_FULL' ? FULL_RETRY_SECONDS : UNAVAILABLE_RETRY_SECONDS;
    const headers: Record<string, string> = error === 'INTERNAL_ERROR' ? {} : { 'Retry-After': String(seconds) };
    return new ApiError(error, 'Docent-Simulate asked for this error.', null, headers);
  }

  private toApiError(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    this.options.report(error, this.request);
    if (!(error instanceof StoreError))
      return new ApiError('INTERNAL_ERROR', 'The server could not answer. Its log says why.');
    if (error.problem === 'full') {
      const detail = 'There is no room left to store this. Nothing was executed.';
      return new ApiError('STORE_FULL', detail, null, { 'Retry-After': String(FULL_RETRY_SECONDS) });
    }
    this.lease?.failed();
    const detail = 'The store cannot be read or written at the moment. Nothing was executed.';
    return new ApiError('STORE_UNAVAILABLE', detail, null, { 'Retry-After': String(UNAVAILABLE_RETRY_SECONDS) });
  }

  private refuse(error: ApiError): Response {
    const { status, mediaType, document } = errorDocument(error, this.dialect, {
      type: this.pageOf(error.error),
      instance: this.url.pathname,
      requestId: this.requestId,
    });
    const body = this.request.method === 'HEAD' ? null : toBytes(document);
    return new Response(body, { status, headers: { ...error.headers, 'Content-Type': mediaType } });
  }

  /** A catalog that cannot be read any more must not keep the error from being told. */
  private pageOf(error: ErrorName): string {
    try {
      return this.options.pageUrl(slugOf(`errors.${error}`), this.request);
    } catch (failure) {
      this.options.report(failure, this.request);
      return 'about:blank';
    }
  }
}

function preflight(allowed: string[]): Response {
  return new Response(null, {
    status: 204,
    headers: {
      Allow: allowed.join(', '),
      'Access-Control-Allow-Methods': allowed.join(', '),
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, Docent-Simulate, Idempotency-Key',
      'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
    },
  });
}

function jsonReply(status: number, document: object): Reply {
  return { status, headers: [['Content-Type', 'application/json']], body: toBytes(document) };
}

function toBytes(document: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(document)}\n`);
}

function toResponse({ status, headers, body }: Reply, head = false): Response {
  return new Response(head ? null : body, { status, headers });
}
