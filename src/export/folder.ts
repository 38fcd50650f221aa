import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { makeFolder } from '../pack/folder.ts';
import { jsonFile } from '../topic/descriptor.ts';
import type { Content } from './entries.ts';
import { ExportError } from './error.ts';

/** Names every file of a build, so that the next one can tell what it may replace. */
const MARKER = '.docent-site.json';

/** What desktops leave in every folder that somebody looks into. */
const LITTER = new Set(['.DS_Store', 'Thumbs.db', 'desktop.ini']);

/** As many foreign files as a message names. */
const NAMED_LIMIT = 3;

/**
 * A site that is being written: into a new folder beside its place, so that readers see the old site or the whole new one, and a failure
 * leaves the old one.
 */
export class SiteFolder {
  readonly path: string;
  private readonly draft: string;
  private readonly files: string[] = [];
  private readonly made = new Set<string>();

  /**
   * @param path absolute.
   * @throws {ExportError} `occupied`, as {@link checkTarget} does, or `not-writable`.
   */
  constructor(path: string) {
    this.path = path;
    checkTarget(path);
    this.draft = join(dirname(path), `${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
    this.attempt(() => this.makeFolder(this.draft));
  }

  /**
   * Adds a file.
   * @param file its path below the site, with forward slashes.
   * @throws {ExportError} `unsafe-name` for a path that leads out, `clash` for one that is taken, `not-writable`.
   */
  write(file: string, content: Content): void {
    const target = this.inside(file);
    this.attempt(() => {
      try {
        this.makeFolder(dirname(target));
        // Never through a link, and never over another file: the draft is new, so whatever is there was written by this build.
        writeNew(target, content);
        this.files.push(file);
      } catch (error) {
        throw isClash(error) ? clash(file) : error;
      }
    });
  }

  /**
   * Puts the site into its place.
   * @returns the number of its files.
   * @throws {ExportError} `occupied` or `not-writable`.
   */
  publish(): number {
    const count = this.files.length;
    this.write(MARKER, jsonFile({ files: [...this.files].sort() }));
    checkTarget(this.path);
    const before = statOf(this.path);
    if (before === undefined) this.attempt(() => renameSync(this.draft, this.path));
    else this.replace(before);
    return count;
  }

  private replace(before: Stats): void {
    const old = `${this.draft}.old`;
    this.attempt(() => {
      chmodSync(this.draft, before.mode);
      renameSync(this.path, old);
      try {
        renameSync(this.draft, this.path);
      } catch (error) {
        renameSync(old, this.path);
        throw error;
      }
    });
    try {
      rmSync(old, { recursive: true, force: true });
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code;
      const message = `the site ${this.path} is new, but the earlier one could not be removed (${reason})`;
      throw new ExportError('not-writable', message, `remove it yourself: ${old}`);
    }
  }

  /** Leaves nothing of an unfinished site behind. */
  discard(): void {
    try {
      rmSync(this.draft, { recursive: true, force: true });
    } catch {
      // Where nothing could be written, nothing can be removed either.
    }
  }

  private makeFolder(path: string): void {
    if (this.made.has(path)) return;
    makeFolder(path);
    this.made.add(path);
  }

  /** A pack may come from anywhere, so a name in it is not trusted to be one. */
  private inside(file: string): string {
    const names = file.split('/');
    // Where a backslash separates folders too, it has no business in a name.
    const isName = (name: string) => !['', '.', '..'].includes(name) && !name.includes('\0') && !name.includes(sep);
    const target = join(this.draft, ...names);
    if (names.every(isName) && relative(this.draft, target) === names.join(sep)) return target;
    throw new ExportError(
      'unsafe-name',
      `${JSON.stringify(file)} would not lie in the site`,
      'the pack was not made by docent pack; make it again from its sources',
    );
  }

  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (syscall === undefined || code === undefined) throw error;
      const hint = HINTS[code] ?? 'name another place with --out; the folder that it lies in has to be writable too';
      throw new ExportError('not-writable', `cannot write the site ${this.path} (${code})`, hint);
    }
  }
}

/** @throws {NodeJS.ErrnoException} `EEXIST` where there is a file already. */
function writeNew(path: string, content: Content): void {
  const file = openSync(path, 'wx');
  try {
    if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(file, content);
    else for (const piece of content) writeFileSync(file, piece);
  } finally {
    closeSync(file);
  }
}

const HINTS: Record<string, string> = {
  ENOSPC: 'the disk is full: make room, or name another place with --out',
  EDQUOT: 'the disk quota is used up: make room, or name another place with --out',
  EBUSY: 'it is in use, or another file system is mounted there: name a folder inside it with --out',
};

function isClash(error: unknown): boolean {
  return ['EEXIST', 'EISDIR', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function clash(file: string): ExportError {
  return new ExportError(
    'clash',
    `two files of the site would have the name ${file}`,
    'rename the action or image; on some file systems names that differ in case only are one name',
  );
}

/**
 * Sees that a site may be written to a place: nothing that Docent did not make is ever replaced.
 * @throws {ExportError} `occupied`.
 */
export function checkTarget(path: string): void {
  const stat = statOf(path);
  if (stat === undefined) return;
  const occupied = (what: string, hint: string) => new ExportError('occupied', `${path} ${what}`, hint);
  if (stat.isSymbolicLink()) throw occupied('is a link', 'name the folder that it leads to');
  if (!stat.isDirectory()) throw occupied('is a file', 'name a folder');
  const present = filesIn(path);
  if (present.length === 0) return;
  const known = filesOfBuild(path);
  if (known === undefined)
    throw occupied('is not empty, and docent build did not make it', 'name a new folder, or empty this one yourself');
  const foreign = present.filter((file) => !known.has(file));
  if (foreign.length === 0) return;
  const named = foreign.slice(0, NAMED_LIMIT).join(', ') + (foreign.length > NAMED_LIMIT ? ', …' : '');
  throw occupied(
    `holds files that docent build did not make: ${named}`,
    'move them elsewhere, or name another folder: a build replaces the whole folder',
  );
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // Below a file there is nothing; writing there will say so.
    return undefined;
  }
}

/** Everything but folders below a folder, links not followed. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !LITTER.has(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
}

/** What the build that made a folder wrote there; undefined when no build made it. */
function filesOfBuild(folder: string): Set<string> | undefined {
  try {
    const { files } = JSON.parse(readFileSync(join(folder, MARKER), 'utf8'));
    return Array.isArray(files) ? new Set([...files, MARKER]) : undefined;
  } catch {
    return undefined;
  }
}
