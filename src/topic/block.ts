/**
 * A topic's body as a terminal shows it: what is left of Markdown once it has been parsed. Compiled into the pack, so
 * that nothing at read time parses Markdown. Plain JSON; a program in another language can lay it out as well.
 */
export type Block =
  | { type: 'heading'; level: number; spans: Span[] }
  | { type: 'paragraph'; spans: Span[] }
  | { type: 'code'; lang?: string; text: string }
  /** Ordered when `start` is given. */
  | { type: 'list'; start?: number; items: Block[][] }
  | { type: 'quote'; blocks: Block[] }
  /** The first row is the header. A row is cells, a cell is spans. */
  | { type: 'table'; align: Align[]; rows: Span[][][] }
  | { type: 'rule' };

export type Align = 'left' | 'right' | 'center' | null;

export type Span =
  | string
  | { type: 'strong' | 'em' | 'del'; spans: Span[] }
  | { type: 'code'; text: string }
  /** `href` is absent when the link leads nowhere. */
  | { type: 'link'; href?: string; spans: Span[] }
  | { type: 'break' };

/** The text of spans without any marks. */
export function plainText(spans: Span[]): string {
  return spans
    .map((span) => {
      if (typeof span === 'string') return span;
      if (span.type === 'code') return span.text;
      return span.type === 'break' ? ' ' : plainText(span.spans);
    })
    .join('');
}
