import type { Reply } from '../idempotency/index.ts';
import { ApiError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { type Charge, newId, type Sandbox, SandboxGone } from './ledger.ts';
import { afterwards, executeOnce, type KeyedRequest } from './once.ts';
import { checkChange, checkCharge, readListQuery } from './parameters.ts';
import { shown } from './quotation.ts';
import { jsonReply } from './reply.ts';
import {
  JSON_ONLY,
  PATCH_TYPES,
  readBody,
  readObject,
  readSimulation,
  requireKey,
  requireMediaType,
} from './request.ts';

/** `POST /charges` */
export async function createCharge(exchange: Exchange): Promise<Reply> {
  const body = await readBody(exchange.request);
  const sandbox = await exchange.authenticate();
  const { members, ...keyed } = readKeyed(exchange, sandbox, body, JSON_ONLY, 'Accept-Post');
  const request = checkCharge(members);
  return executeOnce(exchange, keyed, async (ledger, transaction) => {
    const charge: Charge = { id: newId('ch'), ...request, created_at: new Date(ledger.now()).toISOString() };
    const reply = jsonReply(201, charge, { fields: { Location: pathOf(exchange, charge.id) } });
    return transaction((tx) => afterwards(ledger.insertCharge(tx, sandbox.id, charge), reply));
  });
}

/** `GET /charges`: a page of the list, latest first. */
export async function listCharges(exchange: Exchange): Promise<Reply> {
  const sandbox = await exchange.authenticate();
  const { limit, after } = readListQuery(exchange.url.searchParams);
  const page = await exchange.ledger().charges(sandbox.id, limit, after);
  if (page === undefined) {
    const detail = `This sandbox has no charge ${shown(after)}, so there is none after it. Take "after" from the answer before.`;
    throw new ApiError('CURSOR_UNKNOWN', detail, 'after');
  }
  const { charges: data, hasMore: has_more } = page;
  const last = data.at(-1);
  if (!has_more || last === undefined) return jsonReply(200, { data, has_more });
  const next = `${exchange.url.pathname}?limit=${limit}&after=${last.id}`;
  // RFC 8288: the same for a program that knows links, but not this API.
  return jsonReply(200, { data, has_more, next }, { fields: { Link: `<${next}>; rel="next"` } });
}

/** `GET /charges/{id}` */
export async function readCharge(exchange: Exchange, id: string): Promise<Reply> {
  const sandbox = await exchange.authenticate();
  const charge = await exchange.ledger().charge(sandbox.id, id);
  if (charge === undefined) throw notFound(id);
  return jsonReply(200, charge);
}

/** `PATCH /charges/{id}`: that there is no such charge is a result, and is kept under the key like any other. */
export async function updateCharge(exchange: Exchange, id: string): Promise<Reply> {
  const body = await readBody(exchange.request);
  const sandbox = await exchange.authenticate();
  const { members, ...keyed } = readKeyed(exchange, sandbox, body, PATCH_TYPES, 'Accept-Patch');
  const change = checkChange(members);
  return executeOnce(exchange, keyed, async (ledger, transaction) => {
    const found = await ledger.charge(sandbox.id, id);
    if (found === undefined) {
      // It may have been cleared up with its sandbox: that is no result.
      if (sandbox.expiresMs <= ledger.now()) throw new SandboxGone();
      return transaction(() => exchange.refusal(notFound(id)));
    }
    // Nothing but the description ever changes, so that the rest is still true in the transaction.
    const { description = found.description } = change;
    const reply = jsonReply(200, { ...found, description });
    return transaction((tx) => afterwards(ledger.describeCharge(tx, sandbox.id, id, description), reply));
  });
}

/**
 * What a request with a key has in common with all others.
 * @throws {ApiError} UNSUPPORTED_MEDIA_TYPE, SIMULATION_INVALID, IDEMPOTENCY_KEY_MISSING, IDEMPOTENCY_KEY_INVALID, and what is wrong with
 * the JSON.
 */
function readKeyed(
  { request: { headers } }: Exchange,
  { id: principal }: Sandbox,
  body: Uint8Array,
  accepted: readonly string[],
  field: 'Accept-Post' | 'Accept-Patch',
): KeyedRequest & { members: Record<string, unknown> } {
  const mediaType = requireMediaType(headers.get('content-type'), accepted, field);
  const simulation = readSimulation(headers.get('docent-simulate'));
  const key = requireKey(headers.get('idempotency-key'));
  return { id: { principal, key }, mediaType, simulation, ...readObject(body) };
}

function pathOf({ service }: Exchange, id: string): string {
  return `${service.options.prefix}/charges/${id}`;
}

function notFound(id: string): ApiError {
  return new ApiError('CHARGE_NOT_FOUND', `This sandbox has no charge ${shown(id)}.`, 'id');
}
