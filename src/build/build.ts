import { statSync } from 'node:fs';
import { join } from 'node:path';
import { buildCatalog } from '../catalog/catalog.ts';
import { listSource, type SourceFile, type SourceListing } from '../compile/source.ts';
import type { CompileResult } from '../compile/topic.ts';
import type { Settings } from '../config/config.ts';
import type { Stamp } from '../pack/format.ts';
import { writePack } from '../pack/write.ts';
import type { Catalog } from '../topic/compiled.ts';
import { byPlace, type Diagnostic, isError } from '../topic/diagnostic.ts';
import { settingsStamp } from './cache.ts';
import { type CompileLimits, compileFiles, compileFilesSync } from './compile.ts';

/** What compiling the sources gave: a catalog, unless nothing may be published. */
export interface BuildResult {
  /** Absent when there is nothing to read at all, or a strict build has an error. */
  catalog?: Catalog;
  /** All problems of all files, by place. */
  diagnostics: Diagnostic[];
  stamps: Stamp[];
}

/**
 * Compiles every source of the settings and checks them together. No problem stops the others from being found.
 * @throws {Error} when compiling a file fails in a way that nobody foresaw; the message names the file.
 */
export async function build(settings: Settings, limits?: CompileLimits): Promise<BuildResult> {
  const listings = settings.content.map(listSource);
  return assemble(settings, listings, await compileFiles(filesOf(listings), settings, limits));
}

/** The same in this thread, so that no file is stopped, however long it takes. */
export function buildSync(settings: Settings): BuildResult {
  const listings = settings.content.map(listSource);
  return assemble(settings, listings, compileFilesSync(filesOf(listings), settings));
}

function filesOf(listings: SourceListing[]): SourceFile[] {
  return listings.flatMap(({ files }) => files);
}

/** @param results of the files of all listings, in their order. */
function assemble({ strict }: Settings, listings: SourceListing[], results: CompileResult[]): BuildResult {
  let end = 0;
  const sources = listings.map(({ files }) => {
    const start = end;
    end += files.length;
    return results.slice(start, end).flatMap(({ topic }) => topic ?? []);
  });
  const { catalog, diagnostics: found, attachments } = buildCatalog(sources);
  const diagnostics = [...listings, ...results].flatMap((part) => part.diagnostics);
  diagnostics.push(...found);
  diagnostics.sort(byPlace);
  const published =
    (catalog.topics.length > 0 || catalog.landing !== undefined) && !(strict && diagnostics.some(isError));
  const stamps = [...listings.flatMap(stampsOf), ...attachmentStamps(attachments)];
  return { ...(published ? { catalog } : {}), diagnostics, stamps };
}

function stampsOf({ files, folders }: SourceListing): Stamp[] {
  return [
    ...folders.map(({ path, mtimeMs }) => ({ path, size: -1, mtimeMs })),
    ...files.map((file) => ({ path: join(file.realRoot, file.path), size: file.size, mtimeMs: file.mtimeMs })),
  ];
}

/**
 * What the sources look like now, to compare with an earlier answer: every topic file that there is, and every file that the
 * catalog was built from.
 */
export function sourceState({ content }: Settings, built: Stamp[]): string {
  const topics = content.flatMap((root) => stampsOf(listSource(root)).filter(({ size }) => size >= 0));
  const others = built.filter(({ size }) => size >= 0).map(({ path }) => path);
  return JSON.stringify([topics, attachmentStamps(others)]);
}

/** An image may be shown by several topics. */
function attachmentStamps(paths: string[]): Stamp[] {
  return [...new Set(paths)].flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? [] : { path, size: stat.size, mtimeMs: stat.mtimeMs };
  });
}

/**
 * Builds and writes a pack. A build that publishes nothing leaves the last good pack in place.
 * @returns the diagnostics, and whether the pack was written.
 * @throws {PackError} `not-writable`; and what {@link build} throws.
 */
export async function buildPack(
  settings: Settings,
  path: string,
  forCache = false,
  limits?: CompileLimits,
): Promise<{ written: boolean; diagnostics: Diagnostic[] }> {
  const { catalog, diagnostics, stamps } = await build(settings, limits);
  if (catalog === undefined) return { written: false, diagnostics };
  writePack(path, catalog, settings.product, forCache ? [...stamps, settingsStamp(settings)] : []);
  return { written: true, diagnostics };
}
