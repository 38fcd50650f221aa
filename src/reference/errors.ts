import { ERRORS } from './errors.generated.ts';

/** The last segment of an error topic's id: an error that no topic documents cannot be named. */
export type ErrorName = keyof typeof ERRORS;

/** How an account sees errors. */
export const DIALECTS = ['problem', 'properties', 'envelope', 'ietf'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** Before it is known whose request it is. */
export const DEFAULT_DIALECT: Dialect = 'problem';

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

/** An error as a dialect writes it: its status, media type and document (RFC 9457, except for `envelope`). */
export function errorDocument(
  { error, message: detail, param }: ApiError,
  dialect: Dialect,
  { type, instance, requestId, retentionSeconds }: Occurrence,
): { status: number; mediaType: string; document: object } {
  const { title, statusByDialect, retryable, advice = null, codes, ...facts } = documented(error);
  const status = statusByDialect?.[dialect] ?? facts.status;
  const problem = { type, title, status, detail, instance };
  const code = codes?.problem ?? error.toLowerCase();
  const aboutKeys = error.startsWith('IDEMPOTENCY_');
  const retention = aboutKeys ? { retention_seconds: retentionSeconds } : {};
  const answer = (mediaType: string, document: object) => ({ status, mediaType, document });
  switch (dialect) {
    case 'problem':
      return answer('application/problem+json', {
        ...problem,
        code,
        advice_code: advice,
        retryable,
        param,
        request_id: requestId,
        ...retention,
      });
    case 'properties':
      return answer('application/problem+json', {
        ...problem,
        properties: {
          errorCode: codes?.properties ?? error,
          retryable: retryable === 'as-is',
          param,
          requestId,
          ...(aboutKeys ? { retentionSeconds } : {}),
        },
      });
    case 'envelope':
      return answer('application/json', {
        error: {
          type: envelopeType(status),
          code: codes?.envelope ?? code,
          message: detail,
          param,
          doc_url: type,
          request_id: requestId,
          ...retention,
        },
      });
    case 'ietf':
      return answer('application/problem+json', { ...problem, code: codes?.ietf ?? code, ...retention });
  }
}

/** The class of an error, by its status. */
function envelopeType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 409) return 'idempotency_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'api_error' : 'invalid_request_error';
}
