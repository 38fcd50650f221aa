// A server that dies at a step of its choice: `node crash-server.ts ORDERS`. Prints its port. A charge has three phases: it is written
// down, another service is called, and it is booked.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { type HandlerWork, idempotent, jsonReply, type Reply } from '../../src/idempotency/index.ts';
import { connectTo } from './connect.ts';
import { Steps, stepped } from './crash-points.ts';

export interface ServerOrders {
  store: string;
  address: string;
  /** Where to die, and at which time of coming there. Without it the server lives on. */
  point?: string;
  times: number;
  leaseMs: number;
  /** URL of the other service. */
  partner: string;
  /** How long the work takes. Milliseconds. */
  workMs: number;
}

/** Expired records that are deleted at a time. */
const PURGE_LIMIT = 2;

class Declined extends Error {}

const orders: ServerOrders = JSON.parse(process.argv[2] ?? '');
const steps = new Steps(orders.point, orders.times);
const handle = await connectTo(orders.store, orders.address, Date.now);
const store = stepped(handle.store, steps);

const charge = idempotent(
  async (request: Request, work: HandlerWork<unknown>): Promise<Reply> => {
    // At which point the first attempt fails.
    const failing = request.headers.get('x-failing');
    if (failing === 'early') throw new Declined();
    const { key = '' } = work;
    await work.phase('write down', (transaction) => handle.write(transaction, `${key} written`));
    await work.foreign('call', async (derivedKey) => {
      steps.pass('before the call');
      await fetch(orders.partner, { method: 'POST', headers: { 'Idempotency-Key': derivedKey }, body: key });
      steps.pass('after the call');
    });
    await sleep(orders.workMs / 2);
    steps.pass('at work');
    await sleep(orders.workMs / 2);
    if (failing === 'late') throw new Declined();
    return work.transaction((transaction) => {
      const reply = jsonReply(201, { charge: key, token: work.token });
      const written = handle.write(transaction, `${key} booked`);
      return written instanceof Promise ? written.then(() => reply) : reply;
    });
  },
  { store, principal: () => 'proof', leaseMs: orders.leaseMs },
);

/** The same without phases: all of it at once. */
const simple = idempotent(
  async (request: Request, { key = '', transaction }: HandlerWork<unknown>): Promise<Reply> => {
    if (request.headers.get('x-failing') === 'early') throw new Declined();
    const reply = jsonReply(201, { charge: key });
    return transaction((tx) => {
      const written = [`${key} written`, `${key} booked`].map((line) => handle.write(tx, line));
      return written.some((one) => one instanceof Promise) ? Promise.all(written).then(() => reply) : reply;
    });
  },
  { store, principal: () => 'proof', leaseMs: orders.leaseMs, optimistic: true },
);

async function answer(request: Request): Promise<Response> {
  try {
    return await (new URL(request.url).pathname === '/simple' ? simple : charge)(request);
  } catch (error) {
    if (!(error instanceof Declined)) throw error;
    return new Response(null, { status: 503, headers: { 'Retry-After': '0' } });
  } finally {
    steps.pass('before the answer');
  }
}

const listener = getRequestListener((request) =>
  answer(request).catch((error) => {
    console.error(error);
    process.exit(1);
  }),
);
const server = createServer((request, response) => {
  response.on('finish', () => {
    steps.pass('after the answer');
    store.purge(Number.MAX_SAFE_INTEGER, PURGE_LIMIT);
  });
  listener(request, response);
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
// Whoever has started it ends it, by ending its input, in whatever way that comes about.
process.stdin.on('close', () => process.exit(0)).resume();
