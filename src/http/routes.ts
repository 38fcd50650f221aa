import { suggest } from '../catalog/suggest.ts';
import { canRun, mustHave, type RenderContext, topicUrl } from '../render/context.ts';
import { DOCUMENTS, type HelpSite, type SiteDocument, TOPIC_FORMS } from '../render/documents.ts';
import { jsonRenderer, majorMinorOf, payloadJson } from '../render/json.ts';
import { PLAIN } from '../render/terminal.ts';
import { overviewText, textRenderer } from '../render/text.ts';
import { slugFromSpelling } from '../topic/id.ts';
import { type Link, type Outcome, problem, type Resource, type Variant } from './resource.ts';

const JSON_TYPE = 'application/json';
const MARKDOWN_TYPE = 'text/markdown';

/**
 * What a path leads to.
 * @param path percent-decoded, without the base path, beginning with a slash.
 */
export function route(site: HelpSite, path: string): Outcome {
  const { context } = site;
  const fixed = fixedRoute(site, path);
  if (fixed !== undefined) return fixed;
  if (['/help', '/help/topic-tree', '/errors'].includes(path)) return permanent(`${context.base}${path}/`);
  if (path.startsWith('/help/_files/')) return file(site, path.slice('/help/_files/'.length));
  if (path.startsWith('/help/')) return helpRoute(site, path.slice('/help/'.length));
  if (path === context.helpPath) return single(JSON_TYPE, () => payloadJson(site.pack));
  if (path.startsWith(`${context.helpPath}/`) && path.endsWith('/'))
    return permanent(`${context.base}${encodePath(withoutFinalSlashes(path))}`);
  if (path.startsWith(`${context.helpPath}/`)) return apiRoute(site, path.slice(context.helpPath.length + 1));
  if (path.startsWith('/schemas/')) return schema(site, path.slice('/schemas/'.length));
  const asset = site.pages.asset(path);
  if (asset === undefined) return problem('NOT_FOUND', `There is nothing at ${path}.`);
  return resource({ variants: [{ mediaType: asset.mediaType, body: () => asset.bytes }], immutable: asset.immutable });
}

/** `/help/` and `/errors/` are to be had in several formats, each of which has a URL of its own. */
function fixedRoute(site: HelpSite, path: string): Outcome | undefined {
  if (path === '/help/') return negotiated(site, ['/help/', '/help/index.json', '/help/index.md'], overview(site));
  if (path === '/errors/') return negotiated(site, ['/errors/', '/errors.json']);
  const document = DOCUMENTS.get(path);
  if (document === undefined) return undefined;
  const missing = document.missing?.(site);
  if (missing !== undefined) return problem('NOT_FOUND', missing);
  return single(document.mediaType, () => document.body(site), describedBy(site.context, document));
}

function overview({ pack }: HelpSite): Variant {
  return { mediaType: 'text/plain', body: () => overviewText(pack, PLAIN) };
}

/** @param paths the first is that of the page. */
function negotiated(site: HelpSite, paths: [string, ...string[]], ...more: Variant[]): Outcome {
  const [page, ...twins] = paths.map((path) => {
    const { mediaType, body } = DOCUMENTS.get(path) as SiteDocument;
    return { mediaType, location: `${site.context.base}${path}`, body: () => body(site) };
  }) as [Variant & { location: string }, ...(Variant & { location: string })[]];
  return resource({
    variants: [page, ...twins, ...more],
    links: [
      ...twins.map(({ location, mediaType }) => ({ url: location, rel: 'alternate', type: mediaType })),
      { url: page.location, rel: 'canonical' },
    ],
  });
}

/** A final `.json`, `.md` or `/index.md` says which representation; what is before it says which topic, in any spelling. */
const FORMS = TOPIC_FORMS.filter(({ suffix }) => suffix !== '/');

function helpRoute(site: HelpSite, rest: string): Outcome {
  const version = /^v(\d+\.\d+)(?:\/(.*))?$/s.exec(rest);
  if (version !== null) return versionRoute(site, version[1] as string, version[2] ?? '');
  const path = rest.replaceAll('%2F', '/');
  const form = FORMS.find(({ suffix }) => path.toLowerCase().endsWith(suffix));
  const spelling = form === undefined ? path.replace(/\/$/, '') : path.slice(0, -form.suffix.length);
  const suffix = form?.suffix ?? '/';
  const slug = slugFromPath(spelling);
  if (slug === undefined) return malformed(spelling);
  const resolved = site.pack.resolve(slug);
  if (resolved === undefined)
    return (form === undefined ? action(site, rest, spelling, slug) : undefined) ?? unknownTopic(site, slug);
  if (rest !== `${resolved}${suffix}`) return permanent(`${site.context.base}/help/${resolved}${suffix}`);
  if (form === undefined) return topic(site, resolved);
  return resource({
    variants: [{ mediaType: form.mediaType, body: () => form.body(site, resolved) }],
    links: topicLinks(site, resolved),
  });
}

function topic(site: HelpSite, slug: string): Outcome {
  const path = `${site.context.base}/help/${slug}`;
  // The body alone is no other form of the page: it says less.
  const forms = TOPIC_FORMS.filter(({ suffix }) => suffix !== '.md').map(({ suffix, mediaType, body }) => ({
    mediaType,
    location: `${path}${suffix}`,
    body: () => body(site, slug),
  }));
  const text = { mediaType: 'text/plain', body: () => textRenderer.render(site.pack, slug, site.context) };
  const scripted =
    site.context.runnable === true && canRun(mustHave(site.pack.topic(slug), slug).descriptor, site.context);
  return resource({ variants: [...forms, text], links: topicLinks(site, slug), scripted });
}

function topicLinks({ context }: HelpSite, slug: string): Resource['links'] & object {
  const path = `${context.base}/help/${slug}`;
  return [
    { url: `${path}.json`, rel: 'alternate', type: JSON_TYPE },
    { url: `${path}/index.md`, rel: 'alternate', type: MARKDOWN_TYPE },
    { url: topicUrl(context, slug), rel: 'canonical' },
    { url: `${context.base}/schemas/descriptor.schema.json`, rel: 'describedby', type: 'application/schema+json' },
  ];
}

/** `/help/<slug>/<action>`: the name keeps its case, what is before it may be any spelling. */
function action(site: HelpSite, rest: string, spelling: string, slug: string): Outcome | undefined {
  const slash = slug.lastIndexOf('/');
  if (slash < 0) return undefined;
  const owner = site.pack.resolve(slug.slice(0, slash));
  const name = spelling.slice(slash + 1);
  const found = owner === undefined ? undefined : site.pack.action(owner, name);
  if (found === undefined) return undefined;
  if (rest !== `${owner}/${name}`) return permanent(`${site.context.base}/help/${owner}/${name}`);
  return foreign(found.mediaType, () => site.pack.action(owner as string, name)?.bytes);
}

/** A server has the current version only: its versioned URLs lead to the plain ones. */
function versionRoute(site: HelpSite, majorMinor: string, rest: string): Outcome {
  const current = majorMinorOf(site.pack.product);
  if (majorMinor === current) {
    return { kind: 'redirect', status: 307, location: `${site.context.base}/help/${encodePath(rest)}` };
  }
  const have = current === undefined ? 'The catalog has no versions.' : `The catalog has version ${current}.`;
  return problem('NOT_FOUND', `There is no catalog version ${majorMinor} here. ${have}`);
}

function apiRoute(site: HelpSite, spelling: string): Outcome {
  const slug = slugFromPath(spelling.replaceAll('%2F', '/'));
  if (slug === undefined) return malformed(spelling);
  const resolved = site.pack.resolve(slug);
  if (resolved === undefined) return unknownTopic(site, slug);
  return resource({
    variants: [{ mediaType: JSON_TYPE, body: () => jsonRenderer.render(site.pack, resolved, site.context) }],
    links: topicLinks(site, resolved),
  });
}

function file({ pack }: HelpSite, path: string): Outcome {
  const found = pack.file(path);
  if (found === undefined) return problem('NOT_FOUND', `There is no file ${path} in this catalog.`);
  return foreign(found.mediaType, () => pack.file(path)?.bytes);
}

/** @param read gets the bytes when they are to be sent: what a URL leads to is remembered, and must not hold on to them. */
function foreign(mediaType: string, read: () => Uint8Array | undefined): Outcome {
  return resource({ variants: [{ mediaType, body: () => read() ?? '' }], foreign: true });
}

function schema({ schemas }: HelpSite, name: string): Outcome {
  const text = schemas.get(name);
  if (text !== undefined) return single('application/schema+json', () => text);
  return problem('NOT_FOUND', `There is no schema ${name}. There are: ${[...schemas.keys()].join(', ')}.`);
}

/** In a URL white space separates nothing: it is a mistake of whoever made the link. */
function slugFromPath(spelling: string): string | undefined {
  return /\s/.test(spelling) ? undefined : slugFromSpelling(spelling);
}

function malformed(spelling: string): Outcome {
  const hint = 'A topic is segments of letters, digits, - and _, separated by dots or slashes.';
  return problem('BAD_REQUEST', `${JSON.stringify(spelling.slice(0, 100))} is no topic path. ${hint}`);
}

function unknownTopic({ pack, context }: HelpSite, slug: string): Outcome {
  const suggestions = suggest(slug, pack.ids());
  const hint =
    suggestions.length === 0
      ? `All topics are listed at ${context.base}/help/index.json.`
      : `Did you mean ${suggestions.join(', ')}?`;
  return problem('HELP_TOPIC_NOT_FOUND', `There is no help topic ${slug.replaceAll('/', '.')}. ${hint}`, {
    suggestions,
  });
}

/** The expression is tried where a row of slashes begins only: from each one in it, a long path would take a tenth of a second. */
function withoutFinalSlashes(path: string): string {
  return path.replace(/(?<!\/)\/+$/, '');
}

/** A header takes no other characters than a URL does. */
function encodePath(path: string): string {
  return encodeURI(path).replace(/[?#]/g, encodeURIComponent);
}

function permanent(location: string): Outcome {
  return { kind: 'redirect', status: 308, location };
}

function resource(found: Resource): Outcome {
  return { kind: 'resource', resource: found };
}

function single(mediaType: string, body: Variant['body'], links: Link[] = []): Outcome {
  return resource({ variants: [{ mediaType, body }], links });
}

function describedBy({ base }: RenderContext, { schema }: SiteDocument): Link[] {
  return schema === undefined ? [] : [{ url: `${base}/schemas/${schema}.schema.json`, rel: 'describedby' }];
}
