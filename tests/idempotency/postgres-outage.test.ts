// A PostgreSQL that is away, hangs, must not write or has no room: what a store says then, and that it finds back by itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type pg from 'pg';
import { type Claim, execute } from '../../src/idempotency/index.ts';
import { PostgresStore } from '../../src/idempotency/stores/postgres.ts';
import { startNetwork } from '../servers/network.ts';
import { postgresDatabase, startPostgres } from '../servers/postgres.ts';
import { claimed, FACTS, ID, LEASE, OTHER_FACTS, RETAIN, replyOf } from './bench.ts';
import { effectOf, newPool, type OpenStore, openStore, readLines, storeError, writeLine } from './postgres-support.ts';

/** So short that a test can wait for it, so long that a busy machine answers within it. Milliseconds. */
const SHORT_MS = 1000;

/** Nothing of a test lasts as long. Milliseconds. */
const LONG_MS = 20 * 60_000;

const another = { ...ID, key: 'another' };

/** Every verb that writes is refused, and nothing is executed. */
async function assertRefused({ store }: OpenStore, claim: Claim, problem: 'unavailable' | 'full' = 'unavailable') {
  let executed = false;
  const effect = () => {
    executed = true;
    return replyOf('done');
  };
  for (const verb of [
    () => store.claim(another, FACTS, LEASE),
    () => store.renew(claim, LEASE),
    () => store.commit(claim, effect, RETAIN),
    () => store.checkpoint(claim, 'ride', () => '1', LEASE),
    () => store.release(claim),
    () => execute(store, { ...ID, key: 'new' }, FACTS, async () => effect()),
  ])
    await assert.rejects(verb(), storeError(problem));
  return executed;
}

describe('a PostgreSQL store whose server is killed', () => {
  test('is unavailable, executes nothing, and finds back by itself, with everything that was committed', async () => {
    const server = await startPostgres();
    const opened = await openStore({ connectionString: server.url });
    const { store } = opened;
    const done = await claimed(store);
    await store.commit(done, effectOf('before'), RETAIN);
    const standing = await claimed(store, another, FACTS, LONG_MS);
    // Requests that are under way when it dies are told as well.
    const { promise: hangs, resolve: hang } = Promise.withResolvers<void>();
    const committing = { ...ID, key: 'committing' };
    const stranded = store.commit(
      await claimed(store, committing, FACTS, LONG_MS),
      effectOf('half', (client) => {
        const slept = client.query('SELECT pg_sleep(600)');
        hang();
        return slept;
      }),
      RETAIN,
    );
    const told = assert.rejects(stranded, storeError('unavailable'));
    await hangs;
    const asked = Promise.allSettled(['a', 'b', 'c'].map((key) => store.claim({ ...ID, key }, FACTS, LEASE)));
    await server.kill();
    await told;
    for (const outcome of await asked)
      assert.ok(outcome.status === 'fulfilled' || outcome.reason.problem === 'unavailable', JSON.stringify(outcome));
    assert.equal(await assertRefused(opened, standing), false);
    await assert.rejects(store.lookup(ID), storeError('unavailable'));
    await assert.rejects(store.purge(Number.MAX_SAFE_INTEGER, 10), storeError('unavailable'));
    await server.restart();
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('before') });
    assert.equal((await store.claim(committing, OTHER_FACTS, LEASE)).kind, 'mismatch');
    assert.deepEqual(await readLines(opened), ['before']);
    // No token is drawn again.
    const { token } = await claimed(store, { ...ID, key: 'after' });
    assert.ok(token > standing.token);
    assert.equal((await store.commit(standing, effectOf('after'), RETAIN)).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['before', 'after']);
  });

  test('may be made before its server is there', async () => {
    const server = await startPostgres();
    await server.kill();
    const store = new PostgresStore(newPool({ connectionString: server.url }));
    await assert.rejects(store.setUp(), storeError('unavailable'));
    await assert.rejects(store.claim(ID, FACTS, LEASE), storeError('unavailable'));
    await server.restart();
    await claimed(store);
  });
});

describe('a connection to PostgreSQL', () => {
  const cut = (pool: pg.Pool) =>
    pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    );

  test('that is lost in an effect undoes it, and does not come back to the pool', async () => {
    const connectionString = await postgresDatabase();
    const opened = await openStore({ connectionString, max: 1 });
    const { pool, store } = opened;
    const claim = await claimed(store);
    const operator = newPool({ connectionString, max: 1 });
    for (const swallow of [false, true]) {
      const effect = effectOf('half', async (client) => {
        await cut(operator);
        const failed = client.query('SELECT 1');
        await (swallow ? failed.catch(() => undefined) : failed);
      });
      await assert.rejects(store.commit(claim, effect, RETAIN), storeError('unavailable'));
    }
    assert.equal((await store.commit(claim, effectOf('again'), RETAIN)).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['again']);
    assert.equal(pool.totalCount, 1);
  });

  test('that is lost in the middle of a commit: the same request is told what became of it', async () => {
    const connectionString = await postgresDatabase();
    const opened = await openStore({ connectionString });
    const { pool, store } = opened;
    // A COMMIT that takes as long as somebody holds a lock.
    await pool.query(`
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()`);
    const operator = await pool.connect();
    await operator.query('SELECT pg_advisory_lock(1)');
    const claim = await claimed(store);
    const committed = assert.rejects(store.commit(claim, effectOf('half'), RETAIN), storeError('unavailable'));
    const waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()";
    while ((await operator.query(waiting)).rowCount === 0);
    await operator.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS backend`);
    await committed;
    await operator.query('SELECT pg_advisory_unlock(1)');
    operator.release();
    assert.equal((await store.lookup(ID))?.state, 'in-progress');
    assert.deepEqual(await readLines(opened), []);
    assert.equal((await store.commit(claim, effectOf('again'), RETAIN)).kind, 'stored');
  });

  test('that is lost before the answer to a commit comes: the same request is told what became of it', async () => {
    const url = await postgresDatabase();
    const network = await startNetwork(url);
    const opened = await openStore({ connectionString: url });
    const { store: remote } = await openStore({ connectionString: network.url });
    const claim = await claimed(remote);
    const committed = remote.commit(
      claim,
      effectOf('done', () => network.loseAnswers()),
      RETAIN,
    );
    await assert.rejects(committed, storeError('unavailable'));
    // Gives up what it does not know to be done, as execute() does.
    await remote.release(claim);
    assert.deepEqual(await remote.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
    assert.deepEqual(await readLines(opened), ['done']);
  });

  test('over which nothing comes any more does not hold up a request for ever', async () => {
    const network = await startNetwork(await postgresDatabase());
    const limits = { query_timeout: SHORT_MS, connectionTimeoutMillis: SHORT_MS };
    const opened = await openStore({ connectionString: network.url, ...limits });
    const { store } = opened;
    const claim = await claimed(store, ID, FACTS, LONG_MS);
    const committed = store.commit(
      claim,
      effectOf('half', () => network.swallow()),
      RETAIN,
    );
    await assert.rejects(committed, storeError('unavailable'));
    assert.equal((await store.commit(claim, effectOf('again'), RETAIN)).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['again']);
  });

  test('that is not to be had is an outage, and nothing is executed', async () => {
    const opened = await openStore({
      connectionString: await postgresDatabase(),
      max: 1,
      connectionTimeoutMillis: SHORT_MS / 10,
    });
    const claim = await claimed(opened.store, ID, FACTS, LONG_MS);
    const taken = await opened.pool.connect();
    assert.equal(await assertRefused(opened, claim), false);
    taken.release();
    assert.equal((await opened.store.commit(claim, effectOf('done'), RETAIN)).kind, 'stored');
  });

  test('of an idle pool that is cut is noticed by nobody', async () => {
    const connectionString = await postgresDatabase();
    const { pool, store } = await openStore({ connectionString });
    await claimed(store);
    const removed = new Promise((resolve) => pool.once('remove', resolve));
    await cut(newPool({ connectionString }));
    await removed;
    assert.equal((await store.claim(ID, FACTS, LEASE)).kind, 'in-progress');
  });
});

describe('a PostgreSQL store that cannot write', () => {
  test('because the server must not, after a fail-over, is unavailable, and still tells what it knows', async () => {
    const connectionString = await postgresDatabase();
    const writer = await openStore({ connectionString });
    await writer.store.commit(await claimed(writer.store), effectOf('done'), RETAIN);
    const claim = await claimed(writer.store, another, FACTS, LONG_MS);
    const pool = newPool({ connectionString, options: '-c default_transaction_read_only=on' });
    const reader = { pool, store: new PostgresStore(pool) };
    const { store } = reader;
    await assert.rejects(store.claim({ ...ID, key: 'third' }, FACTS, LEASE), storeError('unavailable'));
    await assert.rejects(store.renew(claim, LEASE), storeError('unavailable'));
    await assert.rejects(store.commit(claim, effectOf('half'), RETAIN), storeError('unavailable'));
    await assert.rejects(
      store.commit(claim, () => replyOf('done'), RETAIN),
      storeError('unavailable'),
    );
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
    assert.equal((await store.claim(another, FACTS, LEASE)).kind, 'in-progress');
    assert.equal((await store.lookup(ID))?.state, 'completed');
  });

  test('because the disk is full says so, changes nothing, still replays, and recovers', async () => {
    const opened = await openStore({ connectionString: await postgresDatabase() });
    const { pool, store } = opened;
    await store.commit(await claimed(store), effectOf('done'), RETAIN);
    const second = { ...ID, key: 'second' };
    const claim = await claimed(store, second, FACTS, LONG_MS);
    // What PostgreSQL says when it cannot extend a file.
    await pool.query(`
      CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON idempotency_record FOR EACH ROW EXECUTE FUNCTION full_disk()`);
    await assert.rejects(store.claim(another, FACTS, LEASE), storeError('full'));
    await assert.rejects(store.renew(claim, LEASE), storeError('full'));
    await assert.rejects(store.commit(claim, effectOf('half'), RETAIN), storeError('full'));
    await assert.rejects(
      store.checkpoint(claim, 'ride', (client) => writeLine(client, 'half').then(() => '1'), LEASE),
      storeError('full'),
    );
    assert.deepEqual(await readLines(opened), ['done']);
    assert.deepEqual(await store.claim(ID, FACTS, LEASE), { kind: 'completed', reply: replyOf('done') });
    await pool.query('DROP TRIGGER full_disk ON idempotency_record');
    const effect = effectOf('half', (client) => client.query("DO $$ BEGIN RAISE USING ERRCODE = 'disk_full'; END $$"));
    await assert.rejects(store.commit(claim, effect, RETAIN), storeError('full'));
    assert.equal((await store.commit(claim, effectOf('second'), RETAIN)).kind, 'stored');
  });

  test('in the time that the application has set is unavailable', async () => {
    const connectionString = await postgresDatabase();
    const opened = await openStore({ connectionString, options: '-c lock_timeout=50' });
    const claim = await claimed(opened.store, ID, FACTS, LONG_MS);
    const stranger = await newPool({ connectionString }).connect();
    await stranger.query('BEGIN; LOCK TABLE idempotency_record');
    assert.equal(await assertRefused({ ...opened }, claim), true);
    await stranger.query('ROLLBACK');
    stranger.release();
    assert.equal((await opened.store.commit(claim, effectOf('done'), RETAIN)).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['done']);
  });
});

test('a PostgreSQL that ends a connection in the moment in which it is handed out is unavailable, and ends no process', async () => {
  const network = await startNetwork(await postgresDatabase());
  const { store } = await openStore({ connectionString: network.url });
  const claim = await claimed(store);
  network.endAtOnce();
  // More than there are connections, so that new ones are made.
  const commits = Array.from({ length: 30 }, () => store.commit(claim, effectOf('half'), RETAIN));
  const refused = (await Promise.allSettled(commits)).filter(({ status }) => status === 'rejected');
  assert.ok(refused.length > 0);
  for (const { reason } of refused as PromiseRejectedResult[])
    assert.deepEqual([reason.name, reason.problem], ['StoreError', 'unavailable']);
});
