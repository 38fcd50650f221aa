import { mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Settings } from '../../config/config.ts';
import { ExportError } from '../../export/error.ts';
import { exportSite } from '../../export/export.ts';
import { checkTarget } from '../../export/folder.ts';
import { verifyPack } from '../../pack/checksum.ts';
import { Pack } from '../../pack/read.ts';
import { plural } from '../../topic/diagnostic.ts';
import { type Command, CommandError, Exit, type ExitCode, type Io, usageError } from '../command.ts';
import { loadSettings, requireSources, shownPath } from '../settings.ts';
import { loadTheme, siteOf } from '../site.ts';
import { compileAndOpen, packSource } from '../sources.ts';

/** `docent build`: compiles the sources, or opens a pack, and writes the whole site as static files. */
export const build: Command = {
  name: 'build',
  options: { out: { type: 'string' } },
  async run(args, io) {
    const { out } = args.flags;
    if (typeof out !== 'string' || out === '') throw usageError('where to write the site is missing', 'add --out DIR');
    const settings = await loadSettings(args, io, args.positionals);
    requireSources(settings, 'build', true);
    const path = resolve(io.cwd, out);
    refuseHere(path, io);
    refuseInSource(path, settings, io);
    try {
      checkTarget(path);
      const signal = interruption(io);
      return await withPack(settings, io, signal, (pack) => write(path, settings, pack, io, signal));
    } catch (error) {
      if (!(error instanceof ExportError)) throw error;
      throw new CommandError(EXITS[error.reason], error.message.replaceAll(path, shownPath(io, path)), error.hint);
    }
  },
};

const EXITS: Record<ExportError['reason'], ExitCode> = {
  occupied: Exit.usage,
  'unsafe-name': Exit.environment,
  clash: Exit.environment,
  'not-writable': Exit.environment,
};

/** Aborted when the process is asked to end. */
function interruption(io: Io): AbortSignal {
  const controller = new AbortController();
  const reason = new CommandError(Exit.failed, 'interrupted', 'no site is written; an earlier one stays as it is');
  io.interrupted().then(() => controller.abort(reason));
  return controller.signal;
}

async function write(path: string, settings: Settings, pack: Pack, io: Io, signal: AbortSignal): Promise<ExitCode> {
  const site = siteOf(settings, pack, await loadTheme(settings.base));
  const { files, alike } = await exportSite(site, path, signal);
  for (const [one, other] of alike)
    io.stderr.write(`docent: ${one} and ${other} differ in case only; some file systems keep one of the two\n`);
  io.stdout.write(`${shownPath(io, path)}: ${plural(pack.topicCount, 'topic')}, ${plural(files, 'file')}\n`);
  return Exit.done;
}

/** The pack that is the source, or one that is compiled for this build alone: a site needs no cache. */
async function withPack<T>(
  settings: Settings,
  io: Io,
  signal: AbortSignal,
  use: (pack: Pack) => Promise<T>,
): Promise<T> {
  const given = packSource(settings);
  const folder = given === undefined ? mkdtempSync(join(tmpdir(), 'docent-')) : undefined;
  let pack: Pack | undefined;
  try {
    if (given !== undefined) verifyPack(given);
    pack =
      given === undefined
        ? await compileAndOpen(settings, join(folder as string, 'help.pack'), io, signal)
        : new Pack(given);
    return await use(pack);
  } finally {
    pack?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** A build replaces the whole folder, and nobody should find themselves in one that is gone. */
function refuseHere(path: string, io: Io): void {
  if (isBelow(path, resolve(io.cwd)))
    throw usageError(`${shownPath(io, path)} is the current folder, or holds it`, 'name a folder in it: --out site');
}

/** The next build would take the Markdown of this site for topics. */
function refuseInSource(path: string, { content }: Settings, io: Io): void {
  const target = realPathOf(path);
  for (const source of content) {
    const root = realPathOf(source.path);
    if (!statSync(root).isDirectory() || !isBelow(root, target)) continue;
    const names = relative(root, target).split(sep);
    // A compiler passes over these.
    if (names.some((name) => name.startsWith('.') || name === 'node_modules')) continue;
    throw usageError(
      `${shownPath(io, path)} lies in the source ${source.shown}, and the next build would take it for topics`,
      'name a folder outside of it, or one that begins with a dot, such as .site',
    );
  }
}

/** Whether a path is a folder or lies below it. */
function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/** With the links of the part that exists followed. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realPathOf(dirname(path)), basename(path));
  }
}
