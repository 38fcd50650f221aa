// A process of owners that is stopped while they are at work: `node owner-process.ts ORDERS`. Prints `at work`, waits until its input
// ends, goes on, and prints what each of them was told.
import { execute, type Reply } from '../../src/idempotency/index.ts';
import { connectTo } from './connect.ts';
import type { OwnerOrders } from './fencing.ts';

/** Longer than anybody waits. Milliseconds. */
const NO_HEARTBEAT_MS = 600_000;

const { store, address, from, owners, leaseMs }: OwnerOrders = JSON.parse(process.argv[2] ?? '');
const handle = await connectTo(store, address, Date.now);
const goOn = process.stdin.toArray();
let atWork = 0;

async function own(index: number): Promise<string> {
  const key = `k${from + index}`;
  const facts = { fingerprint: 'f'.repeat(64), method: 'POST', path: '/charges' };
  const execution = await execute(
    handle.store,
    { principal: 'p', key },
    facts,
    async ({ transaction }) => {
      atWork += 1;
      if (atWork === owners) console.log('at work');
      await goOn;
      const reply: Reply = { status: 201, headers: [], body: new TextEncoder().encode('stale') };
      return transaction((tx) => {
        const written = handle.write(tx, `${key} stale`);
        return written instanceof Promise ? written.then(() => reply) : reply;
      });
    },
    // No heart beats: stopped in the middle of one, the process would keep a lock that those who take over wait for.
    { leaseMs, heartbeatMs: NO_HEARTBEAT_MS },
  );
  return execution.kind;
}

const told = await Promise.all(Array.from({ length: owners }, (_, index) => own(index)));
console.log(JSON.stringify(told));
await handle.drop();
