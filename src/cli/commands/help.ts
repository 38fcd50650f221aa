import type { Pack } from '../../pack/read.ts';
import type { RenderContext } from '../../render/context.ts';
import { overviewText, topicText } from '../../render/text.ts';
import { slugFromSpelling } from '../../topic/id.ts';
import { visible } from '../../topic/visible.ts';
import { type Arguments, type Command, Exit, type ExitCode, type Io, usageError } from '../command.ts';
import { page, terminalStyle } from '../terminal.ts';
import { noSuchTopic, openPack, openShipped, segmentsTyped } from '../topics.ts';

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
    const { pack } = await openPack(args, io, 'help');
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
  if (resolved === undefined) return showAction(pack, words, io) ?? noSuchTopic(pack, words, slug, io);
  if (format === 'json') io.stdout.write(pack.topicJson(resolved) as string);
  else if (format === 'md')
    writeMarkdown((await import('../../render/markdown.ts')).markdownRenderer.render(pack, resolved, CONTEXT), io);
  else await page(topicText(pack, resolved, terminalStyle(io)), io);
  return Exit.done;
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
