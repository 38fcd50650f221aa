import type { Reply } from '../idempotency/index.ts';
import { DEFAULT_DIALECT } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { checkSandbox } from './parameters.ts';
import { jsonReply } from './reply.ts';
import { JSON_ONLY, readBody, readObject, requireMediaType } from './request.ts';

/** `POST /sandboxes`: an anonymous account. A second one that nobody uses does no harm, so it takes no key. */
export async function createSandbox(exchange: Exchange): Promise<Reply> {
  const { request, service } = exchange;
  const body = await readBody(request);
  if (body.length > 0) requireMediaType(request.headers.get('content-type'), JSON_ONLY, 'Accept-Post');
  const asked = body.length === 0 ? undefined : checkSandbox(readObject(body).members);
  const { addressOf } = service.options;
  // Whoever has hung up already shares one quota with all who did.
  if (addressOf !== undefined) await exchange.spend('address', addressOf(request) ?? 'unknown');
  const { id, token, dialect, expiresMs } = await exchange.ledger().createSandbox(asked ?? DEFAULT_DIALECT);
  return jsonReply(201, { id, token, dialect, expires_at: new Date(expiresMs).toISOString() });
}
