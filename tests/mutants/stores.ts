// Faults of stores.
import type { Mutant } from './mutants.ts';

const MEMORY = { file: 'idempotency/stores/memory.ts', suites: ['idempotency/memory.test.ts'] };
const NAMES = { ...MEMORY, file: 'idempotency/record.ts' };
const SQLITE = {
  file: 'idempotency/stores/sqlite.ts',
  suites: ['idempotency/sqlite.test.ts', 'idempotency/sqlite-schema.test.ts'],
};
const SQLITE_SCHEMA = { ...SQLITE, file: 'idempotency/stores/sqlite-schema.ts' };
const SQLITE_TRANSACTION = { ...SQLITE, file: 'idempotency/stores/sqlite-transaction.ts' };

export const STORE_MUTANTS: Mutant[] = [
  {
    ...MEMORY,
    name: 'memory: looks first and writes later, and others come between',
    find: 'const { token, points } = this.enter(',
    replace: 'await undefined;\n    const { token, points } = this.enter(',
  },
  {
    ...MEMORY,
    name: 'memory: a token is no condition for anything',
    find: 'entry?.token === claim.token && entry.reply === undefined',
    replace: 'entry?.reply === undefined',
  },
  {
    ...NAMES,
    name: 'memory: all principals share their keys',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    find: '`${principal.length}:${principal}${key}`',
    replace: 'principal && key',
  },
  {
    ...NAMES,
    name: 'memory: principal and key run together',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    find: '`${principal.length}:${principal}${key}`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    replace: '`${principal}:${key}`',
  },
  {
    ...MEMORY,
    name: 'memory: a mismatch destroys the record',
    find: "if (facts.fingerprint !== request.fingerprint) return { kind: 'mismatch'",
    replace:
      "if (facts.fingerprint !== request.fingerprint && this.entries.delete(nameOf(id))) return { kind: 'mismatch'",
  },
  {
    ...MEMORY,
    name: 'memory: a reply is repeated without its headers',
    find: 'headers: headers.map(([name, value]) => [name, value])',
    replace: 'headers: []',
  },
  {
    ...MEMORY,
    name: 'memory: a reply is kept by reference',
    find: 'body: body.slice()',
    replace: 'body',
  },
  {
    ...MEMORY,
    name: 'memory: a token is drawn again after a release',
    find: 'this.entries.delete(nameOf(claim)));',
    replace: 'this.entries.delete(nameOf(claim)) && --this.lastToken);',
  },
  {
    ...MEMORY,
    name: 'memory: whoever takes over begins at the beginning',
    find: 'points: found?.points ?? [],',
    replace: 'points: [],',
  },
  {
    ...MEMORY,
    name: 'memory: a phase is executed each time it is asked for',
    find: 'reached?.result ?? (await effect(undefined))',
    replace: 'await effect(undefined)',
  },
  {
    ...MEMORY,
    name: 'memory: who asks while an effect is executed is told that the lease is lost',
    find: 'while (entry?.committing !== undefined) {',
    replace: 'if (entry?.committing !== undefined) return undefined;\n    while (entry?.committing !== undefined) {',
  },
  {
    ...MEMORY,
    name: 'memory: what an effect throws ends the claim',
    find: 'const reply = await effect(undefined);',
    replace:
      'const reply = await Promise.resolve().then(() => effect(undefined)).catch((error) => { this.entries.delete(nameOf(claim)); throw error; });',
  },
  {
    ...MEMORY,
    name: 'memory: what nobody has claimed is executed whoever has it',
    find: "if (this.entries.has(name)) return { kind: 'known' };",
    replace: '',
  },
  {
    ...MEMORY,
    name: 'memory: an effect that fails without a claim keeps its key',
    find: 'if (this.entries.get(name) === entry) this.entries.delete(name);',
    replace: '',
  },
  {
    ...MEMORY,
    name: 'memory: an effect that fails without a claim frees the key of whoever has claimed it since',
    find: 'if (this.entries.get(name) === entry) this.entries.delete(name);',
    replace: 'this.entries.delete(name);',
  },
  {
    ...SQLITE,
    name: 'SQLite: what nobody has claimed is executed without a look',
    find: "if (this.row(name) !== undefined) return { kind: 'known' };",
    replace: '',
  },
  {
    ...SQLITE,
    name: 'SQLite: what nobody has claimed meets a record that has expired',
    find: "if (this.row(name) !== undefined) return { kind: 'known' };",
    replace: "if (unexpired(this.row(name), this.now()) !== undefined) return { kind: 'known' };",
  },
  {
    ...SQLITE,
    name: 'SQLite: the look comes before the turn, and others come between',
    find: "return await this.group.submit(() => {\n        if (this.row(name) !== undefined) return { kind: 'known' };",
    replace:
      "if (this.row(name) !== undefined) return { kind: 'known' };\n      return await this.group.submit(() => {\n        this.run('DELETE FROM idempotency_record WHERE principal = ? AND key = ?', id.principal, id.key);",
  },
  {
    ...SQLITE,
    name: 'SQLite: what nobody has claimed is kept for a day, whatever was asked for',
    find: 'now, now + retainMs]',
    replace: 'now, now + ABANDONED_MS]',
  },
  {
    ...SQLITE,
    name: 'SQLite: another request takes over an abandoned claim',
    find: 'if (found.fingerprint !== fingerprint) return',
    replace: 'if (found.fingerprint !== fingerprint && (found.lease_ends_ms ?? Infinity) > this.now()) return',
  },
  {
    ...SQLITE,
    name: 'SQLite: who waits is told so before a mismatch is looked for',
    find: 'if (found.fingerprint !== fingerprint) return',
    replace:
      "if ((found.lease_ends_ms ?? 0) > this.now()) return { kind: 'in-progress', retryAfterMs: (found.lease_ends_ms ?? 0) - this.now() };\n    if (found.fingerprint !== fingerprint) return",
  },
  {
    ...SQLITE,
    name: 'SQLite: looks first, and takes whatever is there then',
    find: 'return this.outcomeOf(found, request, now) ?? this.take',
    replace: 'return this.take',
  },
  {
    ...SQLITE,
    name: 'SQLite: the fence is not checked at the commit',
    find: "if (this.get(OWNED, claim.token, claim.principal, claim.key) === undefined) return { kind: 'lease-lost' };",
    replace: '',
  },
  {
    ...SQLITE,
    name: 'SQLite: the effect is executed before the fence is checked',
    find: 'return this.group.submit(() => {\n      if (this.get(OWNED',
    replace:
      'const early = synchronous(effect(this.db));\n    effect = () => early;\n    return this.group.submit(() => {\n      if (this.get(OWNED',
  },
  {
    ...SQLITE,
    name: 'SQLite: the release of a stale owner frees the key of the next one',
    find: '`DELETE FROM idempotency_record WHERE ',
    replace: '`DELETE FROM idempotency_record WHERE ? > 0 AND principal = ? AND key = ? AND status IS NULL-- ',
  },
  {
    ...SQLITE,
    name: 'SQLite: a release deletes a reply',
    find: '`DELETE FROM idempotency_record WHERE ',
    replace: '`DELETE FROM idempotency_record WHERE token = ? AND principal = ? AND key = ?-- ',
  },
  {
    ...SQLITE,
    name: 'SQLite: what has expired counts until it is purged',
    find: 'row.expires_ms > now ? row : undefined',
    replace: 'row.expires_ms > 0 ? row : undefined',
  },
  {
    ...SQLITE,
    name: 'SQLite: an expired record is purged a millisecond late',
    find: 'WHERE expires_ms <= ? ORDER BY',
    replace: 'WHERE expires_ms < ? ORDER BY',
  },
  {
    ...SQLITE,
    name: 'SQLite: a purge takes everything at once',
    find: 'ORDER BY expires_ms LIMIT ?)',
    replace: 'ORDER BY expires_ms LIMIT max(?, 1000))',
  },
  {
    ...SQLITE,
    name: 'SQLite: an abandoned claim is forgotten with its lease',
    find: 'now + leaseMs + ABANDONED_MS]',
    replace: 'now + leaseMs]',
  },
  {
    ...SQLITE,
    name: 'SQLite: the retention counts from the claim',
    find: 'this.now() + retainMs, claim.token',
    replace:
      'Number(this.get("SELECT first_seen_ms AS at FROM idempotency_record WHERE token = ?", claim.token)?.at) + retainMs, claim.token',
  },
  {
    ...SQLITE,
    name: 'SQLite: the lease counts on from where it was',
    find: 'const end = this.now() + leaseMs;',
    replace:
      'const end = Math.max(this.now(), Number(this.get("SELECT lease_ends_ms AS at FROM idempotency_record WHERE token = ?", token)?.at ?? 0)) + leaseMs;',
  },
  {
    ...SQLITE,
    name: 'SQLite: the request id is that of whoever took over',
    find: 'found === undefined ? request : factsOf(found)',
    replace: 'request',
  },
  {
    ...SQLITE,
    name: 'SQLite: a checkpoint does not extend the lease',
    find: "      this.extend(claim, leaseMs);\n      return { kind: 'reached'",
    replace: "      return { kind: 'reached'",
  },
  {
    ...SQLITE,
    name: 'SQLite: the points of a claim that was taken over are lost',
    find: 'found?.points ?? null',
    replace: 'null',
  },
  {
    ...SQLITE_SCHEMA,
    name: 'SQLite: a token is used again after a release',
    find: 'idempotency_record_new (\n      token         INTEGER PRIMARY KEY AUTOINCREMENT',
    replace: 'idempotency_record_new (\n      token         INTEGER PRIMARY KEY',
  },
  {
    ...SQLITE_SCHEMA,
    name: 'SQLite: a table made anew forgets the last token',
    find: "SELECT 'idempotency_record_new', seq FROM",
    replace: "SELECT 'idempotency_record_new', 0 FROM",
  },
  {
    ...SQLITE_SCHEMA,
    name: 'SQLite: whoever does not know the hash of a record may write it nevertheless',
    find: 'name_hash     INTEGER NOT NULL,',
    replace: 'name_hash     INTEGER,',
  },
  {
    ...SQLITE_SCHEMA,
    name: 'SQLite: a table that fills its room cannot be made anew',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    find: 'db.exec(`PRAGMA max_page_count = ${PAGES_LIMIT}`);',
    replace: '',
    suites: ['reference/sqlite-ledger.test.ts'],
  },
  {
    ...SQLITE,
    name: 'SQLite: names with the same hash are taken for the same',
    find: 'WHERE name_hash = ? AND principal = ? AND key = ?',
    replace: 'WHERE name_hash = ? AND ? > 0 AND ? > 0',
  },
  {
    ...SQLITE,
    name: 'SQLite: what is taken over stays beside what takes it over',
    find: 'if (row !== undefined) this.run(REMOVE, row.token);',
    replace: '',
  },
  {
    ...SQLITE_TRANSACTION,
    name: 'SQLite: what fails at the commit fails for all who share it',
    find: 'if (jobs.length === 1 || error instanceof StoreError)',
    replace: 'if (jobs.length > 0)',
    suites: ['idempotency/sqlite-group.test.ts'],
  },
  {
    ...SQLITE_TRANSACTION,
    name: 'SQLite: what was committed by an effect is executed once more',
    find: 'if (jobs.length === 1 || error instanceof StoreError)',
    replace: 'if (jobs.length === 1)',
    suites: ['idempotency/sqlite-group.test.ts'],
  },
  {
    ...SQLITE_TRANSACTION,
    name: 'SQLite: what an effect has written before it threw stays',
    find: "this.ofJob('ROLLBACK TO job');",
    replace: '',
  },
  {
    ...SQLITE_TRANSACTION,
    name: 'SQLite: one that throws takes those with it that commit at the same time',
    find: 'if (!this.db.isTransaction) throw ended(error);',
    replace: 'throw ended(error);',
  },
  {
    ...SQLITE_TRANSACTION,
    name: 'SQLite: a transaction begins when it writes, not when it reads',
    find: "db.exec('BEGIN IMMEDIATE');",
    replace: "db.exec('BEGIN');",
  },
];
