import type { Settings } from '../config/config.ts';
import { createHandler, type HelpHandler } from '../http/handler.ts';
import { mountApi } from '../http/mount.ts';
import type { Stamp } from '../pack/format.ts';
import type { Pack } from '../pack/read.ts';
import type { PageRenderer } from '../render/page.ts';
import type { Say } from './log.ts';
import { type ReferenceParts, referenceApi } from './reference.ts';
import { siteOf } from './site.ts';

/** Requests that were under way when the catalog was replaced still read the old pack. Milliseconds. */
const PACK_GRACE_MS = 10_000;

export interface LiveSiteOptions {
  /** What the reference API stands on, where it is to be served. */
  reference?: ReferenceParts | undefined;
  /** Whether pages may offer to run their examples: only for topics of whoever runs the server. */
  runnable: boolean;
  /** Is told of what is nobody's fault but the server's. */
  say: Say;
  /** Is handed the error itself, for whoever counts. */
  failed?: ((error: unknown) => void) | undefined;
}

/** The site as it is now, with the reference API beside it. A new catalog replaces the old one between two requests. */
export class LiveSite {
  private readonly settings: Settings;
  private readonly pages: PageRenderer;
  private readonly options: LiveSiteOptions;
  private readonly reference: ReturnType<typeof referenceApi> | undefined;
  private pack: Pack;
  private handler: HelpHandler;

  constructor(settings: Settings, pages: PageRenderer, pack: Pack, options: LiveSiteOptions) {
    this.settings = settings;
    this.pages = pages;
    this.options = options;
    this.pack = pack;
    const { reference: parts } = options;
    this.reference = parts && referenceApi(settings, parts, () => this.pack, this.report);
    this.handler = this.handlerFor(pack);
  }

  answer(request: Request): Response | Promise<Response> {
    return this.handler(request);
  }

  replace(pack: Pack): void {
    const old = this.pack;
    this.pack = pack;
    this.handler = this.handlerFor(pack);
    setTimeout(() => old.close(), PACK_GRACE_MS).unref();
  }

  /** What the catalog in service was built from. */
  stamps(): Stamp[] {
    return this.pack.stamps();
  }

  /** To be called when no request comes any more. */
  async close(): Promise<void> {
    await this.reference?.close();
    this.pack.close();
  }

  private readonly report = (error: unknown, request: Request): void => {
    const message = error instanceof Error ? error.message : String(error);
    this.options.say(`${request.method} ${new URL(request.url).pathname}: ${message}`, 'error');
    this.options.failed?.(error);
  };

  private handlerFor(pack: Pack): HelpHandler {
    const runnable = this.options.runnable && this.reference !== undefined;
    const help = createHandler(siteOf(this.settings, pack, this.pages, runnable), this.report);
    return this.reference === undefined ? help : mountApi(help, this.reference);
  }
}
