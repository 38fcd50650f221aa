import type { Token, Tokens } from 'marked';
import type { Finding, Position } from '../../topic/diagnostic.ts';

/** A link or image of a body. In compiled HTML and blocks it stands as `docent-link:N`; the catalog knows where it leads. */
export interface LinkReference extends Position {
  /** As the author wrote it. */
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
}

/** The scheme as a browser sees it: it drops control characters and white space first, so `java\nscript:` counts. */
export function schemeOf(href: string): string | undefined {
  const visible = [...href].filter((character) => character > ' ').join('');
  return /^([a-z][a-z0-9+.-]*):/i.exec(visible)?.[1]?.toLowerCase();
}

/**
 * Replaces the address of every link and image token by its placeholder, in reading order.
 * @param firstLine line of the file on which the tokens begin.
 */
export function collectLinks(tokens: Token[], collector: LinkCollector, firstLine: number): void {
  let line = firstLine;
  for (const token of tokens) {
    const finder = new Finder(token.raw, line);
    visit([token], (link) => {
      const position = finder.find(link);
      link.href = collector.add(link.href, link.type === 'image', position) ?? '';
    });
    line += countLines(token.raw);
  }
}

function visit(tokens: Token[], act: (link: Tokens.Link | Tokens.Image) => void): void {
  for (const token of tokens) {
    if (token.type === 'link' || token.type === 'image') act(token as Tokens.Link | Tokens.Image);
    for (const nested of nestedTokens(token)) visit(nested, act);
  }
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

/** Finds where the links of one block stand, each after the one before it. */
class Finder {
  private cursor = 0;
  private readonly raw: string;
  private readonly line: number;

  constructor(raw: string, line: number) {
    this.raw = raw;
    this.line = line;
  }

  find(link: Tokens.Link | Tokens.Image): Position {
    // Inside a list or quote the lines have lost their indentation, so the raw text of a link over two lines is not found.
    const at = [link.raw, link.href].map((text) => this.raw.indexOf(text, this.cursor)).find((index) => index >= 0);
    if (at === undefined) return positionIn(this.raw, this.cursor, this.line);
    this.cursor = at + 1;
    return positionIn(this.raw, at, this.line);
  }
}

function positionIn(text: string, offset: number, firstLine: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: firstLine + countLines(before), column: offset - lineStart + 1 };
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
