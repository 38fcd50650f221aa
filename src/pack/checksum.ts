import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { damaged, guard, Pack } from './read.ts';

/** Everything that a reader is given, in an order that does not depend on how the rows were stored. */
const CONTENT = [
  "SELECT * FROM meta WHERE key <> 'checksum' ORDER BY key",
  'SELECT * FROM topic ORDER BY position',
  'SELECT * FROM alias ORDER BY slug',
  'SELECT * FROM action ORDER BY topic, name',
  'SELECT * FROM file ORDER BY path',
];

/** A pack that was written before examples were kept has no such table, and is none the worse for it. */
const EXAMPLES = 'SELECT * FROM example ORDER BY topic, position';

/**
 * SHA-256 over the content of a pack, hex. SQLite's own check sees a broken structure, but not a changed letter. Reads the
 * whole pack.
 */
export function checksumOf(db: DatabaseSync): string {
  const hash = createHash('sha256');
  const hasExamples = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'example'").get() !== undefined;
  for (const sql of hasExamples ? [...CONTENT, EXAMPLES] : CONTENT) {
    for (const row of db.prepare(sql).iterate()) {
      for (const value of Object.values(row)) {
        hash.update(value instanceof Uint8Array ? value : String(value)).update('\0');
      }
    }
  }
  return hash.digest('hex');
}

/**
 * Looks at every page and every letter of a pack, for a server that is going to live on it. A module of its own, because a reader of one
 * topic does not wait for cryptography to load.
 * @throws {PackError} as {@link Pack} does, and `damaged`.
 */
export function verifyPack(path: string): void {
  new Pack(path).close();
  guard(path, () => {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      const structure = db.prepare('PRAGMA quick_check(1)').get();
      const stored = db.prepare("SELECT value FROM meta WHERE key = 'checksum'").get();
      const whole = structure?.quick_check === 'ok' && (stored === undefined || stored.value === checksumOf(db));
      if (!whole) throw damaged(path);
    } finally {
      db.close();
    }
  });
}
