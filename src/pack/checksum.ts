import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

/** Everything that a reader is given, in an order that does not depend on how the rows were stored. */
const CONTENT = [
  "SELECT * FROM meta WHERE key <> 'checksum' ORDER BY key",
  'SELECT * FROM topic ORDER BY position',
  'SELECT * FROM alias ORDER BY slug',
  'SELECT * FROM action ORDER BY topic, name',
  'SELECT * FROM file ORDER BY path',
];

/**
 * SHA-256 over the content of a pack, hex. SQLite's own check sees a broken structure, but not a changed letter. Reads the
 * whole pack.
 */
export function checksumOf(db: DatabaseSync): string {
  const hash = createHash('sha256');
  for (const sql of CONTENT) {
    for (const row of db.prepare(sql).iterate()) {
      for (const value of Object.values(row)) {
        hash.update(value instanceof Uint8Array ? value : String(value)).update('\0');
      }
    }
  }
  return hash.digest('hex');
}
