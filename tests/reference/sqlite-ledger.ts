// Opens ledgers on SQLite for the contract of ledgers.
import { DatabaseSync } from 'node:sqlite';
import type { LedgerOptions } from '../../src/reference/ledger.ts';
import { SqliteLedger } from '../../src/reference/ledgers/sqlite.ts';

/** @param place path of the file. */
export function openLedger(place: string, options: LedgerOptions): SqliteLedger {
  return new SqliteLedger(place, options);
}

/** All rows of all tables, each as JSON on a line. */
export function dumpFile(path: string): string {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return tables
      .flatMap(({ name }) => db.prepare(`SELECT * FROM "${name}"`).all())
      .map((row) => JSON.stringify(row))
      .join('\n');
  } finally {
    db.close();
  }
}
