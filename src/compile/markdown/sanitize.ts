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

/**
 * The one way for HTML to become part of a pack. Tags that are not listed vanish, their text stays; every address becomes a link that
 * the collector has judged.
 * @param seal what begins `data-example` where the renderer wrote it, and nobody else.
 */
export function sanitizeHtml(html: string, collector: LinkCollector, seal: string): string {
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
