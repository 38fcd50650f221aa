import sanitize from 'sanitize-html';
import { START } from '../../topic/diagnostic.ts';
import { LINK_SCHEME, type LinkCollector } from './links.ts';

const HEADINGS = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];
const BLOCKS = 'p div blockquote pre hr ul ol li dl dt dd details summary figure figcaption'.split(' ');
const INLINES =
  'a img picture br span strong em b i u del ins s sub sup small mark abbr q cite code kbd samp var'.split(' ');
const TABLES = 'table caption thead tbody tfoot tr th td'.split(' ');

/** The library goes through the list for every piece of text: what there is most of comes first. */
const FREQUENT = ['span', 'code', 'p', 'li', 'a', 'pre', 'td', 'ul', 'strong'];
const TAGS = [...new Set([...FREQUENT, ...HEADINGS, ...BLOCKS, ...INLINES, ...TABLES, 'input'])];

const ATTRIBUTES: Record<string, string[]> = {
  a: ['href', 'title'],
  img: ['src', 'alt', 'title', 'width', 'height', 'align'],
  input: ['type', 'checked', 'disabled'],
  ol: ['start'],
  abbr: ['title'],
  details: ['open'],
  pre: ['tabindex'],
  table: ['tabindex'],
  ...Object.fromEntries(HEADINGS.map((tag) => [tag, ['id', 'align']])),
  ...Object.fromEntries(['p', 'th', 'td'].map((tag) => [tag, ['align', 'colspan', 'rowspan']])),
  div: ['align', 'data-example'],
};

const CLASSES = {
  code: [/^language-[\w+#.-]+$/],
  // highlight.js writes `hljs-title function_`.
  span: [/^hljs-[\w-]+$/, /^\w+_$/],
  pre: ['raw-html'],
  div: ['example', 'example-request', 'example-response'],
};

/** Tags as they come out of {@link sanitizeHtml}. In the rarer ways to write them they go through it. */
const WRITTEN = [
  '(?:strong|em|del|p|li|ul|ol|blockquote|thead|tbody|tr|[hb]r /)',
  'span(?: class="hljs-[\\w-]+(?: \\w+_)*")?',
  'code(?: class="language-[\\w+#.-]+")?',
  `a href="${LINK_SCHEME}\\d+"(?: title="[^"<>&]+")?`,
  `img src="${LINK_SCHEME}\\d+" alt="[^"<>&]*"(?: title="[^"<>&]+")? /`,
  'h[2-6] id="[^"<>&]+"',
  't[dh](?: align="(?:left|center|right)")?',
  '(?:table|pre) tabindex="0"',
  'pre class="raw-html"',
  'ol start="\\d+"',
  'input type="checkbox" disabled(?: checked)? /',
  'div class="example(?:-request|-response)?" data-example="[\\w-]+"',
];

/** Text, and behind it a tag or an escape. */
const PIECE = new RegExp(
  `[^<>&]*(?:<(?=(?:${WRITTEN.join('|')})>)([a-z]+[2-6]?)([^>]*)>|</([a-z]+[2-6]?)>|&(?:amp|lt|gt);|$)`,
  'y',
);

const within = (parents: RegExp, tags: string[]) => Object.fromEntries(tags.map((tag) => [tag, parents]));

/** What a tag may stand in; anywhere when it is not here. A parser would end a paragraph or a cell where another one begins in it. */
const PARENTS: Record<string, RegExp> = {
  ...within(/^(?:|li|blockquote|div)$/, ['p', 'ul', 'ol', 'blockquote', 'table', 'pre', 'div', 'hr', ...HEADINGS]),
  ...within(/^[uo]l$/, ['li']),
  ...within(/^table$/, ['thead', 'tbody']),
  ...within(/^t(?:head|body)$/, ['tr']),
  ...within(/^tr$/, ['th', 'td']),
};

/** Whether the sanitizer would let HTML through as it is, but for the seal. False when in doubt. Goes through it once. */
function isSanitized(html: string, collector: LinkCollector, seal: string): boolean {
  const open: string[] = [];
  PIECE.lastIndex = 0;
  while (PIECE.lastIndex < html.length) {
    const [piece, name, rest = '', closed] = PIECE.exec(html) ?? [];
    if (piece === undefined) return false;
    if (closed !== undefined && open.pop() !== closed) return false;
    if (name === undefined) continue;
    if (PARENTS[name]?.test(open.at(-1) ?? '') === false) return false;
    const value = rest.split('"', 2)[1] ?? '';
    if ((name === 'a' || name === 'img') && !collector.knows(value)) return false;
    if (name === 'div' && !rest.includes(` data-example="${seal}`)) return false;
    if (!rest.endsWith('/')) open.push(name);
  }
  return open.length === 0;
}

/**
 * The one way for HTML to become part of a pack. Tags that are not listed vanish, their text stays; every address becomes a link that
 * the collector has judged. What is found to be no more than that would leave, which is most HTML, is left as it is: the library takes
 * ten times as long.
 * @param seal what begins `data-example` where the renderer wrote it, and nobody else.
 */
export function sanitizeHtml(html: string, collector: LinkCollector, seal: string): string {
  if (!isSanitized(html, collector, seal)) return sanitizeAll(html, collector, seal);
  return html.replaceAll(` data-example="${seal}"`, '').replaceAll(seal, '');
}

function sanitizeAll(html: string, collector: LinkCollector, seal: string): string {
  const collected = (name: string, image: boolean) => (tagName: string, attribs: sanitize.Attributes) => {
    const { [name]: value, ...others } = attribs;
    const target = value === undefined || collector.knows(value) ? value : collector.add(value, image, START);
    return { tagName, attribs: target === undefined ? others : { [name]: target, ...others } };
  };
  // A form control in a document is only ever a task list's box.
  const box = (tagName: string, { checked }: sanitize.Attributes) => ({
    tagName,
    attribs: { type: 'checkbox', disabled: '', ...(checked === undefined ? {} : { checked: '' }) },
  });
  // A code block or table may be wider than the page; the keyboard has to be able to scroll it (WCAG 2.2, 2.1.1).
  const reachable = (tagName: string, attribs: sanitize.Attributes) => ({
    tagName,
    attribs: attribs.class === 'raw-html' ? attribs : { tabindex: '0' },
  });
  const example = (tagName: string, { class: className, 'data-example': mark, ...others }: sanitize.Attributes) => {
    if (className === undefined || mark === undefined || !mark.startsWith(seal)) return { tagName, attribs: others };
    const id = mark.slice(seal.length);
    return { tagName, attribs: { class: className, ...(id === '' ? {} : { 'data-example': id }) } };
  };
  return sanitize(html, {
    allowedTags: TAGS,
    allowedAttributes: ATTRIBUTES,
    allowedClasses: CLASSES,
    allowedSchemes: [LINK_SCHEME.slice(0, -1)],
    allowProtocolRelative: false,
    transformTags: {
      a: collected('href', false),
      img: collected('src', true),
      div: example,
      input: box,
      pre: reachable,
      table: reachable,
    },
  });
}
