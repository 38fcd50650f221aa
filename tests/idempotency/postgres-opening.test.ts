// How the transaction of an effect begins on PostgreSQL: together with the effect's first query, whatever that is, or not at all.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import type { Reply } from '../../src/idempotency/index.ts';
import { postgresDatabase } from '../servers/postgres.ts';
import { claimed, commitUnclaimed, ID, RETAIN, replyOf } from './bench.ts';
import { effectOf, type OpenStore, openStore, readLines, storeError, writeLine } from './postgres-support.ts';

const idOf = (key: string) => ({ id: { ...ID, key } });

/** A store with one connection, on which the statements that begin a transaction are prepared. */
async function open(config: pg.PoolConfig = {}): Promise<OpenStore> {
  const opened = await openStore({ connectionString: await postgresDatabase(), max: 1, ...config });
  await commitUnclaimed(opened.store, () => replyOf('prepared'), idOf('prepared'));
  return opened;
}

type Client = pg.PoolClient;

/** Commits an effect in both ways there are. */
async function commitBoth({ store }: OpenStore, effect: (client: Client) => Promise<void>): Promise<void> {
  const replying = async (client: Client): Promise<Reply> => {
    await effect(client);
    return replyOf('done');
  };
  assert.equal((await commitUnclaimed(store, replying, idOf('unclaimed'))).kind, 'stored');
  assert.equal((await store.commit(await claimed(store), replying, RETAIN)).kind, 'stored');
}

const IN_TRANSACTION = 'SELECT current_setting($1, true) = $2 AS inside, now() = statement_timestamp() AS first';
const MARKED = ['idempotency.effect', 'on'];

/** A query as `pg` lets packages make them. */
class Custom extends pg.Query {}

const callBack = (client: Client, ...query: [string] | [string, unknown[]]) =>
  new Promise<pg.QueryResult>((resolve, reject) => {
    const answer = (error: Error | undefined, result: pg.QueryResult) => (error ? reject(error) : resolve(result));
    if (query.length === 1) client.query(query[0], answer);
    else client.query(query[0], query[1], answer);
  });

const WAYS: Record<string, (client: Client) => Promise<pg.QueryResult>> = {
  'a text with values': (client) => client.query(IN_TRANSACTION, MARKED),
  'a query with values': (client) => client.query({ text: IN_TRANSACTION, values: MARKED }),
  'a query, and values beside it': (client) => client.query({ text: IN_TRANSACTION }, MARKED),
  'a query with a name': (client) => client.query({ name: 'inside', text: IN_TRANSACTION, values: MARKED }),
  'a text': (client) => client.query(`SELECT current_setting('idempotency.effect', true) = 'on' AS inside`),
  'a query without values': (client) =>
    client.query({ text: `SELECT current_setting('idempotency.effect', true) = 'on' AS inside`, values: [] }),
  'a text and a callback': (client) =>
    callBack(client, `SELECT current_setting('idempotency.effect', true) = 'on' AS inside`),
  'a text with values and a callback': (client) => callBack(client, IN_TRANSACTION, MARKED),
  'a query of its own': (client) =>
    new Promise((resolve, reject) => {
      const query = new Custom({ text: IN_TRANSACTION, values: MARKED });
      query.on('end', ((result: pg.QueryResult) => resolve(result)) as never);
      query.on('error', reject);
      client.query(query);
    }),
  'rows in portions': (client) => client.query({ text: IN_TRANSACTION, values: MARKED, rows: 1 } as pg.QueryConfig),
};

describe('the transaction of an effect begins with its first query', () => {
  for (const [what, ask] of Object.entries(WAYS)) {
    for (const config of [{}, { query_timeout: 20_000 }]) {
      const limit = 'query_timeout' in config ? ', with a limit of time' : '';
      test(`which is ${what}${limit}`, async () => {
        const opened = await open(config);
        await commitBoth(opened, async (client) => {
          assert.equal((await ask(client)).rows[0].inside, true);
          assert.equal(client.getTransactionStatus(), 'T');
          // And so does the next one.
          assert.equal((await ask(client)).rows[0].inside, true);
          await writeLine(client, what);
        });
        assert.deepEqual(await readLines(opened), [what, what]);
        const { rows } = await opened.pool.query('SELECT txid_current_if_assigned() AS open');
        assert.deepEqual(rows, [{ open: null }]);
      });
    }
  }

  test('which are many at once', async () => {
    const opened = await open();
    await commitBoth(opened, async (client) => {
      await Promise.all(['a', 'b', 'c'].map((line) => writeLine(client, line)));
    });
    assert.deepEqual(await readLines(opened), ['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('and is not needed where there is none', async () => {
    const opened = await open();
    await commitBoth(opened, async () => undefined);
    assert.equal((await opened.store.lookup(ID))?.state, 'completed');
    const thrown = async () => {
      throw new Error('no');
    };
    await assert.rejects(commitUnclaimed(opened.store, thrown, idOf('thrown')), /^Error: no$/);
    assert.equal(opened.pool.idleCount, 1);
  });
});

describe('a first query of an effect', () => {
  test('has the result that it would have anywhere', async () => {
    const DATE = pg.types.builtins.DATE;
    const getTypeParser = (oid: number, format: 'text') =>
      oid === DATE ? (text: string) => `the ${text}` : pg.types.getTypeParser(oid, format);
    const types = { getTypeParser } as pg.CustomTypesConfig;
    const queries: pg.QueryConfig[] = [
      { text: 'SELECT $1::int AS a, $2::date AS b', values: [7, '2026-11-26'] },
      { text: 'SELECT $1::date AS a', values: ['2026-11-26'], types },
      { name: 'array', text: 'SELECT $1::int, 2', values: [7], rowMode: 'array' } as pg.QueryArrayConfig,
      { text: 'INSERT INTO line (text) SELECT $1 WHERE false', values: ['x'] },
      { text: 'SELECT $1::bytea AS bytes, $2::jsonb AS json', values: [Buffer.from('x'), { a: [1] }] },
    ];
    for (const config of [{}, { types }]) {
      const opened = await open(config);
      for (const [index, query] of queries.entries()) {
        const results: pg.QueryResult[] = [await opened.pool.query(query)];
        const twice = effectOf('done', () => undefined);
        await commitUnclaimed(
          opened.store,
          async (client) => {
            results.push(await client.query(query), await client.query(query));
            return twice(client);
          },
          idOf(`query ${index}`),
        );
        const [expected, first, second] = results.map(({ command, rowCount, rows, fields }) => {
          return { command, rowCount, rows, names: fields.map(({ name, dataTypeID }) => [name, dataTypeID]) };
        });
        assert.deepEqual([first, second], [expected, expected]);
      }
    }
  });

  test('that fails undoes the effect, and the connection is used again', async () => {
    const opened = await open();
    const { pool, store } = opened;
    const { rows } = await pool.query('SELECT pg_backend_pid() AS process');
    const wrong = [
      { name: 'wrong', text: 'SELECT $1 FROM nowhere', values: [1] },
      { text: 'SELECT 1 / $1::int', values: [0] },
    ];
    for (const query of [...wrong, ...wrong]) {
      const effect = effectOf('never', () => undefined);
      const failing = async (client: Client) => {
        await client.query(query);
        return effect(client);
      };
      await assert.rejects(commitUnclaimed(store, failing), { code: query.name ? '42P01' : '22012' });
    }
    assert.equal((await commitUnclaimed(store, effectOf('done'))).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['done']);
    assert.deepEqual((await pool.query('SELECT pg_backend_pid() AS process')).rows, rows);
  });

  test('may have a limit of time of its own', async () => {
    const opened = await open();
    const effect = async (client: Client) => {
      const limited = { text: 'SELECT pg_sleep($1)', values: [3], query_timeout: 100 };
      await client.query(limited as pg.QueryConfig);
      return replyOf('never');
    };
    await assert.rejects(commitUnclaimed(opened.store, effect), storeError('unavailable'));
    assert.equal((await commitUnclaimed(opened.store, effectOf('done'))).kind, 'stored');
  });

  test('that `pg` cannot send is the effect’s own affair, which may go on', async () => {
    const opened = await open();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await commitBoth(opened, async (client) => {
      const expected = { message: /circular/ };
      await assert.rejects(client.query('INSERT INTO line (text) VALUES ($1)', [circular]), expected);
      await writeLine(client, 'on');
    });
    assert.deepEqual(await readLines(opened), ['on', 'on']);
  });

  test('that takes another text under a name that is taken is refused as ever', async () => {
    const opened = await open();
    await opened.pool.query({ name: 'taken', text: 'SELECT $1::int', values: [1] });
    const effect = async (client: Client) => {
      await client.query({ name: 'taken', text: 'SELECT $1::text', values: [1] });
      return replyOf('never');
    };
    await assert.rejects(commitUnclaimed(opened.store, effect), /'taken' was used for a different statement/);
    assert.equal((await commitUnclaimed(opened.store, effectOf('done'))).kind, 'stored');
  });
});

describe('a transaction that cannot be begun', () => {
  for (const forget of ['DEALLOCATE idempotency_begin', 'DEALLOCATE idempotency_mark']) {
    test(`because the statements are gone (${forget}) executes nothing of the effect, which is called again`, async () => {
      const opened = await open();
      const { pool, store } = opened;
      for (const expected of [2, 1]) {
        await pool.query(forget).catch(() => undefined);
        let calls = 0;
        // It does not look at what becomes of its queries, and sends them all at once.
        const careless = async (client: Client) => {
          calls += 1;
          await Promise.allSettled([1, 2, 3].map((line) => writeLine(client, `${calls}.${line}`)));
          await writeLine(client, `${calls}.4`).catch(() => undefined);
          return replyOf('done');
        };
        assert.deepEqual(await commitUnclaimed(store, careless, idOf(`key ${expected}`)), {
          kind: 'stored',
          reply: replyOf('done'),
        });
        // The second time, names are done without.
        assert.equal(calls, expected);
        assert.deepEqual(
          (await readLines(opened)).filter((line) => !line.startsWith(`${calls}.`)),
          [],
        );
        await pool.query('TRUNCATE line');
      }
    });
  }

  test('is tried again for a claim as well', async () => {
    const opened = await open();
    await opened.pool.query('DEALLOCATE idempotency_begin');
    const claim = await claimed(opened.store);
    assert.equal((await opened.store.commit(claim, effectOf('done'), RETAIN)).kind, 'stored');
    assert.deepEqual(await readLines(opened), ['done']);
  });

  for (const first of [
    (client: Client) => writeLine(client, 'one'),
    async (client: Client) => void (await client.query("INSERT INTO line (text) VALUES ('one')")),
  ]) {
    test('because the connection is lost is a StoreError, and nothing is executed', async () => {
      const opened = await open({ max: 2 });
      const effect = async (client: Client) => {
        await opened.pool.query('SELECT pg_terminate_backend($1)', [
          (client as unknown as { processID: number }).processID,
        ]);
        await first(client).catch(() => undefined);
        await writeLine(client, 'two').catch(() => undefined);
        return replyOf('never');
      };
      await assert.rejects(commitUnclaimed(opened.store, effect), storeError('unavailable'));
      assert.deepEqual(await readLines(opened), []);
    });
  }
});
