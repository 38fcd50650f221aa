// What an effect may do in its transaction, what it may not, and what becomes of a stale owner's.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type pg from 'pg';
import type { Claim, IdempotencyStore, Reply } from '../../src/idempotency/index.ts';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import { postgresDatabase } from '../servers/postgres.ts';
import { claimed, FACTS, ID, LEASE, RETAIN, replyOf, START } from './bench.ts';
import { effectOf, newPool, type OpenStore, openStore, readLines, writeLine } from './postgres-support.ts';

const open = async (config: pg.PoolConfig = {}, now?: () => number): Promise<OpenStore> =>
  openStore({ connectionString: await postgresDatabase(), ...config }, now === undefined ? {} : { now });

/** The effect is refused, and it is as if it had never been called. */
async function assertUndone(opened: OpenStore, claim: Claim, committed: Promise<unknown>, expected: object | RegExp) {
  await assert.rejects(committed, expected);
  assert.deepEqual(await readLines(opened), []);
  assert.equal((await opened.store.lookup(ID))?.state, 'in-progress');
  assert.equal((await opened.store.commit(claim, effectOf('again'), RETAIN)).kind, 'stored');
  assert.deepEqual(await readLines(opened), ['again']);
}

describe('an effect on PostgreSQL', () => {
  test('commits together with the record and the reply: until then no other connection sees any of them', async () => {
    const opened = await open();
    const { pool, store } = opened;
    const claim = await claimed(store);
    const look = async () => {
      assert.deepEqual(await readLines(opened), []);
      assert.equal((await pool.query('SELECT status FROM idempotency_record')).rows[0].status, null);
    };
    await store.commit(claim, effectOf('done', look), RETAIN);
    assert.deepEqual(await readLines(opened), ['done']);
    assert.equal((await store.lookup(ID))?.state, 'completed');
  });

  test('gets the client of the application’s own pool, with its type', async () => {
    const { pool } = await open();
    // Types are inferred from a real pool.
    const store: IdempotencyStore<pg.PoolClient> = new PostgresStore(pool);
    const effect = async (client: pg.PoolClient) => {
      const { rows } = await client.query({ text: 'SELECT $1::int AS number', values: [7], name: 'number' });
      assert.equal(client.getTransactionStatus(), 'T');
      return replyOf(`${client.escapeLiteral("it's")} ${rows[0].number}`);
    };
    const outcome = await store.commit(await claimed(store), effect, RETAIN);
    assert.deepEqual(outcome, { kind: 'stored', reply: replyOf("'it''s' 7") });
  });

  test('that fails elsewhere fails with just that: the store has answered', async () => {
    const opened = await open();
    const claim = await claimed(opened.store);
    const effect = async (client: pg.PoolClient) => {
      await writeLine(client, 'half');
      await readFile('/nowhere/at/all');
      return replyOf('done');
    };
    await assertUndone(opened, claim, opened.store.commit(claim, effect, RETAIN), { name: 'Error', code: 'ENOENT' });
  });

  test('is undone when the reply cannot be stored', async () => {
    for (const wrong of [
      undefined,
      { status: undefined },
      { status: Number.NaN },
      { status: 200.5 },
      { body: undefined },
      { body: 'text' },
      { headers: undefined },
    ]) {
      const opened = await open();
      const claim = await claimed(opened.store);
      const effect = async (client: pg.PoolClient) => {
        await writeLine(client, 'half');
        return (wrong && { ...replyOf('done'), ...wrong }) as unknown as Reply;
      };
      await assertUndone(opened, claim, opened.store.commit(claim, effect, RETAIN), Error);
    }
  });

  for (const sql of [
    'COMMIT',
    'commit work',
    ' \n-- all is well\n /* so */ Commit;',
    'END',
    'ABORT',
    'ROLLBACK',
    'ROLLBACK AND CHAIN',
    'BEGIN',
    'start  transaction isolation level serializable',
    "PREPARE TRANSACTION 'x'",
  ]) {
    test(`cannot end its transaction: ${JSON.stringify(sql)}`, async () => {
      const opened = await open();
      const claim = await claimed(opened.store);
      const committed = opened.store.commit(
        claim,
        effectOf('half', (client) => client.query({ text: sql })),
        RETAIN,
      );
      await assertUndone(opened, claim, committed, { name: 'TypeError', message: /leave BEGIN, COMMIT and ROLLBACK/ });
    });
  }

  for (const [what, sql] of [
    ['behind another statement', "INSERT INTO line (text) VALUES ('rest'); COMMIT"],
    ['and began another one', 'SELECT 1; COMMIT; BEGIN'],
    ['by a rollback', 'SELECT 1; ROLLBACK'],
  ] as [string, string][]) {
    test(`that has ended its transaction unseen, ${what}, is found out: the reply is not stored`, async () => {
      const { store } = await open();
      const claim = await claimed(store);
      const committed = store.commit(
        claim,
        effectOf('half', (client) => client.query(sql)),
        RETAIN,
      );
      await assert.rejects(committed, { name: 'TypeError', message: /has ended the transaction/ });
      assert.equal((await store.lookup(ID))?.state, 'in-progress');
      await assert.rejects(
        store.checkpoint(claim, 'ride', (client) => client.query(sql).then(() => '1'), LEASE),
        /has ended the transaction/,
      );
      assert.equal((await store.commit(claim, effectOf('again'), RETAIN)).kind, 'stored');
    });
  }

  test('may use savepoints', async () => {
    const opened = await open();
    const effect = effectOf('kept', async (client) => {
      await client.query('SAVEPOINT one');
      await writeLine(client, 'dropped');
      await assert.rejects(client.query('INSERT INTO nowhere VALUES (1)'), { code: '42P01' });
      await client.query('ROLLBACK TO SAVEPOINT one');
      await client.query('/* again */ rollback to one');
      await client.query('RELEASE one');
    });
    assert.equal((await opened.store.commit(await claimed(opened.store), effect, RETAIN)).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['kept']);
  });

  test('that goes on after a statement that failed is undone', async () => {
    const opened = await open();
    const claim = await claimed(opened.store);
    const effect = effectOf('half', (client) => client.query('INSERT INTO nowhere VALUES (1)').catch(() => undefined));
    const committed = opened.store.commit(claim, effect, RETAIN);
    await assertUndone(opened, claim, committed, { name: 'TypeError', message: /a statement of the effect failed/ });
  });

  test('may fail on a constraint, which is its own affair and not the store’s', async () => {
    const opened = await open();
    await opened.pool.query('ALTER TABLE line ADD UNIQUE (text)');
    const claim = await claimed(opened.store);
    const twice = effectOf('half', (client) => writeLine(client, 'half'));
    await assertUndone(opened, claim, opened.store.commit(claim, twice, RETAIN), { name: 'error', code: '23505' });
  });

  test('may fail as late as at the COMMIT', async () => {
    const opened = await open();
    await opened.pool.query('ALTER TABLE line ADD UNIQUE (text) DEFERRABLE INITIALLY DEFERRED');
    const claim = await claimed(opened.store);
    const twice = effectOf('half', (client) => writeLine(client, 'half'));
    await assertUndone(opened, claim, opened.store.commit(claim, twice, RETAIN), { name: 'error', code: '23505' });
  });

  test('has its queries executed in order, also those that it does not wait for', async () => {
    const opened = await open();
    const effect = (client: pg.PoolClient) => {
      for (const line of ['one', 'two', 'three']) void writeLine(client, line);
      return replyOf('done');
    };
    assert.equal((await opened.store.commit(await claimed(opened.store), effect, RETAIN)).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['one', 'two', 'three']);
  });

  test('does not keep the connection', async () => {
    const opened = await open();
    const { pool, store } = opened;
    let kept: pg.PoolClient | undefined;
    const effect = effectOf('done', (client) => {
      kept = client;
      assert.throws(() => client.release(), TypeError);
      assert.throws(() => (client as unknown as pg.Client).end(), TypeError);
    });
    await store.commit(await claimed(store), effect, RETAIN);
    assert.throws(() => kept?.query("INSERT INTO line (text) VALUES ('late')"), { message: /await every query/ });
    assert.deepEqual(await readLines(opened), ['done']);
    assert.equal(pool.idleCount, pool.totalCount);
  });

  test('may change the search path and the role for itself', async () => {
    const opened = await open();
    const { pool, store } = opened;
    const effect = effectOf('done', async (client) => {
      await client.query('SET LOCAL search_path = pg_catalog');
      await client.query('SET LOCAL standard_conforming_strings = off');
    });
    const reply = { ...replyOf('done'), headers: [['X', "it's a \\ backslash"]] as Reply['headers'] };
    const quoting = async (client: pg.PoolClient) => ({ ...(await effect(client)), headers: reply.headers });
    assert.equal((await store.commit(await claimed(store), quoting, RETAIN)).kind, 'stored');
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply });
    assert.equal((await pool.query('SHOW search_path')).rows[0].search_path, '"$user", public');
  });
});

describe('an owner on PostgreSQL that is stale', () => {
  test('because it hangs in its effect, holds nobody up, and what it has done is undone', async () => {
    let now = START;
    const opened = await open({}, () => now);
    const { store } = opened;
    const stale = await claimed(store);
    const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
    const { promise: hangs, resolve: hang } = Promise.withResolvers<void>();
    const committed = store.commit(
      stale,
      effectOf('stale', () => {
        hang();
        return resumed;
      }),
      RETAIN,
    );
    await hangs;
    // Its own heartbeat does not wait for it.
    assert.equal(await store.renew(stale, LEASE), 'renewed');
    now += LEASE;
    const fresh = await claimed(store);
    assert.equal((await store.commit(fresh, effectOf('fresh'), RETAIN)).kind, 'stored');
    resume();
    assert.deepEqual(await committed, { kind: 'lease-lost' });
    assert.deepEqual(await readLines(opened), ['fresh']);
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('fresh') });
  });

  test('is told so, and not what its effect came to grief with', async () => {
    let now = START;
    const opened = await open({}, () => now);
    const { pool, store } = opened;
    await pool.query('ALTER TABLE line ADD UNIQUE (text)');
    const stale = await claimed(store, ID, FACTS, 1);
    now += 1;
    const fresh = await claimed(store);
    const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
    const { promise: hangs, resolve: hang } = Promise.withResolvers<void>();
    const committed = store.commit(
      fresh,
      effectOf('one', () => {
        hang();
        return resumed;
      }),
      RETAIN,
    );
    await hangs;
    // A claim that the store does not know, as of another process that was paused: it still stood when it was asked.
    const other = { ...fresh };
    const collided = store.commit(other, effectOf('one'), RETAIN);
    resume();
    assert.equal((await committed).kind, 'stored');
    assert.deepEqual(await collided, { kind: 'lease-lost' });
    assert.deepEqual(await store.commit(stale, effectOf('stale'), RETAIN), { kind: 'lease-lost' });
    assert.deepEqual(await readLines(opened), ['one']);
  });
});

describe('above READ COMMITTED', () => {
  const options = '-c default_transaction_isolation=serializable';

  test('the effect has the isolation that the connection has, and one that lost against another is told to come again', async () => {
    const opened = await open({ options });
    const { pool, store } = opened;
    await writeLine(pool as unknown as pg.PoolClient, 'old');
    const claim = await claimed(store);
    let called = 0;
    const effect = effectOf('half', async (client) => {
      called += 1;
      assert.equal((await client.query('SHOW transaction_isolation')).rows[0].transaction_isolation, 'serializable');
      await pool.query("UPDATE line SET text = 'new' WHERE text = 'old'");
      await client.query("UPDATE line SET text = 'mine' WHERE text = 'old'");
    });
    await assert.rejects(store.commit(claim, effect, RETAIN), { name: 'StoreError', problem: 'unavailable' });
    assert.equal(called, 1);
    assert.deepEqual(await readLines(opened), ['new']);
    assert.equal((await store.commit(claim, effectOf('again'), RETAIN)).kind, 'stored');
  });

  test('one of many claims the key, one of several commits is stored, and nobody else is bothered', async () => {
    const connectionString = await postgresDatabase();
    const opened = await openStore({ connectionString, options });
    const others = Array.from({ length: 3 }, () => new PostgresStore(newPool({ connectionString, options })));
    const stores = [opened.store, ...others];
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, index) => (stores[index % 4] as OpenStore['store']).claim(ID, FACTS, LEASE)),
    );
    assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), ['claimed', ...Array(39).fill('in-progress')]);
    const claim = outcomes.flatMap((outcome) => (outcome.kind === 'claimed' ? [outcome.claim] : []))[0] as Claim;
    const committed = await Promise.all(stores.map((store) => store.commit(claim, effectOf('done'), RETAIN)));
    assert.deepEqual(committed.map(({ kind }) => kind).sort(), [...Array(3).fill('lease-lost'), 'stored']);
    assert.deepEqual(await readLines(opened), ['done']);
  });
});
