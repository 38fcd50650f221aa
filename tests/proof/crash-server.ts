// A server that dies at a step of its choice: `node crash-server.ts ORDERS`. Prints its port. A charge has three phases: it is written
// down, another service is called, and it is booked.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Execution, execute, type Reply, type RequestFacts, type Work } from '../../src/idempotency/index.ts';
import { Steps, stepped } from './crash-points.ts';
import { storeNamed } from './stores.ts';

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
const { connect } = storeNamed(orders.store);
const handle = await connect(orders.address, Date.now);
const store = stepped(handle.store, steps);

/** @param failing at which point the first attempt fails. */
async function charge(key: string, failing: string, work: Work<unknown>): Promise<Reply> {
  if (failing === 'early') throw new Declined();
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
  const body = new TextEncoder().encode(JSON.stringify({ charge: key, token: work.token }));
  return work.transaction((transaction) => {
    const reply: Reply = { status: 201, headers: [['Content-Type', 'application/json']], body };
    const written = handle.write(transaction, `${key} booked`);
    return written instanceof Promise ? written.then(() => reply) : reply;
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const key = String(request.headers['idempotency-key']);
  const failing = String(request.headers['x-failing']);
  const facts: RequestFacts = { fingerprint: 'f'.repeat(64), method: 'POST', path: '/charges' };
  let execution: Execution;
  try {
    const id = { principal: 'proof', key };
    execution = await execute(store, id, facts, (work) => charge(key, failing, work), { leaseMs: orders.leaseMs });
  } catch (error) {
    if (!(error instanceof Declined)) throw error;
    response.writeHead(503, { 'Retry-After': '0' }).end();
    return;
  }
  steps.pass('before the answer');
  if (execution.kind === 'executed' || execution.kind === 'replayed') {
    const replayed = execution.kind === 'replayed' ? { 'Idempotent-Replayed': 'true' } : {};
    response.writeHead(execution.reply.status, replayed).end(execution.reply.body);
  } else if (execution.kind === 'in-progress') {
    response.writeHead(409, { 'Retry-After': String(Math.ceil(execution.retryAfterMs / 1000)) }).end();
  } else {
    response.writeHead(422).end();
  }
  response.on('finish', () => steps.pass('after the answer'));
  await store.purge(Number.MAX_SAFE_INTEGER, PURGE_LIMIT);
}

const server = createServer((request, response) => {
  request.resume();
  answer(request, response).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
// Whoever has started it ends it, by ending its input, in whatever way that comes about.
process.stdin.on('close', () => process.exit(0)).resume();
