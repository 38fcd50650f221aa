import { suggest } from '../catalog/suggest.ts';
import { type RenderContext, topicUrl } from '../render/context.ts';
import { jsonRenderer, majorMinorOf, manifestJson, payloadJson, versionsJson } from '../render/json.ts';
import { bodyRenderer, landingMarkdown, llmsText, markdownRenderer } from '../render/markdown.ts';
import { contentsPage, homePage, topicPage, treePage } from '../render/pages.ts';
import { PLAIN } from '../render/terminal.ts';
import { overviewText, textRenderer } from '../render/text.ts';
import { slugFromSpelling } from '../topic/id.ts';
import { type Link, type Outcome, problem, type Resource, type Variant } from './resource.ts';
import type { HelpSite } from './site.ts';

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
  if (path === '/help' || path === '/help/topic-tree') return permanent(`${context.base}${path}/`);
  if (path.startsWith('/help/_files/')) return file(site, path.slice('/help/_files/'.length));
  if (path.startsWith('/help/')) return helpRoute(site, path.slice('/help/'.length));
  if (path === context.helpPath) return single(JSON_TYPE, () => payloadJson(site.pack));
  if (path.startsWith(`${context.helpPath}/`) && path.endsWith('/'))
    return permanent(`${context.base}${path.replace(/\/+$/, '')}`);
  if (path.startsWith(`${context.helpPath}/`)) return apiRoute(site, path.slice(context.helpPath.length + 1));
  if (path.startsWith('/schemas/')) return schema(site, path.slice('/schemas/'.length));
  const asset = site.pages.asset(path);
  if (asset === undefined) return problem('NOT_FOUND', `There is nothing at ${path}.`);
  return resource({ variants: [{ mediaType: asset.mediaType, body: () => asset.bytes }], immutable: asset.immutable });
}

function fixedRoute(site: HelpSite, path: string): Outcome | undefined {
  const { pack, context, pages } = site;
  switch (path) {
    case '/':
      return single('text/html', () => pages.render(homePage(pack, context)));
    case '/help/':
      return contents(site);
    case '/help/topic-tree/':
      return single('text/html', () => pages.render(treePage(pack, context)));
    case '/help/index.json':
      return single(JSON_TYPE, () => manifestJson(pack), describedBy(context, 'manifest'));
    case '/help/index.md':
      return single(MARKDOWN_TYPE, () => landingMarkdown(pack, context));
    case '/help/catalog.json':
      return single(JSON_TYPE, () => payloadJson(pack), describedBy(context, 'payload'));
    case '/help/versions.json':
      return single(JSON_TYPE, () => versionsJson(pack, context), describedBy(context, 'versions'));
    case '/llms.txt':
      return single('text/plain', () => llmsText(pack, context, false));
    case '/help/llms.txt':
      return single('text/plain', () => llmsText(pack, context, true));
    default:
      return undefined;
  }
}

function contents({ pack, context, pages }: HelpSite): Outcome {
  const location = (name: string) => `${context.base}/help/${name}`;
  return resource({
    variants: [
      { mediaType: 'text/html', location: location(''), body: () => pages.render(contentsPage(pack, context)) },
      { mediaType: JSON_TYPE, location: location('index.json'), body: () => manifestJson(pack) },
      { mediaType: MARKDOWN_TYPE, location: location('index.md'), body: () => landingMarkdown(pack, context) },
      { mediaType: 'text/plain', body: () => overviewText(pack, PLAIN) },
    ],
    links: [
      { url: location('index.json'), rel: 'alternate', type: JSON_TYPE },
      { url: location('index.md'), rel: 'alternate', type: MARKDOWN_TYPE },
      { url: location(''), rel: 'canonical' },
    ],
  });
}

/** A final `.json`, `.md` or `/index.md` says which representation; what is before it says which topic, in any spelling. */
const FORMS = [
  { suffix: '/index.md', mediaType: MARKDOWN_TYPE, renderer: markdownRenderer },
  { suffix: '.json', mediaType: JSON_TYPE, renderer: jsonRenderer },
  { suffix: '.md', mediaType: MARKDOWN_TYPE, renderer: bodyRenderer },
] as const;

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
  const { mediaType, renderer } = form;
  return resource({
    variants: [{ mediaType, body: () => renderer.render(site.pack, resolved, site.context) }],
    links: topicLinks(site, resolved),
  });
}

function topic(site: HelpSite, slug: string): Outcome {
  const { pack, context, pages } = site;
  const path = `${context.base}/help/${slug}`;
  return resource({
    variants: [
      { mediaType: 'text/html', location: `${path}/`, body: () => pages.render(topicPage(pack, slug, context)) },
      { mediaType: JSON_TYPE, location: `${path}.json`, body: () => jsonRenderer.render(pack, slug, context) },
      {
        mediaType: MARKDOWN_TYPE,
        location: `${path}/index.md`,
        body: () => markdownRenderer.render(pack, slug, context),
      },
      { mediaType: 'text/plain', body: () => textRenderer.render(pack, slug, context) },
    ],
    links: topicLinks(site, slug),
  });
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
    const path = encodeURI(rest).replace(/[?#]/g, encodeURIComponent);
    return { kind: 'redirect', status: 307, location: `${site.context.base}/help/${path}` };
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

function permanent(location: string): Outcome {
  return { kind: 'redirect', status: 308, location };
}

function resource(found: Resource): Outcome {
  return { kind: 'resource', resource: found };
}

function single(mediaType: string, body: Variant['body'], links: Link[] = []): Outcome {
  return resource({ variants: [{ mediaType, body }], links });
}

function describedBy({ base }: RenderContext, schema: string): Link[] {
  return [{ url: `${base}/schemas/${schema}.schema.json`, rel: 'describedby' }];
}
