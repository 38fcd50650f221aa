import type { Pack } from '../pack/read.ts';
import type { RenderContext } from './context.ts';
import { errorsJson, jsonRenderer, manifestJson, payloadJson, payloadPieces, versionsJson } from './json.ts';
import { bodyRenderer, landingMarkdown, llmsText, markdownRenderer } from './markdown.ts';
import type { PageRenderer } from './page.ts';
import { contentsPage, errorsPage, homePage, topicPage, treePage } from './pages.ts';
import { sitemapXml } from './sitemap.ts';

/** All that is needed to publish a catalog: the catalog, where it is published, and a theme. */
export interface HelpSite {
  pack: Pack;
  context: RenderContext;
  pages: PageRenderer;
  /** Published schemas by file name. */
  schemas: Map<string, string>;
}

/** What has one URL and one format: a server answers it, an export writes it down. */
export interface SiteDocument {
  mediaType: string;
  /** Name of the published schema that describes it. */
  schema?: string;
  /** Why this site does not have it; undefined when it has. */
  missing?(site: HelpSite): string | undefined;
  body(site: HelpSite): string | Promise<string>;
  /** The body piece by piece, of a document that grows with every word of the catalog. */
  pieces?(site: HelpSite): Iterable<string>;
}

const HTML = 'text/html';
const JSON_TYPE = 'application/json';
const MARKDOWN = 'text/markdown';
const TEXT = 'text/plain';

/** Every document about the catalog as a whole, by its path below the base. */
export const DOCUMENTS: ReadonlyMap<string, SiteDocument> = new Map<string, SiteDocument>([
  ['/', { mediaType: HTML, body: ({ pack, context, pages }) => pages.render(homePage(pack, context)) }],
  ['/help/', { mediaType: HTML, body: ({ pack, context, pages }) => pages.render(contentsPage(pack, context)) }],
  ['/help/index.json', { mediaType: JSON_TYPE, schema: 'manifest', body: ({ pack }) => manifestJson(pack) }],
  ['/help/index.md', { mediaType: MARKDOWN, body: ({ pack, context }) => landingMarkdown(pack, context) }],
  ['/help/topic-tree/', { mediaType: HTML, body: ({ pack, context, pages }) => pages.render(treePage(pack, context)) }],
  [
    '/help/catalog.json',
    {
      mediaType: JSON_TYPE,
      schema: 'payload',
      body: ({ pack }) => payloadJson(pack),
      pieces: ({ pack }) => payloadPieces(pack),
    },
  ],
  [
    '/help/versions.json',
    { mediaType: JSON_TYPE, schema: 'versions', body: ({ pack, context }) => versionsJson(pack, context) },
  ],
  ['/errors/', { mediaType: HTML, body: ({ pack, context, pages }) => pages.render(errorsPage(pack, context)) }],
  ['/errors.json', { mediaType: JSON_TYPE, schema: 'errors', body: ({ pack }) => errorsJson(pack) }],
  ['/llms.txt', { mediaType: TEXT, body: ({ pack, context }) => llmsText(pack, context, false) }],
  ['/help/llms.txt', { mediaType: TEXT, body: ({ pack, context }) => llmsText(pack, context, true) }],
  [
    '/sitemap.xml',
    {
      mediaType: 'application/xml',
      missing: ({ context }) =>
        context.siteUrl === undefined
          ? 'A sitemap holds absolute addresses, and the public address of this site is not configured (site.url).'
          : undefined,
      body: ({ pack, context }) => sitemapXml(pack, context.siteUrl ?? ''),
    },
  ],
]);

/** One form of a topic: its URL is `/help/<slug>` and the suffix. */
export interface TopicForm {
  suffix: string;
  mediaType: string;
  /** @param slug of an existing topic. */
  body(site: HelpSite, slug: string): string | Promise<string>;
}

/** The page and its twins. A longer suffix stands before one that it ends in. */
export const TOPIC_FORMS: readonly TopicForm[] = [
  {
    suffix: '/',
    mediaType: HTML,
    body: ({ pack, context, pages }, slug) => pages.render(topicPage(pack, slug, context)),
  },
  {
    suffix: '.json',
    mediaType: JSON_TYPE,
    body: ({ pack, context }, slug) => jsonRenderer.render(pack, slug, context),
  },
  {
    suffix: '/index.md',
    mediaType: MARKDOWN,
    body: ({ pack, context }, slug) => markdownRenderer.render(pack, slug, context),
  },
  { suffix: '.md', mediaType: MARKDOWN, body: ({ pack, context }, slug) => bodyRenderer.render(pack, slug, context) },
];
