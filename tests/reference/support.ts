import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { listen } from '../../src/http/listen.ts';
import { createReferenceApi, type ReferenceOptions } from '../../src/reference/api.ts';
import { type Dialect, documented, type ErrorName } from '../../src/reference/errors.ts';
import { SqliteLedger, type SqliteLedgerOptions } from '../../src/reference/ledgers/sqlite.ts';
import { slugOf } from '../../src/topic/id.ts';
import { temporaryFolder } from '../support.ts';
import type { ServerOptions } from './server.ts';

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));

/** A server that a test forgot ends by itself. Milliseconds. */
const SERVER_LIMIT_MS = 120_000;

export const CHARGE = { amount: 1000, currency: 'usd' };
export const CHANGE = { description: 'Three tickets' };

const agent = new Agent({ keepAlive: true });
after(() => agent.destroy());

export interface Answer {
  status: number;
  headers: Headers;
  bytes: Buffer;
  text: string;
  /** The body as JSON; undefined when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents of many shapes
  json: any;
}

export interface Message {
  method?: string;
  path?: string;
  /** Each is a line of its own. */
  headers?: [name: string, value: string][];
  body?: string | Uint8Array;
  /** Sends the body without telling its length. */
  chunked?: boolean;
}

/** Sends a message as it is: no header is added but those that frame it. */
export function send(
  url: string,
  { method = 'POST', path = '/', headers = [], body, chunked }: Message,
): Promise<Answer> {
  const { hostname, port, host } = new URL(url);
  const lines = [['Host', host], ...headers];
  if (body !== undefined && !chunked) lines.push(['Content-Length', String(Buffer.byteLength(body))]);
  if (body === undefined && method === 'POST') lines.push(['Content-Length', '0']);
  if (chunked) lines.push(['Transfer-Encoding', 'chunked']);
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers: lines.flat(), agent }, async (response) => {
      try {
        const bytes = Buffer.concat(await response.toArray());
        const received = new Headers();
        for (let index = 0; index < response.rawHeaders.length; index += 2)
          received.append(response.rawHeaders[index] as string, response.rawHeaders[index + 1] as string);
        resolve({
          status: response.statusCode as number,
          headers: received,
          bytes,
          text: String(bytes),
          json: jsonOf(String(bytes)),
        });
      } catch (error) {
        reject(error);
      }
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface TestApi {
  /** Without a final slash. */
  url: string;
  path: string;
  /** What was reported as the server's own fault. */
  reported: unknown[];
  close(): Promise<void>;
}

export const API = '/api';

export interface TestApiOptions extends Partial<ReferenceOptions> {
  /** The SQLite file. */
  path?: string;
  ledger?: SqliteLedgerOptions;
}

/** The reference API on a server in this process, until the tests of this file have run. */
export async function startApi({ ledger, ...options }: TestApiOptions = {}): Promise<TestApi> {
  const path = options.path ?? join(temporaryFolder(), 'reference.sqlite');
  const reported: unknown[] = [];
  const api = createReferenceApi({
    open: () => new SqliteLedger(path, ledger),
    prefix: API,
    pageUrl: (slug) => `https://docs.example/help/${slug}/`,
    report: (error) => reported.push(error),
    ...options,
  });
  const server = await listen(api.answer, '127.0.0.1', 0);
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= server.close().then(() => api.close());
    return closed;
  };
  after(close);
  return { url: server.url.replace(/\/$/, ''), path, reported, close };
}

/** The same API as a process of its own. */
export interface ServerProcess {
  url: string;
  /** Ends it as a power loss would, in the middle of whatever it does. */
  kill(): Promise<void>;
}

export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const child: ChildProcess = spawn(process.execPath, [SERVER, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: SERVER_LIMIT_MS,
  });
  const closed = once(child, 'close');
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').once('data', (line: string) => resolve(line.trim()));
    child.once('close', () => reject(new Error(`the server has ended: ${errors}`)));
  });
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  after(kill);
  return { url: url.replace(/\/$/, ''), kill };
}

/** A new sandbox; answers its token. */
export async function newToken(url: string, dialect?: Dialect): Promise<string> {
  const answer = await send(url, {
    path: `${API}/sandboxes`,
    headers: [['Content-Type', 'application/json']],
    body: JSON.stringify({ dialect }),
  });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.token;
}

let keys = 0;

/** A key that no test has used. */
export function newKey(): string {
  keys += 1;
  return `"key ${keys}"`;
}

export interface ChargeMessage {
  /** undefined: no such header. */
  token?: string | undefined;
  key?: string | undefined;
  type?: string | undefined;
  simulate?: string | undefined;
  body?: object | string | Uint8Array;
  chunked?: boolean;
  path?: string;
  method?: string;
}

/** A request that creates a charge; what is not given is as it has to be. */
export function chargeMessage(given: ChargeMessage): Message {
  const {
    token,
    key,
    type,
    simulate,
    body = CHARGE,
    chunked,
    path,
    method,
  } = {
    type: 'application/json',
    key: newKey(),
    ...given,
  };
  const headers: [string, string][] = [];
  if (token !== undefined) headers.push(['Authorization', `Bearer ${token}`]);
  if (type !== undefined) headers.push(['Content-Type', type]);
  if (key !== undefined) headers.push(['Idempotency-Key', key]);
  if (simulate !== undefined) headers.push(['Docent-Simulate', simulate]);
  return {
    ...(method === undefined ? {} : { method }),
    path: path ?? `${API}/charges`,
    headers,
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    ...(chunked ? { chunked } : {}),
  };
}

/** A request that changes the description of a charge. */
export function update(url: string, id: string, given: ChargeMessage): Promise<Answer> {
  return send(
    url,
    chargeMessage({
      method: 'PATCH',
      path: `${API}/charges/${id}`,
      type: 'application/merge-patch+json',
      body: CHANGE,
      ...given,
    }),
  );
}

export function charge(url: string, given: ChargeMessage): Promise<Answer> {
  return send(url, chargeMessage(given));
}

export function read(url: string, token: string, path: string, method = 'GET'): Promise<Answer> {
  return send(url, { method, path, headers: [['Authorization', `Bearer ${token}`]] });
}

/** What is in the file, as another connection sees it. */
export function rows(path: string): { charges: number; records: number } {
  return query(
    path,
    'SELECT (SELECT count(*) FROM charge) AS charges, (SELECT count(*) FROM idempotency_record) AS records',
  );
}

/** Whether a request with this key, as it was sent, has been claimed. */
export function hasRecord(path: string, key: string): boolean {
  return (
    query<{ found: number }>(path, 'SELECT count(*) AS found FROM idempotency_record WHERE key = ?', JSON.parse(key))
      .found > 0
  );
}

function query<T extends object>(path: string, sql: string, ...values: string[]): T {
  const db = new DatabaseSync(path, { timeout: 10_000 });
  try {
    return { ...(db.prepare(sql).get(...values) as T) };
  } finally {
    db.close();
  }
}

/** What an error says beside its topic. */
export interface Expected {
  param?: string | null;
  dialect?: Dialect;
  /** Path of the request. */
  instance?: string;
  retentionSeconds?: number;
  /** Of the request that was first answered so; by default the one at hand. */
  requestId?: string | null;
}

/** Checks that an answer is the documented error, whole, in a dialect; answers its `detail`. */
export function assertError(
  answer: Answer,
  error: ErrorName,
  {
    param = null,
    dialect = 'problem',
    instance = `${API}/charges`,
    retentionSeconds = 86_400,
    requestId = answer.headers.get('request-id'),
  }: Expected = {},
): string {
  const { title, status: usual, statusByDialect, retryable, advice = null, codes } = documented(error);
  const status = statusByDialect?.[dialect] ?? usual;
  const type = `https://docs.example/help/${slugOf(`errors.${error}`)}/`;
  assert.match(requestId ?? '', /^req_/);
  const detail = answer.json?.detail ?? answer.json?.error?.message;
  const problem = { type, title, status, detail, instance };
  const code = codes?.problem ?? error.toLowerCase();
  const families: Record<number, string> = {
    401: 'authentication_error',
    409: 'idempotency_error',
    429: 'rate_limit_error',
  };
  const family = families[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const aboutKeys = error.startsWith('IDEMPOTENCY_');
  const retention = aboutKeys ? { retention_seconds: retentionSeconds } : {};
  const documents: Record<Dialect, object> = {
    problem: { ...problem, code, advice_code: advice, retryable, param, request_id: requestId, ...retention },
    properties: {
      ...problem,
      properties: {
        errorCode: codes?.properties ?? error,
        retryable: retryable === 'as-is',
        param,
        requestId,
        ...(aboutKeys ? { retentionSeconds } : {}),
      },
    },
    envelope: {
      error: {
        type: family,
        code: codes?.envelope ?? code,
        message: detail,
        param,
        doc_url: type,
        request_id: requestId,
        ...retention,
      },
    },
    ietf: { ...problem, code, ...retention },
  };
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.text, `${JSON.stringify(documents[dialect])}\n`);
  assert.match(detail, /^\S.*[.?]$/s);
  const mediaType = dialect === 'envelope' ? 'application/json' : 'application/problem+json';
  assert.equal(answer.headers.get('content-type'), mediaType);
  assertCommon(answer);
  return detail;
}

/** What every answer has. */
export function assertCommon({ headers }: Answer): void {
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('access-control-allow-origin'), '*');
  const exposed = 'Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Request-Id, Retry-After';
  assert.equal(headers.get('access-control-expose-headers'), exposed);
  assert.match(headers.get('link') ?? '', /<[^>]*\/api\/openapi\.json>; rel="service-desc"$/);
  assert.match(headers.get('request-id') ?? '', /^req_[0-9a-f]{18}$/);
  assert.equal(headers.get('set-cookie'), null);
}
