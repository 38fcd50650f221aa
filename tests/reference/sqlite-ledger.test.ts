import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { type Charge, SandboxFull } from '../../src/reference/ledger.ts';
import { SqliteLedger } from '../../src/reference/ledgers/sqlite.ts';
import { temporaryFolder } from '../support.ts';
import { CHARGE, LedgerBench, type LedgerUnderTest } from './ledger-bench.ts';
import { testLedger } from './ledger-contract.ts';
import { dumpFile } from './sqlite-ledger.ts';

const SQLITE: LedgerUnderTest = {
  name: 'SQLite',
  module: new URL('sqlite-ledger.ts', import.meta.url),
  transactional: true,
  make: () => {
    const path = join(temporaryFolder(), 'reference.sqlite');
    return { place: path, dump: () => dumpFile(path) };
  },
};

testLedger<DatabaseSync>(SQLITE);

describe('a file of an earlier version', () => {
  /** As the first release made it: no quotas, no counter, no version. */
  const FIRST_TABLES = `
    CREATE TABLE sandbox (
      id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, dialect TEXT NOT NULL, expires_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sandbox_expires ON sandbox (expires_ms);
    CREATE TABLE charge (
      id TEXT PRIMARY KEY, sandbox TEXT NOT NULL REFERENCES sandbox (id) ON DELETE CASCADE, amount INTEGER NOT NULL,
      currency TEXT NOT NULL, description TEXT, created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX charge_sandbox ON charge (sandbox);
  `;

  test('is brought up to date, with all that is in it, and its charges count', async () => {
    const bench = new LedgerBench<DatabaseSync>(SQLITE, await SQLITE.make());
    const path = bench.place.place;
    const made = await (await bench.open()).createSandbox('envelope');
    await bench.closeAll();
    const db = new DatabaseSync(path);
    const rows = db.prepare('SELECT id, token_hash, dialect, expires_ms FROM sandbox').all();
    db.exec('DROP TABLE charge; DROP TABLE sandbox; DROP TABLE quota; DROP TABLE reference_schema');
    db.exec(FIRST_TABLES);
    for (const row of rows) db.prepare('INSERT INTO sandbox VALUES (?, ?, ?, ?)').run(...Object.values(row));
    const charges: Charge[] = ['ch_3', 'ch_2', 'ch_1'].map((id) => ({ id, ...CHARGE }));
    for (const { id, amount, currency, description, created_at } of charges.toReversed())
      db.prepare('INSERT INTO charge VALUES (?, ?, ?, ?, ?, ?)').run(
        id,
        made.id,
        amount,
        currency,
        description,
        created_at,
      );
    db.close();

    for (const handle of [await bench.open({ chargesPerSandbox: 4 }), await bench.open({ chargesPerSandbox: 4 })]) {
      assert.equal((await handle.sandboxOf(made.token))?.id, made.id);
      const page = await handle.charges(made.id, 10, undefined);
      assert.deepEqual(
        page?.charges.map((charge) => ({ ...charge })),
        charges,
      );
    }
    const ledger = await bench.open({ chargesPerSandbox: 4 });
    await bench.charge(ledger, made.id);
    await assert.rejects(bench.charge(ledger, made.id), SandboxFull);
    await bench.closeAll();
  });

  test('is brought up to date although it fills more than half of the room that it may have', async () => {
    const { place } = await SQLITE.make();
    const db = new DatabaseSync(place);
    db.exec(`
      CREATE TABLE idempotency_record (
        token INTEGER PRIMARY KEY AUTOINCREMENT, principal TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
        method TEXT NOT NULL, path TEXT NOT NULL, first_seen_ms INTEGER NOT NULL, lease_ends_ms INTEGER,
        expires_ms INTEGER NOT NULL, status INTEGER, headers TEXT, body BLOB, UNIQUE (principal, key)
      ) STRICT;
      CREATE INDEX idempotency_record_expires ON idempotency_record (expires_ms)`);
    const insert = db.prepare(
      "INSERT INTO idempotency_record VALUES (NULL, 'p', ?, 'f', 'POST', '/', 0, NULL, 4e12, 200, '[]', zeroblob(1000))",
    );
    for (let index = 0; index < 700; index += 1) insert.run(`k${index}`);
    db.close();
    const ledger = new SqliteLedger(place, { sizeLimitBytes: 1024 * 1024 });
    assert.equal((await ledger.store.lookup({ principal: 'p', key: 'k699' }))?.state, 'completed');
    ledger.close();
  });

  test('of a later one is refused, and left alone', async () => {
    const { place } = await SQLITE.make();
    new SqliteLedger(place).close();
    const db = new DatabaseSync(place);
    db.exec('UPDATE reference_schema SET version = 99');
    db.close();
    assert.throws(() => new SqliteLedger(place), { name: 'StoreError', message: /version 99.*use a later one/ });
    assert.match(dumpFile(place), /"version":99/);
  });
});
