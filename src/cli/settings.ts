import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import {
  anchored,
  type ConfigFile,
  configFromEnvironment,
  findConfig,
  mergeConfigs,
  readConfig,
  type Settings,
  settle,
} from '../config/config.ts';
import type { DocentConfig } from '../topic/descriptor.ts';
import { formatDiagnostic } from '../topic/diagnostic.ts';
import { type Arguments, type Io, optionText, typed, usageError } from './command.ts';

/** Docent's own version: part of a cached pack's name, because another compiler may compile differently. */
export function docentVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

/** The pack with Docent's own topics; this module runs from `dist/cli` and, in tests, from `src/cli`. */
export function shippedPack(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? '../../dist/docent.pack' : '../docent.pack', import.meta.url);
}

/** The XDG cache folder: https://specifications.freedesktop.org/basedir-spec/latest/ */
export function cacheFolder(io: Io): string {
  return join(io.env.XDG_CACHE_HOME || join(io.env.HOME || homeFolder(), '.cache'), 'docent');
}

/** The XDG state folder: data that a program makes and keeps, and that nobody edits. */
export function stateFolder(io: Io): string {
  return join(io.env.XDG_STATE_HOME || join(io.env.HOME || homeFolder(), '.local', 'state'), 'docent');
}

function homeFolder(): string {
  // Nearly everybody has a HOME, and does not wait for this module.
  const { homedir, tmpdir } = process.getBuiltinModule('node:os');
  try {
    return homedir();
  } catch {
    // A user id that the system has no entry for, as in many containers.
    return tmpdir();
  }
}

/** The configuration file that a command stands under: named, else found upward from the first source or the current folder. */
export function configFileFor(args: Arguments, io: Io, sources: string[]): ConfigFile | undefined {
  const named = optionText(args, io, 'config');
  if (named === undefined) return findConfig(resolve(io.cwd, startOf(io, sources[0])));
  const file = readConfig(resolve(io.cwd, named));
  if (file === undefined) throw usageError(`the configuration ${named} cannot be read`, 'name a file with --config');
  return file;
}

/** The search begins in a source that is a folder, and beside one that is a file. */
function startOf(io: Io, source: string | undefined): string {
  if (source === undefined) return '.';
  return statSync(resolve(io.cwd, source), { throwIfNoEntry: false })?.isFile() ? dirname(source) : source;
}

/**
 * Settings that nobody has checked yet: good enough to look for a cached pack, which was built from checked ones or not at all.
 * @returns undefined when the file is no JSON object.
 */
export function uncheckedSettings(
  file: ConfigFile | undefined,
  args: Arguments,
  io: Io,
  sources: string[],
): Settings | undefined {
  try {
    const config = file === undefined ? {} : JSON.parse(file.text);
    return merge(config, file, args, io, sources);
  } catch {
    return undefined;
  }
}

/**
 * Settings from flags, environment and file, in this order of weight.
 * @throws {CommandError} wrong usage, when the file or a variable is not valid; every problem is named.
 */
export async function loadSettings(args: Arguments, io: Io, sources: string[]): Promise<Settings> {
  const file = configFileFor(args, io, sources);
  const { checkConfig, parseConfig } = await import('../config/check.ts');
  let config: DocentConfig = {};
  if (file !== undefined) {
    const parsed = parseConfig(file, shownPath(io, file.path));
    if (parsed.diagnostics.length > 0)
      throw usageError(`the configuration is not valid\n${parsed.diagnostics.map(formatDiagnostic).join('\n')}`);
    config = parsed.config;
  }
  const problems = checkConfig(configFromEnvironment(io.env));
  if (problems.length > 0) {
    const lines = problems.map(({ message, hint }) => `${message}${hint === undefined ? '' : ` (${hint})`}`);
    throw usageError(`the DOCENT_* environment is not valid: ${lines.join('; ')}`);
  }
  const [wrong] = checkConfig(configFromFlags(args));
  if (wrong !== undefined) throw usageError(wrong.message.replace(/^"\w+\.(\w+)"/, '--$1'), wrong.hint);
  return merge(config, file, args, io, sources);
}

/** The configuration that the flags ask for, in the shape of the file. */
function configFromFlags({ flags }: Arguments): DocentConfig {
  const config: Record<string, unknown> = {};
  const reference: Record<string, unknown> = {};
  if (flags.strict === true) config.strict = true;
  if (flags['allow-html'] === true) config.allowHtml = true;
  if (flags.store !== undefined) reference.store = flags.store;
  if (flags.durability !== undefined) reference.durability = flags.durability;
  return { ...config, ...(Object.keys(reference).length > 0 ? { reference } : {}) };
}

function merge(
  config: DocentConfig,
  file: ConfigFile | undefined,
  args: Arguments,
  io: Io,
  sources: string[],
): Settings {
  const folder = file === undefined ? io.cwd : dirname(file.path);
  // What is typed is relative to where it is typed.
  const typedHere = [configFromEnvironment(io.env), configFromFlags(args)].map((given) => anchored(given, io.cwd));
  return settle(
    mergeConfigs(commandFor(args, io, sources), anchored(config, folder), ...typedHere),
    folder,
    sources.map((source) => resolve(io.cwd, source)),
    (path) => shownPath(io, path),
  );
}

/**
 * Where nobody has said how readers ask for a topic, what pages tell them has to work all the same, here and now. A pack that is
 * shipped is read elsewhere.
 */
function commandFor(args: Arguments, io: Io, sources: string[]): DocentConfig {
  const [source, ...others] = sources;
  if (source === undefined || others.length > 0 || args.flags.out !== undefined) return {};
  const shown = shownPath(io, resolve(io.cwd, source));
  return { product: { command: `docent help --from ${typed(shown)}` } };
}

/**
 * @param takesPack whether the command also reads a pack.
 * @throws {CommandError} wrong usage, when no source is named or configured, or one does not exist.
 */
export function requireSources(settings: Settings, command: string, takesPack = false): void {
  if (settings.content.length === 0) {
    throw usageError(
      'no source is named, and no docent.config.json is found here or above',
      `try: docent ${command} FOLDER`,
    );
  }
  for (const { path, shown } of settings.content) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined)
      throw usageError(
        `there is no folder ${shown}`,
        takesPack ? 'name a folder of Markdown files, or a pack' : 'name a folder of Markdown files',
      );
  }
}

/** A path as a person in the current folder would type it. */
export function shownPath(io: Io, path: string): string {
  const below = relative(io.cwd, resolve(io.cwd, path));
  return below === '' ? '.' : below.startsWith('..') ? path : below;
}
