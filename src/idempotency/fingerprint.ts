/** What makes two requests the same one. */
export interface FingerprintedRequest {
  method: string;
  /** Path and query, as sent: `/api/charges?expand=customer`. */
  target: string;
  /** Value of `Content-Type`; empty when there is none. */
  contentType: string;
  /** The RFC 8785 form of a JSON body, so that white space and the order of members do not matter; else the bytes. */
  body: string | Uint8Array;
}

/**
 * SHA-256 over method, path, query, content type and body, hex. What precedes the body is written with its length, so that no two
 * requests run together into the same bytes.
 */
export async function fingerprintOf(request: FingerprintedRequest): Promise<string> {
  return fingerprintNow(request);
}

/** The same, at once on a platform that hashes at once. */
export function fingerprintNow({ method, target, contentType, body }: FingerprintedRequest): string | Promise<string> {
  const type = mediaTypeOf(contentType);
  const head = `${method.length}:${method}${target.length}:${target}${type.length}:${type}`;
  // Text is hashed without being copied first.
  if (typeof body === 'string') return sha256Now(head + body);
  const start = new TextEncoder().encode(head);
  const bytes = new Uint8Array(start.length + body.length);
  bytes.set(start);
  bytes.set(body, start.length);
  return sha256Now(bytes);
}

/**
 * Node, Deno and Bun hash within a call. WebCrypto, which every platform has, lets another thread do it: for the few bytes of a request
 * that takes a hundred times as long.
 */
const hashAtOnce = globalThis.process?.getBuiltinModule?.('node:crypto')?.hash;

/** The SHA-256 of bytes, or of text as UTF-8, in 64 hexadecimal digits. */
export async function sha256Hex(data: Uint8Array<ArrayBuffer> | string): Promise<string> {
  return sha256Now(data);
}

function sha256Now(data: Uint8Array<ArrayBuffer> | string): string | Promise<string> {
  if (hashAtOnce !== undefined) return hashAtOnce('sha256', data);
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  return crypto.subtle.digest('SHA-256', bytes).then(toHex);
}

/** The HMAC-SHA-256 (RFC 2104) of text under a secret of at least one character, both as UTF-8, in 64 hexadecimal digits. */
export async function hmacSha256Hex(secret: string, text: string): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
  return toHex(await crypto.subtle.sign('HMAC', key, encoder.encode(text)));
}

function toHex(digest: ArrayBuffer): string {
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Nothing in it is to be made alike: a type without parameters, in lower case, as nearly everybody sends it. */
const PLAIN_TYPE = /^[a-z0-9.+/-]*$/;

/** Type and parameters without the differences that mean nothing (RFC 9110 section 8.3.1): case of the names, white space. */
function mediaTypeOf(contentType: string): string {
  if (PLAIN_TYPE.test(contentType)) return contentType;
  return contentType
    .split(';')
    .map((part) => part.trim())
    .map((part) => part.replace(/^[^="]+/, (name) => name.toLowerCase()))
    .join(';');
}
