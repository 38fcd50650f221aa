import type { Align, Block, Span } from '../topic/block.ts';
import { visible } from '../topic/visible.ts';
import { COLUMN_GAP, columnWidths } from './columns.ts';
import {
  type Attribute,
  addPiece,
  addSpace,
  greatest,
  longestWordOf,
  type Piece,
  SGR,
  textOf,
  toPieces,
  widthOf,
  widthOfCell,
  words,
  wrapText,
} from './pieces.ts';

/** How a terminal wants its text. */
export interface TerminalStyle {
  /** Columns. */
  width: number;
  /** ANSI colours and attributes. */
  color: boolean;
  /** OSC 8 hyperlinks. */
  links: boolean;
}

/** Output that goes to a file or over HTTP. */
export const PLAIN: TerminalStyle = { width: 80, color: false, links: false };

/** Narrower than this, wrapping makes text worse than the terminal's own line break. Columns. */
const MINIMUM_WIDTH = 30;
const INDENT = 4;
const TAB = '    ';

/** What is left of a line that was broken stands this much further in. Columns. */
const CONTINUATION = 2;

/** Lays blocks out line by line. */
export class Layout {
  private readonly lines: string[] = [];
  private readonly style: TerminalStyle;
  private readonly width: number;

  constructor(style: TerminalStyle, width = Math.max(MINIMUM_WIDTH, style.width)) {
    this.style = style;
    this.width = width;
  }

  /** The page so far, with a final line break. */
  text(): string {
    // Only where a row of them begins: tried from each one in it, a long row would take minutes.
    return `${this.lines.join('\n').replace(/(?<!\n)\n+$/, '')}\n`;
  }

  /** Running head: left, middle, right; what does not fit is left out from the middle on. */
  header(left: string, middle: string, right: string): void {
    const [l, m, r] = [visible(left), visible(middle), visible(right)];
    const free = this.width - widthOf(l) - widthOf(r);
    const before = Math.floor((this.width - widthOf(m)) / 2) - widthOf(l);
    const after = free - before - widthOf(m);
    let text = l;
    if (before >= 2 && after >= 2) text = `${l}${' '.repeat(before)}${m}${' '.repeat(after)}${r}`;
    else if (free >= 2) text = `${l}${' '.repeat(free)}${r}`;
    this.lines.push(this.paint({ text: text.trimEnd(), attributes: ['dim'] }), '');
  }

  title(text: string): void {
    this.paragraph([{ type: 'strong', spans: [text] }], 0);
  }

  /** A line of facts under the title. */
  note(text: string): void {
    if (this.lines.at(-1) === '') this.lines.pop();
    this.add(this.wrap(toPieces([text], ['dim'], false), 0));
    this.gap();
  }

  /** A line of its own look. */
  line(parts: [text: string, ...attributes: Attribute[]][], indent = 0): void {
    const pieces = parts.map(([text, ...attributes]) => ({ text: visible(text), attributes }));
    this.add(this.wrap(pieces, indent));
  }

  /** Text as it is, broken where the width ends; the rest of a line is indented further. */
  verbatim(text: string, indent: number): void {
    for (const line of text.split('\n')) {
      const shown = visible(line.replaceAll('\t', TAB)).trimEnd();
      hardBreak(shown, this.width - indent).forEach((piece, index) => {
        const pad = ' '.repeat(indent + (index === 0 ? 0 : CONTINUATION));
        this.lines.push(`${pad}${this.paint({ text: piece, attributes: ['cyan'] })}`.trimEnd());
      });
    }
    this.gap();
  }

  heading(text: string): void {
    this.paragraph([{ type: 'strong', spans: [text] }], 0, false);
  }

  /** Terms and what they mean, aligned where the terms are short. */
  definitions(entries: [term: string, meaning: string][]): void {
    const longest = greatest(entries.map(([term]) => widthOf(visible(term))));
    const aligned = longest + INDENT + 2 <= this.width / 2;
    for (const [term, meaning] of entries) {
      const head = this.paint({ text: visible(term), attributes: ['cyan'] });
      const column = aligned ? INDENT + longest + 2 : INDENT * 2;
      const body = meaning === '' ? [] : this.wrap([{ text: visible(meaning), attributes: [] }], column);
      const first = `${' '.repeat(INDENT)}${head}`;
      const gap = ' '.repeat(Math.max(0, column - INDENT - widthOf(visible(term))));
      if (aligned && body.length > 0) this.add([`${first}${gap}${body[0]?.trimStart()}`, ...body.slice(1)]);
      else this.add([first, ...body]);
    }
    this.gap();
  }

  blocks(blocks: Block[], indent = INDENT): void {
    for (const block of blocks) this.block(block, indent);
  }

  private block(block: Block, indent: number): void {
    const pad = ' '.repeat(indent);
    switch (block.type) {
      case 'heading':
        this.paragraph(
          [{ type: 'strong', spans: block.spans }],
          block.level <= 2 ? indent - INDENT : Math.max(0, indent - 2),
          false,
        );
        return;
      case 'paragraph':
        this.paragraph(block.spans, indent);
        return;
      case 'code':
        for (const line of block.text.split('\n')) {
          const text = visible(line.replaceAll('\t', TAB).trimEnd());
          this.lines.push(`${pad}  ${this.paint({ text, attributes: ['cyan'] })}`.trimEnd());
        }
        break;
      case 'rule':
        this.lines.push(`${pad}${'─'.repeat(Math.max(3, this.width - indent))}`);
        break;
      case 'quote':
        this.nested(block.blocks, indent, '│ ', '│ ');
        break;
      case 'list':
        block.items.forEach((item, index) => {
          const marker = block.start === undefined ? '• ' : `${block.start + index}. `;
          this.nested(item, indent, marker, ' '.repeat(marker.length));
        });
        break;
      case 'table':
        this.table(block.rows, block.align, indent);
        break;
    }
    this.gap();
  }

  /** One by one: a table may have more rows than a call can have arguments. */
  private add(lines: Iterable<string>): void {
    for (const line of lines) this.lines.push(line);
  }

  /** A blank line, unless there is one already. */
  gap(): void {
    if (this.lines.at(-1) !== '') this.lines.push('');
  }

  private paragraph(spans: Span[], indent: number, gap = true): void {
    this.add(this.wrap(toPieces(spans, [], this.style.links), Math.max(0, indent)));
    if (gap) this.gap();
  }

  /** Blocks behind a marker: laid out alone in what is left of the width, then prefixed. */
  private nested(blocks: Block[], indent: number, first: string, rest: string): void {
    const inner = new Layout(this.style, this.width - indent - first.length);
    inner.blocks(blocks, 0);
    const lines = inner.text().trimEnd().split('\n');
    lines.forEach((line, index) => {
      this.lines.push(`${' '.repeat(indent)}${index === 0 ? first : rest}${line}`.trimEnd());
    });
    // A long item is set off from the next one; short ones stand close together.
    if (blocks.length > 1 && blocks.some((block) => block.type === 'paragraph') && lines.includes('')) this.gap();
  }

  /** Columns, wrapped where need be; else each row as a group of `header: value` lines. */
  private table(rows: Span[][][], align: Align[], indent: number): void {
    const cells = rows.map((row) => row.map((cell) => toPieces(cell, [], this.style.links)));
    const column = (index: number) => cells.map((row) => row[index] ?? []);
    const natural = align.map((_, index) => greatest(column(index).map(widthOfCell)));
    const longestWord = align.map((_, index) => greatest(column(index).map(longestWordOf)));
    const widths = columnWidths(natural, longestWord, this.width - indent);
    if (widths === undefined) {
      this.records(rows, indent);
      return;
    }
    const lines = cells.flatMap((row, index) => {
      const wrapped = widths.map((width, column) => this.wrap(row[column] ?? [], 0, width));
      const height = greatest(wrapped.map((cell) => cell.length));
      const line = (n: number) => widths.map((width, c) => alignCell(wrapped[c]?.[n] ?? '', width, align[c] ?? null));
      const rule = index === 0 ? [widths.map((width) => '─'.repeat(width))] : [];
      return [...Array.from({ length: height }, (_, n) => line(n)), ...rule];
    });
    const pad = ' '.repeat(indent);
    this.add(lines.map((line) => (pad + line.join(' '.repeat(COLUMN_GAP))).trimEnd()));
  }

  private records([head = [], ...body]: Span[][][], indent: number): void {
    // Without a row the header is still worth reading.
    for (const row of body.length > 0 ? body : [head.map(() => [])]) {
      row.forEach((cell, column) => {
        const label: Span = { type: 'strong', spans: [...(head[column] ?? []), ': '] };
        this.add(this.wrap(toPieces([label, ...cell], [], this.style.links), indent + (column === 0 ? 0 : 2)));
      });
      this.gap();
    }
  }

  /** Breaks pieces into lines of at most the width, at white space only: an address must stay whole to be copied. */
  private wrap(pieces: Piece[], indent: number, available = this.width - indent): string[] {
    // Where nothing is painted, pieces are one text, and most readers of a pipe or file wait for nothing else.
    if (!this.style.color && !this.style.links) return wrapText(textOf(pieces), indent, available);
    const lines: Piece[][] = [];
    let line: Piece[] = [];
    let used = 0;
    const next = () => {
      lines.push(line);
      line = [];
      used = 0;
    };
    for (const word of words(pieces)) {
      if (word === 'break') {
        next();
        continue;
      }
      let width = 0;
      for (const piece of word) width += widthOf(piece.text);
      if (used > 0 && used + 1 + width > available) next();
      if (used > 0) addSpace(line, word[0] as Piece);
      for (const piece of word) addPiece(line, piece);
      used += (used > 0 ? 1 : 0) + width;
    }
    next();
    const pad = ' '.repeat(indent);
    return lines.map((pieces) => (pad + pieces.map((piece) => this.paint(piece)).join('')).trimEnd());
  }

  private paint({ text, attributes, href }: Piece): string {
    let painted = text;
    if (this.style.color && text !== '') {
      for (const attribute of attributes) painted = `\x1b[${SGR[attribute][0]}m${painted}\x1b[${SGR[attribute][1]}m`;
    }
    return href === undefined ? painted : `\x1b]8;;${href}\x1b\\${painted}\x1b]8;;\x1b\\`;
  }
}

/** Cuts a line: behind a blank where one is near, else anywhere, as a token or an address has none. */
function hardBreak(line: string, width: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const character of line) {
    if (piece !== '' && widthOf(piece + character) > width - (pieces.length === 0 ? 0 : CONTINUATION)) {
      const blank = piece.lastIndexOf(' ') + 1;
      const end = blank > piece.length / 2 ? blank : piece.length;
      pieces.push(piece.slice(0, end));
      piece = piece.slice(end);
    }
    piece += character;
  }
  return [...pieces, piece];
}

function alignCell(cell: string, width: number, align: Align): string {
  const gap = width - widthOf(strip(cell));
  if (align === 'right') return ' '.repeat(gap) + cell;
  if (align === 'center') return ' '.repeat(Math.floor(gap / 2)) + cell + ' '.repeat(Math.ceil(gap / 2));
  return cell + ' '.repeat(gap);
}

function strip(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the sequences that `paint` writes.
  return text.replace(/\x1b\[\d+m|\x1b\]8;;[^\x1b]*\x1b\\/g, '');
}
