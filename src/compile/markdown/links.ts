import { decodeHTMLStrict } from 'entities';
import type { Token, Tokens } from 'marked';
import type { Finding, Position } from '../../topic/diagnostic.ts';

/** A link or image of a body. In compiled HTML and blocks it stands as `docent-link:N`; the catalog knows where it leads. */
export interface LinkReference extends Position {
  /** As the author wrote it, entities decoded. */
  href: string;
  image: boolean;
}

/** Stands for the N-th link until the catalog resolves it. */
export const LINK_SCHEME = 'docent-link:';

/** Collects the links of one body and checks what they may lead to: http, https, mailto, or something relative. */
export class LinkCollector {
  readonly links: LinkReference[] = [];
  readonly findings: Finding[] = [];

  /** @returns the placeholder to compile in, or undefined when the link must not lead anywhere. */
  add(href: string, image: boolean, position: Position): string | undefined {
    const scheme = schemeOf(href);
    if (scheme !== undefined && !(scheme === 'http' || scheme === 'https' || (scheme === 'mailto' && !image))) {
      const hint = image
        ? 'use http, https, or a path inside the source'
        : 'use http, https, mailto, or a path inside the source';
      this.findings.push({
        ...position,
        code: 'unsafe-link',
        message: `"${scheme}:" is not a scheme for ${image ? 'an image' : 'a link'}`,
        hint,
      });
      return undefined;
    }
    return `${LINK_SCHEME}${this.links.push({ ...position, href, image }) - 1}`;
  }

  /** Whether an address is a placeholder that was given out here, rather than one that an author wrote into raw HTML. */
  knows(href: string): boolean {
    return href.startsWith(LINK_SCHEME) && Number(href.slice(LINK_SCHEME.length)) < this.links.length;
  }
}

/** The scheme as a browser sees it: it drops control characters and white space first, so `java\nscript:` counts. */
export function schemeOf(href: string): string | undefined {
  const visible = [...href].filter((character) => character > ' ').join('');
  return /^([a-z][a-z0-9+.-]*):/i.exec(visible)?.[1]?.toLowerCase();
}

/**
 * How deep quotes, lists and emphasis may be nested. A stack that is full ends the compiler at some thousand, but at another number in
 * each thread; a file has to compile in all of them or in none. Levels.
 */
const DEPTH_LIMIT = 200;

/**
 * Replaces the address of every link and image token by its placeholder, in reading order.
 * @param firstLine line of the file on which the tokens begin.
 * @throws {RangeError} when the tokens are nested too deeply.
 */
export function collectLinks(tokens: Token[], collector: LinkCollector, firstLine: number): void {
  let line = firstLine;
  for (const token of tokens) {
    visit([token], new Finder(token.raw, line), collector, 0);
    line += countLines(token.raw);
  }
}

/** What may look like a link, and is none. */
const VERBATIM = new Set(['code', 'codespan', 'escape', 'html']);

function visit(tokens: Token[], finder: Finder, collector: LinkCollector, depth: number): void {
  if (depth > DEPTH_LIMIT) throw new RangeError(`nested more than ${DEPTH_LIMIT} levels deep`);
  for (const token of tokens) {
    if (VERBATIM.has(token.type)) finder.skip(token.raw);
    const end = token.type === 'link' || token.type === 'image' ? collect(token as LinkToken, finder, collector) : 0;
    for (const nested of nestedTokens(token)) visit(nested, finder, collector, depth + 1);
    finder.moveTo(end);
  }
}

type LinkToken = Tokens.Link | Tokens.Image;

/** @returns where the link ends, as far as its text is found. */
function collect(link: LinkToken, finder: Finder, collector: LinkCollector): number {
  const { position, end } = finder.find(link);
  link.href = collector.add(decodeHTMLStrict(link.href), link.type === 'image', position) ?? '';
  return end;
}

/** The token lists inside a token: children, list items, table cells. An image's are its alternative text. */
function nestedTokens(token: Token): Token[][] {
  if (token.type === 'image') return [];
  if (token.type === 'list') return (token as Tokens.List).items.map((item) => item.tokens);
  if (token.type === 'table') {
    const table = token as Tokens.Table;
    return [table.header, ...table.rows].flatMap((row) => row.map((cell) => cell.tokens));
  }
  return 'tokens' in token && token.tokens !== undefined ? [token.tokens] : [];
}

/** Finds where the links of one block stand, each after what comes before it, so that the text is gone through only once. */
class Finder {
  private readonly raw: string;
  private cursor = 0;
  private line: number;
  private lineStart = 0;
  private lineEnd = -1;

  constructor(raw: string, line: number) {
    this.raw = raw;
    this.line = line - 1;
  }

  find(link: LinkToken): { position: Position; end: number } {
    // Inside a list or quote the lines have lost their indentation, so only the first line of a link is sure to be found.
    const text = link.raw.split('\n', 1)[0] as string;
    const whole = this.search(text);
    const at = whole ?? this.search(link.href) ?? this.cursor;
    this.cursor = at + 1;
    while (this.lineEnd < at) {
      this.lineStart = this.lineEnd + 1;
      const end = this.raw.indexOf('\n', this.lineStart);
      this.lineEnd = end < 0 ? this.raw.length : end;
      this.line++;
    }
    const position = { line: this.line, column: at - this.lineStart + 1 };
    return { position, end: whole === undefined ? 0 : at + text.length };
  }

  /** Moves past a text, line by line. */
  skip(text: string): void {
    for (const line of text.split('\n')) {
      // In a table the bars of a cell are escaped.
      const found = [line, line.replaceAll('|', '\\|')].find((spelling) => this.search(spelling) !== undefined);
      if (found !== undefined) this.moveTo((this.search(found) as number) + found.length);
    }
  }

  moveTo(offset: number): void {
    this.cursor = Math.max(this.cursor, offset);
  }

  private search(text: string): number | undefined {
    const at = this.raw.indexOf(text, this.cursor);
    return at < 0 ? undefined : at;
  }
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
