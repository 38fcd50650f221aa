import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../config/config.ts';
import { PackError } from '../../pack/format.ts';
import { Pack } from '../../pack/read.ts';
import type { RenderContext } from '../../render/context.ts';
import { overviewText, topicText } from '../../render/text.ts';
import { slugFromSpelling, wordsOf } from '../../topic/id.ts';
import { visible } from '../../topic/visible.ts';
import {
  type Arguments,
  type Command,
  CommandError,
  Exit,
  type ExitCode,
  type Io,
  optionText,
  usageError,
} from '../command.ts';
import {
  cacheFolder,
  configFileFor,
  docentVersion,
  loadSettings,
  requireSources,
  shippedPack,
  uncheckedSettings,
} from '../settings.ts';
import { page, terminalStyle } from '../terminal.ts';

const FORMATS = ['text', 'md', 'json'];

/** A terminal reader has no URLs of its own; Markdown carries those of the site. */
const CONTEXT: RenderContext = { siteTitle: '', base: '', helpPath: '/api/help' };

/** `docent help`: one topic in the terminal. Reads a pack; loads neither Markdown parser nor validator unless it has to compile. */
export const help: Command = {
  name: 'help',
  options: {
    pack: { type: 'string' },
    format: { type: 'string' },
    json: { type: 'boolean' },
    from: { type: 'string' },
  },
  async run(args, io) {
    const format = formatOf(args);
    const pack = await openPack(args, io);
    try {
      return await show(pack, args.positionals, format, io);
    } finally {
      pack.close();
    }
  },
};

/** Shows a topic of Docent's own, whatever project one is in. */
export async function showOwnTopic(topic: string, io: Io): Promise<ExitCode> {
  const pack = openShipped();
  try {
    return await show(pack, [topic], 'text', io);
  } finally {
    pack.close();
  }
}

function formatOf(args: Arguments): string {
  const format = args.flags.format ?? (args.flags.json === true ? 'json' : 'text');
  if (typeof format === 'string' && FORMATS.includes(format)) return format;
  throw usageError(`"${format}" is no format`, `formats: ${FORMATS.join(', ')}`);
}

async function show(pack: Pack, words: string[], format: string, io: Io): Promise<ExitCode> {
  if (words.length === 0) return showAll(pack, format, io);
  const slug = slugFromSpelling(segmentsTyped(words).join('.'));
  const resolved = slug === undefined ? undefined : pack.resolve(slug);
  if (resolved === undefined) return showAction(pack, words, io) ?? notFound(pack, words, slug, io);
  if (format === 'json') io.stdout.write(pack.topicJson(resolved) as string);
  else if (format === 'md')
    writeMarkdown((await import('../../render/markdown.ts')).markdownRenderer.render(pack, resolved, CONTEXT), io);
  else await page(topicText(pack, resolved, terminalStyle(io)), io);
  return Exit.done;
}

/** A reader may paste a piece of a URL; only in URLs themselves is a surplus slash a mistake. */
function segmentsTyped(words: string[]): string[] {
  return words
    .join(' ')
    .split(/[\s./]+/)
    .filter(Boolean);
}

async function showAll(pack: Pack, format: string, io: Io): Promise<ExitCode> {
  if (format === 'json') io.stdout.write((await import('../../render/json.ts')).payloadJson(pack));
  else if (format === 'md')
    writeMarkdown(
      (await import('../../render/markdown.ts')).landingMarkdown(pack, { ...CONTEXT, siteTitle: pack.product.name }),
      io,
    );
  else await page(overviewText(pack, terminalStyle(io)), io);
  return Exit.done;
}

/** A file or program gets every byte; a terminal gets nothing that it would obey. */
function writeMarkdown(text: string, { stdout }: Io): void {
  stdout.write(stdout.isTTY === true ? text.split('\t').map(visible).join('\t') : text);
}

/** `help <topic> <action>`: the raw file, byte for byte. */
function showAction(pack: Pack, words: string[], io: Io): ExitCode | undefined {
  const topic = segmentsTyped(words);
  const name = topic.pop();
  const slug = slugFromSpelling(topic.join('.'));
  const owner = slug === undefined ? undefined : pack.resolve(slug);
  const action = owner === undefined || name === undefined ? undefined : pack.action(owner, name);
  if (action === undefined) return undefined;
  io.stdout.write(action.bytes);
  return Exit.done;
}

async function notFound(pack: Pack, words: string[], slug: string | undefined, io: Io): Promise<ExitCode> {
  const { suggest } = await import('../../catalog/suggest.ts');
  const { command } = pack.product;
  const wanted = shorten(words.join(' '));
  const suggestions = slug === undefined ? [] : suggest(slug, pack.ids());
  const hint =
    suggestions.length === 0
      ? [`  hint: all topics: ${command}`]
      : ['  did you mean', ...suggestions.map((id) => `    ${command} ${wordsOf(id)}`)];
  io.stderr.write(visible([`docent: there is no help topic "${wanted}"`, ...hint, ''].join('\n')));
  return Exit.failed;
}

/** What was typed, as a message repeats it. Characters. */
const ECHO_LIMIT = 80;

function shorten(text: string): string {
  return text.length > ECHO_LIMIT ? `${text.slice(0, ECHO_LIMIT - 1)}…` : text;
}

/** `--pack`, else `--from`, else the configuration found upward, else Docent's own topics. */
async function openPack(args: Arguments, io: Io): Promise<Pack> {
  // A source named on the command line outweighs a pack named in the environment.
  const named = typeof args.flags.from === 'string' ? args.flags.pack : optionText(args, io, 'pack');
  if (typeof named === 'string') return new Pack(resolve(io.cwd, named));
  const sources = typeof args.flags.from === 'string' ? [args.flags.from] : [];
  const file = configFileFor(args, io, sources);
  const guess = uncheckedSettings(file, args, io, sources);
  if (file === undefined && guess?.content.length === 0) return openShipped();
  const { cachedPackPath, openFresh } = await import('../../build/cache.ts');
  const fresh = guess === undefined ? undefined : openFresh(cachedPackPath(cacheFolder(io), guess, docentVersion()));
  if (fresh !== undefined) return fresh;
  const settings = await loadSettings(args, io, sources);
  if (settings.content.length === 0) return openShipped();
  requireSources(settings, 'help --from', true);
  return compile(settings, io);
}

async function compile(settings: Settings, io: Io): Promise<Pack> {
  const { cachePath, compileAndOpen, packSource } = await import('../sources.ts');
  const given = packSource(settings);
  if (given !== undefined) return new Pack(given);
  try {
    return compileAndOpen(settings, cachePath(settings, io), io);
  } catch (error) {
    if (!(error instanceof PackError) || error.reason !== 'not-writable') throw error;
  }
  // Whoever asks for help has not asked for a cache: without one it only takes longer.
  const folder = mkdtempSync(join(tmpdir(), 'docent-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return compileAndOpen(settings, join(folder, 'help.pack'), io);
}

function openShipped(): Pack {
  const path = fileURLToPath(shippedPack());
  if (existsSync(path)) return new Pack(path);
  throw new CommandError(
    Exit.environment,
    'the pack with Docent’s own topics is missing',
    'in a clone, run: npm run build',
  );
}
