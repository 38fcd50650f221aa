import { sourceState } from '../../build/build.ts';
import type { Settings } from '../../config/config.ts';
import { type Listening, listen } from '../../http/listen.ts';
import type { Observer } from '../../idempotency/index.ts';
import { verifyPack } from '../../pack/checksum.ts';
import { Pack } from '../../pack/read.ts';
import { plural } from '../../topic/diagnostic.ts';
import {
  type Arguments,
  type Command,
  CommandError,
  Exit,
  type Io,
  optionSwitch,
  optionText,
  usageError,
} from '../command.ts';
import { LiveSite } from '../live.ts';
import { JsonLog, type Say } from '../log.ts';
import { type Metrics, startMetrics } from '../metrics.ts';
import { docentVersion, loadSettings, requireSources } from '../settings.ts';
import { loadTheme } from '../site.ts';
import { cachePath, compileAndOpen, packSource, packTarget } from '../sources.ts';
import { announceStore, type ReferenceStore } from '../store.ts';
import { referenceStore, storeLocation } from '../stores.ts';
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
    store: { type: 'string' },
    durability: { type: 'string' },
    log: { type: 'boolean' },
    metrics: { type: 'string' },
  },
  async run(args, { stderr, ...others }) {
    const log = optionSwitch(args, others, 'log') ? new JsonLog(stderr) : undefined;
    // Who reads lines of JSON wants no others among them.
    const io = { ...others, stderr: log?.messages ?? stderr };
    const say: Say = log?.say ?? ((message) => stderr.write(`docent: ${message}\n`));
    const started = performance.now();
    const address = addressOf(args, io);
    const settings = await loadSettings(args, io, args.positionals);
    requireSources(settings, 'serve', true);
    const given = packSource(settings);
    const { pack: named } = args.flags;
    const path = given ?? (typeof named === 'string' ? packTarget(io, named) : cachePath(settings, io));
    if (given !== undefined && args.flags.watch === true)
      throw usageError('a pack does not change, so it cannot be watched', 'name its source folder instead');
    const store = await storeToServe(settings, args, io, say);
    const metrics = address.metrics && (await startMetrics(docentVersion()));
    const pack = given === undefined ? await compileAndOpen(settings, path, io) : openVerified(given);
    const site = new LiveSite(settings, await loadTheme(settings.base), pack, {
      reference: store && { store, observe: observerOf(log, metrics) },
      runnable: given === undefined,
      say,
      failed: metrics?.failed,
    });
    const servers: Listening[] = [];
    try {
      const server = await listenOrExplain(answering(site, metrics), address.site, 'port');
      servers.push(server);
      if (address.metrics !== undefined && metrics !== undefined)
        servers.push(await listenOrExplain(metrics.answer, address.metrics, 'metrics'));
      if (store !== undefined) await announceStore(store, say);
      const seconds = ((performance.now() - started) / 1000).toFixed(2);
      const url = `${server.url.replace(/\/$/, settings.base)}/`;
      const interrupted = io.interrupted();
      const watching = args.flags.watch === true ? watchSources(settings, path, site, io, say) : undefined;
      const ready = `Docent ${docentVersion()}: ${plural(pack.topicCount, 'topic')} in ${seconds} s`;
      const counting = servers.slice(1).map((listening) => `metrics: ${listening.url}metrics`);
      io.stdout.write(`${[ready, url, ...counting].join('\n')}\n`);
      await interrupted;
      watching?.close();
    } finally {
      await Promise.all(servers.map((server) => server.close()));
      await site.close();
    }
    return Exit.done;
  },
};

interface Address {
  host: string;
  port: number;
}

/** Where to listen for readers, and where for who counts. */
function addressOf(args: Arguments, io: Io): { site: Address; metrics?: Address } {
  const port = portOf(optionText(args, io, 'port') ?? String(DEFAULT_PORT));
  const site = { host: optionText(args, io, 'host') ?? DEFAULT_HOST, port };
  const metrics = optionText(args, io, 'metrics');
  if (metrics === undefined) return { site };
  // An IPv6 address has its own colons, and stands in brackets.
  const [, host, number = ''] = /^(?:(.+):)?([^:]*)$/.exec(metrics) ?? [];
  return { site, metrics: { host: host?.replace(/^\[(.*)\]$/, '$1') ?? DEFAULT_HOST, port: portOf(number) } };
}

/** The store of the reference API, where that is to be served. */
async function storeToServe(
  settings: Settings,
  args: Arguments,
  io: Io,
  say: Say,
): Promise<ReferenceStore | undefined> {
  const location = storeLocation(settings, args, io);
  if (settings.reference.enabled) return referenceStore(location, settings.reference.durability);
  if (args.flags.store !== undefined) say('--store is not used, because "reference.enabled" is off');
  return undefined;
}

function observerOf(log: JsonLog | undefined, metrics: Metrics | undefined): Observer | undefined {
  if (log === undefined && metrics === undefined) return undefined;
  return (decision) => {
    log?.decision(decision);
    metrics?.decision(decision);
  };
}

/** The site as a handler; its answers are counted where somebody counts. */
function answering(site: LiveSite, metrics: Metrics | undefined): (request: Request) => Response | Promise<Response> {
  if (metrics === undefined) return (request) => site.answer(request);
  const counted = (response: Response) => {
    metrics.answered(response);
    return response;
  };
  return (request) => {
    const answer = site.answer(request);
    return answer instanceof Promise ? answer.then(counted) : counted(answer);
  };
}

function openVerified(path: string): Pack {
  verifyPack(path);
  return new Pack(path);
}

function portOf(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port <= 65_535) return port;
  throw usageError(`"${value}" is no port`, 'a port is a number from 0 to 65535; 0 takes a free one');
}

/** @param flag that chooses the port, for a hint. */
async function listenOrExplain(
  handler: (request: Request) => Response | Promise<Response>,
  { host, port }: Address,
  flag: string,
): Promise<Listening> {
  try {
    return await listen(handler, host, port);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const fail = (what: string, hint: string) => new CommandError(Exit.environment, what, hint);
    if (code === 'EADDRINUSE')
      throw fail(`port ${port} on ${host} is in use`, `choose another with --${flag}, or 0 for a free one`);
    if (code === 'EACCES')
      throw fail(
        `port ${port} on ${host} may not be opened`,
        `ports below 1024 need rights; choose another with --${flag}`,
      );
    const other = flag === 'port' ? '--host' : `--${flag} HOST:PORT`;
    throw fail(`cannot listen on ${host}:${port} (${message})`, `choose another address with ${other}`);
  }
}

/** Compiles again when a source has really changed. A build that fails is reported, and the last good catalog stays. */
function watchSources(settings: Settings, path: string, site: LiveSite, io: Io, say: Say): SourceWatch {
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
