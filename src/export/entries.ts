import { decodeHTMLAttribute } from 'entities/decode';
import type { PackedTopic } from '../pack/read.ts';
import { documented } from '../reference/errors.ts';
import { mustHave, publicUrl, topicUrl } from '../render/context.ts';
import { DOCUMENTS, type HelpSite, TOPIC_FORMS } from '../render/documents.ts';
import { majorMinorOf, payloadPieces } from '../render/json.ts';
import { problemPage } from '../render/pages.ts';
import { slugOf } from '../topic/id.ts';
import { redirectPage } from './redirect.ts';

export type Content = string | Uint8Array | Iterable<string>;

/** A file of the static site. */
export interface Entry {
  /** Where it lies below the site's folder, with forward slashes. */
  file: string;
  /** The whole, or pieces one after the other. */
  body(): Content | Promise<string>;
}

/**
 * Every file of a site, one after the other: nothing is made before it is asked for, and no more than one topic is held at a time.
 * A URL that ends in a slash is an `index.html` in its folder; any other is a file of its name.
 */
export function* entries(site: HelpSite): Generator<Entry> {
  const images = new Set(imagesIn(site.pack.landing()?.html ?? ''));
  yield* documentEntries(site);
  yield* themeEntries(site);
  // Summaries only: they take a few hundred bytes each.
  for (const { slug } of site.pack.rows()) {
    const topic = mustHave(site.pack.topic(slug), slug);
    yield* topicEntries(site, topic);
    for (const image of imagesIn(topic.html)) images.add(image);
  }
  yield* imageEntries(site, images);
  yield* apiEntries(site);
}

function* documentEntries(site: HelpSite): Generator<Entry> {
  const { context, pack, pages, schemas } = site;
  for (const [path, document] of DOCUMENTS) {
    if (document.missing?.(site) === undefined)
      yield { file: fileOf(path), body: () => document.pieces?.(site) ?? document.body(site) };
  }
  for (const [name, text] of schemas) yield { file: `schemas/${name}`, body: () => text };
  const { status, title } = documented('NOT_FOUND');
  const notFound = {
    status,
    title,
    code: 'NOT_FOUND',
    detail: 'A page that has moved is in the contents of the manual.',
  };
  // The name by which most static servers know the page for what is missing.
  yield {
    file: '404.html',
    body: () => pages.render(problemPage(pack, notFound, pack.resolve('errors/not_found'), [], context)),
  };
  // Without it GitHub Pages leaves out what begins with an underscore, such as the style sheets.
  yield { file: '.nojekyll', body: () => '' };
  for (const path of ['/help/', '/help/topic-tree/']) yield* versionEntry(site, path);
}

function* themeEntries({ pages }: HelpSite): Generator<Entry> {
  for (const path of pages.assetPaths()) yield { file: fileOf(path), body: () => pages.asset(path)?.bytes ?? '' };
}

function* topicEntries(site: HelpSite, { slug, descriptor }: PackedTopic): Generator<Entry> {
  const { pack, context } = site;
  for (const { suffix, body } of TOPIC_FORMS)
    yield { file: fileOf(`/help/${slug}${suffix}`), body: () => body(site, slug) };
  yield* versionEntry(site, `/help/${slug}/`);
  for (const alias of (descriptor.aliases ?? []).map(slugOf)) {
    if (alias === slug || pack.resolve(alias) !== slug) continue;
    yield* aliasEntries(site, alias, slug);
  }
  for (const { name } of pack.actions(slug))
    yield { file: `help/${slug}/${name}`, body: () => pack.action(slug, name)?.bytes ?? '' };
  yield { file: `${apiFolder(context)}/${slug}.json`, body: () => pack.topicJson(slug) ?? '' };
}

/** A page can lead on; who reads data cannot be led, and gets it under the other name too. */
function* aliasEntries(site: HelpSite, alias: string, slug: string): Generator<Entry> {
  const { context, pack } = site;
  for (const { suffix, body } of TOPIC_FORMS) {
    const redirect = () => redirectPage(topicUrl(context, slug), publicUrl(context, `/help/${slug}/`));
    yield { file: fileOf(`/help/${alias}${suffix}`), body: suffix === '/' ? redirect : () => body(site, slug) };
  }
  yield { file: `${apiFolder(context)}/${alias}.json`, body: () => pack.topicJson(slug) ?? '' };
}

/** As on a server, the versioned address of a page leads to the plain one; `versions.json` names the plain ones. */
function* versionEntry({ pack, context }: HelpSite, path: string): Generator<Entry> {
  const version = majorMinorOf(pack.product);
  if (version === undefined) return;
  const versioned = path.replace('/help/', `/help/v${version}/`);
  yield {
    file: fileOf(versioned),
    body: () => redirectPage(`${context.base}${path}`, publicUrl(context, path)),
  };
}

function* imageEntries({ pack }: HelpSite, images: Set<string>): Generator<Entry> {
  for (const path of images) {
    const image = pack.file(path);
    // A link to a file that is not there is the author's, and is none here either.
    if (image !== undefined) yield { file: `help/_files/${path}`, body: () => image.bytes };
  }
}

/**
 * `/api/help` as `api/help.json`: a name without a suffix would be sent as a download, and could not be a file beside the folder of
 * the topics.
 */
function* apiEntries({ pack, context }: HelpSite): Generator<Entry> {
  yield { file: `${apiFolder(context)}.json`, body: () => payloadPieces(pack) };
}

function apiFolder({ helpPath }: HelpSite['context']): string {
  return helpPath.slice(1);
}

/** The images that a compiled fragment shows or links to, by their path below `/help/_files/`. */
function imagesIn(html: string): string[] {
  return [...html.matchAll(/="(?:\.\.\/)*_files\/([^"?#]*)[^"]*"/g)].flatMap(([, path = '']) => {
    try {
      return decodeURIComponent(decodeHTMLAttribute(path));
    } catch {
      return [];
    }
  });
}

function fileOf(path: string): string {
  return path.endsWith('/') ? `${path.slice(1)}index.html` : path.slice(1);
}
