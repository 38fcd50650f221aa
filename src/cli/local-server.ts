import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settle } from '../config/config.ts';
import { anchorStore, type StoreLocation } from '../config/store.ts';
import { parseBaseUrl } from '../example/run.ts';
import { listen } from '../http/listen.ts';
import { type Arguments, CommandError, Exit, type Io, optionText, usageError } from './command.ts';
import { LiveSite } from './live.ts';
import { loadTheme } from './site.ts';
import type { ReferenceStore } from './store.ts';
import { locationOf, referenceStore } from './stores.ts';
import type { OpenedPack } from './topics.ts';

/** Whoever answers takes less to say something. Milliseconds. */
const PROBE_LIMIT_MS = 10_000;

/** Product name of the pack with Docent's own topics, whose examples are of the reference API. */
const OWN_PRODUCT = 'docent';

/** The server that examples are sent to. */
export interface ExampleServer {
  baseUrl: string;
  /** Whether it was started for this run. */
  own: boolean;
  /** What a person is told that it is: its URL, or what the server has that was started for the run. */
  name: string;
  /** Whether it is one of our own without the reference API: whatever API the examples are of, it is not there. */
  helpOnly: boolean;
  close(): Promise<void>;
}

/**
 * The server of `--base-url`, after a look whether it answers at all, else one of our own.
 * @param open gives the pack that our own server serves; it is closed with the server.
 * @throws {CommandError} wrong usage for a URL that is none; the environment, when nothing answers there.
 */
export async function exampleServer(args: Arguments, io: Io, open: () => OpenedPack): Promise<ExampleServer> {
  const named = optionText(args, io, 'base-url');
  if (named === undefined) return startLocalServer(open(), args, io);
  if (args.flags.store !== undefined)
    throw usageError('--store is for a server that is started here, and --base-url names another', 'leave one out');
  const base = parseBaseUrl(named);
  if (base === undefined)
    throw usageError(`"${named}" is no base URL`, 'write http://host:port, and the path below which the API lies');
  await requireAnswer(base.href);
  return { baseUrl: base.href, own: false, name: base.href, helpOnly: false, close: async () => {} };
}

/** One line instead of as many as there are examples. */
async function requireAnswer(url: string): Promise<void> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(PROBE_LIMIT_MS) });
    await response.body?.cancel();
  } catch (error) {
    const { cause = error } = error as { cause?: unknown };
    const { message, code } = cause as { message?: string; code?: string };
    throw new CommandError(
      Exit.environment,
      `nothing answers at ${url} (${message || code || cause})`,
      'see that the server runs, or leave --base-url out to have one started',
    );
  }
}

/** @throws {CommandError} when the server of a store cannot be used: every example would be answered 503. */
async function reachable(store: ReferenceStore): Promise<ReferenceStore> {
  try {
    await store.server?.prepare();
    return store;
  } catch (error) {
    const what = `${store.server?.shown} cannot be used (${(error as Error).message})`;
    throw new CommandError(Exit.environment, what, 'see that it runs, or leave --store out');
  }
}

/**
 * A whole Docent server on a free port of this machine alone: the help at its root and, where the settings or the topics ask for it, the
 * reference API: on a store that is gone afterwards, unless one is named here. What the configuration names is left alone: examples are
 * no customers. The pack is closed with it.
 */
async function startLocalServer({ pack, settings }: OpenedPack, { flags }: Arguments, io: Io): Promise<ExampleServer> {
  const folder = mkdtempSync(join(tmpdir(), 'docent-run-'));
  const discard = () => rmSync(folder, { recursive: true, force: true });
  const { siteUrl: _, ...given } = settings ?? settle({}, io.cwd, []);
  const { store: named } = flags;
  const withReference = given.reference.enabled || typeof named === 'string' || pack.product.name === OWN_PRODUCT;
  try {
    const location: StoreLocation =
      typeof named === 'string'
        ? locationOf(anchorStore(named, io.cwd))
        : { kind: 'sqlite', path: join(folder, 'reference.sqlite') };
    const store = await reachable(await referenceStore(location, given.reference.durability));
    // Examples are written for a server at the root.
    const site = new LiveSite({ ...given, base: '' }, await loadTheme(''), pack, {
      reference: withReference ? { store } : undefined,
      runnable: false,
      say: (message) => io.stderr.write(`docent: ${message}\n`),
    });
    const server = await listen((request) => site.answer(request), '127.0.0.1', 0);
    const close = async () => {
      await server.close();
      await site.close();
      discard();
    };
    const what = withReference ? '' : ' with the help alone; --base-url names another';
    return {
      baseUrl: server.url,
      own: true,
      name: `a server started for this run${what}`,
      helpOnly: !withReference,
      close,
    };
  } catch (error) {
    discard();
    throw error;
  }
}
