import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pool } from 'pg';
import type { PostgresClient } from '../../src/idempotency/stores/postgres.ts';
import { SANDBOX_LIFETIME_MS } from '../../src/reference/ledger.ts';
import { postgresDatabase, startPostgres } from '../servers/postgres.ts';
import { LedgerBench, type LedgerUnderTest } from './ledger-bench.ts';
import { testLedger } from './ledger-contract.ts';
import { dumpDatabase, newLedger } from './postgres-ledger.ts';

const POSTGRES: LedgerUnderTest = {
  name: 'PostgreSQL',
  module: new URL('postgres-ledger.ts', import.meta.url),
  transactional: true,
  make: async () => {
    const place = await postgresDatabase();
    return { place, dump: () => dumpDatabase(place) };
  },
};

testLedger<PostgresClient>(POSTGRES);

async function sql(place: string, text: string): Promise<unknown[]> {
  const pool = new Pool({ connectionString: place, max: 1 });
  try {
    return (await pool.query(text)).rows;
  } finally {
    await pool.end();
  }
}

test('many that open an empty database at once make its tables once', async () => {
  const bench = new LedgerBench<PostgresClient>(POSTGRES, await POSTGRES.make());
  const ledgers = await Promise.all(Array.from({ length: 6 }, () => bench.open()));
  const made = await Promise.all(ledgers.map((ledger) => ledger.createSandbox('problem')));
  for (const { id, token } of made) assert.equal((await ledgers[0]?.sandboxOf(token))?.id, id);
  assert.deepEqual(await sql(bench.place.place, 'SELECT version FROM docent_schema'), [{ version: 1 }]);
  await bench.closeAll();
});

test('tables of a later version are refused, and left alone', async () => {
  const place = await postgresDatabase();
  const before = newLedger(place);
  await before.setUp();
  await before.close();
  await sql(place, 'UPDATE docent_schema SET version = 99');
  const ledger = newLedger(place);
  await assert.rejects(ledger.sandboxOf('sk_sandbox_1'), {
    name: 'StoreError',
    message: 'the sandboxes and charges have version 99; this library knows 1: use a later one',
  });
  assert.deepEqual(await sql(place, 'SELECT version FROM docent_schema'), [{ version: 99 }]);
  await sql(place, 'UPDATE docent_schema SET version = 1');
  assert.equal(await ledger.sandboxOf('sk_sandbox_1'), undefined, 'it is tried again');
  await ledger.close();
});

test('time is that of the server, as it was told with a sandbox, however wrong our own clock is', async (t) => {
  const ledger = newLedger(await postgresDatabase());
  const { token, expiresMs } = await ledger.createSandbox('problem');
  const right = Date.now.bind(Date);
  t.mock.method(Date, 'now', () => right() + SANDBOX_LIFETIME_MS);
  assert.equal((await ledger.sandboxOf(token))?.expiresMs, expiresMs);
  assert.ok(ledger.now() < expiresMs, 'our own clock says that it has expired');
  await ledger.close();
});

test('a sandbox is not cleared up under a charge', async () => {
  const bench = new LedgerBench<PostgresClient>(POSTGRES, await POSTGRES.make());
  const ledger = await bench.open();
  const { id } = await ledger.createSandbox('problem');
  const claim = await bench.claim(ledger, id);
  const charge = { id: 'ch_late', amount: 1, currency: 'usd', description: null, created_at: '' };
  bench.now += SANDBOX_LIFETIME_MS;
  const committed = ledger.store.commit(
    claim,
    async (transaction) => {
      await ledger.insertCharge(transaction, id, charge);
      // It has expired; but who clears up finds it locked.
      for (let time = 0; time < 3; time += 1) await ledger.createSandbox('problem');
      return { status: 201, headers: [], body: new Uint8Array() };
    },
    1000,
  );
  assert.equal((await committed).kind, 'stored');
  assert.deepEqual(await ledger.charge(id, charge.id), charge);
  await ledger.createSandbox('problem');
  assert.equal(await ledger.charge(id, charge.id), undefined);
  await bench.closeAll();
});

test('a server that is gone is told, and used again when it is back', async () => {
  const server = await startPostgres({ durable: true });
  const bench = new LedgerBench<PostgresClient>(POSTGRES, { place: server.url, dump: () => '' });
  const ledger = await bench.open();
  const { id, token } = await ledger.createSandbox('problem');
  const charge = await bench.charge(ledger, id);
  await server.kill();
  await assert.rejects(ledger.sandboxOf(token), { name: 'StoreError', problem: 'unavailable' });
  await assert.rejects(ledger.spend('a', 1, 1000), { name: 'StoreError', problem: 'unavailable' });
  await assert.rejects(bench.charge(ledger, id), { name: 'StoreError', problem: 'unavailable' });
  await server.restart();
  assert.deepEqual(await ledger.charge(id, charge.id), charge);
  assert.equal((await ledger.spend('a', 1, 1000)).spent, 1);
  await bench.closeAll();
});
