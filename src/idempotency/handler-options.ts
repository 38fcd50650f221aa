import { type ExecuteOptions, timesOf, type Work } from './execute.ts';
import type { IdempotencyProblem, ProblemStyle } from './problem.ts';
import type { Reply } from './record.ts';
import { REPLAYED_HEADERS, replayedHeaders } from './reply.ts';
import type { IdempotencyStore } from './store.ts';

/** A request is held in memory, and hashed; what is larger is an upload, which wants another protocol. Bytes. */
const BODY_LIMIT_BYTES = 1024 * 1024;

/** A reply is kept for a day: with ten of them a second, of this size, that is close to a terabyte. Bytes. */
const REPLY_LIMIT_BYTES = 1024 * 1024;

/** Those that change something and are not idempotent by themselves (RFC 9110 section 9.2.2, RFC 5789). */
const METHODS = ['POST', 'PATCH'];

/** Safe ones (RFC 9110 section 9.2.1) have no effect that could happen twice. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** What a handler has at hand beside the request. */
export interface HandlerWork<Transaction> extends Work<Transaction> {
  /** Without its quotes; undefined for a request that has none. */
  key: string | undefined;
  /** What {@link IdempotentOptions.principal} has returned. */
  principal: string;
}

/**
 * The handler of a route. It is called only for a request that is to be executed; with `optimistic`, for others as well.
 * @param request has its body again, as often as it is read. Its signal is never aborted: what is begun for a client that goes away is
 * finished all the same. `fetch` takes its clone.
 * @returns the answer. One of success, below 400, is not stored when `transaction` has failed and no other was tried: the failure is thrown on,
 * because a handler that has waited for it would know better.
 */
export type IdempotentHandler<Transaction, Rest extends unknown[]> = (
  request: Request,
  work: HandlerWork<Transaction>,
  ...rest: Rest
) => Response | Reply | Promise<Response | Reply>;

export interface IdempotentOptions<Transaction, Rest extends unknown[] = []> extends ExecuteOptions {
  store: IdempotencyStore<Transaction>;
  /**
   * Whose request it is: the account, not the person or the token, and never a constant where there are several. Returns or throws a
   * response (401) where nobody is to be told apart. The request's body has been read by then; `check` is given it again, for whoever
   * verifies a signature.
   */
  principal(request: Request, ...rest: Rest): string | Response | Promise<string | Response>;
  /**
   * What can be refused without looking at the key: schema, quota. Returns the refusal. It has to come to the same each time, or the
   * retry of a request that was executed is refused; what depends on today's data belongs into the handler. May read the body.
   */
  check?(request: Request, ...rest: Rest): Response | undefined | Promise<Response | undefined>;
  /** Whether a request has to have a key; true by default. Without one it is executed each time. */
  required?: boolean;
  /** The methods that take a key; `POST` and `PATCH` by default. Others go straight to the handler, without a transaction. */
  methods?: readonly string[];
  /** The headers that a replay repeats; {@link REPLAYED_HEADERS} by default. */
  replayedHeaders?: readonly string[];
  /** The largest body of a request; 1 MiB by default. */
  bodyLimitBytes?: number;
  /** The largest body of a reply; 1 MiB by default. */
  replyLimitBytes?: number;
  /** For another request under a used key: 409 by default; the IETF draft says 422. */
  mismatchStatus?: 409 | 422;
  /** Begins the `type` of problems, which ends in the code: `https://docs.example.com/errors/`. Without it `about:blank`. */
  typeBase?: string;
  /** Writes problems in another form than RFC 9457. `Retry-After` is set on what it returns. */
  problem?(problem: IdempotencyProblem, request: Request): Response | Promise<Response>;
  /** The server's own name for the request, for its record, decisions and problems. */
  requestId?(request: Request, ...rest: Rest): string;
}

/** Options, checked and complete. */
export interface Settings<Transaction, Rest extends unknown[]> extends IdempotentOptions<Transaction, Rest> {
  required: boolean;
  methods: readonly string[];
  repeated: ReadonlySet<string>;
  bodyLimitBytes: number;
  replyLimitBytes: number;
  style: ProblemStyle;
}

/**
 * @throws {TypeError} for an option that is missing or of the wrong kind.
 * @throws {RangeError} for a limit or a time that is none.
 */
export function settle<Transaction, Rest extends unknown[]>(
  options: IdempotentOptions<Transaction, Rest>,
): Settings<Transaction, Rest> {
  const { store, principal, required = true, mismatchStatus = 409, typeBase } = options;
  if (typeof store?.claim !== 'function')
    throw new TypeError('idempotent: "store" is missing: hand in a store, such as new SqliteStore(db)');
  if (typeof principal !== 'function')
    throw new TypeError('idempotent: "principal" is missing: give a function that tells whose request it is');
  if (mismatchStatus !== 409 && mismatchStatus !== 422)
    throw new TypeError(`idempotent: "mismatchStatus" is ${mismatchStatus}; it is 409 or 422`);
  const { bodyLimitBytes = BODY_LIMIT_BYTES, replyLimitBytes = REPLY_LIMIT_BYTES } = options;
  for (const [name, limit] of Object.entries({ bodyLimitBytes, replyLimitBytes })) {
    if (!(limit >= 0)) throw new RangeError(`idempotent: "${name}" is ${limit}; it is a number of bytes`);
  }
  return {
    ...options,
    required,
    methods: methodsOf(options.methods ?? METHODS),
    repeated: replayedHeaders(options.replayedHeaders ?? REPLAYED_HEADERS),
    bodyLimitBytes,
    replyLimitBytes,
    style: { mismatchStatus, retentionSeconds: Math.round(timesOf(options).retainMs / 1000), typeBase },
  };
}

function methodsOf(methods: readonly string[]): readonly string[] {
  for (const method of methods) {
    if (method !== method.toUpperCase())
      throw new TypeError(`idempotent: "methods" has "${method}": methods are written in capitals`);
    if (SAFE_METHODS.has(method))
      throw new TypeError(
        `idempotent: "methods" has ${method}, which is safe: it has no effect that could happen twice`,
      );
  }
  return methods;
}
