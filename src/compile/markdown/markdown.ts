import type { Token, Tokens } from 'marked';
import { type Block, plainText } from '../../topic/block.ts';
import type { OutlineEntry } from '../../topic/compiled.ts';
import { type Example, fold, type Section, tagline } from '../../topic/descriptor.ts';
import { type Finding, START } from '../../topic/diagnostic.ts';
import { lastSegment, slugFromSpelling, wordsOf } from '../../topic/id.ts';
import { type ExamplePosition, findExamples } from './examples.ts';
import { marked, renderHtml } from './html.ts';
import { collectLinks, LinkCollector, type LinkReference } from './links.ts';
import { toBlocks, toSpans } from './terminal.ts';

export interface MarkdownOptions {
  /** Dotted id of the topic; empty for the landing text. */
  id: string;
  /** Title from the front matter, if it has one. */
  title: string | undefined;
  /** Whether the front matter lists `see_also`, which makes a SEE ALSO section that is nothing but a list redundant. */
  ownsSeeAlso: boolean;
  allowHtml: boolean;
  /** Line of the file on which the text begins. */
  firstLine: number;
}

/** All that is ever derived from a topic's Markdown. Plain data: it can cross threads and lie in a cache. */
export interface CompiledMarkdown {
  /** Text of the first top-level heading. */
  heading: string | undefined;
  sections: Section[];
  synopsis: string;
  tagline: string;
  /** Sanitized HTML and terminal blocks; links are placeholders (`docent-link:N`). Both without the topic's own title. */
  html: string;
  blocks: Block[];
  outline: OutlineEntry[];
  links: LinkReference[];
  examples: Example[];
  /** Where each example stands. */
  examplePlaces: ExamplePosition[];
  /** The ids in the SEE ALSO section, when it is nothing but a list of them. */
  seeAlso: string[] | undefined;
  findings: Finding[];
}

/**
 * Compiles a Markdown body. All structure comes from marked's token stream, never from lines: a `## ` in a fence is no section.
 * @param text with LF line breaks, without front matter.
 */
export function compileMarkdown(text: string, options: MarkdownOptions): CompiledMarkdown {
  try {
    return compileTokens(marked.lexer(text), options);
  } catch (error) {
    // A full stack or the limit of links.ts; a person never nests that deep.
    if (!(error instanceof RangeError)) throw error;
    const hint = 'write fewer lists or quotes inside one another';
    const finding: Finding = {
      ...START,
      code: 'markdown-too-deep',
      message: 'the Markdown is nested too deeply',
      hint,
    };
    return { ...compileTokens([], options), findings: [finding] };
  }
}

function compileTokens(tokens: Token[], options: MarkdownOptions): CompiledMarkdown {
  const sections = toSections(tokens);
  const synopsis = synopsisOf(tokens, sections);
  const seeAlso = seeAlsoOf(sections);
  const collector = new LinkCollector();
  collectLinks(tokens, collector, options.firstLine);
  const { roles, findings, ...found } = findExamples(tokens, options.firstLine);
  const heading = tokens.find((token) => token.type === 'heading' && token.depth === 1) as Tokens.Heading | undefined;
  const headingText = heading && fold(plainText(withoutImages(heading.tokens)));
  const hidden = new Set<Token>();
  if (heading !== undefined && repeatsTitle(headingText as string, options)) hidden.add(heading);
  if (options.ownsSeeAlso && seeAlso !== undefined) for (const token of seeAlso.tokens) hidden.add(token);
  const shown = tokens.filter((token) => !hidden.has(token));
  return {
    heading: headingText === '' ? undefined : headingText,
    sections: sections.map(({ name, tokens }) => ({ name, body: rawOf(tokens).trim() })),
    synopsis: synopsis === undefined ? '' : synopsis.raw.trim(),
    tagline: taglineOf(sections, synopsis, options.id),
    ...renderHtml(shown, options.allowHtml, collector, roles),
    blocks: toBlocks(shown),
    links: collector.links,
    ...found,
    seeAlso: seeAlso?.ids,
    findings: [...collector.findings, ...findings],
  };
}

interface SectionTokens {
  name: string;
  heading: Token;
  tokens: Token[];
}

function toSections(tokens: Token[]): SectionTokens[] {
  const sections: SectionTokens[] = [];
  for (const token of tokens) {
    if (token.type === 'heading' && token.depth === 2)
      sections.push({ name: (token as Tokens.Heading).text, heading: token, tokens: [] });
    else sections.at(-1)?.tokens.push(token);
  }
  return sections;
}

function sectionNamed(sections: SectionTokens[], name: string): SectionTokens | undefined {
  return sections.find((section) => section.name.toLowerCase() === name);
}

/** The first block that says something: in DESCRIPTION, else in the whole body. */
function synopsisOf(tokens: Token[], sections: SectionTokens[]): Token | undefined {
  return (sectionNamed(sections, 'description')?.tokens ?? []).find(saysSomething) ?? tokens.find(saysSomething);
}

function saysSomething(token: Token): boolean {
  if (token.type === 'paragraph') return plainText(withoutImages(token.tokens ?? [])).trim() !== '';
  return !['heading', 'space', 'def', 'hr', 'html'].includes(token.type);
}

/** A row of badges is no synopsis, and no part of a title. */
function withoutImages(tokens: Token[]): ReturnType<typeof toSpans> {
  const text = tokens.filter(
    (token) =>
      token.type !== 'image' &&
      token.type !== 'html' &&
      !(token.type === 'link' && token.tokens?.every((t) => t.type === 'image')),
  );
  return toSpans(text);
}

/** NAME says it in one line, after `<id> — `; else the synopsis does. */
function taglineOf(sections: SectionTokens[], synopsis: Token | undefined, id: string): string {
  const name = sectionNamed(sections, 'name')?.tokens.find((token) => token.type === 'paragraph');
  const source = name ?? synopsis;
  if (source === undefined) return '';
  const text = fold(source.type === 'paragraph' ? plainText(withoutImages(source.tokens ?? [])) : blockText(source));
  const prefix = /^(.{1,200}?)\s+[—–-]\s+(?=\S)/.exec(text);
  const named = prefix !== null && spellings(id).has((prefix[1] as string).toLowerCase());
  return tagline(name !== undefined && named ? text.slice((prefix as RegExpExecArray)[0].length) : text);
}

function blockText(token: Token): string {
  const texts = toBlocks([token]).map(function text(block: Block): string {
    if (block.type === 'list') return block.items.map((item) => item.map(text).join(' ')).join('; ');
    if (block.type === 'quote') return block.blocks.map(text).join(' ');
    if (block.type === 'table') return block.rows.map((row) => row.map(plainText).join(' ')).join('; ');
    if (block.type === 'code') return block.text;
    return block.type === 'rule' ? '' : plainText(block.spans);
  });
  return texts.join(' ');
}

function spellings(id: string): Set<string> {
  return new Set([id, wordsOf(id), lastSegment(id)].map((spelling) => spelling.toLowerCase()));
}

/** A first heading that only says what the page's own heading says. */
function repeatsTitle(heading: string, { id, title }: MarkdownOptions): boolean {
  return title === undefined || heading === title || spellings(id).has(heading.toLowerCase());
}

/** The ids in SEE ALSO, when the section is one list with nothing but an id in each item. */
function seeAlsoOf(sections: SectionTokens[]): { ids: string[]; tokens: Token[] } | undefined {
  const section = sectionNamed(sections, 'see also');
  const content = section?.tokens.filter((token) => token.type !== 'space') ?? [];
  if (section === undefined || content.length !== 1 || content[0]?.type !== 'list') return undefined;
  const ids = (content[0] as Tokens.List).items.map((item) => itemText(item));
  if (!ids.every((id) => slugFromSpelling(id) !== undefined)) return undefined;
  return { ids: ids.map((id) => id.replace(/[/ ]+/g, '.')), tokens: [section.heading, ...section.tokens] };
}

function itemText(item: Tokens.ListItem): string {
  const [block, ...others] = toBlocks(item.tokens);
  return block?.type === 'paragraph' && others.length === 0 ? fold(plainText(block.spans)) : '';
}

function rawOf(tokens: Token[]): string {
  return tokens.map((token) => token.raw).join('');
}
