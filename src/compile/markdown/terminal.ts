import { decodeHTMLStrict } from 'entities';
import type { Token, Tokens } from 'marked';
import { type Block, plainText, type Span } from '../../topic/block.ts';
import { codeText, withoutComments } from './html.ts';

/** Tokens as a terminal shows them. Links keep their placeholders; control characters are the renderer's business. */
export function toBlocks(tokens: Token[]): Block[] {
  return tokens.flatMap((token, index) => {
    const before = tokens[index - 1];
    if (token.type !== 'text' || before?.type !== 'checkbox') return toBlock(token) ?? [];
    // In a tight list the box of a task stands before its text, in a loose one within its paragraph.
    return { type: 'paragraph', spans: toSpans([before, ...((token as Tokens.Text).tokens ?? [token])]) };
  });
}

function toBlock(token: Token): Block | undefined {
  switch (token.type) {
    case 'heading':
      return {
        type: 'heading',
        level: (token as Tokens.Heading).depth,
        spans: toSpans((token as Tokens.Heading).tokens),
      };
    case 'paragraph':
      return { type: 'paragraph', spans: toSpans((token as Tokens.Paragraph).tokens) };
    case 'text':
      return { type: 'paragraph', spans: toSpans((token as Tokens.Text).tokens ?? [token]) };
    case 'code': {
      const { lang } = token as Tokens.Code;
      const name = /^\S*/.exec(lang ?? '')?.[0];
      return { type: 'code', ...(name ? { lang: name } : {}), text: codeText(token as Tokens.Code) };
    }
    case 'list': {
      const { ordered, start, items } = token as Tokens.List;
      return {
        type: 'list',
        ...(ordered ? { start: start === '' ? 1 : start } : {}),
        items: items.map((item) => toBlocks(item.tokens)),
      };
    }
    case 'blockquote':
      return { type: 'quote', blocks: toBlocks((token as Tokens.Blockquote).tokens) };
    case 'table': {
      const { align, header, rows } = token as Tokens.Table;
      return { type: 'table', align, rows: [header, ...rows].map((row) => row.map((cell) => toSpans(cell.tokens))) };
    }
    case 'hr':
      return { type: 'rule' };
    case 'html': {
      const text = withoutComments((token as Tokens.HTML).text).trim();
      return text === '' ? undefined : { type: 'code', lang: 'html', text };
    }
    default:
      return undefined;
  }
}

/** Inline tokens as spans; neighbouring texts are joined. */
export function toSpans(tokens: Token[]): Span[] {
  const spans: Span[] = [];
  for (const span of tokens.flatMap(toSpan)) {
    const last = spans.at(-1);
    if (typeof span === 'string' && typeof last === 'string') spans[spans.length - 1] = last + span;
    else if (span !== '') spans.push(span);
  }
  return spans;
}

function toSpan(token: Token): Span | Span[] {
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
      return { type: token.type, spans: toSpans((token as Tokens.Strong).tokens) };
    case 'codespan':
      return { type: 'code', text: (token as Tokens.Codespan).text };
    case 'br':
      return { type: 'break' };
    case 'escape':
      return (token as Tokens.Escape).text;
    case 'link': {
      const { href, tokens } = token as Tokens.Link;
      return { type: 'link', ...(href === '' ? {} : { href }), spans: toSpans(tokens) };
    }
    case 'image': {
      const { href, tokens } = token as Tokens.Image;
      return { type: 'link', ...(href === '' ? {} : { href }), spans: [`[${plainText(toSpans(tokens)) || 'image'}]`] };
    }
    case 'html':
      return /^<br\s*\/?>$/i.test(token.raw) ? { type: 'break' } : withoutComments((token as Tokens.Tag).text);
    case 'checkbox':
      return (token as Tokens.Checkbox).checked ? '[x] ' : '[ ] ';
    default:
      if ('tokens' in token && token.tokens !== undefined) return toSpans(token.tokens);
      return decodeHTMLStrict('text' in token ? String(token.text) : token.raw);
  }
}
