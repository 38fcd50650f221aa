// Examples in a pack: a table of their own for programs in any language, and part of what the checksum covers.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { checksumOf, verifyPack } from '../../src/pack/checksum.ts';
import { Pack } from '../../src/pack/read.ts';
import { writePack } from '../../src/pack/write.ts';
import type { Catalog } from '../../src/topic/compiled.ts';
import type { Example } from '../../src/topic/descriptor.ts';
import { temporaryFolder } from '../support.ts';
import { fullCatalog, TEAPOT, topic, written } from './support.ts';

const example = (id: string): Example => ({
  id,
  request: { method: 'POST', target: '/a', headers: [{ name: 'A', value: '“é”' }], body: '{}' },
  response: { status: 200, headers: [] },
});

function catalogWith(...examples: Example[]): Catalog {
  const plain = topic('a.B');
  const place = { file: '/home/somebody/docs/a/B.md', request: { line: 1, column: 1 } };
  const own = { ...plain, descriptor: { ...plain.descriptor, examples }, examplePlaces: examples.map(() => place) };
  const landing = { title: '', tagline: '', body: '', html: '', blocks: [] };
  return { ...fullCatalog(), topics: [topic('a'), own], landing: { ...landing, examples, examplePlaces: [place] } };
}

/** Changes a pack as no writer does. */
function change(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

test('they are rows in their order, and members of the descriptor; no place on a disk gets out', () => {
  const examples = [example('z'), example('2'), example('a')];
  const path = written(catalogWith(...examples));
  verifyPack(path);
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare("SELECT * FROM example WHERE topic = 'a/b' ORDER BY position").all();
  assert.deepEqual(
    rows.map((row) => [row.position, row.id, JSON.parse(row.example as string)]),
    examples.map((one, position) => [position, one.id, one]),
  );
  assert.equal(db.prepare('SELECT count(*) AS n FROM example').get()?.n, 3);
  db.close();
  const pack = new Pack(path);
  assert.deepEqual(pack.topic('a/b')?.descriptor.examples, examples);
  assert.deepEqual(pack.landing()?.examples, examples);
  assert.ok(!JSON.stringify(pack.landing()).includes('somebody'));
  pack.close();
});

test('a changed example is found', () => {
  for (const sql of [
    "UPDATE example SET example = replace(example, 'POST', 'HEAD')",
    'DELETE FROM example WHERE position = 1',
    "UPDATE example SET id = 'x' WHERE position = 0",
  ]) {
    const path = written(catalogWith(example('1'), example('2')));
    change(path, sql);
    assert.throws(() => verifyPack(path), { name: 'PackError', reason: 'damaged' });
  }
});

test('a pack from before there were examples is sound', () => {
  const path = join(temporaryFolder(), 'old.pack');
  writePack(path, fullCatalog(), TEAPOT);
  change(path, 'DROP TABLE example');
  const db = new DatabaseSync(path);
  db.prepare("UPDATE meta SET value = ? WHERE key = 'checksum'").run(checksumOf(db));
  db.close();
  verifyPack(path);
  const pack = new Pack(path);
  assert.equal(pack.topicCount, 5);
  pack.close();
});
