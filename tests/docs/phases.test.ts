import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ROOT } from '../cli/support.ts';
import { type Program, start } from './process.ts';
import { projectWith } from './project.ts';
import { programs } from './support.ts';

const program = programs('idempotency/phases.md');

/** Loaded before the program: ends its process at one point of the protocol, as `kill -9` does. */
const FAULTS = `
import { SqliteStore } from 'docent/idempotency/stores/sqlite';

const die = () => process.kill(process.pid, 'SIGKILL');
const point = process.env.KILL_AT;
let checkpoints = 0;

const { checkpoint, commit } = SqliteStore.prototype;
SqliteStore.prototype.checkpoint = async function (...args) {
  checkpoints += 1;
  if (point === \`before checkpoint \${checkpoints}\`) die();
  const outcome = await checkpoint.apply(this, args);
  if (point === \`after checkpoint \${checkpoints}\`) die();
  return outcome;
};
SqliteStore.prototype.commit = async function (...args) {
  if (point === 'before the commit') die();
  const outcome = await commit.apply(this, args);
  if (point === 'after the commit') die();
  return outcome;
};
const send = globalThis.fetch;
globalThis.fetch = async (...args) => {
  if (point === 'before the call') die();
  const answer = send(...args);
  // It is on its way, and nobody waits for it.
  if (point === 'during the call') setTimeout(die, 1);
  const response = await answer;
  if (point === 'after the call') die();
  return response;
};
`;

const folder = projectWith({
  'rides.ts': program('AN EXAMPLE', 'ts'),
  'payments.ts': program('AN EXAMPLE', 'ts', 1),
  'faults.js': FAULTS,
});

let payments: Program;
before(async () => {
  payments = await start('payments.ts', { cwd: folder, env: { PORT: '0' } });
});
after(() => payments.stop());

const startRides = (killAt = '') =>
  start('rides.ts', {
    cwd: folder,
    env: { PORT: '0', PAYMENTS: payments.url, KILL_AT: killAt },
    node: ['--import', './faults.js'],
  });

interface Answer {
  status: number;
  replayed: string | null;
  text: string;
}

async function order(url: string, key: string): Promise<Answer> {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': `"${key}"` };
  const response = await fetch(url, { method: 'POST', headers, body: '{"target": "airport"}' });
  return {
    status: response.status,
    replayed: response.headers.get('idempotent-replayed'),
    text: await response.text(),
  };
}

function rows(file: string, sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(join(folder, file), { readOnly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

/** Where the process is killed, and whether the retry finds the answer or has to go on. */
const POINTS: Record<string, { answered: boolean }> = {
  'before checkpoint 1': { answered: false },
  'after checkpoint 1': { answered: false },
  'before the call': { answered: false },
  'during the call': { answered: false },
  'after the call': { answered: false },
  'before checkpoint 2': { answered: false },
  'after checkpoint 2': { answered: false },
  'before the commit': { answered: false },
  'after the commit': { answered: true },
};

/** All of them at once, so that the leases of the dead end together; they share both files. */
describe('a process that is killed', { concurrency: true }, () => {
  for (const [point, { answered }] of Object.entries(POINTS)) {
    test(`${point} leaves one ride and one charge, and its retry gets the answer`, async () => {
      const first = await startRides(point);
      await assert.rejects(order(first.url, point), TypeError);
      assert.deepEqual(await first.ended, [null, 'SIGKILL']);

      const second = await startRides();
      try {
        let answer = await order(second.url, point);
        while (answer.status === 409) {
          assert.match(answer.text, /idempotency_in_progress/);
          await sleep(50);
          answer = await order(second.url, point);
        }
        assert.deepEqual([answer.status, answer.replayed], [201, answered ? 'true' : null]);
        assert.deepEqual(await order(second.url, point), { ...answer, replayed: 'true' });
        const ride = JSON.parse(answer.text);
        assert.equal(ride.state, 'paid');
        const rides = rows('rides.sqlite', 'SELECT * FROM ride');
        assert.deepEqual({ ...rides.find(({ id }) => id === ride.id) }, ride);
        const charges = rows('payments.sqlite', 'SELECT * FROM charge').filter(
          ({ reference }) => reference === ride.id,
        );
        assert.deepEqual(
          charges.map(({ id, amount }) => [id, amount]),
          [[ride.charge, 2000]],
        );
      } finally {
        await second.stop();
      }
    });
  }
});

test('all of them together have left a ride, a charge and a key of the payment service each, and no more', () => {
  for (const [file, table] of [
    ['rides.sqlite', 'ride'],
    ['payments.sqlite', 'charge'],
    ['payments.sqlite', 'idempotency_record'],
  ] as const)
    assert.equal(rows(file, `SELECT * FROM ${table}`).length, Object.keys(POINTS).length, table);
});

test('a payment service that fails is asked again with the same key, and its refusal is remembered', async () => {
  const keys: unknown[] = [];
  const service = createServer((request, response) => {
    keys.push(request.headers['idempotency-key']);
    request.resume();
    response.writeHead(keys.length === 1 ? 503 : 402, { 'Content-Type': 'application/json' }).end('{}');
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const { port } = service.address() as AddressInfo;
  const rides = await start('rides.ts', { cwd: folder, env: { PORT: '0', PAYMENTS: `http://127.0.0.1:${port}/` } });
  try {
    assert.equal((await order(rides.url, 'refused')).status, 500);
    // At once: nobody else may have the key, but this request may.
    const refused = await order(rides.url, 'refused');
    assert.deepEqual([refused.status, JSON.parse(refused.text).state], [402, 'refused']);
    assert.deepEqual(await order(rides.url, 'refused'), { ...refused, replayed: 'true' });
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    assert.match(String(keys[0]), /^"[0-9a-f]{32}"$/);
  } finally {
    await rides.stop();
    service.close();
  }
});

test('the programs are right about the types', async () => {
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
  const lenient = ['--allowImportingTsExtensions', '--skipLibCheck'];
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  await promisify(execFile)(process.execPath, [tsc, ...options, ...lenient, 'rides.ts', 'payments.ts'], {
    cwd: folder,
  }).catch(({ stdout }) => assert.fail(stdout));
});
