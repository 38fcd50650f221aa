// What the handler is tested with: stores, requests, and answers taken apart.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { IdempotencyStore } from '../../src/idempotency/index.ts';
import { MemoryStore } from '../../src/idempotency/stores/memory.ts';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import type { StoreUnderTest } from './bench.ts';
import { openFile, readLines, writeLine } from './sqlite-support.ts';

export const MEMORY: StoreUnderTest<undefined> = {
  name: 'memory',
  transactional: false,
  make: (now) => {
    const store = new MemoryStore({ now });
    const lines: string[] = [];
    return { store, other: store, write: (_, line) => void lines.push(line), lines: () => lines };
  },
};

export const SQLITE: StoreUnderTest<DatabaseSync> = {
  name: 'SQLite',
  transactional: true,
  make: (now) => {
    const path = join(temporaryFolder(), 'records.sqlite');
    const db = openFile(path);
    const store = new SqliteStore(db, { now });
    const other = new SqliteStore(openFile(path), { now });
    return { store, other, write: writeLine, lines: () => readLines(db) };
  },
};

/** A store of its own, by the real clock. */
export function memory(): IdempotencyStore<undefined> {
  return new MemoryStore();
}

const KEY = '"order-4711"';
const ORIGIN = 'https://api.example.com';

export interface RequestParts {
  method?: string;
  target?: string;
  key?: string | null;
  type?: string | null;
  principal?: string;
  headers?: Record<string, string>;
}

/** A request to charge; the body is JSON unless it is text or bytes. */
export function requestOf(body: unknown = { amount: 1000 }, parts: RequestParts = {}): Request {
  const { method = 'POST', target = '/charges', key = KEY, type = 'application/json', principal = 'alice' } = parts;
  const headers = new Headers({ 'X-Principal': principal, ...parts.headers });
  if (key !== null) headers.set('Idempotency-Key', key);
  if (type !== null) headers.set('Content-Type', type);
  const content = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
  return new Request(`${ORIGIN}${target}`, { method, headers, body: method === 'GET' ? null : bytes });
}

/** Whose request it is, in these tests: nobody checks. */
export const principal = (request: Request) => request.headers.get('x-principal') ?? '';

export interface Answer {
  status: number;
  replayed: boolean;
  headers: Headers;
  bytes: Uint8Array;
  text: string;
}

export async function answerOf(pending: Response | Promise<Response>): Promise<Answer> {
  const response = await pending;
  const { status, headers } = response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const replayed = headers.get('idempotent-replayed') === 'true';
  return { status, replayed, headers, bytes, text: new TextDecoder().decode(bytes) };
}

/** The problem document of an answer that is one. */
export function problemOf({ status, headers, text }: Answer): Record<string, unknown> {
  assert.equal(headers.get('content-type'), 'application/problem+json');
  const document = JSON.parse(text);
  assert.equal(document.status, status);
  return document;
}
