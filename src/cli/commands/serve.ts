import { sourceState } from '../../build/build.ts';
import type { Settings } from '../../config/config.ts';
import { type Listening, listen } from '../../http/listen.ts';
import { verifyPack } from '../../pack/checksum.ts';
import { Pack } from '../../pack/read.ts';
import { plural } from '../../topic/diagnostic.ts';
import { type Command, CommandError, Exit, type Io, optionText, usageError } from '../command.ts';
import { LiveSite } from '../live.ts';
import { referenceFile } from '../reference.ts';
import { docentVersion, loadSettings, requireSources } from '../settings.ts';
import { loadTheme } from '../site.ts';
import { cachePath, compileAndOpen, packSource, packTarget } from '../sources.ts';
import { SourceWatch } from '../watch.ts';

const DEFAULT_PORT = 4321;
const DEFAULT_HOST = '127.0.0.1';

/** `docent serve`: compiles the sources, or opens a pack, and answers over HTTP until it is interrupted. */
export const serve: Command = {
  name: 'serve',
  options: {
    pack: { type: 'string' },
    port: { type: 'string' },
    host: { type: 'string' },
    watch: { type: 'boolean' },
    data: { type: 'string' },
  },
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
    const pack = given === undefined ? await compileAndOpen(settings, path, io) : openVerified(given);
    const site = new LiveSite(settings, await loadTheme(settings.base), pack, {
      referenceFile: settings.reference ? referenceFile(args, io) : undefined,
      runnable: given === undefined,
      say: (message) => io.stderr.write(`docent: ${message}\n`),
    });
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
      await site.close();
    }
    return Exit.done;
  },
};

function openVerified(path: string): Pack {
  verifyPack(path);
  return new Pack(path);
}

function portOf(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port <= 65_535) return port;
  throw usageError(`"${value}" is no port`, 'a port is a number from 0 to 65535; 0 takes a free one');
}

async function listenOrExplain(
  handler: (request: Request) => Response | Promise<Response>,
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
  const rebuild = async (signal: AbortSignal) => {
    const state = sourceState(settings, site.stamps());
    // The pack itself may lie in a source, and writing it is a change there too.
    if (state === known) return;
    known = state;
    try {
      const pack = await compileAndOpen(settings, path, io, signal);
      site.replace(pack);
      io.stdout.write(`${plural(pack.topicCount, 'topic')} compiled again\n`);
      known = sourceState(settings, site.stamps());
    } catch (error) {
      if (!signal.aborted) say(`${error instanceof Error ? error.message : error}; the last good catalog stays`);
    }
  };
  return new SourceWatch(settings.content, rebuild, say);
}
