// A process of clients, to be killed at any time: `node client-process.ts ORDERS FILE`. It writes into the file what it asks before it
// asks, and what it hears as soon as it hears it.
import { openSync, writeSync } from 'node:fs';
import { type Orders, runClients } from './clients.ts';

const orders: Orders = JSON.parse(process.argv[2] ?? '');
const file = openSync(process.argv[3] ?? '', 'a');
await runClients(orders, (note) => writeSync(file, `${JSON.stringify(note)}\n`));
