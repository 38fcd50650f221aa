import fc from 'fast-check';
import type { Block, Span } from '../../src/topic/block.ts';

/** Blocks as a compiled topic has them, for properties that hold for any text. */

const letters = (...characters: string[]) => fc.constantFrom(...characters);

/** A word of letters alone, so that it is never mistaken for a marker of a list or quote. */
const word = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: letters('a', 'b', 'e', 'm', 'W'), minLength: 1, maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: letters('水', '瓶', 'é'), minLength: 1, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom('🧪', '👩‍👩‍👧‍👦', 'e\u0301', '🇯🇵') },
  { weight: 1, arbitrary: fc.string({ unit: letters('x'), minLength: 40, maxLength: 140 }) },
);

const phrase = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(' '));

/** Any characters at all, unpaired surrogates excepted: no UTF-8 source has those. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: letters('\x1b', '[', '3', '1', 'm', '\r', '\n', '\t', '\u202e', '\u2066', '\u200f', '\x9b', ']', '8', ';'),
  }),
);

/** Spans of the given text. @param linked whether links may be among them. */
export function spans(text: fc.Arbitrary<string>, linked: boolean): fc.Arbitrary<Span[]> {
  const { span } = fc.letrec<{ span: Span }>((tie) => ({
    span: fc.oneof(
      { maxDepth: 2, depthSize: 'small' },
      text,
      fc.record({ type: fc.constant('code' as const), text }),
      fc.record({
        type: fc.constantFrom('strong' as const, 'em' as const, 'del' as const),
        spans: fc.array(tie('span'), { minLength: 1, maxLength: 3 }),
      }),
      text.map((after): Span => ({ type: 'em', spans: [{ type: 'break' }, after] })),
      ...(linked ? [link(text)] : []),
    ),
  }));
  return fc.array(span, { minLength: 1, maxLength: 5 }).map((list) => list.flatMap((item) => [item, ' ']));
}

function link(text: fc.Arbitrary<string>): fc.Arbitrary<Span> {
  return fc.record({
    type: fc.constant('link' as const),
    href: fc.oneof(
      fc.webUrl({ withQueryParameters: true }),
      text.map((path) => `https://acme.example/${path}`),
      text.map((path) => `/help/${path}`),
      fc.constantFrom('mailto:a@b.example', 'javascript:alert(1)', 'file:///etc/passwd', '#here'),
    ),
    spans: text.map((inner) => [inner]),
  });
}

/** Running text: everything but code and tables, whose lines keep their own length. */
export const prose: fc.Arbitrary<Block[]> = blocksOf(phrase, false);

/** Every kind of block, of words. */
export const everything: fc.Arbitrary<Block[]> = blocksOf(phrase, true);

/** Every kind of block, of any characters at all. */
export const anything: fc.Arbitrary<Block[]> = blocksOf(anyText, true);

function blocksOf(text: fc.Arbitrary<string>, all: boolean): fc.Arbitrary<Block[]> {
  const inline = spans(text, all);
  const { blocks } = fc.letrec<{ block: Block; blocks: Block[] }>((tie) => ({
    block: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fc.record({ type: fc.constant('paragraph' as const), spans: inline }),
      fc.record({ type: fc.constant('heading' as const), level: fc.integer({ min: 1, max: 6 }), spans: inline }),
      fc.record({ type: fc.constant('quote' as const), blocks: tie('blocks') }),
      fc.record({
        type: fc.constant('list' as const),
        items: fc.array(tie('blocks'), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({
        type: fc.constant('list' as const),
        start: fc.integer({ min: 0, max: 1200 }),
        items: fc.array(tie('blocks'), { minLength: 1, maxLength: 3 }),
      }),
      ...(all ? [fc.constant({ type: 'rule' as const }), code(text), table(inline)] : []),
    ),
    blocks: fc.array(tie('block'), { minLength: 1, maxLength: 3 }),
  }));
  return blocks;
}

function code(text: fc.Arbitrary<string>): fc.Arbitrary<Block> {
  return fc.record({ type: fc.constant('code' as const), text });
}

/** A table of two columns. */
export function table(cell: fc.Arbitrary<Span[]>): fc.Arbitrary<Block & { type: 'table' }> {
  const row = fc.tuple(cell, cell).map(([left, right]) => [left, right]);
  return fc.record({
    type: fc.constant('table' as const),
    align: fc.constantFrom<('left' | 'right' | 'center' | null)[]>([null, 'right'], ['center', 'left']),
    rows: fc.array(row, { minLength: 1, maxLength: 4 }),
  });
}

/** The words of blocks in reading order. */
export function wordsIn(blocks: Block[]): string[] {
  return blocks.flatMap((block): string[] => {
    switch (block.type) {
      case 'quote':
        return wordsIn(block.blocks);
      case 'list':
        return block.items.flatMap(wordsIn);
      case 'table':
        return block.rows.flat().flatMap(wordsOf);
      case 'code':
        return block.text.split(/\s+/);
      case 'rule':
        return [];
      default:
        return wordsOf(block.spans);
    }
  });
}

/** The words of spans in reading order. */
function wordsOf(inline: Span[]): string[] {
  return flatText(inline)
    .split(/\s+/)
    .filter((text) => text !== '');
}

function flatText(inline: Span[]): string {
  return inline
    .map((span) => {
      if (typeof span === 'string') return span;
      if (span.type === 'break') return '\n';
      return span.type === 'code' ? span.text : flatText(span.spans);
    })
    .join('');
}
