/**
 * The pack: one SQLite file that holds a compiled catalog. Any language with SQLite can read it:
 *
 *     SELECT t.descriptor FROM topic t WHERE t.slug = 'errors/not_found';
 *
 * The header tells what the file is before it is opened: `application_id` is {@link APPLICATION_ID}, `user_version` is
 * {@link PACK_FORMAT}. A new table or column keeps the format; a removal or a change of meaning raises it.
 */

/** "DOCP" in ASCII, at byte 68 of the file. */
export const APPLICATION_ID = 0x444f4350;

export const PACK_FORMAT = 1;

/** The 100-byte header of every SQLite file: https://www.sqlite.org/fileformat2.html#the_database_header */
export const HEADER_BYTES = 100;

export const SCHEMA = `
  CREATE TABLE meta (                 -- what the catalog is
    key         TEXT PRIMARY KEY,     -- product (JSON), digest, checksum, landing (JSON), topics (their number)
    value       TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE topic (
    position    INTEGER PRIMARY KEY,  -- depth first, parents first, from 0
    slug        TEXT NOT NULL UNIQUE, -- errors/not_found
    id          TEXT NOT NULL,        -- errors.NOT_FOUND
    parent      TEXT,                 -- slug of the parent; NULL at the top
    title       TEXT NOT NULL,
    stability   TEXT NOT NULL,
    tagline     TEXT NOT NULL,        -- plain text, at most 80 characters
    synopsis    TEXT NOT NULL,        -- Markdown
    see_also    TEXT NOT NULL,        -- JSON array of ids
    hash        TEXT NOT NULL,        -- SHA-256 of the source, hex
    descriptor  TEXT NOT NULL,        -- JSON as published, pretty-printed, final newline
    outline     TEXT NOT NULL,        -- JSON: headings of html
    html        TEXT NOT NULL,        -- sanitized fragment, links relative to the topic's page
    blocks      TEXT NOT NULL         -- JSON: what a terminal shows
  ) STRICT;
  CREATE INDEX topic_parent ON topic (parent, position);

  CREATE TABLE alias (
    slug        TEXT PRIMARY KEY,
    target      TEXT NOT NULL         -- slug of the topic
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE action (               -- raw files beside a topic
    topic       TEXT NOT NULL,        -- slug
    name        TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    description TEXT NOT NULL,
    bytes       BLOB NOT NULL,
    PRIMARY KEY (topic, name)
  ) STRICT;

  CREATE TABLE example (              -- HTTP exchanges of a topic that can be run
    topic       TEXT NOT NULL,        -- slug
    position    INTEGER NOT NULL,     -- order within the topic, from 0
    id          TEXT NOT NULL,        -- unique within the topic
    example     TEXT NOT NULL,        -- JSON, as in the descriptor
    PRIMARY KEY (topic, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE file (                 -- images, by path below /help/_files/
    path        TEXT PRIMARY KEY,
    media_type  TEXT NOT NULL,
    bytes       BLOB NOT NULL
  ) STRICT;

  CREATE TABLE stamp (                -- only in a cached pack: what it was built from
    path        TEXT PRIMARY KEY,     -- absolute path of a source file or folder; JSON of the settings
    size        INTEGER NOT NULL,     -- bytes; -1 for a folder, -2 for the settings
    mtime_ms    REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** A source file or folder as it was when a pack was built from it. */
export interface Stamp {
  path: string;
  /** Bytes; -1 for a folder, whose time changes when an entry comes or goes. */
  size: number;
  mtimeMs: number;
}

/** Why a pack cannot be read or written. The message says what to do; it needs no stack trace. */
export class PackError extends Error {
  readonly reason: 'missing' | 'not-a-pack' | 'other-format' | 'damaged' | 'not-writable';

  constructor(reason: PackError['reason'], message: string) {
    super(message);
    this.name = 'PackError';
    this.reason = reason;
  }
}
