import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedPackPath, openFresh } from '../build/cache.ts';
import type { Settings } from '../config/config.ts';
import { PackError } from '../pack/format.ts';
import { Pack } from '../pack/read.ts';
import { wordsOf } from '../topic/id.ts';
import { visible } from '../topic/visible.ts';
import { type Arguments, CommandError, Exit, type ExitCode, type Io, optionText } from './command.ts';
import {
  cacheFolder,
  configFileFor,
  docentVersion,
  loadSettings,
  requireSources,
  shippedPack,
  uncheckedSettings,
} from './settings.ts';

/** A pack that a reader asked for, and the settings it was built with; a pack that was given has none. */
export interface OpenedPack {
  pack: Pack;
  settings?: Settings;
}

/** A reader may paste a piece of a URL; only in URLs themselves is a surplus slash a mistake. */
export function segmentsTyped(words: string[]): string[] {
  return words
    .join(' ')
    .split(/[\s./]+/)
    .filter(Boolean);
}

/**
 * Says that there is no such topic, and which ones may have been meant.
 * @param slug of what was typed, if it is well formed.
 * @param command how to ask again, e.g. `acme help`.
 */
export async function noSuchTopic(
  pack: Pack,
  words: string[],
  slug: string | undefined,
  io: Io,
  command = pack.product.command,
): Promise<ExitCode> {
  const { suggest } = await import('../catalog/suggest.ts');
  const wanted = shorten(words.join(' '));
  const suggestions = slug === undefined ? [] : suggest(slug, pack.ids());
  const hint =
    suggestions.length === 0
      ? [`  hint: all topics: ${pack.product.command}`]
      : ['  did you mean', ...suggestions.map((id) => `    ${command} ${wordsOf(id)}`)];
  io.stderr.write(visible([`docent: there is no help topic "${wanted}"`, ...hint, ''].join('\n')));
  return Exit.failed;
}

/** What was typed, as a message repeats it. Characters. */
const ECHO_LIMIT = 80;

function shorten(text: string): string {
  return text.length > ECHO_LIMIT ? `${text.slice(0, ECHO_LIMIT - 1)}…` : text;
}

/**
 * `--pack`, else `--from`, else the configuration found upward, else Docent's own topics.
 * @param command as a hint names it.
 */
export async function openPack(args: Arguments, io: Io, command: string): Promise<OpenedPack> {
  // A source named on the command line outweighs a pack named in the environment.
  const named = typeof args.flags.from === 'string' ? args.flags.pack : optionText(args, io, 'pack');
  if (typeof named === 'string') return { pack: new Pack(resolve(io.cwd, named)) };
  const sources = typeof args.flags.from === 'string' ? [args.flags.from] : [];
  const file = configFileFor(args, io, sources);
  const guess = uncheckedSettings(file, args, io, sources);
  if (file === undefined && guess?.content.length === 0) return { pack: openShipped() };
  const fresh =
    guess === undefined ? undefined : openFresh(cachedPackPath(cacheFolder(io), guess, docentVersion()), guess);
  if (fresh !== undefined && guess !== undefined) return { pack: fresh, settings: guess };
  const settings = await loadSettings(args, io, sources);
  if (settings.content.length === 0) return { pack: openShipped() };
  requireSources(settings, `${command} --from`, true);
  return { pack: await compile(settings, io), settings };
}

async function compile(settings: Settings, io: Io): Promise<Pack> {
  const { cachePath, compileAndOpen, packSource } = await import('./sources.ts');
  const given = packSource(settings);
  if (given !== undefined) return new Pack(given);
  try {
    return await compileAndOpen(settings, cachePath(settings, io), io);
  } catch (error) {
    if (!(error instanceof PackError) || error.reason !== 'not-writable') throw error;
  }
  // Whoever asks for help has not asked for a cache: without one it only takes longer.
  const folder = mkdtempSync(join(process.getBuiltinModule('node:os').tmpdir(), 'docent-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return compileAndOpen(settings, join(folder, 'help.pack'), io);
}

/** Docent's own topics. */
export function openShipped(): Pack {
  const path = fileURLToPath(shippedPack());
  if (existsSync(path)) return new Pack(path);
  throw new CommandError(
    Exit.environment,
    'the pack with Docent’s own topics is missing',
    'in a clone, run: npm run build',
  );
}
