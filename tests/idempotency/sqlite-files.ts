// Files for tests, apart from what processes of their own use: those must not load the test runner.
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { after } from 'node:test';
import { temporaryFolder } from '../support.ts';
import { openFile } from './sqlite-support.ts';

/** A connection to a file of its own, closed after the test that opens it. */
export function openNewFile(): DatabaseSync {
  const db = openFile(join(temporaryFolder(), 'records.sqlite'));
  after(() => db.close());
  return db;
}
