import { createRequire } from 'node:module';
import type { Span } from '../topic/block.ts';
import { visible } from '../topic/visible.ts';

/** SGR codes that turn an attribute on and off. */
export const SGR = {
  bold: [1, 22],
  dim: [2, 22],
  italic: [3, 23],
  underline: [4, 24],
  strike: [9, 29],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Attribute = keyof typeof SGR;

/** A run of characters with one look. */
export interface Piece {
  text: string;
  attributes: Attribute[];
  href?: string;
}

/** What {@link Layout} does with pieces, for one text. */
export function wrapText(text: string, indent: number, available: number): string[] {
  const pad = ' '.repeat(indent);
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    let used = 0;
    for (const word of paragraph.split(' ')) {
      if (word === '') continue;
      const width = widthOf(word);
      if (used > 0 && used + 1 + width > available) {
        lines.push((pad + line).trimEnd());
        line = word;
        used = width;
      } else {
        line = used > 0 ? `${line} ${word}` : line + word;
        used += (used > 0 ? 1 : 0) + width;
      }
    }
    return [...lines, (pad + line).trimEnd()];
  });
}

export function toPieces(spans: Span[], attributes: Attribute[], links: boolean): Piece[] {
  return spans.flatMap((span) => spanPieces(span, attributes, links));
}

function spanPieces(span: Span, attributes: Attribute[], links: boolean): Piece[] {
  if (typeof span === 'string') return [{ text: visible(span.replace(/\s+/g, ' ')), attributes }];
  switch (span.type) {
    case 'break':
      return [{ text: '\n', attributes }];
    case 'code':
      return [{ text: visible(span.text.replace(/\s+/g, ' ')), attributes: [...attributes, 'cyan'] }];
    case 'strong':
      return toPieces(span.spans, [...attributes, 'bold'], links);
    case 'em':
      return toPieces(span.spans, [...attributes, 'italic'], links);
    case 'del':
      return toPieces(span.spans, [...attributes, 'strike'], links);
    case 'link':
      return linkPieces(span, attributes, links);
  }
}

/** A web address becomes a hyperlink where the terminal has them, and is written out where it has not. */
function linkPieces(link: Extract<Span, { type: 'link' }>, attributes: Attribute[], links: boolean): Piece[] {
  // What is escaped already stays as it is.
  const external =
    link.href !== undefined && /^https?:\/\//.test(link.href) ? encodeURI(link.href).replaceAll('%25', '%') : undefined;
  const pieces = toPieces(link.spans, external === undefined ? attributes : [...attributes, 'underline'], links);
  if (external === undefined) return pieces;
  if (links) return pieces.map((piece) => ({ ...piece, href: external }));
  const shown = pieces.map((piece) => piece.text).join('');
  return shown === link.href ? pieces : [...pieces, { text: ` <${visible(link.href as string)}>`, attributes }];
}

export function textOf(pieces: Piece[]): string {
  return pieces.map((piece) => piece.text).join('');
}

export function widthOfCell(pieces: Piece[]): number {
  return greatest(textOf(pieces).split('\n').map(widthOf));
}

export function longestWordOf(pieces: Piece[]): number {
  return greatest([...words(pieces)].map((word) => (word === 'break' ? 0 : widthOf(textOf(word)))));
}

/** Splits pieces at white space. A word may consist of several pieces: `**a**b`. */
export function* words(pieces: Piece[]): Generator<Piece[] | 'break'> {
  let word: Piece[] = [];
  for (const piece of pieces) {
    const lines = piece.text.split('\n');
    for (const [number, line] of lines.entries()) {
      for (const [index, text] of line.split(' ').entries()) {
        if ((index > 0 || number > 0) && word.length > 0) {
          yield word;
          word = [];
        }
        if (number > 0 && index === 0) yield 'break';
        if (text !== '') word.push(withText(piece, text));
      }
    }
  }
  if (word.length > 0) yield word;
}

function withText({ attributes, href }: Piece, text: string): Piece {
  return href === undefined ? { text, attributes } : { text, attributes, href };
}

/** Puts a piece at the end of a line whose pieces are its own: one that looks like the last only makes it longer. */
export function addPiece(line: Piece[], piece: Piece): void {
  const last = line.at(-1);
  if (last !== undefined && looksLike(last, piece)) last.text += piece.text;
  else line.push(withText(piece, piece.text));
}

/** The blank between two words looks like both of them where they look alike. */
export function addSpace(line: Piece[], after: Piece): void {
  const before = line.at(-1);
  const same = before !== undefined && looksLike(before, after);
  addPiece(line, same ? withText(before, ' ') : { text: ' ', attributes: [] });
}

function looksLike(a: Piece, b: Piece): boolean {
  return a.href === b.href && (a.attributes === b.attributes || a.attributes.join() === b.attributes.join());
}

/** Latin letters, punctuation, arrows and box drawing: one column each. */
const NARROW = /^[\x20-\x7e\u00a0-\u024f\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2500-\u257f]*$/;

const require = createRequire(import.meta.url);
let stringWidth: ((text: string) => number) | undefined;

/** Columns. The library's tables of Unicode take a third of a short command's time to load, so only text that needs them pays. */
export function widthOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  stringWidth ??= require('string-width').default as (text: string) => number;
  return stringWidth(text);
}

/** Without a limit on how many, which the arguments of `Math.max` have. */
export function greatest(numbers: number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}
