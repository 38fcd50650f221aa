import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import type { RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import { SANDBOX_LIFETIME_MS } from '../../src/reference/ledger.ts';
import { redisDatabase, startRedis } from '../servers/redis.ts';
import { LedgerBench, type LedgerUnderTest } from './ledger-bench.ts';
import { testLedger } from './ledger-contract.ts';
import { dumpKeys, openLedger } from './redis-ledger.ts';

const REDIS: LedgerUnderTest = {
  name: 'Redis',
  module: new URL('redis-ledger.ts', import.meta.url),
  transactional: true,
  make: async () => {
    const { url, prefix } = await redisDatabase();
    const place = `${url}#${prefix}`;
    return { place, dump: () => dumpKeys(place) };
  },
};

testLedger<RedisTransaction>(REDIS);

test('a quota is forgotten by Redis itself, at the end of its window', async () => {
  const { url, prefix } = await redisDatabase();
  const ledger = await openLedger(`${url}#${prefix}`, {});
  const client = await createClient({ url }).connect();
  const { resetMs } = await ledger.spend('address:a', 1, 300);
  assert.equal(resetMs, 300);
  const left = await client.pTTL(`${prefix}quota:address:a`);
  assert.ok(left > 0 && left <= 300, String(left));
  while ((await client.exists(`${prefix}quota:address:a`)) === 1) await sleep(10);
  assert.equal((await ledger.spend('address:a', 1, 300)).spent, 1);
  client.destroy();
  await ledger.close();
});

test('time is that of the server, as it was told with a sandbox, however wrong our own clock is', async (t) => {
  const { url, prefix } = await redisDatabase();
  const ledger = await openLedger(`${url}#${prefix}`, {});
  const { token, expiresMs } = await ledger.createSandbox('problem');
  const right = Date.now.bind(Date);
  t.mock.method(Date, 'now', () => right() + SANDBOX_LIFETIME_MS);
  assert.equal((await ledger.sandboxOf(token))?.expiresMs, expiresMs);
  assert.ok(ledger.now() < expiresMs, 'our own clock says that it has expired');
  await ledger.close();
});

test('a server that is gone is told at once, and used again when it is back', async () => {
  const server = await startRedis({ settings: { appendonly: 'yes', appendfsync: 'always' } });
  const bench = new LedgerBench<RedisTransaction>(REDIS, { place: `${server.url}#docent:`, dump: () => '' });
  const ledger = await bench.open();
  const { id, token } = await ledger.createSandbox('problem');
  const charge = await bench.charge(ledger, id);
  await server.kill();
  await assert.rejects(ledger.sandboxOf(token), { name: 'StoreError', problem: 'unavailable' });
  await assert.rejects(ledger.spend('a', 1, 1000), { name: 'StoreError', problem: 'unavailable' });
  await server.restart();
  for (;;) {
    const found = await ledger.charge(id, charge.id).catch(() => undefined);
    if (found !== undefined) break;
    await sleep(20);
  }
  assert.deepEqual(await ledger.charge(id, charge.id), charge);
  await bench.closeAll();
});

test('one that is closed while its server is gone does not wait for it', async () => {
  const server = await startRedis();
  const ledger = await openLedger(`${server.url}#docent:`, {});
  await server.kill();
  await assert.rejects(ledger.sandboxOf('sk_sandbox_1'), { problem: 'unavailable' });
  await ledger.close();
});
