import { ERRORS } from './errors.generated.ts';

/** The last segment of an error topic's id: an error that no topic documents cannot be named. */
export type ErrorName = keyof typeof ERRORS;

/** How an account sees errors. */
export const DIALECTS = ['problem', 'properties', 'envelope', 'ietf'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** Before it is known whose request it is. */
export const DEFAULT_DIALECT: Dialect = 'problem';

const PROBLEM_JSON = 'application/problem+json';

/** What the topic of an error says about it. */
export interface DocumentedError {
  /** What it means, in a few words; the same for every occurrence. */
  title: string;
  status: number;
  statusByDialect?: Partial<Record<string, number>>;
  retryable: 'never' | 'as-is' | 'with-caution';
  advice?: string;
  /** Its code as each dialect spells it. */
  codes?: Partial<Record<string, string>>;
}

export function documented(name: ErrorName): DocumentedError {
  return ERRORS[name];
}

/** Ends the handling of a request with one of the documented errors. */
export class ApiError extends Error {
  readonly error: ErrorName;
  /** The member or header that is wrong, if it is one. */
  readonly param: string | null;
  readonly headers: Record<string, string>;

  /** @param detail what went wrong this time, as a sentence. */
  constructor(error: ErrorName, detail: string, param: string | null = null, headers: Record<string, string> = {}) {
    super(detail);
    this.name = 'ApiError';
    this.error = error;
    this.param = param;
    this.headers = headers;
  }
}

/** What an error document says about the request that it answers. */
export interface Occurrence {
  /** URL of the error's page. */
  type: string;
  /** Path of the request. */
  instance: string;
  requestId: string;
  /** How long a key is remembered after its request: told with the errors that are about keys. */
  retentionSeconds: number;
}

/** The status that an error has in a dialect. */
export function statusOf(error: ErrorName, dialect: Dialect): number {
  const { status, statusByDialect } = documented(error);
  return statusByDialect?.[dialect] ?? status;
}

/** An error's code as a dialect spells it. */
export function codeOf(error: ErrorName, dialect: Dialect): string {
  const { codes } = documented(error);
  if (dialect === 'properties') return codes?.properties ?? error;
  return codes?.[dialect] ?? codes?.problem ?? error.toLowerCase();
}

/** An error as a dialect writes it: its status, media type and document (RFC 9457, except for `envelope`). */
export function errorDocument(
  { error, message: detail, param }: ApiError,
  dialect: Dialect,
  { type, instance, requestId, retentionSeconds }: Occurrence,
): { status: number; mediaType: string; document: object } {
  const { title, retryable, advice = null } = documented(error);
  const status = statusOf(error, dialect);
  const code = codeOf(error, dialect);
  const problem = { type, title, status, detail, instance };
  const aboutKeys = error.startsWith('IDEMPOTENCY_');
  const retention = aboutKeys ? { retention_seconds: retentionSeconds } : {};
  const own = { code, advice_code: advice, retryable, param, request_id: requestId, ...retention };
  const properties = {
    errorCode: code,
    retryable: retryable === 'as-is',
    param,
    requestId,
    ...(aboutKeys ? { retentionSeconds } : {}),
  };
  const envelope = { type: envelopeType(status), code, message: detail, param, doc_url: type, request_id: requestId };
  switch (dialect) {
    case 'problem':
      return { status, mediaType: PROBLEM_JSON, document: { ...problem, ...own } };
    case 'properties':
      return { status, mediaType: PROBLEM_JSON, document: { ...problem, properties } };
    case 'envelope':
      return { status, mediaType: 'application/json', document: { error: { ...envelope, ...retention } } };
    case 'ietf':
      return { status, mediaType: PROBLEM_JSON, document: { ...problem, code, ...retention } };
  }
}

/** The class of an error, by its status. */
function envelopeType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 409) return 'idempotency_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'api_error' : 'invalid_request_error';
}
