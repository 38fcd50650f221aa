import { connect } from 'node:net';
import { after } from 'node:test';
import { schemaFiles } from '../../src/compile/schema.ts';
import { createHandler, type HelpHandler } from '../../src/http/handler.ts';
import { type Listening, listen } from '../../src/http/listen.ts';
import type { HelpSite } from '../../src/render/documents.ts';
import type { PageRenderer } from '../../src/render/page.ts';
import type { Built } from '../render/support.ts';

export const ORIGIN = 'http://help.example';

/** What browsers send when a reader types an address. */
export const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

/** The theme as it is built and shipped. */
export async function loadTheme(base: string): Promise<PageRenderer> {
  const theme: { createPageRenderer(options: { base: string }): PageRenderer } = await import(
    new URL('../../dist/theme/server/entry.mjs', import.meta.url).href
  );
  return theme.createPageRenderer({ base });
}

async function siteOf({ pack, context }: Built): Promise<HelpSite> {
  return { pack, context, pages: await loadTheme(context.base), schemas: schemaFiles() };
}

export interface TestSite {
  site: HelpSite;
  handler: HelpHandler;
  /** What the handler reported as its own fault. */
  reported: unknown[];
  /** Asks the handler directly. */
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Response>;
}

/** A handler for a site; `change` replaces parts of it. */
export async function testSite(built: Built, change: Partial<HelpSite> = {}): Promise<TestSite> {
  const site = { ...(await siteOf(built)), ...change };
  const reported: unknown[] = [];
  const handler = createHandler(site, (error) => reported.push(error));
  const get = async (path: string, headers = {}, method = 'GET') =>
    handler(new Request(`${ORIGIN}${path}`, { method, headers }));
  return { site, handler, reported, get };
}

/** Serves a handler on a free port until the tests of this file have run. */
export async function serve(handler: HelpHandler): Promise<Listening & { port: number }> {
  const server = await listen(handler, '127.0.0.1', 0);
  after(() => server.close());
  return { ...server, port: Number(new URL(server.url).port) };
}

export interface RawAnswer {
  status: number;
  headers: Headers;
  body: string;
}

/** Sends bytes as they are, as no URL client would, and reads until the server closes. */
export function sendRaw(port: number, request: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(parseAnswer(Buffer.concat(chunks).toString('latin1'))));
  });
}

/** A request line with the headers that every request has; the connection is closed after the answer. */
export function sendLine(port: number, line: string, ...headers: string[]): Promise<RawAnswer> {
  return sendRaw(
    port,
    [`${line} HTTP/1.1`, 'Host: help.example', 'Connection: close', ...headers, '', ''].join('\r\n'),
  );
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [status = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Headers();
  for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim());
  return { status: Number(status.split(' ')[1]), headers, body: text.slice(end + 4) };
}
