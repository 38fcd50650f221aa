import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPack } from '../build/build.ts';
import { openFresh } from '../build/cache.ts';
import { schemaFiles } from '../compile/schema.ts';
import { parseConfig } from '../config/check.ts';
import { findConfig, type Settings, settle } from '../config/config.ts';
import { createHandler } from '../http/handler.ts';
import { Pack } from '../pack/read.ts';
import type { Page } from '../render/page.ts';
import { formatDiagnostic } from '../topic/diagnostic.ts';

/**
 * `npm run dev`: every URL is answered by the real HTTP handler on Docent's own topics, except that pages are laid out by Astro's
 * development server, which reloads them when the theme changes.
 * @param render lays a page out; its response stands for the page's HTML.
 */
export async function answer(request: Request, render: (page: Page) => Promise<Response>): Promise<Response> {
  settings ??= ownSettings();
  const pack = openFresh(PACK, settings) ?? (await compile(settings));
  let page: Response | undefined;
  const pages = {
    async render(data: Page): Promise<string> {
      page = await render(data);
      return '';
    },
    asset: () => undefined,
    assetPaths: () => [],
  };
  const { siteTitle, base, helpPath } = settings;
  // A handler for each request: its cache would keep a page that the theme has changed since.
  const handler = createHandler(
    { pack, context: { siteTitle, base, helpPath }, pages, schemas: schemaFiles() },
    (error) => {
      throw error;
    },
  );
  const response = await Promise.resolve(handler(request)).finally(() => pack.close());
  if (page === undefined) return response;
  // Without the handler's own policy: Vite brings styles and a script of its own.
  return new Response(page.body, { status: response.status, headers: page.headers });
}

const PACK = join(mkdtempSync(join(tmpdir(), 'docent-dev-')), 'dev.pack');
let settings: Settings | undefined;

function ownSettings(): Settings {
  const file = findConfig(process.cwd());
  if (file === undefined) throw new Error('npm run dev is for a clone of Docent, which has a docent.config.json');
  return settle(parseConfig(file).config, process.cwd(), []);
}

/** Compiles Docent's own topics; what is wrong with them is told where the server runs. */
async function compile(own: Settings): Promise<Pack> {
  const { diagnostics } = await buildPack(own, PACK, true);
  for (const diagnostic of diagnostics) console.error(formatDiagnostic(diagnostic));
  return new Pack(PACK);
}
