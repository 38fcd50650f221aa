import type { Pack, TopicRow } from '../pack/read.ts';
import { parentOf, slugOf, wordsOf } from '../topic/id.ts';
import { canRun, commandFor, mustHave, publicUrl, type RenderContext, relatedTopics, topicUrl } from './context.ts';
import { documentsErrors, errorTopics } from './errors.ts';
import type {
  Alternate,
  ContentsPage,
  ErrorsPage,
  HomePage,
  ProblemPage,
  Site,
  TopicLink,
  TopicPage,
  TreeNode,
  TreePage,
} from './page.ts';

/** Builds the plain data that the theme lays out. */

/** How many subtopics are looked at to see whether they are errors. Topics. */
const CHILD_SAMPLE = 5;

export function topicPage(pack: Pack, slug: string, context: RenderContext): TopicPage {
  const topic = mustHave(pack.topic(slug), slug);
  const { descriptor } = topic;
  const parent = parentOf(slug.replaceAll('/', '.'));
  const children = pack.children(slug);
  const path = `${context.base}/help/${slug}`;
  const link = (row: TopicRow) => toLink(pack, row, context);
  const previous = pack.at(topic.position - 1);
  const next = pack.at(topic.position + 1);
  const page: TopicPage = {
    kind: 'topic',
    site: siteOf(pack, context),
    title: descriptor.title,
    description: topic.tagline,
    canonical: publicUrl(context, `/help/${slug}/`),
    alternates: [
      { mediaType: 'application/json', url: `${path}.json`, label: 'full descriptor' },
      { mediaType: 'text/markdown', url: `${path}/index.md`, label: 'this page as Markdown' },
      { mediaType: 'text/markdown', url: `${path}.md`, label: 'body only' },
    ],
    descriptor,
    html: topic.html,
    outline: topic.outline.filter(({ level }) => level === 2 || level === 3),
    trail: ancestors(pack, slug).map(link),
    command: commandFor(pack, descriptor.topic),
    children: children.map(link),
    seeAlso: links(pack, descriptor.see_also, context),
    siblings: siblingLinks(pack, parent === undefined ? undefined : slugOf(parent), context),
    actions: pack
      .actions(slug)
      .map(({ name, mediaType, description }) => ({ name, mediaType, description, url: `${path}/${name}` })),
  };
  if (descriptor.replaced_by !== undefined)
    page.replacedBy = links(pack, [descriptor.replaced_by], context)[0] as TopicLink;
  // A list of errors has one among its first; to look at every child would make the page of many dear.
  const isAboutErrors = [{ slug }, ...children.slice(0, CHILD_SAMPLE)].some((row) => documentsErrors(pack, row.slug));
  if (isAboutErrors) page.errorsUrl = errorsUrl(context);
  if (canRun(descriptor, context))
    page.run = { descriptorUrl: `${path}.json`, command: runCommand(pack, descriptor.topic) };
  if (previous !== undefined) page.previous = link(previous);
  if (next !== undefined) page.next = link(next);
  return page;
}

/** Docent's own, whatever the product's command for its help is; if that is Docent's too, with the source that it names. */
function runCommand({ product }: Pack, id: string): string {
  const source = /^docent help( .+)$/.exec(product.command)?.[1] ?? '';
  return `docent run${source} ${wordsOf(id)}`;
}

export function homePage(pack: Pack, context: RenderContext): HomePage {
  return {
    kind: 'home',
    site: siteOf(pack, context),
    title: context.siteTitle,
    description: pack.landing()?.tagline ?? '',
    canonical: publicUrl(context, '/'),
    alternates: [{ mediaType: 'text/plain', url: `${context.base}/llms.txt`, label: 'for agents' }],
    topics: pack.children(undefined).map((row) => toLink(pack, row, context)),
  };
}

export function contentsPage(pack: Pack, context: RenderContext): ContentsPage {
  const landing = pack.landing();
  const link = (row: TopicRow) => toLink(pack, row, context);
  return {
    kind: 'contents',
    site: siteOf(pack, context),
    title: landing?.title || 'Contents',
    description: landing?.tagline ?? '',
    canonical: publicUrl(context, '/help/'),
    alternates: helpAlternates(context),
    html: landing?.html ?? '',
    topics: pack.children(undefined).map((row) => ({ ...link(row), children: pack.children(row.slug).map(link) })),
    ...errorsLink(pack, context),
  };
}

/** Reads every summary. */
export function treePage(pack: Pack, context: RenderContext): TreePage {
  const nodes = new Map<string, TreeNode>();
  const roots: TreeNode[] = [];
  // Parents come first, so that a node's parent is always there.
  for (const row of pack.rows()) {
    const node: TreeNode = { ...toLink(pack, row, context), children: [] };
    nodes.set(row.slug, node);
    const slash = row.slug.lastIndexOf('/');
    (nodes.get(row.slug.slice(0, Math.max(0, slash)))?.children ?? roots).push(node);
  }
  return {
    kind: 'tree',
    site: siteOf(pack, context),
    title: 'Topic tree',
    description: `All ${pack.topicCount} topics of ${pack.product.name}.`,
    canonical: publicUrl(context, '/help/topic-tree/'),
    alternates: helpAlternates(context),
    roots,
    ...errorsLink(pack, context),
  };
}

/** Reads every descriptor, once for each pack. */
export function errorsPage(pack: Pack, context: RenderContext): ErrorsPage {
  return {
    kind: 'errors',
    site: siteOf(pack, context),
    title: 'Errors',
    description: `Every error of ${pack.product.name}: its HTTP status, whether a retry helps, and its state.`,
    canonical: publicUrl(context, '/errors/'),
    alternates: [{ mediaType: 'application/json', url: `${context.base}/errors.json`, label: 'the same as data' }],
    errors: errorTopics(pack).map((row) => ({ ...toLink(pack, row, context), error: row.error })),
  };
}

/** @param about slug of the topic that documents the error, if there is one. */
export function problemPage(
  pack: Pack,
  problem: Pick<ProblemPage, 'status' | 'code' | 'title' | 'detail'>,
  about: string | undefined,
  suggestions: string[],
  context: RenderContext,
): ProblemPage {
  const row = about === undefined ? undefined : pack.row(about);
  return {
    kind: 'problem',
    site: siteOf(pack, context),
    description: problem.detail,
    alternates: [],
    ...problem,
    ...(row === undefined ? {} : { about: toLink(pack, row, context) }),
    suggestions: links(pack, suggestions, context),
  };
}

function errorsUrl({ base }: RenderContext): string {
  return `${base}/errors/`;
}

function errorsLink(pack: Pack, context: RenderContext): { errorsUrl?: string } {
  return errorTopics(pack).length === 0 ? {} : { errorsUrl: errorsUrl(context) };
}

/** The siblings of the page before, which are mostly those of the next one: in a folder of thousands, making them is most of the work. */
const latest = new WeakMap<Pack, { parent: string | undefined; context: RenderContext; links: TopicLink[] }>();

function siblingLinks(pack: Pack, parent: string | undefined, context: RenderContext): TopicLink[] {
  const known = latest.get(pack);
  if (known !== undefined && known.parent === parent && known.context === context) return known.links;
  const links = pack.children(parent).map((row) => toLink(pack, row, context));
  latest.set(pack, { parent, context, links });
  return links;
}

function siteOf(pack: Pack, { siteTitle, base }: RenderContext): Site {
  return { title: siteTitle, product: pack.product, base, topicCount: pack.topicCount };
}

function helpAlternates({ base }: RenderContext): Alternate[] {
  return [
    { mediaType: 'application/json', url: `${base}/help/index.json`, label: 'every topic in one line each' },
    { mediaType: 'text/markdown', url: `${base}/help/index.md`, label: 'this page as Markdown' },
    { mediaType: 'application/json', url: `${base}/help/catalog.json`, label: 'every descriptor' },
  ];
}

function toLink(pack: Pack, { topic, title, tagline, stability, slug }: TopicRow, context: RenderContext): TopicLink {
  return { topic, title, tagline, stability, url: topicUrl(context, slug), command: commandFor(pack, topic) };
}

function links(pack: Pack, ids: string[], context: RenderContext): TopicLink[] {
  return relatedTopics(pack, ids).map(({ id, row }) =>
    row === undefined
      ? { topic: id, title: id, tagline: '', stability: 'evolving', command: commandFor(pack, id) }
      : toLink(pack, row, context),
  );
}

function ancestors(pack: Pack, slug: string): TopicRow[] {
  const segments = slug.split('/').slice(0, -1);
  return segments.flatMap((_, index) => pack.row(segments.slice(0, index + 1).join('/')) ?? []);
}
