import { DatabaseSync } from 'node:sqlite';
import type { SqliteStore } from '../../src/idempotency/stores/sqlite.ts';

/** Another process holds the lock for a few milliseconds, even on a busy machine. Milliseconds. */
const BUSY_TIMEOUT_MS = 20_000;

/** A connection to a file with a table for what effects write. No test cuts the power: nothing has to wait for the disk. */
export function openFile(path: string, timeout: number = BUSY_TIMEOUT_MS): DatabaseSync {
  const db = new DatabaseSync(path, { timeout });
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS line (text TEXT)');
  return db;
}

export function writeLine(db: DatabaseSync, line: string): void {
  db.prepare('INSERT INTO line VALUES (?)').run(line);
}

export function readLines(db: DatabaseSync): string[] {
  return db
    .prepare('SELECT text FROM line ORDER BY rowid')
    .all()
    .map(({ text }) => text as string);
}

/** A store on a connection, closed by whoever has opened it. */
export interface OpenStore {
  db: DatabaseSync;
  store: SqliteStore;
}
