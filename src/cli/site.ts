import { schemaFiles } from '../compile/schema.ts';
import type { Settings } from '../config/config.ts';
import type { Pack } from '../pack/read.ts';
import type { HelpSite } from '../render/documents.ts';
import type { PageRenderer } from '../render/page.ts';

/**
 * A catalog as these settings publish it.
 * @param runnable whether pages offer to run their examples.
 */
export function siteOf(settings: Settings, pack: Pack, pages: PageRenderer, runnable = false): HelpSite {
  const { siteTitle, base, siteUrl, helpPath } = settings;
  const context = {
    siteTitle: siteTitle || pack.product.name,
    base,
    helpPath,
    ...(siteUrl === undefined ? {} : { siteUrl }),
    runnable,
  };
  return { pack, context, pages, schemas: schemaFiles() };
}

/** The Astro theme, built: a bundle of its own, loaded only by who publishes pages. */
export async function loadTheme(base: string): Promise<PageRenderer> {
  const built = import.meta.url.endsWith('.ts') ? '../../dist/theme/server/entry.mjs' : '../theme/server/entry.mjs';
  const theme = (await import(new URL(built, import.meta.url).href)) as {
    createPageRenderer(options: { base: string }): PageRenderer;
  };
  return theme.createPageRenderer({ base });
}
