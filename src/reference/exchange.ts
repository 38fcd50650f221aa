import { type Reply, StoreError } from '../idempotency/index.ts';
import { slugOf } from '../topic/id.ts';
import type { ReferenceOptions } from './api.ts';
import type { Connection, Lease } from './connection.ts';
import { ApiError, DEFAULT_DIALECT, type Dialect, type ErrorName, errorDocument } from './errors.ts';
import { type Ledger, newId, type Sandbox, SandboxFull, SandboxGone } from './ledger.ts';
import { type Policy, type Quotas, rateLimitFields, secondsOf } from './quota.ts';
import { jsonReply } from './reply.ts';

/** After an outage of the store: long enough for a lock or a remount, short enough for a person. Seconds. */
const UNAVAILABLE_RETRY_SECONDS = 5;

/** A full disk is not emptied by itself. Seconds. */
const FULL_RETRY_SECONDS = 60;

/** What `Retry-After` says with an error that is only simulated. Seconds. */
const SIMULATED_RETRY_SECONDS: Partial<Record<ErrorName, number>> = {
  RATE_LIMITED: 1,
  STORE_UNAVAILABLE: UNAVAILABLE_RETRY_SECONDS,
  STORE_FULL: FULL_RETRY_SECONDS,
};

const CHALLENGE = 'Bearer realm="docent"';

/** What all requests share. */
export interface Service {
  options: ReferenceOptions;
  connection: Connection;
  quotas: Quotas;
  /** How long a key is remembered after its request; milliseconds. */
  retainMs: number;
}

/** One request, and what is known about it so far. */
export class Exchange {
  readonly request: Request;
  readonly url: URL;
  readonly requestId = newId('req');
  readonly service: Service;
  /** Header fields of the answer, whatever it is. */
  readonly fields: Record<string, string>;
  private dialect: Dialect = DEFAULT_DIALECT;
  private lease: Lease | undefined;

  constructor(service: Service, request: Request) {
    this.service = service;
    this.request = request;
    this.url = new URL(request.url);
    // RFC 8631: where a program finds out what there is.
    const description = `<${service.options.prefix}/openapi.json>; rel="service-desc"`;
    this.fields = { 'Request-Id': this.requestId, Link: description };
  }

  /** The path below the API's prefix. */
  get path(): string {
    return this.url.pathname.slice(this.service.options.prefix.length);
  }

  /** @throws {StoreError} when the store cannot be opened now. */
  ledger(): Ledger {
    this.lease ??= this.service.connection.lease();
    return this.lease.ledger;
  }

  end(): void {
    this.lease?.end();
  }

  /**
   * Whose request it is; it counts for the quota of the sandbox.
   * @throws {ApiError} TOKEN_MISSING, TOKEN_INVALID, RATE_LIMITED.
   */
  async authenticate(): Promise<Sandbox> {
    const sandbox = await this.identify();
    await this.spend('sandbox', sandbox.id);
    return sandbox;
  }

  /** For an error that needs no token, but is told in the caller's dialect where the caller is known. */
  async tryIdentify(): Promise<void> {
    try {
      if (this.request.headers.has('authorization')) await this.identify();
    } catch {
      // The error that led here is the one to be told.
    }
  }

  /**
   * Spends one unit of a quota, and has the answer tell what is left of it.
   * @throws {ApiError} RATE_LIMITED.
   */
  async spend(name: Policy['name'], who: string): Promise<void> {
    const allowance = await this.service.quotas.spend(this.ledger(), name, who);
    if (allowance === undefined) return;
    Object.assign(this.fields, rateLimitFields(allowance));
    if (allowance.allowed) return;
    const { policy, resetMs } = allowance;
    const what = { sandbox: 'requests of one sandbox', address: 'sandboxes made from one address' }[policy.name];
    const wait = inSeconds(secondsOf(resetMs));
    const detail = `${policy.quota} ${what} in ${policy.windowMs / 1000} seconds are the limit. Nothing was executed. Send this again in ${wait}.`;
    throw new ApiError('RATE_LIMITED', detail, null, retryAfter(secondsOf(resetMs)));
  }

  /** An error as the caller reads it. */
  refusal(error: ApiError): Reply {
    const { status, mediaType, document } = errorDocument(error, this.dialect, {
      type: this.pageOf(error.error),
      instance: this.url.pathname,
      requestId: this.requestId,
      retentionSeconds: Math.ceil(this.service.retainMs / 1000),
    });
    return jsonReply(status, document, { mediaType, fields: error.headers });
  }

  /** Whatever was thrown, as a documented error. What is nobody's fault but ours is reported. */
  toApiError(error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    if (error instanceof SandboxFull)
      return new ApiError('SANDBOX_FULL', 'This sandbox holds as many charges as it may. Nothing was executed.');
    if (error instanceof SandboxGone) return noSandbox();
    this.service.options.report(error, this.request);
    if (!(error instanceof StoreError))
      return new ApiError('INTERNAL_ERROR', 'The server could not answer. Its log says why.');
    if (error.problem === 'full') {
      const detail = 'There is no room left to store this. Nothing was executed.';
      return new ApiError('STORE_FULL', detail, null, retryAfter(FULL_RETRY_SECONDS));
    }
    this.lease?.failed();
    // A server may have committed what it can no longer tell us about.
    const retry = this.request.headers.has('idempotency-key')
      ? ' Send this again with the same key: if it was executed, you get its answer.'
      : '';
    const detail = `The store cannot be read or written at the moment.${retry}`;
    return new ApiError('STORE_UNAVAILABLE', detail, null, retryAfter(UNAVAILABLE_RETRY_SECONDS));
  }

  /** @throws {ApiError} TOKEN_MISSING or TOKEN_INVALID. */
  private async identify(): Promise<Sandbox> {
    const header = this.request.headers.get('authorization');
    if (header === null) {
      const hint = `Send "Authorization: Bearer TOKEN" with the token of a sandbox (POST ${this.service.options.prefix}/sandboxes).`;
      throw new ApiError('TOKEN_MISSING', `This request needs a token. ${hint}`, 'Authorization', {
        'WWW-Authenticate': CHALLENGE,
      });
    }
    // RFC 6750 section 2.1; the scheme's name is case-insensitive (RFC 9110 section 11.1).
    const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(header.trim())?.[1];
    if (token === undefined) throw invalidToken('The header Authorization has to be "Bearer", a space, and a token.');
    const ledger = this.ledger();
    const sandbox = await ledger.sandboxOf(token);
    if (sandbox === undefined) throw noSandbox();
    this.dialect = sandbox.dialect;
    if (sandbox.expiresMs <= ledger.now())
      throw invalidToken(`The sandbox of this token expired at ${new Date(sandbox.expiresMs).toISOString()}.`);
    return sandbox;
  }

  /** A catalog that cannot be read any more must not keep the error from being told. */
  private pageOf(error: ErrorName): string {
    const { pageUrl, report } = this.service.options;
    try {
      return pageUrl(slugOf(`errors.${error}`), this.request);
    } catch (failure) {
      report(failure, this.request);
      return 'about:blank';
    }
  }
}

/** There is none, or not any more: it may have been cleared up while the request was under way. */
function noSandbox(): ApiError {
  return invalidToken('No sandbox has this token. It may have expired and been cleared up.');
}

function invalidToken(detail: string): ApiError {
  return new ApiError('TOKEN_INVALID', detail, 'Authorization', {
    'WWW-Authenticate': `${CHALLENGE}, error="invalid_token"`,
  });
}

/** An error that `Docent-Simulate` asked for. */
export function simulatedError(error: ErrorName): ApiError {
  const seconds = SIMULATED_RETRY_SECONDS[error];
  const headers = seconds === undefined ? {} : retryAfter(seconds);
  return new ApiError(error, 'Docent-Simulate asked for this error.', null, headers);
}

export function retryAfter(seconds: number): Record<string, string> {
  return { 'Retry-After': String(seconds) };
}

export function inSeconds(seconds: number): string {
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}
