// What every ledger has to do, whatever it keeps its data in. A ledger's own test file runs this with a module that opens one.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DIALECTS } from '../../src/reference/errors.ts';
import {
  type Charge,
  type ChargePage,
  type Ledger,
  newId,
  SANDBOX_LIFETIME_MS,
  SandboxFull,
  SandboxGone,
} from '../../src/reference/ledger.ts';
import { FACTS, LEASE, RETAIN, replyOf, START } from '../idempotency/bench.ts';
import { after, CHARGE, LedgerBench, type LedgerUnderTest } from './ledger-bench.ts';
import { testExpiry, testQuotas } from './ledger-contract-limits.ts';

/** Runs the contract. */
export function testLedger<T>(under: LedgerUnderTest): void {
  describe(`a ledger on ${under.name}`, () => {
    let bench: LedgerBench<T>;
    beforeEach(async () => {
      bench = new LedgerBench(under, await under.make());
    });
    afterEach(() => bench.closeAll());
    const held = () => bench;
    describe('makes sandboxes:', () => testSandboxes(held));
    describe('keeps charges:', () => testCharges(held));
    describe('lists charges:', () => testList(held));
    describe('commits a charge with its record:', () => testAtomic(held));
    describe('holds so many charges of a sandbox, and no more:', () => testFull(held));
    describe('counts what is limited:', () => testQuotas(held));
    describe('forgets what has expired:', () => testExpiry(held));
  });
}

function testSandboxes<T>(bench: () => LedgerBench<T>): void {
  for (const dialect of DIALECTS) {
    test(`of dialect ${dialect}, which its token opens, from every handle`, async () => {
      const ledgers = [await bench().open(), await bench().open()];
      const { token, ...sandbox } = await (ledgers[0] as Ledger<T>).createSandbox(dialect);
      assert.deepEqual({ ...sandbox, id: '' }, { id: '', dialect, expiresMs: START + SANDBOX_LIFETIME_MS });
      for (const ledger of ledgers) assert.deepEqual({ ...(await ledger.sandboxOf(token)) }, sandbox);
    });
  }

  test('each is another one', async () => {
    const ledgers = [await bench().open(), await bench().open()];
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, index) => (ledgers[index % 2] as Ledger<T>).createSandbox('problem')),
    );
    assert.equal(new Set(made.map(({ id }) => id)).size, 40);
    assert.equal(new Set(made.map(({ token }) => token)).size, 40);
    for (const { id, token } of made) assert.equal((await ledgers[0]?.sandboxOf(token))?.id, id);
  });

  test('the token is kept nowhere', async () => {
    const ledger = await bench().open();
    const { id, token } = await ledger.createSandbox('problem');
    await bench().charge(ledger, id);
    const kept = await bench().place.dump();
    assert.ok(kept.includes(id), 'the dump shows what is kept');
    assert.ok(!kept.includes(token.slice('sk_sandbox_'.length)));
  });

  test('nothing else opens one', async () => {
    const ledger = await bench().open();
    const { id, token } = await ledger.createSandbox('problem');
    for (const other of ['', id, `${token}0`, token.slice(0, -1), token.toUpperCase(), '%', "' OR 1=1 --", '*', 'é'])
      assert.equal(await ledger.sandboxOf(other), undefined, other);
  });

  test('by the clock that it was given', async () => {
    const ledger = await bench().open();
    assert.equal(ledger.now(), START);
    bench().now += 12_345;
    assert.equal(ledger.now(), START + 12_345);
    assert.equal((await ledger.createSandbox('ietf')).expiresMs, START + 12_345 + SANDBOX_LIFETIME_MS);
  });

  test('and stays open for the other handles when one is closed', async () => {
    const [one, other] = [await bench().open(), await bench().open()];
    const { token } = await one.createSandbox('problem');
    await bench().close(await bench().open());
    assert.notEqual(await other.sandboxOf(token), undefined);
    assert.ok(other.isInPlace());
  });
}

function testCharges<T>(bench: () => LedgerBench<T>): void {
  for (const given of [
    {},
    { description: null },
    { description: '' },
    { description: 'zero \0, "quotes", \\ and \u2028' },
    { description: '🍔'.repeat(500) },
    { amount: 1, currency: 'jpy' },
    { amount: Number.MAX_SAFE_INTEGER, currency: 'eur' },
    { created_at: '2026-11-22T12:00:00.001Z' },
  ]) {
    test(`as they are: ${JSON.stringify(given).slice(0, 60)}`, async () => {
      const [one, other] = [await bench().open(), await bench().open()];
      const { id: sandbox } = await one.createSandbox('problem');
      const charge = await bench().charge(one, sandbox, given);
      for (const ledger of [one, other]) {
        const found = await ledger.charge(sandbox, charge.id);
        assert.deepEqual({ ...found }, charge);
        assert.deepEqual(Object.keys(found ?? {}), Object.keys(charge));
        const listed = await ledger.charges(sandbox, 10, undefined);
        assert.deepEqual(plain(listed), [charge]);
      }
    });
  }

  test('nobody else’s are there', async () => {
    const ledger = await bench().open();
    const [mine, theirs] = [await ledger.createSandbox('problem'), await ledger.createSandbox('problem')];
    const charge = await bench().charge(ledger, theirs.id);
    assert.equal(await ledger.charge(mine.id, charge.id), undefined);
    assert.deepEqual(await ledger.charges(mine.id, 10, undefined), { charges: [], hasMore: false });
    assert.equal(await ledger.charges(mine.id, 10, charge.id), undefined);
    await assert.rejects(bench().describe(ledger, mine.id, charge.id, 'stolen'), SandboxGone);
    assert.deepEqual({ ...(await ledger.charge(theirs.id, charge.id)) }, charge);
    for (const id of ['', '%', '*', `${charge.id}0`, charge.id.toUpperCase(), "' OR 1=1 --", '\0', 'é'])
      assert.equal(await ledger.charge(theirs.id, id), undefined, id);
  });

  test('a new description changes nothing else', async () => {
    const [one, other] = [await bench().open(), await bench().open()];
    const { id: sandbox } = await one.createSandbox('problem');
    const [before, charge, behind] = [
      await bench().charge(one, sandbox),
      await bench().charge(one, sandbox),
      await bench().charge(one, sandbox),
    ];
    for (const description of ['Three tickets', null, '', 'zero \0 and 日', 'x'.repeat(500)]) {
      await bench().describe(one, sandbox, charge.id, description);
      const changed = { ...charge, description };
      for (const ledger of [one, other]) {
        assert.deepEqual({ ...(await ledger.charge(sandbox, charge.id)) }, changed);
        assert.deepEqual(plain(await ledger.charges(sandbox, 10, undefined)), [behind, changed, before]);
      }
    }
    await assert.rejects(bench().describe(one, sandbox, 'ch_0', 'nothing'), SandboxGone);
  });
}

function testList<T>(bench: () => LedgerBench<T>): void {
  test('latest first, those of one instant in the order in which they came, page after page', async () => {
    const [one, other] = [await bench().open(), await bench().open()];
    const { id: sandbox } = await one.createSandbox('problem');
    const { id: stranger } = await one.createSandbox('problem');
    const charges: Charge[] = [];
    for (let index = 0; index < 7; index += 1) {
      if (index === 4) bench().now += 1000;
      const created_at = new Date(bench().now).toISOString();
      charges.unshift(await bench().charge(index % 2 === 0 ? one : other, sandbox, { created_at }));
      await bench().charge(one, stranger, { created_at });
    }
    for (const limit of [1, 2, 3, 6, 7, 8, 100]) {
      const pages = await pagesOf(other, sandbox, limit);
      assert.deepEqual(pages.flatMap(plain), charges, `pages of ${limit}`);
      assert.deepEqual(
        pages.map(({ charges, hasMore }) => [charges.length, hasMore]),
        pages.map((_, index) => [Math.min(limit, 7 - index * limit), (index + 1) * limit < 7]),
      );
    }
    const last = charges.at(-1)?.id as string;
    assert.deepEqual(await one.charges(sandbox, 5, last), { charges: [], hasMore: false });
  });

  test('a page goes on where the one before has ended, whatever has come meanwhile', async () => {
    const ledger = await bench().open();
    const { id: sandbox } = await ledger.createSandbox('problem');
    const [third, second, first] = [
      await bench().charge(ledger, sandbox),
      await bench().charge(ledger, sandbox),
      await bench().charge(ledger, sandbox),
    ];
    assert.deepEqual(plain(await ledger.charges(sandbox, 1, undefined)), [first]);
    const late = await bench().charge(ledger, sandbox);
    assert.deepEqual(plain(await ledger.charges(sandbox, 1, first.id)), [second]);
    assert.deepEqual(plain(await ledger.charges(sandbox, 5, second.id)), [third]);
    assert.deepEqual(plain(await ledger.charges(sandbox, 1, undefined)), [late]);
  });

  test('there is no page after what is no charge', async () => {
    const ledger = await bench().open();
    const { id: sandbox } = await ledger.createSandbox('problem');
    assert.deepEqual(await ledger.charges(sandbox, 5, undefined), { charges: [], hasMore: false });
    await bench().charge(ledger, sandbox);
    for (const id of ['ch_000000000000000000', '', '0', '%', '*', '\0', 'é', "' OR 1=1 --"])
      assert.equal(await ledger.charges(sandbox, 5, id), undefined, id);
    assert.deepEqual(await ledger.charges('sbx_0', 5, undefined), { charges: [], hasMore: false });
  });

  test('each once, also those that came at the same moment', async () => {
    const ledgers = [await bench().open(), await bench().open()];
    const [ledger] = ledgers as [Ledger<T>];
    const { id: sandbox } = await ledger.createSandbox('problem');
    const made = await Promise.all(
      Array.from({ length: 60 }, (_, index) => bench().charge(ledgers[index % 2] as Ledger<T>, sandbox)),
    );
    const listed = (await pagesOf(ledger, sandbox, 7)).flatMap(plain).map(({ id }) => id);
    assert.deepEqual(listed.toSorted(), made.map(({ id }) => id).toSorted());
  });
}

function testAtomic<T>(bench: () => LedgerBench<T>): void {
  test('both are there, or none', async () => {
    const [ledger, other] = [await bench().open(), await bench().open()];
    const { id: sandbox } = await ledger.createSandbox('problem');
    const charge = { id: newId('ch'), ...CHARGE };
    const claim = await bench().claim(ledger, sandbox);
    const effect = (then: () => ReturnType<typeof replyOf>) => (transaction: T) => {
      const written = ledger.insertCharge(transaction, sandbox, charge);
      return written instanceof Promise ? written.then(then) : then();
    };
    const mistake = new Error('after the charge');
    await assert.rejects(
      ledger.store.commit(
        claim,
        effect(() => {
          throw mistake;
        }),
        RETAIN,
      ),
      mistake,
    );
    if (bench().under.transactional) assert.equal(await other.charge(sandbox, charge.id), undefined);
    assert.equal((await other.store.lookup(claim))?.state, 'in-progress');
    const reply = replyOf('done');
    assert.deepEqual(
      await ledger.store.commit(
        claim,
        effect(() => reply),
        RETAIN,
      ),
      { kind: 'stored', reply },
    );
    assert.deepEqual({ ...(await other.charge(sandbox, charge.id)) }, charge);
    assert.equal((await other.store.lookup(claim))?.state, 'completed');
    assert.deepEqual(plain(await other.charges(sandbox, 5, undefined)), [charge]);
  });

  test('who has lost the claim writes nothing', async () => {
    const [ledger, other] = [await bench().open(), await bench().open()];
    const { id: sandbox } = await ledger.createSandbox('problem');
    const kept = await bench().charge(ledger, sandbox);
    const stale = await bench().claim(ledger, sandbox);
    bench().now += LEASE;
    assert.equal((await other.store.claim(stale, FACTS, LEASE)).kind, 'claimed');
    const writes: ((transaction: T) => void | Promise<void>)[] = [
      (transaction) => ledger.insertCharge(transaction, sandbox, { id: newId('ch'), ...CHARGE }),
      (transaction) => ledger.describeCharge(transaction, sandbox, kept.id, 'stale'),
    ];
    for (const write of writes) {
      const effect = (transaction: T) => after(write(transaction), replyOf('stale'));
      assert.deepEqual(await ledger.store.commit(stale, effect, RETAIN), { kind: 'lease-lost' });
    }
    assert.deepEqual(plain(await ledger.charges(sandbox, 5, undefined)), [kept]);
  });

  test('a changed description as well', async () => {
    const [ledger, other] = [await bench().open(), await bench().open()];
    const { id: sandbox } = await ledger.createSandbox('problem');
    const charge = await bench().charge(ledger, sandbox);
    const claim = await bench().claim(ledger, sandbox);
    const effect = (transaction: T) =>
      after(ledger.describeCharge(transaction, sandbox, charge.id, 'new'), replyOf('changed', 200));
    assert.equal((await ledger.store.commit(claim, effect, RETAIN)).kind, 'stored');
    assert.equal((await other.charge(sandbox, charge.id))?.description, 'new');
    assert.equal((await other.store.lookup(claim))?.status, 200);
  });
}

function testFull<T>(bench: () => LedgerBench<T>): void {
  const LIMIT = 3;

  test('then it is told, and nothing is written; other sandboxes go on', async () => {
    const [ledger, other] = [
      await bench().open({ chargesPerSandbox: LIMIT }),
      await bench().open({ chargesPerSandbox: LIMIT }),
    ];
    const [full, empty] = [await ledger.createSandbox('problem'), await ledger.createSandbox('problem')];
    for (let index = 0; index < LIMIT; index += 1) await bench().charge(index % 2 === 0 ? ledger : other, full.id);
    for (const handle of [ledger, other, ledger])
      await assert.rejects(bench().charge(handle, full.id, { description: 'one too many' }), SandboxFull);
    const { charges, hasMore } = (await other.charges(full.id, 10, undefined)) as ChargePage;
    assert.deepEqual([charges.length, hasMore], [LIMIT, false]);
    const last = charges[0] as Charge;
    await bench().describe(other, full.id, last.id, 'still to be changed');
    assert.equal((await ledger.charge(full.id, last.id))?.description, 'still to be changed');
    await bench().charge(other, empty.id);
  });

  test('also when many come at once, on several handles', async () => {
    const ledgers = [
      await bench().open({ chargesPerSandbox: LIMIT }),
      await bench().open({ chargesPerSandbox: LIMIT }),
    ];
    const [ledger] = ledgers as [Ledger<T>];
    const { id: sandbox } = await ledger.createSandbox('problem');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => bench().charge(ledgers[index % 2] as Ledger<T>, sandbox)),
    );
    const made = outcomes.filter(({ status }) => status === 'fulfilled').length;
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof SandboxFull, String(outcome.reason));
    assert.equal((await ledger.charges(sandbox, 100, undefined))?.charges.length, made);
    assert.ok(made >= LIMIT);
    if (bench().under.transactional) assert.equal(made, LIMIT);
    await assert.rejects(bench().charge(ledger, sandbox), SandboxFull);
  });

  test('a charge that came to nothing does not count', async () => {
    const ledger = await bench().open({ chargesPerSandbox: LIMIT });
    const { id: sandbox } = await ledger.createSandbox('problem');
    for (let index = 0; index < 2 * LIMIT; index += 1) {
      const claim = await bench().claim(ledger, sandbox);
      const effect = (transaction: T) => {
        const written = ledger.insertCharge(transaction, sandbox, { id: newId('ch'), ...CHARGE });
        const fail = (): never => {
          throw new RangeError('after the charge');
        };
        return written instanceof Promise ? written.then(fail) : fail();
      };
      if (bench().under.transactional) await assert.rejects(ledger.store.commit(claim, effect, RETAIN), RangeError);
      await ledger.store.release(claim);
    }
    for (let index = 0; index < LIMIT; index += 1) await bench().charge(ledger, sandbox);
    await assert.rejects(bench().charge(ledger, sandbox), SandboxFull);
  });
}

/** Charges as plain objects: some clients make them without a prototype. */
function plain(page: ChargePage | undefined): Charge[] {
  assert.ok(page !== undefined);
  return page.charges.map((charge) => ({ ...charge }));
}

async function pagesOf<T>(ledger: Ledger<T>, sandbox: string, limit: number): Promise<ChargePage[]> {
  const pages: ChargePage[] = [];
  for (let after: string | undefined; ; after = pages.at(-1)?.charges.at(-1)?.id) {
    const page = await ledger.charges(sandbox, limit, after);
    assert.ok(page !== undefined);
    pages.push(page);
    if (!page.hasMore) return pages;
  }
}
