import { escapeText } from 'entities/escape';
import type { Pack } from '../pack/read.ts';
import type { RenderContext } from './context.ts';
import { errorTopics } from './errors.ts';

/** More than this in one sitemap is against the protocol: https://www.sitemaps.org/protocol.html. Pages; the rest is found by its links. */
const SITEMAP_LIMIT = 50_000;

/**
 * `/sitemap.xml`: the address of every page for people, none of its raw formats. Reads every summary.
 * @param siteUrl the public address: a sitemap has absolute addresses only.
 */
export function sitemapXml(pack: Pack, siteUrl: NonNullable<RenderContext['siteUrl']>): string {
  const paths = [
    '/',
    '/help/',
    '/help/topic-tree/',
    ...(errorTopics(pack).length === 0 ? [] : ['/errors/']),
    ...pack.rows().map(({ slug }) => `/help/${slug}/`),
  ];
  const urls = paths
    .slice(0, SITEMAP_LIMIT)
    .map((path) => `  <url><loc>${escapeText(`${siteUrl}${path}`)}</loc></url>`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
    ...urls,
    '</urlset>\n',
  ].join('\n');
}
