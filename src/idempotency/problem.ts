import type { RequestFacts } from './record.ts';
import type { StoreError } from './store.ts';

/** After an outage of the store: long enough for a lock or a fail-over, short enough for a person. Seconds. */
const UNAVAILABLE_RETRY_SECONDS = 5;

/** A full disk is not emptied by itself. Seconds. */
const FULL_RETRY_SECONDS = 60;

/** Longer quotations of what a client has sent do not help. Characters. */
const QUOTE_LIMIT = 60;

/** Why a request with a key is refused: a closed set, told apart by `code`. */
export type Refusal =
  | { code: 'content_too_large'; limitBytes: number }
  /** The body broke off. */
  | { code: 'content_incomplete' }
  | { code: 'idempotency_key_missing' }
  /** `reason` is a sentence, as are those below. */
  | { code: 'idempotency_key_invalid'; reason: string }
  | { code: 'json_invalid'; reason: string }
  /** `member` is its path, dotted. */
  | { code: 'json_duplicate_member'; member: string }
  | { code: 'json_number_inexact'; member: string; number: string }
  /** The key was used for another request, which is `original`. */
  | { code: 'idempotency_conflict'; original: RequestFacts }
  | { code: 'idempotency_in_progress'; retryAfterSeconds: number }
  | { code: 'store_unavailable' | 'store_full'; retryAfterSeconds: number; error: StoreError }
  /** The effect has happened, and its answer cannot be kept. */
  | { code: 'reply_too_large'; limitBytes: number };

/** A refusal in words; what the `problem` option of `idempotent` is given. */
export type IdempotencyProblem = Refusal & {
  status: number;
  /** What it means, in a few words; the same for every occurrence. */
  title: string;
  /** What went wrong this time, as a sentence or two. */
  detail: string;
  /** The header, or the member of the body, that is wrong, if it is one. */
  param?: string;
  /** How long a reply can be repeated, counted from completion. */
  retentionSeconds: number;
  requestId?: string;
};

/** Status and title; the codes are those of Docent's error topics. */
const KINDS: Record<Refusal['code'], [status: number, title: string]> = {
  content_too_large: [413, 'The body is too large'],
  content_incomplete: [400, 'The body broke off'],
  idempotency_key_missing: [400, 'The request has no idempotency key'],
  idempotency_key_invalid: [400, 'The idempotency key is malformed'],
  json_invalid: [400, 'The body is not JSON'],
  json_duplicate_member: [400, 'A member is there twice'],
  json_number_inexact: [400, 'A number cannot be kept exactly'],
  idempotency_conflict: [409, 'The key was used for another request'],
  idempotency_in_progress: [409, 'The first request is still running'],
  store_unavailable: [503, 'The store does not answer'],
  store_full: [507, 'The store has no space left'],
  reply_too_large: [500, 'The answer is too large to be repeated'],
};

/** The reason phrases of these statuses (RFC 9110 section 15, RFC 4918 section 11.5). */
const PHRASES: Record<number, string> = {
  400: 'Bad Request',
  409: 'Conflict',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
};

/** What a refusal says about the request that it answers. */
export interface Occurrence {
  method: string;
  /** Path and query. */
  target: string;
  requestId?: string;
}

/** What the operator of an API decides about its problems. */
export interface ProblemStyle {
  mismatchStatus: 409 | 422;
  retentionSeconds: number;
  /** The code is added to it; without one, `type` is `about:blank`. */
  typeBase: string | undefined;
}

/** A refusal in words. */
export function toProblem(refusal: Refusal, occurrence: Occurrence, style: ProblemStyle): IdempotencyProblem {
  const [status, title] = KINDS[refusal.code];
  const param = paramOf(refusal);
  return {
    ...refusal,
    status: refusal.code === 'idempotency_conflict' ? style.mismatchStatus : status,
    title,
    detail: detailOf(refusal, occurrence),
    ...(param === undefined ? {} : { param }),
    retentionSeconds: style.retentionSeconds,
    ...(occurrence.requestId === undefined ? {} : { requestId: occurrence.requestId }),
  };
}

/** A problem as RFC 9457 writes it, with the members `code`, `param`, `retention_seconds` and `request_id` (section 3.2). */
export function problemDocument(
  { code, status, title, detail, param, retentionSeconds, requestId }: IdempotencyProblem,
  { target }: Occurrence,
  { typeBase }: ProblemStyle,
): object {
  return {
    type: typeBase === undefined ? 'about:blank' : `${typeBase}${code}`,
    // Of about:blank the title is the status in words (section 4.2.1).
    title: typeBase === undefined ? PHRASES[status] : title,
    status,
    detail,
    instance: target.replace(/\?.*$/s, ''),
    code,
    param,
    retention_seconds: retentionSeconds,
    request_id: requestId,
  };
}

/** The refusal that a store's error makes. */
export function storeRefusal(error: StoreError): Refusal {
  return error.problem === 'full'
    ? { code: 'store_full', retryAfterSeconds: FULL_RETRY_SECONDS, error }
    : { code: 'store_unavailable', retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS, error };
}

function paramOf(refusal: Refusal): string | undefined {
  if (refusal.code.startsWith('idempotency_')) return 'Idempotency-Key';
  return 'member' in refusal && refusal.member !== '' ? shorten(refusal.member) : undefined;
}

function detailOf(refusal: Refusal, { method, target }: Occurrence): string {
  switch (refusal.code) {
    case 'content_too_large':
      return `The body is larger than ${refusal.limitBytes} bytes, which is the limit.`;
    case 'content_incomplete':
      return 'The body broke off before its end. Nothing was executed.';
    case 'idempotency_key_missing':
      return 'This request needs an Idempotency-Key: send one of 1 to 255 characters in double quotes, such as a UUID.';
    case 'idempotency_key_invalid':
    case 'json_invalid':
      return refusal.reason;
    case 'json_duplicate_member':
      return `The body has the member ${JSON.stringify(shorten(refusal.member))} twice.`;
    case 'json_number_inexact':
      return `${shorten(refusal.number)} cannot be kept exactly: as a double it is another number.`;
    case 'idempotency_conflict': {
      const { method: first, path, requestId } = refusal.original;
      const other = first === method && path === target ? ' with other content' : '';
      const named = requestId === undefined ? '' : ` (request ${requestId})`;
      return `The key was first used for ${first} ${path}${other}${named}.`;
    }
    case 'idempotency_in_progress': {
      const seconds = refusal.retryAfterSeconds;
      const wait = `${seconds} second${seconds === 1 ? '' : 's'}`;
      return `The first request with this key is still running. Send this one again in ${wait}.`;
    }
    case 'store_unavailable':
      return 'The store of idempotency keys does not answer. Send the same request again, with the same key.';
    case 'store_full':
      return 'There is no room left to store this. Send the same request again later, with the same key.';
    case 'reply_too_large':
      return `The request was executed. Its answer is larger than ${refusal.limitBytes} bytes, and cannot be repeated.`;
  }
}

function shorten(text: string): string {
  return text.length <= QUOTE_LIMIT ? text : `${text.slice(0, QUOTE_LIMIT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
