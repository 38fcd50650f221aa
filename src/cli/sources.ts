import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildPack } from '../build/build.ts';
import { cachedPackPath } from '../build/cache.ts';
import type { Settings } from '../config/config.ts';
import { isPack, Pack } from '../pack/read.ts';
import { type Io, usageError } from './command.ts';
import { nothingPublished, reportErrors } from './report.ts';
import { cacheFolder, docentVersion } from './settings.ts';

/** The pack file that a single source is, if it is one. */
export function packSource(settings: Settings): string | undefined {
  const files = settings.content.filter(({ path }) => statSync(path).isFile());
  if (files.length === 0) return undefined;
  if (settings.content.length === 1) return files[0]?.path;
  throw usageError(
    `${files[0]?.shown} is a file, and a pack cannot be combined with other sources`,
    'name folders only, or the pack alone',
  );
}

/** @throws {CommandError} wrong usage, when a source is a pack where topics are to be compiled. */
export function requireFolders(settings: Settings): void {
  const file = settings.content.find(({ path }) => statSync(path).isFile());
  if (file !== undefined) throw usageError(`${file.shown} is a file`, 'name a folder of Markdown files');
}

/**
 * Where a named pack is to be written: a slip in an argument must not cost somebody a file of another kind.
 * @throws {CommandError} wrong usage, when there is a file that is no pack.
 */
export function packTarget(io: Io, named: string): string {
  const path = resolve(io.cwd, named);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() && stat.size > 0 && !isPack(path)) {
    throw usageError(`${named} is there already, and is no pack`, 'remove it, or name another file');
  }
  return path;
}

/** Where the pack of these settings is cached. */
export function cachePath(settings: Settings, io: Io): string {
  return cachedPackPath(cacheFolder(io), settings, docentVersion());
}

/**
 * Compiles the sources into their pack and opens it. Errors are reported; what they leave is published, unless the build is strict.
 * @param signal stops it.
 * @throws {CommandError} when nothing may be published; the last good pack stays.
 */
export async function compileAndOpen(settings: Settings, path: string, io: Io, signal?: AbortSignal): Promise<Pack> {
  requireFolders(settings);
  const { written, diagnostics } = await buildPack(settings, path, true, { signal });
  reportErrors(io, diagnostics);
  if (!written) throw nothingPublished(settings.strict, diagnostics);
  return new Pack(path);
}
