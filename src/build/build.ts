import { statSync } from 'node:fs';
import { join } from 'node:path';
import { buildCatalog } from '../catalog/catalog.ts';
import { listSource, type SourceListing } from '../compile/source.ts';
import { type CompiledTopic, compileTopic } from '../compile/topic.ts';
import type { Settings } from '../config/config.ts';
import type { Stamp } from '../pack/format.ts';
import { writePack } from '../pack/write.ts';
import type { Catalog } from '../topic/compiled.ts';
import { byPlace, type Diagnostic, isError } from '../topic/diagnostic.ts';

/** What compiling the sources gave: a catalog, unless nothing may be published. */
export interface BuildResult {
  /** Absent when there is nothing to read at all, or a strict build has an error. */
  catalog?: Catalog;
  /** All problems of all files, by place. */
  diagnostics: Diagnostic[];
  stamps: Stamp[];
}

/** Compiles every source of the settings and checks them together. No problem stops the others from being found. */
export function build(settings: Settings): BuildResult {
  const { strict, defaultStability, allowHtml } = settings;
  const diagnostics: Diagnostic[] = [];
  const stamps: Stamp[] = [];
  const compiled = settings.content.map((root): CompiledTopic[] => {
    const listing = listSource(root);
    diagnostics.push(...listing.diagnostics);
    stamps.push(...stampsOf(listing));
    return listing.files.flatMap((file) => {
      const result = compileTopic(file, { strict, defaultStability, allowHtml });
      diagnostics.push(...result.diagnostics);
      return result.topic ?? [];
    });
  });
  const { catalog, diagnostics: found, attachments } = buildCatalog(compiled);
  stamps.push(...attachmentStamps(attachments));
  diagnostics.push(...found);
  diagnostics.sort(byPlace);
  const published =
    (catalog.topics.length > 0 || catalog.landing !== undefined) && !(strict && diagnostics.some(isError));
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
 * @throws {PackError} `not-writable`.
 */
export function buildPack(
  settings: Settings,
  path: string,
  forCache = false,
): { written: boolean; diagnostics: Diagnostic[] } {
  const { catalog, diagnostics, stamps } = build(settings);
  if (catalog === undefined) return { written: false, diagnostics };
  writePack(path, catalog, settings.product, forCache ? stamps : []);
  return { written: true, diagnostics };
}
