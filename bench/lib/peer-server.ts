// The handler of `idempotency-server.ts` with another library: `peer-server.ts STORE MODE PLACE FOLDER`. Prints its address.
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { listen } from '../../src/http/listen.ts';
import { type Charge, chargeOf, openEffects } from './effects.ts';

/** What is used of the packages, which have types of their own that nobody here can see. */
interface NodeIdempotency {
  onRequest(request: object): Promise<{ body: Charge; additional: { status: number; location: string } } | undefined>;
  onResponse(request: object, response: object): Promise<void>;
}
type Middleware = (request: ExpressRequest, response: ExpressResponse, next: () => void) => unknown;
interface ExpressRequest extends IncomingMessage {
  body: Pick<Charge, 'amount' | 'currency'>;
}
interface ExpressResponse extends ServerResponse {
  status(code: number): this;
  location(path: string): this;
  json(value: unknown): void;
}
interface Express {
  (): RequestListener & { use(middleware: Middleware): void; post(path: string, handler: Middleware): void };
  json(): Middleware;
}

const [store, mode, place, folder] = process.argv.slice(2) as [string, string, string, string];
const load = createRequire(join(folder, 'package.json'));
const { insertAlone } = await openEffects(store, place, 'full');

console.log(mode === 'node-idempotency' ? await serveNodeIdempotency() : await serveExpress());

async function serveNodeIdempotency(): Promise<string> {
  const { Idempotency } = load('@node-idempotency/core') as { Idempotency: new (storage: unknown) => NodeIdempotency };
  const idempotency = new Idempotency(await storageAdapter());
  const answer = async (request: Request) => {
    const body = (await request.json()) as Charge;
    const { pathname: path } = new URL(request.url);
    const asked = { headers: Object.fromEntries(request.headers), path, method: request.method, body };
    const known = await idempotency.onRequest(asked);
    if (known !== undefined) {
      const { status, location } = known.additional;
      return Response.json(known.body, { status, headers: { Location: location } });
    }
    const charge = chargeOf(body);
    await insertAlone(charge);
    const location = `/charges/${charge.id}`;
    await idempotency.onResponse(asked, { body: charge, additional: { status: 201, location } });
    return Response.json(charge, { status: 201, headers: { Location: location } });
  };
  const refuse = () => new Response(null, { status: 409 });
  return (await listen((request) => answer(request).catch(refuse), '127.0.0.1', 0)).url;
}

async function storageAdapter(): Promise<unknown> {
  if (store === 'memory') return new (load('@node-idempotency/storage-adapter-memory').MemoryStorageAdapter)();
  const adapter = new (load('@node-idempotency/storage-adapter-redis').RedisStorageAdapter)({ url: place });
  await adapter.connect();
  return adapter;
}

async function serveExpress(): Promise<string> {
  const express = load('express') as Express;
  const { idempotency, getSharedIdempotencyService } = load('express-idempotency');
  const app = express();
  app.use(express.json());
  if (mode === 'express-idempotency') app.use(idempotency({ dataAdapter: await dataAdapter() }));
  app.post('/api/charges', async (request, response) => {
    // It has answered already, and calls the handler all the same.
    if (mode === 'express-idempotency' && getSharedIdempotencyService().isHit(request)) return;
    const charge = chargeOf(request.body);
    await insertAlone(charge);
    response.status(201).location(`/charges/${charge.id}`).json(charge);
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function dataAdapter(): Promise<unknown> {
  if (store === 'memory') return undefined;
  const adapter = new (load('express-idempotency-redis-adapter').default)({ connectionConfig: { url: place } });
  await adapter.connect();
  return adapter;
}
