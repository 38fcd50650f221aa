import { KEY_LIMIT, type Reply } from '../idempotency/index.ts';
import { ApiError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { jsonReply } from './reply.ts';

/**
 * `GET /idempotency-keys/{key}`: what became of a request under a key of the caller's own sandbox; never its body. A key that is unknown,
 * somebody else's, expired, or none at all is answered alike, so that nothing is to be learned from asking.
 */
export async function lookUpKey(exchange: Exchange, segment: string): Promise<Reply> {
  const sandbox = await exchange.authenticate();
  const key = decoded(segment);
  const info = key === undefined ? undefined : await exchange.ledger().store.lookup({ principal: sandbox.id, key });
  if (info === undefined) {
    const detail =
      'No request of this sandbox is remembered under this key. Nothing was executed under it, or it has been forgotten.';
    throw new ApiError('IDEMPOTENCY_KEY_NOT_FOUND', detail, 'key');
  }
  const { state, method, path, status = null, requestId = null, firstSeenMs, expiresMs } = info;
  return jsonReply(200, {
    key,
    state: state === 'in-progress' ? 'in_progress' : state,
    first_seen_at: new Date(firstSeenMs).toISOString(),
    // With the sandbox everything goes that belongs to it.
    expires_at: new Date(Math.min(expiresMs, sandbox.expiresMs)).toISOString(),
    method,
    path,
    status,
    request_id: requestId,
  });
}

/** @returns undefined for what no key can be, and for what is no UTF-8. */
function decoded(segment: string): string | undefined {
  let key: string;
  try {
    key = decodeURIComponent(segment);
  } catch {
    return undefined;
  }
  return /^[ -~]+$/.test(key) && key.length <= KEY_LIMIT ? key : undefined;
}
