import type { ExampleHeader } from '../topic/descriptor.ts';
import type { ActualResponse } from './compare.ts';

/** No example's server thinks longer; a reader does not wait longer either. Milliseconds. */
export const TIME_LIMIT_MS = 15_000;

/** More of an answer than a person looks at; a server that never stops must not fill the memory. Bytes. */
export const RESPONSE_LIMIT_BYTES = 1024 * 1024;

/** A request with every placeholder filled in. */
export interface SentRequest {
  method: string;
  url: string;
  headers: ExampleHeader[];
  body?: string;
}

/** Why there is no answer to compare. */
export type FailureReason =
  /** Nothing answers at that address, the connection broke off, or what came is not HTTP. */
  | 'network'
  | 'timeout'
  /** A placeholder has no value. */
  | 'unbound'
  | 'sandbox'
  /** The request, or the answer. */
  | 'too-large'
  /** The values make a URL of it that is not below the base URL. */
  | 'outside'
  /** The values make a request of it that is not HTTP. */
  | 'unsendable'
  /** Whoever ran it has stopped it. */
  | 'aborted';

export interface Failure {
  reason: FailureReason;
  /** What is wrong, and what to do. */
  message: string;
}

export type Answer = { actual: ActualResponse } | { failed: Failure } | { skipped: string };

export interface Transport {
  fetch: typeof fetch;
  /** Milliseconds. */
  timeLimit: number;
  signal: AbortSignal;
}

/** Sends one request and reads the answer. Never rejects. Redirects are not followed, cookies are neither sent nor kept. */
export async function send(sent: SentRequest, { fetch, timeLimit, signal }: Transport): Promise<Answer> {
  const request = toRequest(sent);
  if (typeof request === 'string') return failure('unsendable', request);
  const dropped = sent.headers.find(({ name }) => !request.headers.has(name));
  if (dropped !== undefined) return { skipped: `a browser does not let a page send the header ${dropped.name}` };
  const timeout = AbortSignal.timeout(timeLimit);
  const started = performance.now();
  try {
    const response = await fetch(request, { signal: AbortSignal.any([timeout, signal]) });
    if (response.type === 'opaqueredirect') {
      return { skipped: 'a browser does not show a page where a redirect leads; docent run does' };
    }
    const bytes = await readAtMost(response, RESPONSE_LIMIT_BYTES);
    if (bytes === undefined) {
      const message = `the answer has more than ${RESPONSE_LIMIT_BYTES} bytes; ask for less in the example`;
      return failure('too-large', message);
    }
    return { actual: toActual(response, bytes, performance.now() - started) };
  } catch (error) {
    if (signal.aborted) return failure('aborted', 'it was stopped before the answer was there');
    if (timeout.aborted) {
      const message = `no whole answer within ${timeLimit / 1000} s; see whether the server still works, or ask for something quicker`;
      return failure('timeout', message);
    }
    return failure('network', `${sent.url} does not answer (${causeOf(error)}); see that the server runs there`);
  }
}

function failure(reason: FailureReason, message: string): Answer {
  return { failed: { reason, message } };
}

/** @returns what is wrong, when no request can be made of it. */
function toRequest({ method, url, headers, body }: SentRequest): Request | string {
  try {
    return new Request(url, {
      method,
      headers: headers.map(({ name, value }): [string, string] => [name, value]),
      // As bytes, because to a text fetch adds a Content-Type of its own.
      ...(body === undefined ? {} : { body: new TextEncoder().encode(body) }),
      redirect: 'manual',
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    });
  } catch (error) {
    return `this cannot be sent (${messageOf(error)}); look at the values that were filled in`;
  }
}

/** @returns undefined when there is more; the rest is not fetched then. */
async function readAtMost(response: Response, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done = true, value } = (await reader?.read()) ?? {};
    if (done || value === undefined) break;
    length += value.length;
    if (length > limit) {
      // What the server says to that is of no interest.
      reader?.cancel().catch(() => {});
      return undefined;
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function toActual(response: Response, bytes: Uint8Array<ArrayBuffer>, ms: number): ActualResponse {
  const { status, statusText } = response;
  const headers = [...response.headers].map(([name, value]) => ({ name, value }));
  return {
    status,
    ...(statusText === '' ? {} : { reason: statusText }),
    headers,
    ...decode(bytes),
    ms: Math.round(ms),
  };
}

function decode(bytes: Uint8Array<ArrayBuffer>): { body: string; notUtf8?: true } {
  try {
    return { body: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { body: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), notUtf8: true };
  }
}

/** Node wraps what happened on the socket into a "fetch failed". */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return messageOf(cause ?? error);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Of several addresses that were tried Node tells nothing but a code.
  return error.message || String((error as { code?: string }).code ?? error.name);
}
