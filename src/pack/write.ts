import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Catalog, CatalogTopic, Landing } from '../topic/compiled.ts';
import { jsonFile, type Product, type TopicDescriptor } from '../topic/descriptor.ts';
import { byCodeUnit, parentOf, slugOf } from '../topic/id.ts';
import { checksumOf } from './checksum.ts';
import { makeFolder } from './folder.ts';
import { APPLICATION_ID, PACK_FORMAT, PackError, SCHEMA, type Stamp } from './format.ts';

/**
 * Writes a catalog as a pack, atomically: readers see the old file or the whole new one. The same catalog gives the same bytes.
 * @param stamps what the pack was built from, for a cache that has to notice changes; none for a pack that is published.
 * @throws {PackError} `not-writable`; nothing is left behind.
 */
export function writePack(path: string, catalog: Catalog, product: Product, stamps: Stamp[] = []): void {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
    makeFolder(dirname(path));
    // SQLite only says that it could not; the file system says why.
    closeSync(openSync(temporary, 'wx'));
    fill(temporary, catalog, product, stamps);
    flush(temporary);
    renameSync(temporary, path);
    flush(dirname(path));
  } catch (error) {
    discard(temporary);
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new PackError(
      'not-writable',
      `cannot write the pack ${path} (${reason}); name another place with --pack or --out`,
    );
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where nothing could be written, such as below a file, nothing can be removed either.
  }
}

function fill(path: string, catalog: Catalog, product: Product, stamps: Stamp[]): void {
  const db = new DatabaseSync(path);
  try {
    // The file is thrown away if anything fails, so a journal would protect nothing.
    db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA page_size = 8192');
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${PACK_FORMAT}; BEGIN`);
    db.exec(SCHEMA);
    const digest = insertTopics(db, catalog.topics);
    const meta = { product: JSON.stringify(product), digest, topics: String(catalog.topics.length) };
    const insertMeta = db.prepare('INSERT INTO meta VALUES (?, ?)');
    for (const [key, value] of Object.entries(meta)) insertMeta.run(key, value);
    if (catalog.landing !== undefined) insertMeta.run('landing', landingJson(catalog.landing));
    const insertAlias = db.prepare('INSERT INTO alias VALUES (?, ?)');
    for (const [slug, target] of catalog.aliases) insertAlias.run(slug, target);
    const insertFile = db.prepare('INSERT INTO file VALUES (?, ?, ?)');
    for (const [name, file] of catalog.files) insertFile.run(name, file.mediaType, file.bytes);
    // A cached pack is made again rather than checked.
    if (stamps.length === 0) insertMeta.run('checksum', checksumOf(db));
    const insertStamp = db.prepare('INSERT OR IGNORE INTO stamp VALUES (?, ?, ?)');
    for (const stamp of stamps) insertStamp.run(stamp.path, stamp.size, stamp.mtimeMs);
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

/** @returns the content digest: SHA-256 over the published descriptors, sorted by id. */
function insertTopics(db: DatabaseSync, topics: CatalogTopic[]): string {
  const insertTopic = db.prepare('INSERT INTO topic VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const insertAction = db.prepare('INSERT INTO action VALUES (?, ?, ?, ?, ?)');
  const insertExample = db.prepare('INSERT INTO example VALUES (?, ?, ?, ?)');
  const published: [id: string, descriptor: string][] = [];
  for (const [position, topic] of topics.entries()) {
    const d: TopicDescriptor = topic.descriptor;
    const slug = slugOf(d.topic);
    const parent = parentOf(d.topic);
    const descriptor = jsonFile(d);
    published.push([d.topic, descriptor]);
    const summary = [d.title, d.stability, topic.tagline, d.synopsis, JSON.stringify(d.see_also)];
    const compiled = [topic.hash, descriptor, JSON.stringify(topic.outline), topic.html, topic.blocks];
    insertTopic.run(position, slug, d.topic, parent === undefined ? null : slugOf(parent), ...summary, ...compiled);
    for (const { name, mediaType, description, bytes } of topic.actions)
      insertAction.run(slug, name, mediaType, description, bytes);
    for (const [index, example] of (d.examples ?? []).entries())
      insertExample.run(slug, index, example.id, JSON.stringify(example));
  }
  return contentDigest(published);
}

/** The landing text without what only the compiler's own checks need: places in files on the author's disk. */
function landingJson({ examplePlaces: _, ...landing }: Landing): string {
  return JSON.stringify(landing);
}

/** SHA-256 over the published descriptors in code-unit order of their ids, hex. */
function contentDigest(published: [id: string, descriptor: string][]): string {
  const hash = createHash('sha256');
  for (const [, descriptor] of published.sort(([a], [b]) => byCodeUnit(a, b))) hash.update(descriptor);
  return hash.digest('hex');
}

/** A rename may reach the disk before the data does; after this it cannot. */
function flush(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
