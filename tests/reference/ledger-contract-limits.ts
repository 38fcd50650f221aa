// The part of the ledgers' contract that is about quotas and expiry.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ledger, SANDBOX_LIFETIME_MS, SandboxGone } from '../../src/reference/ledger.ts';
import type { LedgerBench } from './ledger-bench.ts';

const SPENDER = fileURLToPath(new URL('ledger-spender.ts', import.meta.url));
const MINUTE = 60_000;

export function testQuotas<T>(bench: () => LedgerBench<T>): void {
  test('in windows that begin with the first spending, for all handles together', async () => {
    const [one, other] = [await bench().open(), await bench().open()];
    const spend = (ledger: Ledger<T>, amount: number) => ledger.spend('sandbox:a', amount, MINUTE);
    assert.deepEqual(await spend(one, 1), { spent: 1, resetMs: MINUTE });
    bench().now += 20_000;
    assert.deepEqual(await spend(other, 5), { spent: 6, resetMs: 40_000 });
    bench().now += 39_999;
    assert.deepEqual(await spend(one, 2), { spent: 8, resetMs: 1 });
    bench().now += 1;
    assert.deepEqual(await spend(other, 3), { spent: 3, resetMs: MINUTE });
    bench().now += 10 * MINUTE + 1;
    assert.deepEqual(await spend(one, 1), { spent: 1, resetMs: MINUTE });
  });

  test('each bucket for itself', async () => {
    const ledger = await bench().open();
    const buckets = ['sandbox:a', 'sandbox:b', 'sandbox:A', 'address:2001:db8::/64', 'address:é "%*', 'a'.repeat(200)];
    for (const [index, bucket] of buckets.entries())
      assert.equal((await ledger.spend(bucket, index + 1, MINUTE)).spent, index + 1, bucket);
    for (const [index, bucket] of buckets.entries())
      assert.equal((await ledger.spend(bucket, 1, MINUTE)).spent, index + 2, bucket);
  });

  test('everything that many spend at once', async () => {
    const ledgers = [await bench().open(), await bench().open()];
    const spent = await Promise.all(
      Array.from({ length: 100 }, (_, index) => (ledgers[index % 2] as Ledger<T>).spend('sandbox:a', 1, MINUTE)),
    );
    assert.deepEqual(
      spent.map(({ spent }) => spent).toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  });

  test('everything that several processes spend', async () => {
    // The tables are there before: what is tested is not who makes them.
    await bench().open();
    const { module } = bench().under;
    const reports = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const args = [SPENDER, module.href, bench().place.place, 'sandbox:a', '50'];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
        const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
        assert.notEqual(out, '', errors);
        return JSON.parse(out) as number[];
      }),
    );
    assert.deepEqual(
      reports.flat().toSorted((a, b) => a - b),
      Array.from({ length: 150 }, (_, index) => index + 1),
    );
  });
}

export function testExpiry<T>(bench: () => LedgerBench<T>): void {
  /** How often something is cleared up before nothing may be left of what this test has made. */
  const TURNS = 400;

  for (const [what, turn] of [
    ['new sandboxes are made', (ledger) => ledger.createSandbox('problem')],
    [
      'charges are made',
      async (ledger, sandbox) => {
        await bench().charge(ledger, sandbox);
        await ledger.tidy();
      },
    ],
  ] as [string, (ledger: Ledger<T>, sandbox: string) => Promise<unknown>][]) {
    test(`sandboxes with their charges, records and quotas, as ${what}; what has not expired stays`, async () => {
      const ledger = await bench().open();
      const old = await ledger.createSandbox('ietf');
      const made = [];
      for (let index = 0; index < 130; index += 1) made.push(await bench().charge(ledger, old.id));
      await ledger.spend(`sandbox:${old.id}`, 1, MINUTE);
      bench().now += SANDBOX_LIFETIME_MS / 2;
      const young = await ledger.createSandbox('problem');
      const kept = await bench().charge(ledger, young.id);
      await ledger.spend('address:young', 4, SANDBOX_LIFETIME_MS);
      bench().now += SANDBOX_LIFETIME_MS / 2;

      const found = await ledger.sandboxOf(old.token);
      assert.ok(found === undefined || found.expiresMs <= ledger.now());
      const isLeft = async () => (await bench().place.dump()).includes(old.id);
      for (let index = 0; index < TURNS && (index % 10 !== 0 || (await isLeft())); index += 1)
        await turn(ledger, young.id);
      assert.ok(!(await isLeft()), 'something is left of it');
      assert.equal(await ledger.sandboxOf(old.token), undefined);
      assert.equal(await ledger.charge(old.id, made[0]?.id ?? ''), undefined);
      assert.deepEqual(await ledger.charges(old.id, 10, undefined), { charges: [], hasMore: false });
      await assert.rejects(bench().charge(ledger, old.id), SandboxGone);

      assert.equal((await ledger.sandboxOf(young.token))?.id, young.id);
      assert.deepEqual({ ...(await ledger.charge(young.id, kept.id)) }, kept);
      assert.equal((await ledger.spend('address:young', 1, SANDBOX_LIFETIME_MS)).spent, 5);
    });
  }

  test('a charge of a sandbox that is not there is refused, and nothing is written', async () => {
    const ledger = await bench().open();
    await assert.rejects(bench().charge(ledger, 'sbx_0', { id: 'ch_lost' }), SandboxGone);
    assert.ok(!(await bench().place.dump()).includes('ch_lost'));
  });
}
