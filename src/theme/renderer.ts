import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App } from 'astro/app';
import { createApp } from 'astro/app/entrypoint';
import type { Asset, Page, PageRenderer } from '../render/page.ts';

export interface PageRendererOptions {
  /** Prefix of every URL of the theme's own files, e.g. `/docs`; empty at the root. */
  base: string;
  /** Folder of the theme's files. Default: the one that was built together with this module. */
  assetsDir?: string;
}

const MEDIA_TYPES = new Map([
  ['.css', 'text/css; charset=utf-8'],
  ['.ico', 'image/x-icon'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.png', 'image/png'],
  ['.svg', 'image/svg+xml'],
  ['.txt', 'text/plain; charset=utf-8'],
  ['.webp', 'image/webp'],
  ['.woff2', 'font/woff2'],
]);

/** Astro would answer with a page about an error; Docent wants the error itself. */
class ThemeApp extends App {
  override createErrorHandler(): ReturnType<App['createErrorHandler']> {
    return {
      renderError: async (_request, { error, status }) => {
        throw error ?? new Error(`The theme answered with status ${status}`);
      },
    };
  }
}

/** The built theme as Docent's page renderer. */
export function createPageRenderer(options: PageRendererOptions): PageRenderer {
  // The manifest belongs to the module, and two renderers may differ in their base.
  const { manifest } = createApp();
  const app = new ThemeApp({ ...manifest, assetsPrefix: options.base || undefined, logLevel: 'silent' }, false);
  let assets: Map<string, Asset> | undefined;
  const known = () => {
    assets ??= readAssets(options.assetsDir ?? fileURLToPath(new URL('../client/', import.meta.url)));
    return assets;
  };
  return {
    async render(page: Page): Promise<string> {
      // One route catches every path, so the URL says nothing; the page travels in `locals`.
      const response = await app.render(new Request('http://localhost/'), { locals: { page } });
      if (response.status !== 200) throw new Error(`The theme answered with status ${response.status}`);
      return response.text();
    },
    asset(path: string): Asset | undefined {
      return known().get(path);
    },
    assetPaths: () => [...known().keys()],
  };
}

/** Every file of the folder by its URL path. A request is looked up here, never joined to a path of the file system. */
function readAssets(folder: string): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = `/${file.slice(join(folder, sep).length).replaceAll(sep, '/')}`;
    assets.set(path, {
      mediaType: MEDIA_TYPES.get(extname(file).toLowerCase()) ?? 'application/octet-stream',
      bytes: readFileSync(file),
      immutable: path.startsWith('/_astro/'),
    });
  }
  return assets;
}
