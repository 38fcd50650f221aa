import { type ExecuteOptions, RETENTION_MS } from '../idempotency/index.ts';
import { Connection } from './connection.ts';
import { Exchange, type Service } from './exchange.ts';
import type { Ledger } from './ledger.ts';
import { type Limits, Quotas } from './quota.ts';
import { toResponse } from './reply.ts';
import { route } from './routes.ts';

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
  /** Of the program, for the description of the API. */
  version?: string;
  limits?: Limits;
  /** Whom a request comes from, as far as quotas go; undefined when that is not known any more. Without it, nobody's sandboxes are counted. */
  addressOf?(request: Request): string | undefined;
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
  const { retainMs = RETENTION_MS } = options.execute ?? {};
  const service: Service = { options, connection, quotas: new Quotas(options.limits), retainMs };
  return {
    answer: (request) => answer(new Exchange(service, request)),
    close: () => connection.close(),
  };
}

async function answer(exchange: Exchange): Promise<Response> {
  const head = exchange.request.method === 'HEAD';
  try {
    return toResponse(await route(exchange), exchange.fields, head);
  } catch (error) {
    return toResponse(exchange.refusal(exchange.toApiError(error)), exchange.fields, head);
  } finally {
    exchange.end();
  }
}
