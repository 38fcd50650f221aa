import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { type Diagnostic, diagnose, type Finding, START } from '../topic/diagnostic.ts';
import { byCodeUnit, ID_LIMIT, reservedSegment, segmentFromName } from '../topic/id.ts';

/** No topic a person reads is larger; a bigger file is a log or a data dump that got the wrong name. Bytes. */
export const SOURCE_LIMIT_BYTES = 2 * 1024 * 1024;

const MARKDOWN_EXTENSIONS = new Set(['.md', '.markdown']);
const INDEX_NAME = /^(index|readme)$/i;

/** A folder of topics: where it is, and how diagnostics print its path. */
export interface SourceFolder {
  path: string;
  shown: string;
}

/** A Markdown file in a source folder, not read yet. */
export interface SourceFile {
  /** The source folder as it is printed. */
  root: string;
  /** Real path of the source folder: nothing outside it is ever read. */
  realRoot: string;
  /** Path below the root, with forward slashes. */
  path: string;
  /** The path to print in diagnostics. */
  file: string;
  /** Dotted id that the path stands for; empty for the landing text at the root. */
  id: string;
  size: number;
  mtimeMs: number;
}

/** What a folder holds, and what stood in the way. `folders` are all folders that were listed: a change of one means a new file. */
export interface SourceListing {
  files: SourceFile[];
  folders: { path: string; mtimeMs: number }[];
  diagnostics: Diagnostic[];
}

/**
 * Lists the Markdown files of a folder, in code-unit order of their paths. Hidden entries and nested `node_modules` are passed over.
 * Links to folders are not followed: inside the tree their target is listed anyway, outside it they are refused.
 */
export function listSource({ path: root, shown }: SourceFolder): SourceListing {
  const listing: SourceListing = { files: [], folders: [], diagnostics: [] };
  const stat = statOrUndefined(root);
  if (!stat?.isDirectory()) {
    const message = stat === undefined ? 'there is no such folder' : 'this is not a folder';
    listing.diagnostics.push(
      diagnose(shown, { ...START, code: 'not-found', message, hint: 'name a folder of Markdown files' }),
    );
    return listing;
  }
  walk({ root: shown, realRoot: realpathSync(root) }, '', listing);
  if (listing.files.length === 0 && listing.diagnostics.length === 0) {
    const hint = 'put a Markdown file into it, such as hello.md';
    listing.diagnostics.push(
      diagnose(shown, { ...START, code: 'empty-source', message: 'no Markdown files in here', hint }),
    );
  }
  return listing;
}

type Root = Pick<SourceFile, 'root' | 'realRoot'>;

function walk(root: Root, folder: string, listing: SourceListing): void {
  const absolute = join(root.realRoot, folder);
  const report = (path: string, finding: Omit<Finding, 'line' | 'column'>) =>
    listing.diagnostics.push(diagnose(join(root.root, path), { ...START, ...finding }));
  let entries: import('node:fs').Dirent[];
  try {
    listing.folders.push({ path: absolute, mtimeMs: statSync(absolute).mtimeMs });
    entries = readdirSync(absolute, { withFileTypes: true });
  } catch (error) {
    report(folder, { code: 'unreadable-file', message: `the folder cannot be read (${codeOf(error)})` });
    return;
  }
  for (const entry of entries.sort((a, b) => byCodeUnit(a.name, b.name))) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    const target = join(absolute, entry.name);
    if (entry.isSymbolicLink() && !insideRoot(root, target)) {
      const found = statOrUndefined(target);
      const hint = 'copy it into the source, or name its folder as a source of its own';
      // A link to something that is no topic anyway would only be noise.
      if (found?.isDirectory() || (found !== undefined && isMarkdown(entry.name)))
        report(path, { code: 'outside-source', message: 'this link leads out of the source folder', hint });
      else if (isMarkdown(entry.name))
        report(path, { code: 'unreadable-file', message: 'this link leads nowhere', hint: 'repair or remove it' });
      continue;
    }
    if (entry.isDirectory()) walk(root, path, listing);
    else if (isMarkdown(entry.name)) addFile(root, path, statOrUndefined(target), listing);
  }
}

function addFile(root: Root, path: string, stat: Stats | undefined, listing: SourceListing): void {
  const file = join(root.root, path);
  const report = (finding: Omit<Finding, 'line' | 'column'>) =>
    listing.diagnostics.push(diagnose(file, { ...START, ...finding }));
  if (!stat?.isFile()) {
    if (!stat?.isDirectory()) report({ code: 'unreadable-file', message: 'this is not a regular file' });
    return;
  }
  const segments = segmentsFromPath(path);
  if (segments === undefined) {
    const hint = 'a name needs a letter A–Z or a digit; rename the file or folder';
    report({ code: 'unusable-name', message: 'no topic id can be made of this path', hint });
    return;
  }
  const id = segments.join('.');
  if (id.length > ID_LIMIT) {
    const message = `the topic id of this path has ${id.length} characters; at most ${ID_LIMIT} are allowed`;
    report({ code: 'unusable-name', message, hint: 'give the file and its folders shorter names' });
    return;
  }
  const reserved = reservedSegment(segments);
  if (reserved !== undefined) {
    report({
      code: 'reserved-segment',
      message: `"${reserved}" is reserved in URLs`,
      hint: 'give the file or folder another name',
    });
    return;
  }
  listing.files.push({ ...root, path, file, id, size: stat.size, mtimeMs: stat.mtimeMs });
}

/** `errors/README.md` → `['errors']`; the root's own README → `[]`. */
function segmentsFromPath(path: string): string[] | undefined {
  const names = path.slice(0, -extname(path).length).split('/');
  if (INDEX_NAME.test(names.at(-1) as string)) names.pop();
  const segments = names.map(segmentFromName);
  return segments.every((segment) => segment !== undefined) ? segments : undefined;
}

/**
 * Reads a source file as UTF-8 text without its byte order mark.
 * @returns the text, or the finding that says why it is no topic.
 */
export function readSource(source: SourceFile): string | Finding {
  if (source.size > SOURCE_LIMIT_BYTES) {
    const message = `the file has ${mebibytes(source.size)} MiB; a topic has at most ${mebibytes(SOURCE_LIMIT_BYTES)}`;
    return { ...START, code: 'file-too-large', message, hint: 'split it into several topics' };
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(source.realRoot, source.path));
  } catch (error) {
    return { ...START, code: 'unreadable-file', message: `the file cannot be read (${codeOf(error)})` };
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    text = '\0';
  }
  if (text.includes('\0')) {
    return {
      ...START,
      code: 'not-text',
      message: 'the file is not UTF-8 text',
      hint: 'save it as UTF-8, or take it out of the source',
    };
  }
  if (text.trim() === '') {
    return { ...START, code: 'empty-file', message: 'the file is empty', hint: 'write the topic, or delete the file' };
  }
  return text;
}

/**
 * Reads a file that a topic refers to (an image, an action), never one outside the source's real path.
 * @param path relative to the source folder, with forward slashes.
 * @param limit bytes.
 */
export function readAttachment(root: Root, path: string, limit: number): Buffer | 'missing' | 'outside' | 'too-large' {
  const target = join(root.realRoot, path);
  const stat = statOrUndefined(target);
  if (!insideRoot(root, target)) return stat === undefined && insideLexically(root, target) ? 'missing' : 'outside';
  if (!stat?.isFile()) return 'missing';
  if (stat.size > limit) return 'too-large';
  try {
    return readFileSync(target);
  } catch {
    return 'missing';
  }
}

function insideRoot(root: Root, path: string): boolean {
  try {
    return insideLexically(root, realpathSync(path));
  } catch {
    return false;
  }
}

function insideLexically(root: Root, path: string): boolean {
  const below = relative(root.realRoot, path);
  return below !== '..' && !below.startsWith(`..${sep}`);
}

function isMarkdown(name: string): boolean {
  return MARKDOWN_EXTENSIONS.has(extname(name).toLowerCase());
}

/** Undefined too for a name that no file system takes, a circle of links, or a folder that may not be entered. */
function statOrUndefined(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
