import { randomUUID } from 'node:crypto';
import { decodeHTMLStrict, escapeAttribute } from 'entities';
import GithubSlugger from 'github-slugger';
import { Marked, Parser, Renderer, TextRenderer, type Token, type Tokens } from 'marked';
import type { OutlineEntry } from '../../topic/compiled.ts';
import { fold } from '../../topic/descriptor.ts';
import type { ExampleRole } from './examples.ts';
import { escapeText, highlight } from './highlight.ts';
import type { LinkCollector } from './links.ts';
import { sanitizeHtml } from './sanitize.ts';

export interface HtmlFragment {
  /** Sanitized; links are placeholders. */
  html: string;
  outline: OutlineEntry[];
}

/** Rows times columns: marked fills short rows up, so that few characters can make cells beyond all memory. */
const CELL_LIMIT = 200_000;

/** Lexes GitHub-flavoured Markdown. An instance of its own, so that nobody's global options reach in. */
export const marked = new Marked({
  gfm: true,
  tokenizer: {
    // `false` leaves it to marked; without a token the text is a paragraph.
    table: (text) => (cellsIn(text) > CELL_LIMIT ? undefined : false),
  },
});

/** How many cells a table at the beginning of a text would have; 0 if there is none. */
function cellsIn(text: string): number {
  const [header = '', delimiters = ''] = text.split('\n', 2);
  if (!header.includes('|') || !/^[ |:-]+$/.test(delimiters)) return 0;
  const end = /\n[ \t]*\n/.exec(text)?.index ?? text.length;
  return header.split('|').length * text.slice(0, end).split('\n').length;
}

/**
 * Renders tokens to an HTML fragment: headings with GitHub's ids, code highlighted with classes, raw HTML escaped (or sanitized
 * when `allowHtml`), comments dropped, the fences of examples marked.
 * @param collector receives the links inside raw HTML.
 */
export function renderHtml(
  tokens: Token[],
  allowHtml: boolean,
  collector: LinkCollector,
  roles: Map<Token, ExampleRole>,
): HtmlFragment {
  const outline: OutlineEntry[] = [];
  // Nobody who writes raw HTML can know it, so nobody can show one request and have another one sent.
  const seal = randomUUID();
  const parser = new Parser({ gfm: true, renderer: new TopicRenderer(outline, allowHtml, roles, seal) });
  return { html: sanitizeHtml(parser.parse(tokens), collector, seal), outline };
}

/** Writes what the sanitizer would write, as far as it can: `<br />`, a place for a code block in the order of focus. */
class TopicRenderer extends Renderer {
  private readonly slugger = new GithubSlugger();
  private readonly outline: OutlineEntry[];
  private readonly allowHtml: boolean;
  private readonly roles: Map<Token, ExampleRole>;
  private readonly seal: string;

  constructor(outline: OutlineEntry[], allowHtml: boolean, roles: Map<Token, ExampleRole>, seal: string) {
    super();
    this.outline = outline;
    this.allowHtml = allowHtml;
    this.roles = roles;
    this.seal = seal;
  }

  override heading({ tokens, depth }: Tokens.Heading): string {
    const html = this.parser.parseInline(tokens);
    const shown = { tags: !this.allowHtml, images: true };
    const text = fold(this.parser.parseInline(tokens, new PlainText(this.parser, shown)));
    // GitHub makes the id of neither tags nor images, and keeps the space beside them.
    const bare = this.parser.parseInline(tokens, new PlainText(this.parser, { tags: false, images: false }));
    // Of a heading without a letter or digit nothing is left, and nothing could link to it.
    const id = this.slugger.slug(bare.trim() === '' ? text : bare) || this.slugger.slug('section');
    // The page's title is its only first-level heading.
    const level = Math.max(2, depth);
    if (text !== '') this.outline.push({ level, id, text });
    return `<h${level} id="${escapeAttribute(id)}">${html}</h${level}>\n`;
  }

  override table(token: Tokens.Table): string {
    return super.table(token).replace('<table>', '<table tabindex="0">');
  }

  override hr(): string {
    return '<hr />\n';
  }

  override br(): string {
    return '<br />';
  }

  override checkbox({ checked }: Tokens.Checkbox): string {
    return `<input type="checkbox" disabled${checked ? ' checked' : ''} /> `;
  }

  override code(token: Tokens.Code): string {
    const text = codeText(token);
    const language = /^\S*/.exec(token.lang ?? '')?.[0] ?? '';
    const inner = highlight(text, language) ?? escapeText(text);
    const name = language.replace(/[^A-Za-z0-9_+#.-]/g, '');
    const classes = name === '' ? '' : ` class="language-${name}"`;
    return this.inExample(token, `<pre tabindex="0"><code${classes}>${inner}\n</code></pre>\n`);
  }

  /** Says which fence is the request or the response of which example; both are in one element when nothing stands between them. */
  private inExample(token: Token, html: string): string {
    const role = this.roles.get(token);
    if (role === undefined) return html;
    const { id, part, joined } = role;
    const div = (attributes: string, mark: string) => `<div class="${attributes}" data-example="${this.seal}${mark}">`;
    const before = joined && part === 'request' ? `${div('example', '')}\n` : '';
    const after = joined && part === 'response' ? '</div>\n' : '';
    return `${before}${div(`example-${part}`, id)}${html}</div>\n${after}`;
  }

  override codespan({ text }: Tokens.Codespan): string {
    return `<code>${escapeText(text)}</code>`;
  }

  override text(token: Tokens.Text | Tokens.Escape): string {
    if ('tokens' in token && token.tokens !== undefined) return this.parser.parseInline(token.tokens);
    // Inside raw HTML marked passes text on as it is; here nothing reaches the page unescaped.
    return token.type === 'escape' ? escapeText(token.text) : escapeText(decodeHTMLStrict(token.text));
  }

  override link({ href, title, tokens }: Tokens.Link): string {
    const inner = this.parser.parseInline(tokens);
    return href === '' ? inner : `<a href="${escapeAttribute(href)}"${titleAttribute(title)}>${inner}</a>`;
  }

  override image({ href, title, tokens }: Tokens.Image): string {
    const alt = this.parser.parseInline(tokens, new PlainText(this.parser, { tags: true, images: true }));
    if (href === '') return escapeText(alt);
    return `<img src="${escapeAttribute(href)}" alt="${escapeAttribute(alt)}"${titleAttribute(title)} />`;
  }

  override html(token: Tokens.HTML | Tokens.Tag): string {
    const text = withoutComments(token.text);
    if (this.allowHtml) return text;
    if (text.trim() === '') return '';
    return token.block ? `<pre class="raw-html">${escapeText(text.trimEnd())}</pre>\n` : escapeText(text);
  }
}

/** Inline tokens as plain text, for an id, an outline, or what stands in place of an image. */
class PlainText extends TextRenderer {
  private readonly keep: { tags: boolean; images: boolean };

  constructor(parser: Parser, keep: PlainText['keep']) {
    super();
    this.parser = parser;
    this.keep = keep;
  }

  override text(token: Tokens.Text | Tokens.Escape | Tokens.Tag): string {
    return token.type === 'escape' ? token.text : decodeHTMLStrict(token.text);
  }

  override html({ text }: Tokens.HTML | Tokens.Tag): string {
    return this.keep.tags ? withoutComments(text) : '';
  }

  override image(token: Tokens.Image): string {
    return this.keep.images ? super.image(token) : '';
  }
}

function titleAttribute(title: string | null | undefined): string {
  return title ? ` title="${escapeAttribute(decodeHTMLStrict(title))}"` : '';
}

/**
 * Code as it is shown: of an indented block marked may keep the line break that ends it. The expression is tried where a row of them
 * begins only: from each one in it, a long row would take minutes.
 */
export function codeText({ text, codeBlockStyle }: Tokens.Code): string {
  return codeBlockStyle === 'indented' ? text.replace(/(?<!\n)\n+$/, '') : text;
}

/** A comment is for the author; its text is still in the body. */
export function withoutComments(html: string): string {
  return html.replace(/<!--[\s\S]*?(?:-->|$)/g, '');
}
