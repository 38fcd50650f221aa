import { sourceState } from '../../build/build.ts';
import { schemaFiles } from '../../compile/schema.ts';
import type { Settings } from '../../config/config.ts';
import { createHandler, type HelpHandler } from '../../http/handler.ts';
import { type Listening, listen } from '../../http/listen.ts';
import { verifyPack } from '../../pack/checksum.ts';
import type { Stamp } from '../../pack/format.ts';
import { Pack } from '../../pack/read.ts';
import type { PageRenderer } from '../../render/page.ts';
import { plural } from '../../topic/diagnostic.ts';
import { type Command, CommandError, Exit, type Io, optionText, usageError } from '../command.ts';
import { docentVersion, loadSettings, requireSources } from '../settings.ts';
import { cachePath, compileAndOpen, packSource, packTarget } from '../sources.ts';
import { SourceWatch } from '../watch.ts';

const DEFAULT_PORT = 4321;
const DEFAULT_HOST = '127.0.0.1';

/** Requests that were under way when the catalog was replaced still read the old pack. Milliseconds. */
const PACK_GRACE_MS = 10_000;

/** `docent serve`: compiles the sources, or opens a pack, and answers over HTTP until it is interrupted. */
export const serve: Command = {
  name: 'serve',
  options: { pack: { type: 'string' }, port: { type: 'string' }, host: { type: 'string' }, watch: { type: 'boolean' } },
  async run(args, io) {
    const started = performance.now();
    const port = portOf(optionText(args, io, 'port') ?? String(DEFAULT_PORT));
    const host = optionText(args, io, 'host') ?? DEFAULT_HOST;
    const settings = await loadSettings(args, io, args.positionals);
    requireSources(settings, 'serve', true);
    const given = packSource(settings);
    const { pack: named } = args.flags;
    const path = given ?? (typeof named === 'string' ? packTarget(io, named) : cachePath(settings, io));
    if (given !== undefined && args.flags.watch === true)
      throw usageError('a pack does not change, so it cannot be watched', 'name its source folder instead');
    const pack = given === undefined ? compileAndOpen(settings, path, io) : openVerified(given);
    const site = new LiveSite(settings, await loadTheme(settings.base), io, pack);
    const server = await listenOrExplain((request) => site.answer(request), host, port);
    try {
      const seconds = ((performance.now() - started) / 1000).toFixed(2);
      const address = `${server.url.replace(/\/$/, settings.base)}/`;
      const interrupted = io.interrupted();
      const watching = args.flags.watch === true ? watchSources(settings, path, site, io) : undefined;
      io.stdout.write(`Docent ${docentVersion()}: ${plural(pack.topicCount, 'topic')} in ${seconds} s\n${address}\n`);
      await interrupted;
      watching?.close();
    } finally {
      await server.close();
      site.close();
    }
    return Exit.done;
  },
};

/** The site as it is now. A new catalog replaces the old one between two requests. */
class LiveSite {
  private readonly settings: Settings;
  private readonly pages: PageRenderer;
  private readonly io: Io;
  private pack: Pack;
  private handler: HelpHandler;

  constructor(settings: Settings, pages: PageRenderer, io: Io, pack: Pack) {
    this.settings = settings;
    this.pages = pages;
    this.io = io;
    this.pack = pack;
    this.handler = this.handlerFor(pack);
  }

  answer(request: Request): Promise<Response> {
    return this.handler(request);
  }

  replace(pack: Pack): void {
    const old = this.pack;
    this.pack = pack;
    this.handler = this.handlerFor(pack);
    setTimeout(() => old.close(), PACK_GRACE_MS).unref();
    this.io.stdout.write(`${plural(pack.topicCount, 'topic')} compiled again\n`);
  }

  /** What the catalog in service was built from. */
  stamps(): Stamp[] {
    return this.pack.stamps();
  }

  close(): void {
    this.pack.close();
  }

  private handlerFor(pack: Pack): HelpHandler {
    const { siteTitle, base, siteUrl, helpPath } = this.settings;
    const context = {
      siteTitle: siteTitle || pack.product.name,
      base,
      helpPath,
      ...(siteUrl === undefined ? {} : { siteUrl }),
    };
    const site = { pack, context, pages: this.pages, schemas: schemaFiles() };
    return createHandler(site, (error, request) => {
      this.io.stderr.write(
        `docent: ${request.method} ${new URL(request.url).pathname}: ${error instanceof Error ? error.message : error}\n`,
      );
    });
  }
}

function openVerified(path: string): Pack {
  verifyPack(path);
  return new Pack(path);
}

/** The Astro theme, built: a bundle of its own, loaded only by who serves pages. */
async function loadTheme(base: string): Promise<PageRenderer> {
  const built = import.meta.url.endsWith('.ts')
    ? '../../../dist/theme/server/entry.mjs'
    : '../../theme/server/entry.mjs';
  const theme = (await import(new URL(built, import.meta.url).href)) as {
    createPageRenderer(options: { base: string }): PageRenderer;
  };
  return theme.createPageRenderer({ base });
}

function portOf(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port <= 65_535) return port;
  throw usageError(`"${value}" is no port`, 'a port is a number from 0 to 65535; 0 takes a free one');
}

async function listenOrExplain(
  handler: (request: Request) => Promise<Response>,
  host: string,
  port: number,
): Promise<Listening> {
  try {
    return await listen(handler, host, port);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new CommandError(
        Exit.environment,
        `port ${port} on ${host} is in use`,
        'choose another with --port, or 0 for a free one',
      );
    if (code === 'EACCES')
      throw new CommandError(
        Exit.environment,
        `port ${port} on ${host} may not be opened`,
        'ports below 1024 need rights; choose another with --port',
      );
    throw new CommandError(
      Exit.environment,
      `cannot listen on ${host}:${port} (${message})`,
      'choose another address with --host',
    );
  }
}

/** Compiles again when a source has really changed. A build that fails is reported, and the last good catalog stays. */
function watchSources(settings: Settings, path: string, site: LiveSite, io: Io): SourceWatch {
  const say = (message: string) => io.stderr.write(`docent: ${message}\n`);
  let known = sourceState(settings, site.stamps());
  const rebuild = () => {
    const state = sourceState(settings, site.stamps());
    // The pack itself may lie in a source, and writing it is a change there too.
    if (state === known) return;
    known = state;
    try {
      site.replace(compileAndOpen(settings, path, io));
      known = sourceState(settings, site.stamps());
    } catch (error) {
      say(`${error instanceof Error ? error.message : error}; the last good catalog stays`);
    }
  };
  return new SourceWatch(settings.content, rebuild, say);
}
