import { escapeAttribute, escapeText } from 'entities/escape';
import type { Pack, TopicRow } from '../pack/read.ts';
import { fold, type Product } from '../topic/descriptor.ts';
import { wordsOf } from '../topic/id.ts';
import { mustHave, publicUrl, type RenderContext, relatedTopics, type TopicRenderer, topicUrl } from './context.ts';

/** The author's text alone. */
export const bodyRenderer: TopicRenderer = {
  mediaType: 'text/markdown',
  render: (pack, slug) => mustHave(pack.topic(slug), slug).descriptor.body,
};

/** The page as Markdown: what the HTML page says, for agents and terminals. */
export const markdownRenderer: TopicRenderer = {
  mediaType: 'text/markdown',
  render(pack, slug, context) {
    const { descriptor } = mustHave(pack.topic(slug), slug);
    const path = `${context.base}/help/${slug}`;
    return blocks([
      `# ${fold(descriptor.title)}`,
      descriptor.synopsis,
      versionLine(pack.product),
      descriptor.body.replace(/\r\n/g, '\n').trim(),
      list(
        'Subtopics',
        pack.children(slug).map((row) => item(pack, row.topic, row, context)),
      ),
      list(
        'See also',
        relatedTopics(pack, descriptor.see_also).map(({ id, row }) => item(pack, id, row, context)),
      ),
      list('Raw formats', [
        `- [\`${path}.json\`](${path}.json) — full descriptor (matches \`GET /help/{topic}\` envelope)`,
        `- [\`${path}.md\`](${path}.md) — body only`,
      ]),
    ]);
  },
};

/** `/help/index.md`: the landing text and every top-level topic. */
export function landingMarkdown(pack: Pack, context: RenderContext): string {
  const landing = pack.landing();
  const body = landing?.body.replace(/\r\n/g, '\n').trim() ?? '';
  const path = `${context.base}/help`;
  return blocks([
    /^# /.test(body) ? '' : `# ${landing?.title || context.siteTitle}`,
    body,
    versionLine(pack.product),
    list(
      'Topics',
      pack.children(undefined).map((row) => item(pack, row.topic, row, context)),
    ),
    list('Raw formats', [
      `- [\`${path}/index.json\`](${path}/index.json) — every topic in one line each`,
      `- [\`${path}/catalog.json\`](${path}/catalog.json) — every descriptor`,
    ]),
  ]);
}

/** `/llms.txt` (top-level topics) and `/help/llms.txt` (`all`): see https://llmstxt.org. The second reads every summary. */
export function llmsText(pack: Pack, context: RenderContext, all: boolean): string {
  const landing = pack.landing();
  const rows = all ? pack.rows() : pack.children(undefined);
  const url = (path: string) => publicUrl(context, path);
  const topics = rows.map(({ slug, title, tagline }) => {
    const note = tagline === '' ? '' : `: ${tagline}`;
    return `- [${escapeLabel(fold(title))}](${url(`/help/${slug}/index.md`)})${note}`;
  });
  return blocks([
    `# ${context.siteTitle}`,
    `> ${landing?.tagline || `Help topics of ${pack.product.name}.`}`,
    `A topic is at \`${url('/help/<slug>/')}\`; \`.json\` after the slug gives its descriptor, \`.md\` its body, \`/index.md\` the page as Markdown.`,
    list('Topics', topics),
    list('Data', [
      ...(all ? [] : [`- [All topics](${url('/help/llms.txt')}): this list with every topic`]),
      `- [Manifest](${url('/help/index.json')}): every topic in one line each`,
      `- [Catalog](${url('/help/catalog.json')}): every descriptor in one document`,
      `- [Errors](${url('/errors.json')}): status, retryability and codes of every error`,
      `- [Schemas](${url('/schemas/descriptor.schema.json')}): JSON Schema of a descriptor`,
    ]),
  ]);
}

function item(pack: Pack, id: string, row: TopicRow | undefined, context: RenderContext): string {
  const command = `\`${pack.product.command} ${wordsOf(row?.topic ?? id)}\``;
  if (row === undefined) return `- ${command}`;
  const about = summaryOf(row);
  return `- [${command}](${topicUrl(context, row.slug)})${about === '' ? '' : ` — ${about}`}`;
}

/** Its target is seen from the topic that it stands in, so it leads nowhere from another one. */
const RELATIVE_LINK = /(?<!!)\[([^\]]*)\]\((?![a-z][a-z0-9+.-]*:|\/)[^)]*\)/gi;

/** A synopsis fits into a list when it is a paragraph; code, lists and tables do not. */
function summaryOf({ synopsis, tagline }: TopicRow): string {
  if (/^(```|~~~|[-*+] |\d+[.)] |\||>| {4})/.test(synopsis)) return tagline;
  // A hard line break has no place on one line.
  return fold(synopsis.replace(/(?<!\\)\\\n/g, '\n').replace(RELATIVE_LINK, '$1'));
}

/** Emphasis and a link in HTML, because the line is made for pages and for Markdown readers alike. */
function versionLine({ name, version, releaseUrl }: Product): string {
  if (version === undefined) return '';
  const number = escapeText(version);
  const shown = releaseUrl === undefined ? number : `<a href="${escapeAttribute(releaseUrl)}">${number}</a>`;
  return `<em>${escapeText(name)} version ${shown}</em>`;
}

function list(heading: string, items: string[]): string {
  return items.length === 0 ? '' : `## ${heading}\n\n${items.join('\n')}`;
}

function blocks(parts: string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function escapeLabel(text: string): string {
  return text.replace(/[[\]\\]/g, '\\$&');
}
