import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Block } from '../topic/block.ts';
import type { ActionFile, Landing, OutlineEntry, RawFile } from '../topic/compiled.ts';
import type { Product, Stability, TopicDescriptor, TopicSummary } from '../topic/descriptor.ts';
import { APPLICATION_ID, HEADER_BYTES, PACK_FORMAT, PackError, type Stamp } from './format.ts';

/** A topic in a list, without its text. */
export interface TopicRow extends TopicSummary {
  slug: string;
  /** Markdown. */
  synopsis: string;
}

/** One topic with everything compiled from it. */
export interface PackedTopic extends TopicRow {
  position: number;
  /** The published JSON file, final newline included. */
  json: string;
  descriptor: TopicDescriptor;
  html: string;
  outline: OutlineEntry[];
  blocks: Block[];
}

const ROW = 'slug, id AS topic, title, stability, tagline, synopsis, see_also';

/**
 * An open pack. Every read is by key, so that its cost does not grow with the catalog; what reads all topics says so. Every read throws
 * a {@link PackError} `damaged` when the file does not hold what it should.
 */
export class Pack {
  readonly path: string;
  readonly product: Product;
  /** SHA-256 over the descriptors, hex: two packs with one digest answer alike. */
  readonly digest: string;
  readonly topicCount: number;
  private readonly db: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();

  /**
   * Opens a pack for reading.
   * @throws {PackError} `missing`, `not-a-pack`, `other-format` or `damaged`.
   */
  constructor(path: string) {
    this.path = path;
    checkHeader(path);
    this.db = guard(path, () => new DatabaseSync(path, { readOnly: true }));
    try {
      this.product = guard(path, () => JSON.parse(this.meta('product') ?? 'null'));
      this.digest = this.meta('digest') ?? '';
      this.topicCount = Number(this.meta('topics'));
      if (this.product === null) throw damaged(path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The slug of the topic that a slug or alias denotes. */
  resolve(slug: string): string | undefined {
    if (this.get('SELECT 1 FROM topic WHERE slug = ?', slug) !== undefined) return slug;
    return this.get('SELECT target FROM alias WHERE slug = ?', slug)?.target as string | undefined;
  }

  topic(slug: string): PackedTopic | undefined {
    const row = this.get(
      `SELECT ${ROW}, position, descriptor AS json, html, outline, blocks FROM topic WHERE slug = ?`,
      slug,
    );
    if (row === undefined) return undefined;
    const { json, outline, blocks, html, position, ...summary } = row as Record<string, string>;
    return guard(this.path, () => ({
      ...toRow(summary as Row),
      position: Number(position),
      json: json as string,
      descriptor: JSON.parse(json as string),
      html: html as string,
      outline: JSON.parse(outline as string),
      blocks: JSON.parse(blocks as string),
    }));
  }

  /** The published JSON alone: the cheapest answer there is. */
  topicJson(slug: string): string | undefined {
    return this.get('SELECT descriptor FROM topic WHERE slug = ?', slug)?.descriptor as string | undefined;
  }

  row(slug: string): TopicRow | undefined {
    return this.toRows(this.all(`SELECT ${ROW} FROM topic WHERE slug = ?`, slug))[0];
  }

  /** Children of a topic, or the top-level topics, in order. */
  children(parent: string | undefined): TopicRow[] {
    const rows =
      parent === undefined
        ? this.all(`SELECT ${ROW} FROM topic WHERE parent IS NULL ORDER BY position`)
        : this.all(`SELECT ${ROW} FROM topic WHERE parent = ? ORDER BY position`, parent);
    return this.toRows(rows);
  }

  /** The topic at a place in reading order, from 0. */
  at(position: number): TopicRow | undefined {
    return this.toRows(this.all(`SELECT ${ROW} FROM topic WHERE position = ?`, position))[0];
  }

  /** Every topic in reading order. Reads the whole catalog. */
  rows(): TopicRow[] {
    return this.toRows(this.all(`SELECT ${ROW} FROM topic ORDER BY position`));
  }

  /** Every id, for suggestions. Reads the whole index. */
  ids(): string[] {
    return this.all('SELECT id FROM topic ORDER BY position').map((row) => row.id as string);
  }

  landing(): Landing | undefined {
    const text = this.meta('landing');
    return text === undefined ? undefined : guard(this.path, () => JSON.parse(text));
  }

  actions(slug: string): Omit<ActionFile, 'bytes'>[] {
    const rows = this.all(
      'SELECT name, media_type AS mediaType, description FROM action WHERE topic = ? ORDER BY name',
      slug,
    );
    return rows as unknown as ActionFile[];
  }

  action(slug: string, name: string): ActionFile | undefined {
    const row = this.get(
      'SELECT name, media_type AS mediaType, description, bytes FROM action WHERE topic = ? AND name = ?',
      slug,
      name,
    );
    return row as unknown as ActionFile | undefined;
  }

  /** An image by its path below `/help/_files/`. */
  file(path: string): RawFile | undefined {
    return this.get('SELECT media_type AS mediaType, bytes FROM file WHERE path = ?', path) as unknown as
      | RawFile
      | undefined;
  }

  /** What a cached pack was built from; empty for a published one. */
  stamps(): Stamp[] {
    return this.all('SELECT path, size, mtime_ms AS mtimeMs FROM stamp') as unknown as Stamp[];
  }

  close(): void {
    this.db.close();
  }

  private meta(key: string): string | undefined {
    return this.get('SELECT value FROM meta WHERE key = ?', key)?.value as string | undefined;
  }

  private get(sql: string, ...values: (string | number)[]): Row | undefined {
    return guard(this.path, () => this.statement(sql).get(...values)) as Row | undefined;
  }

  private all(sql: string, ...values: (string | number)[]): Row[] {
    return guard(this.path, () => this.statement(sql).all(...values)) as Row[];
  }

  private toRows(rows: Row[]): TopicRow[] {
    return guard(this.path, () => rows.map(toRow));
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

type Row = Record<string, unknown>;

function toRow(row: Row): TopicRow {
  const { slug, topic, title, stability, tagline, synopsis, see_also } = row as Record<string, string>;
  return {
    slug: slug as string,
    topic: topic as string,
    title: title as string,
    stability: stability as Stability,
    tagline: tagline as string,
    see_also: JSON.parse(see_also as string),
    synopsis: synopsis as string,
  };
}

/** Whether a file is a pack, of whatever format. */
export function isPack(path: string): boolean {
  return readHeader(path) !== undefined;
}

/** The first bytes of a pack; undefined when the file is something else. */
function readHeader(path: string): Buffer | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    const read = readSync(file, header, 0, HEADER_BYTES, 0);
    const sqlite = read === HEADER_BYTES && header.toString('latin1', 0, 15) === 'SQLite format 3';
    return sqlite && header.readUInt32BE(68) === APPLICATION_ID ? header : undefined;
  } finally {
    closeSync(file);
  }
}

/** Tells apart what is no pack, what is another version's, and what lost its end, before SQLite is asked. */
function checkHeader(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile())
    throw new PackError('missing', `there is no pack at ${path}; make one with: docent pack SOURCE --out ${path}`);
  const header = readHeader(path);
  if (header === undefined) {
    const hint = 'name a folder of Markdown files, or make a pack with: docent pack SOURCE --out FILE';
    throw new PackError('not-a-pack', `${path} is no pack; ${hint}`);
  }
  const format = header.readUInt32BE(60);
  if (format !== PACK_FORMAT) {
    const message = `${path} has pack format ${format}, this Docent reads format ${PACK_FORMAT}; make it again with: docent pack`;
    throw new PackError('other-format', message);
  }
  // A page size of 65536 is stored as 1.
  const pageSize = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16);
  if (stat.size !== pageSize * header.readUInt32BE(28)) throw damaged(path);
}

export function damaged(path: string): PackError {
  return new PackError('damaged', `the pack ${path} is damaged; make it again with: docent pack`);
}

/** Whatever SQLite or JSON finds wrong while reading means one thing to a reader: the file is damaged. */
export function guard<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof PackError) throw error;
    throw damaged(path);
  }
}
