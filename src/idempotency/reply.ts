import { readStream } from './body.ts';
import type { Reply } from './record.ts';

/**
 * The header fields that a replay repeats, lower case: those that describe the answer or what it is about (RFC 9110 section 8 and
 * sections 10.2.1, 10.2.2 and 15.5), and say the same a day later.
 */
export const REPLAYED_HEADERS: readonly string[] = [
  'allow',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-type',
  'etag',
  'last-modified',
  'link',
  'location',
  'preference-applied',
];

/** What must not be repeated, and why. */
const NEVER_REPLAYED: Record<string, string> = {
  'set-cookie': 'whoever holds the key a day later would get the first caller’s cookie',
  date: 'it is the time of the answer at hand',
  age: 'it is the time of the answer at hand',
  'content-length': 'the server counts',
  'idempotent-replayed': 'it is set on replays, and on nothing else',
  // Those of the connection (RFC 9110 section 7.6.1) mean nothing on another one.
  connection: 'it belongs to one connection',
  'keep-alive': 'it belongs to one connection',
  'proxy-connection': 'it belongs to one connection',
  te: 'it belongs to one connection',
  trailer: 'it belongs to one connection',
  'transfer-encoding': 'it belongs to one connection',
  upgrade: 'it belongs to one connection',
};

/** Statuses whose answer has no content (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5). */
const WITHOUT_BODY = new Set([204, 205, 304]);

/** Marks a replay; Stripe's name for it, and that of most who follow. */
const REPLAYED_HEADER = 'idempotent-replayed';

/**
 * The allow-list of a handler, checked.
 * @throws {TypeError} for a header that must not be repeated.
 */
export function replayedHeaders(names: readonly string[]): ReadonlySet<string> {
  const list = new Set(names.map((name) => name.toLowerCase()));
  for (const name of list) {
    if (Object.hasOwn(NEVER_REPLAYED, name))
      throw new TypeError(`replayedHeaders: "${name}" must not be repeated: ${NEVER_REPLAYED[name]}`);
  }
  return list;
}

/** A reply as it is stored: with the headers that a replay repeats. */
export function repeatable({ status, headers, body }: Reply, repeated: ReadonlySet<string>): Reply {
  return { status, headers: headers.filter(([name]) => repeated.has(name.toLowerCase())), body };
}

/** A reply as it is sent. */
export function toResponse({ status, headers, body }: Reply, replayed: boolean): Response {
  // Servers write an object as it is; of a list they first make an object.
  const fields: Record<string, string> = {};
  let isOnce = true;
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    // What a service behind this one has replayed is no replay here.
    if (lower === REPLAYED_HEADER) continue;
    isOnce &&= fields[lower] === undefined;
    fields[lower] = value;
  }
  if (replayed) fields[REPLAYED_HEADER] = 'true';
  const content = bodyOf(body, fields['content-type'] !== undefined);
  if (isOnce) return new Response(content, { status, headers: fields });
  const own = headers.filter(([name]) => name.toLowerCase() !== REPLAYED_HEADER);
  if (replayed) own.push([REPLAYED_HEADER, 'true']);
  return new Response(content, { status, headers: own });
}

/** Longer texts are not worth the reading. Bytes. */
const SHORT_TEXT_BYTES = 16 * 1024;

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A short text as a string, which Node sends in one piece with the header; bytes go out in a piece of their own.
 * @param isTyped a string without a type would be given one.
 */
function bodyOf(body: Reply['body'], isTyped: boolean): Reply['body'] | string | null {
  if (body.length === 0) return null;
  if (!isTyped || body.length > SHORT_TEXT_BYTES) return body;
  try {
    return UTF_8.decode(body);
  } catch {
    return body;
  }
}

/** What becomes of a handler's answer. */
export type ReplyOutcome = { kind: 'reply'; reply: Reply } | { kind: 'too-large' };

/**
 * What a handler has returned, as a reply: the body of a response is read whole.
 * @param limitBytes the most that the body may have.
 * @throws {TypeError} for anything but a response or a reply that can be sent.
 */
export async function readReply(answer: Response | Reply | undefined, limitBytes: number): Promise<ReplyOutcome> {
  if (!isResponse(answer)) {
    const reply = checkReply(answer, 'the handler');
    return reply.body.length > limitBytes ? { kind: 'too-large' } : { kind: 'reply', reply };
  }
  if (answer.bodyUsed)
    throw new TypeError('the body of the response that the handler returned has been read: return another one');
  const outcome = await readStream(answer.body, limitBytes);
  if (outcome.kind === 'too-large') return outcome;
  const { status, headers } = answer;
  return { kind: 'reply', reply: checkReply({ status, headers: [...headers], body: outcome.bytes }, 'the handler') };
}

/**
 * A response of the Fetch API as a reply, for an effect to return: `const reply = await toReply(c.json(charge, 201))`.
 * @throws whatever reading its body throws.
 */
export async function toReply(response: Response): Promise<Reply> {
  const { status, headers } = response;
  return { status, headers: [...headers], body: new Uint8Array(await response.arrayBuffer()) };
}

/**
 * A reply with a JSON body, for an effect to return.
 * @param headers beside `Content-Type: application/json`; one of that name takes its place.
 * @throws {TypeError} for a value that JSON does not have, such as `undefined`.
 */
export function jsonReply(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`jsonReply: JSON has no ${typeof value}`);
  const fields = Object.entries(headers);
  if (!fields.some(([name]) => name.toLowerCase() === 'content-type'))
    fields.unshift(['Content-Type', 'application/json']);
  return { status, headers: fields, body: encoded(text) };
}

const { Buffer: NodeBuffer } = globalThis;

const encoder = new TextEncoder();

/** Text as UTF-8. Node makes many short ones out of one piece of memory, which takes a third of the time. */
function encoded(text: string): Uint8Array<ArrayBuffer> {
  if (NodeBuffer === undefined) return encoder.encode(text);
  const { buffer, byteOffset, length } = NodeBuffer.from(text);
  return new Uint8Array(buffer, byteOffset, length);
}

/**
 * A reply that can be stored and sent: what is wrong with it is found out before it is committed.
 * @param whose begins the message: what returned it.
 * @throws {TypeError} for anything else.
 */
export function checkReply(value: unknown, whose: 'the handler' | 'the effect'): Reply {
  const { status, headers, body } = (value ?? {}) as Partial<Reply>;
  if (typeof status !== 'number' || !Array.isArray(headers) || !(body instanceof Uint8Array)) {
    const hint = whose === 'the effect' ? 'jsonReply(…), or what toReply(response) has made' : 'a Response';
    throw new TypeError(`${whose} returned ${nameOf(value)}: return ${hint}`);
  }
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(`${whose} returned the status ${status}: a final one is from 200 to 599`);
  if (body.length > 0 && WITHOUT_BODY.has(status))
    throw new TypeError(`${whose} returned a body with ${status}, which has none (RFC 9110 section 6.4.1)`);
  // Throws for what no header can be.
  if (!headers.every(isPlain)) new Headers(headers);
  return value as Reply;
}

/** Names and values as nearly all are: about them, no platform needs to be asked, which takes as long as the rest of the check. */
const PLAIN_NAME = /^[a-z][a-z0-9-]*$/i;
const PLAIN_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;

function isPlain(field: unknown): boolean {
  if (!Array.isArray(field) || field.length !== 2) return false;
  const [name, value] = field;
  return typeof name === 'string' && typeof value === 'string' && PLAIN_NAME.test(name) && PLAIN_VALUE.test(value);
}

/** Not by `instanceof`: some servers bring a class of their own. */
export function isResponse(value: unknown): value is Response {
  return typeof value === 'object' && value !== null && 'arrayBuffer' in value && 'headers' in value;
}

function nameOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (isResponse(value)) return 'a Response, whose body takes time to read';
  return typeof value === 'object' && 'then' in value ? 'a promise or a query' : `a value of type ${typeof value}`;
}
