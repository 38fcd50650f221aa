// SQLite as a proved store: a place is a file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';
import { openFile, readLines, writeLine } from '../idempotency/sqlite-support.ts';
import type { ProvedStore } from './stores.ts';

export const sqlite: ProvedStore = {
  name: 'sqlite',
  transactional: true,
  durable: true,
  pace: { stepMs: 5, keyMs: 30, sequences: 300 },
  open: () => {
    const folder = mkdtempSync(join(tmpdir(), 'docent-proof-'));
    const address = join(folder, 'records.sqlite');
    const db = openFile(address);
    // Makes the table.
    new SqliteStore(db);
    return {
      address,
      empty: () => db.exec('DELETE FROM line; DELETE FROM idempotency_record'),
      lines: () => readLines(db),
      close: () => {
        db.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
  connect: (address, now) => {
    const db = openFile(address);
    return {
      store: new SqliteStore(db, now === undefined ? {} : { now }),
      write: (transaction, line) => writeLine(transaction as DatabaseSync, line),
      drop: () => db.close(),
    };
  },
};
