import { ParseError, parseDictionary } from 'structured-headers';
import { KEY_LIMIT, readIdempotencyKey, readJson } from '../idempotency/index.ts';
import { nearest } from '../topic/nearest.ts';
import { ApiError, DIALECTS, type Dialect } from './errors.ts';

/** A charge has a few hundred bytes; a larger body is a mistake, and would be kept for a day. Bytes. */
export const BODY_LIMIT_BYTES = 64 * 1024;

/** What is still read of a body that is too large, so that a client that sends before it reads sees the answer. Bytes. */
const DRAIN_LIMIT_BYTES = 1024 * 1024;

/** Enough for a sentence on an account statement. Characters. */
export const DESCRIPTION_LIMIT = 500;

/** A demonstration holds up a connection for so long; longer would hold up too many. Milliseconds. */
export const DELAY_LIMIT_MS = 5000;

/** The failures that can be asked for, by status. */
export const SIMULATED_ERRORS = { 500: 'INTERNAL_ERROR', 503: 'STORE_UNAVAILABLE', 507: 'STORE_FULL' } as const;

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
 * JSON is UTF-8 (RFC 8259 section 8.1); who says so says nothing new.
 * @throws {ApiError} UNSUPPORTED_MEDIA_TYPE.
 */
export function requireJson(contentType: string | null): void {
  if (/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType?.trim() ?? '')) return;
  const found = contentType ? `${shorten(contentType)} is not` : 'A request without Content-Type is not';
  throw new ApiError('UNSUPPORTED_MEDIA_TYPE', `${found} understood here; send application/json.`, 'Content-Type', {
    'Accept-Post': 'application/json',
  });
}

export interface ChargeRequest {
  amount: number;
  currency: string;
  description: string | null;
}

const CHARGE_MEMBERS = ['amount', 'currency', 'description'];

/**
 * Checks the members of a charge.
 * @throws {ApiError} PARAMETER_UNKNOWN, PARAMETER_MISSING, PARAMETER_INVALID, CURRENCY_UNKNOWN.
 */
export function checkCharge(members: Record<string, unknown>): ChargeRequest {
  refuseUnknown(members, CHARGE_MEMBERS);
  const { amount, currency, description = null } = members;
  for (const name of ['amount', 'currency']) {
    if (members[name] === undefined)
      throw new ApiError('PARAMETER_MISSING', `A charge needs the member "${name}".`, name);
  }
  if (!Number.isSafeInteger(amount) || (amount as number) < 1) {
    const range = `an integer from 1 to ${Number.MAX_SAFE_INTEGER}, in the minor unit of the currency`;
    throw new ApiError('PARAMETER_INVALID', `"amount" is ${shown(amount)}; it has to be ${range}.`, 'amount');
  }
  if (typeof currency !== 'string')
    throw new ApiError('PARAMETER_INVALID', `"currency" is ${shown(currency)}; it has to be a string.`, 'currency');
  checkCurrency(currency);
  const tooLong = typeof description === 'string' && [...description].length > DESCRIPTION_LIMIT;
  if (tooLong || (description !== null && typeof description !== 'string')) {
    const found = tooLong ? `has more than ${DESCRIPTION_LIMIT} characters` : `is ${shown(description)}`;
    const detail = `"description" ${found}; it has to be a string of at most ${DESCRIPTION_LIMIT} characters.`;
    throw new ApiError('PARAMETER_INVALID', detail, 'description');
  }
  return { amount: amount as number, currency, description: description as string | null };
}

/** ISO 4217 as the runtime's Unicode data has it. */
const CURRENCIES = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()));

function checkCurrency(currency: string): void {
  if (CURRENCIES.has(currency)) return;
  const lower = currency.toLowerCase();
  const hint = CURRENCIES.has(lower) ? ` Write it in lower case: "${lower}".` : '';
  const detail = `${shown(currency)} is no currency code of ISO 4217 in lower case.${hint}`;
  throw new ApiError('CURRENCY_UNKNOWN', detail, 'currency');
}

/**
 * Checks the members of a sandbox.
 * @throws {ApiError} PARAMETER_UNKNOWN, PARAMETER_INVALID.
 */
export function checkSandbox(members: Record<string, unknown>): Dialect | undefined {
  refuseUnknown(members, ['dialect']);
  const { dialect } = members;
  if (dialect === undefined || DIALECTS.includes(dialect as Dialect)) return dialect as Dialect | undefined;
  const detail = `"dialect" is ${shown(dialect)}; it has to be one of ${DIALECTS.join(', ')}.`;
  throw new ApiError('PARAMETER_INVALID', detail, 'dialect');
}

function refuseUnknown(members: Record<string, unknown>, known: string[]): void {
  const unknown = Object.keys(members).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  const hint = near === undefined ? `Known: ${known.join(', ')}.` : `Did you mean "${near}"?`;
  throw new ApiError('PARAMETER_UNKNOWN', `There is no member ${shown(unknown)}. ${hint}`, shorten(unknown));
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

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

/** A value as a message shows it: it comes from outside and may be long. */
function shown(value: unknown): string {
  if (typeof value === 'object') return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
  return shorten(JSON.stringify(value));
}

/** Longer quotations do not help. Characters. */
const QUOTE_LIMIT = 60;

function shorten(text: string): string {
  return text.length <= QUOTE_LIMIT ? text : `${text.slice(0, QUOTE_LIMIT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
