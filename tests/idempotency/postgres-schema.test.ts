// Where the table of a PostgreSQL store comes from, who may use it, and what may be kept in it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import { RECORDS } from '../../src/idempotency/stores/postgres-schema.ts';
import { postgresDatabase } from '../servers/postgres.ts';
import { claimed, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { effectOf, newPool, openStore, storeError } from './postgres-support.ts';

describe('the table of a PostgreSQL store', () => {
  test('is made once by many that start at the same time, at whatever isolation', async () => {
    for (const isolation of ['read committed', 'serializable']) {
      const connectionString = await postgresDatabase();
      const options = `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`;
      const pools = Array.from({ length: 8 }, () => newPool({ connectionString, options, max: 1 }));
      const stores = pools.map((pool) => new PostgresStore(pool));
      await Promise.all(stores.map((store) => store.setUp()));
      const { rows } = await (pools[0] as (typeof pools)[0]).query('SELECT version FROM idempotency_schema');
      assert.deepEqual(rows, [{ version: RECORDS.migrations.length }]);
      const outcomes = await Promise.all(stores.map((store) => store.claim(ID, FACTS, LEASE)));
      assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), ['claimed', ...Array(7).fill('in-progress')]);
    }
  });

  test('of a later version is left alone', async () => {
    const { pool } = await openStore({ connectionString: await postgresDatabase(), max: 1 });
    await pool.query('UPDATE idempotency_schema SET version = 99');
    const store = new PostgresStore(pool);
    await assert.rejects(store.setUp(), { ...storeError('unavailable'), message: /have version 99.*use a later one/ });
    assert.equal((await pool.query('SELECT version FROM idempotency_schema')).rows[0].version, 99);
    assert.equal(pool.idleCount, pool.totalCount);
    await pool.query('UPDATE idempotency_schema SET version = $1', [RECORDS.migrations.length]);
    await claimed(store);
  });

  test('may be made by one role and used by another, which may not make any', async () => {
    const connectionString = await postgresDatabase();
    const { pool } = await openStore({ connectionString });
    const role = `clerk_${new URL(connectionString).pathname.slice(1)}`;
    await pool.query(`
      CREATE ROLE ${role} LOGIN;
      REVOKE CREATE ON SCHEMA public FROM PUBLIC;
      GRANT SELECT ON idempotency_schema TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_record, line TO ${role};
      GRANT USAGE ON SEQUENCE idempotency_token, line_number_seq TO ${role}`);
    try {
      const clerk = newPool({ connectionString: Object.assign(new URL(connectionString), { username: role }).href });
      await assert.rejects(clerk.query('CREATE TABLE mine (number int)'), { code: '42501' });
      const store = new PostgresStore(clerk);
      assert.equal((await store.commit(await claimed(store), effectOf('done'), RETAIN)).kind, 'stored');
      assert.equal(await store.purge(Number.MAX_SAFE_INTEGER, 10), 0);
    } finally {
      await pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test('is in the schema in which it was made, whatever an effect does to the search path', async () => {
    const connectionString = await postgresDatabase();
    const { pool: operator } = await openStore({ connectionString });
    await operator.query('CREATE SCHEMA "App 1"; CREATE SCHEMA other');
    const pool = newPool({ connectionString, options: '-c search_path="App\\ 1",public' });
    const store = new PostgresStore(pool);
    const claim = await claimed(store);
    const effect = effectOf('done', (client) => client.query('SET LOCAL search_path = other'));
    assert.equal((await store.commit(claim, effect, RETAIN)).kind, 'stored');
    const { rows } = await operator.query(
      'SELECT (SELECT count(*) FROM "App 1".idempotency_record) AS app, (SELECT count(*) FROM idempotency_record) AS public',
    );
    assert.deepEqual(rows, [{ app: '1', public: '0' }]);
  });

  test('needs a place', async () => {
    const options = '-c search_path=nowhere';
    const store = new PostgresStore(newPool({ connectionString: await postgresDatabase(), options }));
    await assert.rejects(store.setUp(), { ...storeError('unavailable'), message: /no schema of the search path/ });
  });
});

describe('claims on PostgreSQL that come together', () => {
  test('may be more than one statement takes', async () => {
    const { store } = await openStore({ connectionString: await postgresDatabase() });
    const ids = Array.from({ length: 250 }, (_, index) => ({ principal: 'p', key: `k${index}` }));
    const claims = await Promise.all(ids.map((id) => claimed(store, id)));
    assert.equal(new Set(claims.map(({ token }) => token)).size, 250);
    assert.deepEqual(
      claims.map(({ key }) => key),
      ids.map(({ key }) => key),
    );
    const kinds = await Promise.all(ids.map((id) => store.claim(id, OTHER_FACTS, LEASE)));
    assert.ok(kinds.every(({ kind }) => kind === 'mismatch'));
  });

  test('are answered each for itself, also when they are about the same key', async () => {
    const { store } = await openStore({ connectionString: await postgresDatabase() });
    const done = { principal: 'p', key: 'done' };
    await store.commit(await claimed(store, done), () => replyOf('done'), RETAIN);
    const outcomes = await Promise.all([
      store.claim(ID, FACTS, LEASE),
      store.claim(done, FACTS, LEASE),
      store.claim(ID, FACTS, LEASE),
      store.claim(ID, OTHER_FACTS, LEASE),
      store.claim(done, OTHER_FACTS, LEASE),
    ]);
    const kinds = outcomes.map(({ kind }) => kind);
    assert.deepEqual([kinds[1], kinds[4]], ['completed', 'mismatch']);
    assert.deepEqual([kinds[0], kinds[2], kinds[3]].sort(), ['claimed', 'in-progress', 'mismatch']);
  });

  test('of which one cannot be kept are not in each other’s way', async () => {
    const { store } = await openStore({ connectionString: await postgresDatabase() });
    const outcomes = await Promise.allSettled([
      store.claim({ principal: 'p', key: 'a' }, FACTS, LEASE),
      store.claim({ principal: 'p', key: 'b' }, { ...FACTS, path: '/\0' }, LEASE),
      store.claim({ principal: 'p\0', key: 'c' }, FACTS, LEASE),
      store.claim({ principal: Array.from({ length: 9999 }, (_, index) => index).join(), key: 'd' }, FACTS, LEASE),
      store.claim({ principal: 'p', key: 'e' }, FACTS, LEASE),
    ]);
    const said = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value.kind : outcome.reason.message,
    );
    assert.deepEqual([said[0], said[4]], ['claimed', 'claimed']);
    for (const index of [1, 2]) assert.match(said[index], /0x00/);
    assert.match(said[3], /index row (size|requires)/);
  });

  test('go by the clock of the database', async () => {
    const { pool, store } = await openStore({ connectionString: await postgresDatabase() });
    const now = async () =>
      Number((await pool.query('SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS now')).rows[0].now);
    const before = await now();
    const claim = await claimed(store);
    const after = await now();
    const seen = (await store.lookup(ID))?.firstSeenMs ?? 0;
    assert.ok(before <= seen && seen <= after, `${before} ${seen} ${after}`);
    await store.commit(claim, () => replyOf('done'), RETAIN);
    const expires = (await store.lookup(ID))?.expiresMs ?? 0;
    assert.ok(after + RETAIN <= expires && expires <= (await now()) + RETAIN, `${expires}`);
  });
});
