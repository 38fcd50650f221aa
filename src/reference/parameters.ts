import { nearest } from '../topic/nearest.ts';
import { ApiError, DIALECTS, type Dialect } from './errors.ts';
import { shorten, shown } from './quotation.ts';

/** Enough for a sentence on an account statement. Characters. */
export const DESCRIPTION_LIMIT = 500;

/** Charges on a page of a list, when nobody says how many. */
export const PAGE_SIZE = 20;

/** The most charges on a page: some tens of kilobytes. */
export const PAGE_SIZE_LIMIT = 100;

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
  checkDescription(description);
  return { amount: amount as number, currency, description };
}

const READ_ONLY_MEMBERS = ['id', 'amount', 'currency', 'created_at'];

/**
 * Checks the members of a change to a charge, a JSON merge patch (RFC 7396): what is not there stays, and `null` takes the description away.
 * @throws {ApiError} PARAMETER_READ_ONLY, PARAMETER_UNKNOWN, PARAMETER_INVALID.
 */
export function checkChange(members: Record<string, unknown>): { description?: string | null } {
  const readOnly = Object.keys(members).find((name) => READ_ONLY_MEMBERS.includes(name));
  if (readOnly !== undefined) {
    const detail = `The member "${readOnly}" of a charge cannot be changed; "description" can.`;
    throw new ApiError('PARAMETER_READ_ONLY', detail, readOnly);
  }
  refuseUnknown(members, ['description']);
  const { description } = members;
  if (description === undefined) return {};
  checkDescription(description);
  return { description };
}

function checkDescription(description: unknown): asserts description is string | null {
  const tooLong = typeof description === 'string' && [...description].length > DESCRIPTION_LIMIT;
  if (!tooLong && (description === null || typeof description === 'string')) return;
  const found = tooLong ? `has more than ${DESCRIPTION_LIMIT} characters` : `is ${shown(description)}`;
  const detail = `"description" ${found}; it has to be a string of at most ${DESCRIPTION_LIMIT} characters.`;
  throw new ApiError('PARAMETER_INVALID', detail, 'description');
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
  const detail = `There is no member ${shown(unknown)}. ${hintFor(unknown, known)}`;
  throw new ApiError('PARAMETER_UNKNOWN', detail, shorten(unknown));
}

const LIST_PARAMETERS = ['limit', 'after'];

/**
 * Reads the query of a list.
 * @returns `after` as it was sent: whether there is such a charge is not known yet.
 * @throws {ApiError} QUERY_PARAMETER_UNKNOWN, QUERY_PARAMETER_INVALID.
 */
export function readListQuery(query: URLSearchParams): { limit: number; after: string | undefined } {
  for (const name of query.keys()) {
    if (!LIST_PARAMETERS.includes(name)) {
      const hint = hintFor(name, LIST_PARAMETERS);
      const detail = `There is no query parameter ${shown(name)}. ${hint}`;
      throw new ApiError('QUERY_PARAMETER_UNKNOWN', detail, shorten(name));
    }
    if (query.getAll(name).length > 1) {
      const detail = `The query parameter "${name}" is there ${query.getAll(name).length} times; send it once.`;
      throw new ApiError('QUERY_PARAMETER_INVALID', detail, name);
    }
  }
  const limit = query.get('limit') ?? String(PAGE_SIZE);
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > PAGE_SIZE_LIMIT) {
    const detail = `The query parameter "limit" is ${shown(limit)}; it has to be a whole number from 1 to ${PAGE_SIZE_LIMIT}.`;
    throw new ApiError('QUERY_PARAMETER_INVALID', detail, 'limit');
  }
  return { limit: Number(limit), after: query.get('after') ?? undefined };
}

function hintFor(name: string, known: string[]): string {
  const near = nearest(name, known);
  return near === undefined ? `Known: ${known.join(', ')}.` : `Did you mean "${near}"?`;
}
