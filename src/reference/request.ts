import { ParseError, parseDictionary } from 'structured-headers';
import { KEY_LIMIT, readIdempotencyKey, readJson } from '../idempotency/index.ts';
import { ApiError } from './errors.ts';
import { nameOf, shorten } from './quotation.ts';

/** A charge has a few hundred bytes; a larger body is a mistake, and would be kept for a day. Bytes. */
export const BODY_LIMIT_BYTES = 64 * 1024;

/** What is still read of a body that is too large, so that a client that sends before it reads sees the answer. Bytes. */
const DRAIN_LIMIT_BYTES = 1024 * 1024;

/** A demonstration holds up a connection for so long; longer would hold up too many. Milliseconds. */
export const DELAY_LIMIT_MS = 5000;

/** Media types of a body that creates something. */
export const JSON_ONLY = ['application/json'] as const;

/** Of one that changes something: a merge patch (RFC 7396) by its name, or by the name that everybody sends. */
export const PATCH_TYPES = ['application/merge-patch+json', 'application/json'] as const;

/** The failures that can be asked for, by status. */
export const SIMULATED_ERRORS = {
  403: 'SANDBOX_FULL',
  429: 'RATE_LIMITED',
  500: 'INTERNAL_ERROR',
  503: 'STORE_UNAVAILABLE',
  507: 'STORE_FULL',
} as const;

/**
 * Reads a request's body, whole.
 * @throws {ApiError} CONTENT_TOO_LARGE; JSON_INVALID when the client breaks off.
 */
export async function readBody(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body ?? []) {
      size += chunk.length;
      if (size <= BODY_LIMIT_BYTES) chunks.push(chunk);
      if (size > DRAIN_LIMIT_BYTES) break;
    }
  } catch {
    throw new ApiError('JSON_INVALID', 'The body broke off before its end.');
  }
  if (size > BODY_LIMIT_BYTES)
    throw new ApiError('CONTENT_TOO_LARGE', `The body is larger than ${BODY_LIMIT_BYTES} bytes, which is the limit.`);
  return Buffer.concat(chunks);
}

/**
 * Reads a JSON body.
 * @throws {ApiError} JSON_INVALID, JSON_DUPLICATE_MEMBER, JSON_NUMBER_INEXACT, BODY_NOT_OBJECT.
 */
export function readObject(body: Uint8Array): { members: Record<string, unknown>; canonical: string } {
  const outcome = readJson(body);
  switch (outcome.kind) {
    case 'invalid':
      throw new ApiError('JSON_INVALID', outcome.detail);
    case 'duplicate-member':
      throw new ApiError(
        'JSON_DUPLICATE_MEMBER',
        `The body has the member ${JSON.stringify(outcome.member)} twice.`,
        outcome.member,
      );
    case 'inexact-number':
      throw new ApiError(
        'JSON_NUMBER_INEXACT',
        `${shorten(outcome.number)} cannot be kept exactly: as a double it is another number.`,
        outcome.member || null,
      );
    case 'json':
      if (!isObject(outcome.value))
        throw new ApiError('BODY_NOT_OBJECT', `The body is ${nameOf(outcome.value)}; it has to be an object.`);
      return { members: outcome.value, canonical: outcome.canonical };
  }
}

/**
 * Which of the accepted media types a body has. JSON is UTF-8 (RFC 8259 section 8.1); who says so says nothing new.
 * @param field how to tell what is accepted: `Accept-Post` or `Accept-Patch`.
 * @returns it in lower case, without parameters.
 * @throws {ApiError} UNSUPPORTED_MEDIA_TYPE.
 */
export function requireMediaType(
  contentType: string | null,
  accepted: readonly string[],
  field: 'Accept-Post' | 'Accept-Patch',
): string {
  const [, type = ''] = /^([^\s;]+)\s*(?:;\s*charset="?utf-8"?\s*)?$/i.exec(contentType?.trim() ?? '') ?? [];
  if (accepted.includes(type.toLowerCase())) return type.toLowerCase();
  const found = contentType ? `${shorten(contentType)} is not` : 'A request without Content-Type is not';
  const detail = `${found} understood here; send ${accepted.join(' or ')}.`;
  throw new ApiError('UNSUPPORTED_MEDIA_TYPE', detail, 'Content-Type', { [field]: accepted.join(', ') });
}

/** @throws {ApiError} IDEMPOTENCY_KEY_MISSING, IDEMPOTENCY_KEY_INVALID. */
export function requireKey(header: string | null): string {
  const outcome = readIdempotencyKey(header);
  if (outcome.kind === 'key') return outcome.key;
  if (outcome.kind === 'invalid') throw new ApiError('IDEMPOTENCY_KEY_INVALID', outcome.detail, 'Idempotency-Key');
  const hint = `Send one of 1 to ${KEY_LIMIT} characters in double quotes, such as a UUID.`;
  throw new ApiError('IDEMPOTENCY_KEY_MISSING', `This request needs an Idempotency-Key. ${hint}`, 'Idempotency-Key');
}

/** What `Docent-Simulate` asks for, so that a reader can see a case that hardly ever happens. */
export interface Simulation {
  delayMs: number;
  error?: (typeof SIMULATED_ERRORS)[keyof typeof SIMULATED_ERRORS];
}

/**
 * Reads `Docent-Simulate`, an RFC 9651 Dictionary (section 3.2): `delay=1500`, `error=500`, or both.
 * @throws {ApiError} SIMULATION_INVALID.
 */
export function readSimulation(header: string | null): Simulation {
  const simulation: Simulation = { delayMs: 0 };
  if (header === null) return simulation;
  const refuse = (detail: string): never => {
    throw new ApiError('SIMULATION_INVALID', detail, 'Docent-Simulate');
  };
  for (const [name, [value]] of entriesOf(header, refuse)) {
    if (name === 'delay') {
      if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > DELAY_LIMIT_MS)
        refuse(`"delay" is a whole number of milliseconds from 0 to ${DELAY_LIMIT_MS}.`);
      simulation.delayMs = value as number;
    } else if (name === 'error') {
      if (!isSimulated(value)) return refuse(`"error" is one of ${Object.keys(SIMULATED_ERRORS).join(', ')}.`);
      simulation.error = SIMULATED_ERRORS[value];
    } else {
      refuse(`There is no "${shorten(name)}" to simulate. Known: delay, error.`);
    }
  }
  return simulation;
}

/** A number, and not the name of something that every object has. */
function isSimulated(status: unknown): status is keyof typeof SIMULATED_ERRORS {
  return typeof status === 'number' && Object.hasOwn(SIMULATED_ERRORS, status);
}

function entriesOf(header: string, refuse: (detail: string) => never) {
  try {
    return parseDictionary(header);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return refuse('Docent-Simulate is written like "delay=1500" or "delay=1500, error=500".');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
