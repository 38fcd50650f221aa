// Commits without a claim on PostgreSQL: what an effect may do in its transaction, and statements that are kept by name.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type pg from 'pg';
import type { Reply } from '../../src/idempotency/index.ts';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import { postgresDatabase } from '../servers/postgres.ts';
import { claimed, commitUnclaimed, FACTS, ID, LEASE, replyOf } from './bench.ts';
import { effectOf, newPool, type OpenStore, openStore, readLines, storeError, writeLine } from './postgres-support.ts';

const open = async (config: pg.PoolConfig = {}): Promise<OpenStore> =>
  openStore({ connectionString: await postgresDatabase(), ...config });

/** The effect is refused, and it is as if it had never been called: also for the connection, which is the only one. */
async function assertUndone(opened: OpenStore, committed: Promise<unknown>, expected: object | RegExp) {
  await assert.rejects(committed, expected);
  assert.deepEqual([await readLines(opened), await opened.store.lookup(ID)], [[], undefined]);
  assert.deepEqual(await commitUnclaimed(opened.store, effectOf('again')), { kind: 'stored', reply: replyOf('again') });
  assert.deepEqual(await readLines(opened), ['again']);
  assert.equal(opened.pool.idleCount, opened.pool.totalCount);
}

/** Names that the only connection of a pool keeps statements by. */
async function namesOn(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query('SELECT name FROM pg_prepared_statements ORDER BY name');
  return rows.map(({ name }) => name);
}

const idOf = (key: string) => ({ id: { ...ID, key } });

for (const [how, config] of [
  ['one after the other', {}],
  ['without waiting', { pipeline: true }],
  ['for a limited time', { query_timeout: 20_000 }],
] as [string, pg.PoolConfig][]) {
  describe(`an effect without a claim on PostgreSQL, whose client sends ${how}`, () => {
    const openOne = () => open({ ...config, max: 1 });

    test('commits together with the record: until then no other connection sees any of them', async () => {
      const opened = await open(config);
      const look = async () => {
        assert.deepEqual([await readLines(opened), await opened.store.lookup(ID)], [[], undefined]);
      };
      assert.equal((await commitUnclaimed(opened.store, effectOf('done', look))).kind, 'stored');
      assert.deepEqual(await readLines(opened), ['done']);
      assert.equal((await opened.store.lookup(ID))?.state, 'completed');
    });

    for (const sql of [
      "INSERT INTO line (text) VALUES ('rest'); COMMIT",
      'SELECT 1; COMMIT; BEGIN',
      'SELECT 1; ROLLBACK',
    ]) {
      test(`is found out when it has ended its transaction: ${sql}`, async () => {
        const { store, pool } = await openOne();
        const ending = effectOf('half', (client) => client.query(sql));
        const expected = { name: 'TypeError', message: /has ended the transaction/ };
        await assert.rejects(commitUnclaimed(store, ending), expected);
        assert.equal(await store.lookup(ID), undefined);
        assert.equal((await commitUnclaimed(store, effectOf('again'))).kind, 'stored');
        // What marks a transaction of the store does not outlive it.
        assert.equal((await pool.query("SELECT current_setting('idempotency.effect', true) AS on")).rows[0].on, '');
      });
    }

    test('cannot end its transaction openly', async () => {
      const opened = await openOne();
      const ending = effectOf('half', (client) => client.query('COMMIT'));
      const expected = { name: 'TypeError', message: /leave BEGIN, COMMIT and ROLLBACK/ };
      await assertUndone(opened, commitUnclaimed(opened.store, ending), expected);
    });

    test('that goes on after a statement that failed is undone', async () => {
      const opened = await openOne();
      const careless = effectOf('half', (client) => client.query('SELECT * FROM nowhere').catch(() => undefined));
      const expected = { name: 'TypeError', message: /a statement of the effect failed/ };
      await assertUndone(opened, commitUnclaimed(opened.store, careless), expected);
    });

    test('may fail on a constraint, at once or as late as at the COMMIT', async () => {
      for (const when of ['', 'DEFERRABLE INITIALLY DEFERRED']) {
        const opened = await openOne();
        await opened.pool.query(`ALTER TABLE line ADD UNIQUE (text) ${when}`);
        const twice = effectOf('half', (client) => writeLine(client, 'half'));
        await assertUndone(opened, commitUnclaimed(opened.store, twice), { name: 'error', code: '23505' });
      }
    });

    test('is undone when the reply cannot be stored', async () => {
      for (const wrong of [{ status: Number.NaN }, { status: 200.5 }, { body: 'text' }, { headers: undefined }]) {
        const opened = await openOne();
        const effect = async (client: pg.PoolClient) => {
          await writeLine(client, 'half');
          return { ...replyOf('done'), ...wrong } as unknown as Reply;
        };
        await assertUndone(opened, commitUnclaimed(opened.store, effect), Error);
      }
    });

    test('may change the search path for itself', async () => {
      const { store } = await openOne();
      const effect = effectOf('done', (client) => client.query('SET LOCAL search_path = pg_catalog'));
      assert.equal((await commitUnclaimed(store, effect)).kind, 'stored');
      assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
    });

    test('that loses against another one because both write the same is told that the key is known', async () => {
      const opened = await open(config);
      await opened.pool.query('ALTER TABLE line ADD UNIQUE (text)');
      const hangs = Promise.withResolvers<void>();
      const resumed = Promise.withResolvers<void>();
      const hang = () => {
        hangs.resolve();
        return resumed.promise;
      };
      const first = commitUnclaimed(opened.store, effectOf('order 1', hang));
      await hangs.promise;
      const second = commitUnclaimed(opened.store, (client) => {
        // It waits for what the first one comes to.
        setImmediate(resumed.resolve);
        return effectOf('order 1')(client);
      });
      assert.deepEqual([(await first).kind, (await second).kind], ['stored', 'known']);
      assert.deepEqual(await readLines(opened), ['order 1']);
    });

    test('that loses its key to somebody who has claimed it meanwhile is undone', async () => {
      const opened = await open(config);
      const late = effectOf('late', async () => void (await claimed(opened.store)));
      assert.deepEqual(await commitUnclaimed(opened.store, late), { kind: 'known' });
      assert.deepEqual(await readLines(opened), []);
      assert.equal((await opened.store.lookup(ID))?.state, 'in-progress');
    });
  });
}

test('an effect without a claim is undone for a retry; for the next retries of its kind, it is not called', async () => {
  const connectionString = await postgresDatabase();
  const { store: first } = await openStore({ connectionString });
  for (const key of ['a', 'b', 'c']) await commitUnclaimed(first, effectOf(key), idOf(key));
  const opened = await openStore({ connectionString });
  const called: string[] = [];
  for (const key of ['a', 'b', 'c', 'new']) {
    const again = effectOf(`${key} again`, () => called.push(key));
    const outcome = await commitUnclaimed(opened.store, again, idOf(key));
    assert.equal(outcome.kind, key === 'new' ? 'stored' : 'known');
  }
  assert.deepEqual(
    [called, await readLines(opened)],
    [
      ['a', 'new'],
      ['a', 'b', 'c', 'new again'],
    ],
  );
});

describe('the statement that ends a commit without a claim', () => {
  const expected = ['begin', 'commit', 'insert', 'mark'].map((name) => `idempotency_${name}`);

  test('is planned once for each connection', async () => {
    const { pool, store } = await open({ max: 1 });
    const planned = async () => {
      const { rows } = await pool.query('SELECT prepare_time FROM pg_prepared_statements ORDER BY name');
      return rows.map(({ prepare_time }) => Number(prepare_time));
    };
    for (const key of ['a', 'b']) await commitUnclaimed(store, effectOf(key), idOf(key));
    assert.deepEqual(await namesOn(pool), expected);
    const before = await planned();
    for (const key of ['c', 'd']) await commitUnclaimed(store, effectOf(key), idOf(key));
    assert.deepEqual(await planned(), before);
  });

  for (const forget of ['DEALLOCATE ALL', 'DISCARD ALL', 'DEALLOCATE idempotency_insert']) {
    test(`is done without after the application’s ${forget}, as behind a pooler, and no request fails`, async () => {
      const opened = await open({ max: 1 });
      const { pool, store } = opened;
      await commitUnclaimed(store, effectOf('a'), idOf('a'));
      await pool.query(forget);
      for (const key of ['b', 'c', 'd']) {
        const outcome = await commitUnclaimed(store, effectOf(key), idOf(key));
        assert.deepEqual(outcome, { kind: 'stored', reply: replyOf(key) });
      }
      assert.deepEqual(await readLines(opened), ['a', 'b', 'c', 'd']);
      assert.ok(!(await namesOn(pool)).includes('idempotency_insert'));
    });
  }

  test('takes the name from whatever else has it', async () => {
    const opened = await open({ max: 1 });
    await opened.pool.query('PREPARE idempotency_insert AS SELECT 1');
    await opened.pool.query('PREPARE idempotency_commit AS SELECT 1');
    assert.equal((await commitUnclaimed(opened.store, effectOf('done'))).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['done']);
  });

  test('is that of the store, although stores of two schemas share a connection', async () => {
    const { pool } = await open({ max: 1 });
    for (const schema of ['one', 'two', 'one', 'two']) {
      await pool.query(`CREATE SCHEMA IF NOT EXISTS ${schema}; SET search_path TO ${schema}`);
      await commitUnclaimed(new PostgresStore(pool), () => replyOf(schema), idOf(crypto.randomUUID()));
    }
    for (const schema of ['one', 'two']) {
      const { rows } = await pool.query(`SELECT count(*)::integer AS records FROM ${schema}.idempotency_record`);
      assert.deepEqual(rows, [{ records: 2 }]);
    }
  });

  test('may fail the first time, and is prepared again for the next', async () => {
    const connectionString = await postgresDatabase();
    const opened = await openStore({ connectionString, max: 1 });
    const other = new PostgresStore(newPool({ connectionString }));
    const late = effectOf('late', async () => void (await claimed(other)));
    assert.deepEqual(await commitUnclaimed(opened.store, late), { kind: 'known' });
    let calls = 0;
    for (const key of ['a', 'b'])
      await commitUnclaimed(
        opened.store,
        effectOf(key, () => calls++),
        idOf(key),
      );
    assert.deepEqual([await readLines(opened), await namesOn(opened.pool), calls], [['a', 'b'], expected, 2]);
  });

  test('that takes too long is a StoreError; what became of it, a retry finds out', async () => {
    const connectionString = await postgresDatabase();
    const opened = await openStore({ connectionString, query_timeout: 250 });
    const stranger = await newPool({ connectionString }).connect();
    await stranger.query('BEGIN; LOCK TABLE idempotency_record IN EXCLUSIVE MODE');
    await assert.rejects(commitUnclaimed(opened.store, effectOf('done')), storeError('unavailable'));
    await stranger.query('ROLLBACK');
    stranger.release();
    const patient = new PostgresStore(newPool({ connectionString }));
    assert.match((await commitUnclaimed(patient, effectOf('done'))).kind, /^(stored|known)$/);
    assert.deepEqual(await readLines(opened), ['done']);
    assert.deepEqual(await patient.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
  });
});

test('above READ COMMITTED, of many at once without a claim one is stored, and nobody else is bothered', async () => {
  const connectionString = await postgresDatabase();
  const options = '-c default_transaction_isolation=serializable';
  const opened = await openStore({ connectionString, options });
  const stores = [opened.store, new PostgresStore(newPool({ connectionString, options }))];
  const effect = effectOf('done', async (client) => {
    assert.equal((await client.query('SHOW transaction_isolation')).rows[0].transaction_isolation, 'serializable');
    await client.query('SELECT count(*) FROM line');
  });
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, index) => commitUnclaimed(stores[index % 2] as OpenStore['store'], effect)),
  );
  assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), [...Array(19).fill('known'), 'stored']);
  assert.deepEqual(await readLines(opened), ['done']);
});
