import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildPack } from '../build/build.ts';
import { cachedPackPath } from '../build/cache.ts';
import type { Settings } from '../config/config.ts';
import { Pack } from '../pack/read.ts';
import { type Arguments, type Io, text, usageError } from './command.ts';
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

/** Where a compiled pack goes: where `--pack` says, else the cache. */
export function packPath(settings: Settings, args: Arguments, io: Io): string {
  const named = text(args, io, 'pack');
  return named === undefined ? cachedPackPath(cacheFolder(io), settings, docentVersion()) : resolve(io.cwd, named);
}

/**
 * Compiles the sources into their pack and opens it. Errors are reported; what they leave is published, unless the build is strict.
 * @throws {CommandError} when nothing may be published; the last good pack stays.
 */
export function compileAndOpen(settings: Settings, path: string, io: Io): Pack {
  requireFolders(settings);
  const { written, diagnostics } = buildPack(settings, path, true);
  reportErrors(io, diagnostics);
  if (!written) throw nothingPublished(settings.strict, diagnostics);
  return new Pack(path);
}
