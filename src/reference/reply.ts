import type { Reply } from '../idempotency/index.ts';

/** Any page may try the API: a token is in no cookie, so nobody's rights are lent. */
const COMMON_FIELDS: Record<string, string> = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers':
    'Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Request-Id, Retry-After',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

/** A reply whose body is a document, in one line. */
export function jsonReply(
  status: number,
  document: object,
  { mediaType = 'application/json', fields = {} }: { mediaType?: string; fields?: Record<string, string> } = {},
): Reply {
  const headers: Reply['headers'] = [['Content-Type', mediaType], ...Object.entries(fields)];
  return { status, headers, body: new TextEncoder().encode(`${JSON.stringify(document)}\n`) };
}

/**
 * A reply as a response, with the header fields that every answer of the API has.
 * @param own of this answer alone, beside those of the reply.
 */
export function toResponse({ status, headers, body }: Reply, own: Record<string, string>, head: boolean): Response {
  const fields: Record<string, string> = {};
  for (const [name, value] of headers) fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
  for (const [name, value] of Object.entries(own)) fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
  const bodiless = head || status === 204;
  return new Response(bodiless ? null : body, { status, headers: { ...fields, ...COMMON_FIELDS } });
}
