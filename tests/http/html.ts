import { decodeHTML } from 'entities';

/** Reads the HTML that the theme writes: every attribute is quoted, and `<` stands for itself only inside attributes. */

export interface Element {
  name: string;
  attributes: Map<string, string>;
  /** Markup up to the next end tag of this name. */
  inner: string;
}

const TAG = /<([a-z][a-z0-9]*)((?:\s+[^\s"'=<>/]+(?:="[^"]*")?)*)\s*\/?>/g;
const ATTRIBUTE = /\s+([^\s"'=<>/]+)(?:="([^"]*)")?/g;

/** Every element of the page, or every one of a name, in order. */
export function elements(html: string, name?: string): Element[] {
  const found: Element[] = [];
  for (const match of html.matchAll(TAG)) {
    const [tag, tagName = '', attributes = ''] = match;
    if (name !== undefined && tagName !== name) continue;
    const from = match.index + tag.length;
    const end = html.indexOf(`</${tagName}>`, from);
    found.push({
      name: tagName,
      attributes: parseAttributes(attributes),
      inner: html.slice(from, Math.max(from, end)),
    });
  }
  return found;
}

function parseAttributes(text: string): Map<string, string> {
  return new Map([...text.matchAll(ATTRIBUTE)].map(([, name = '', value = '']) => [name, decodeHTML(value)]));
}

/** What each element of a name says, without its markup. */
export function textsOf(html: string, name: string): string[] {
  return elements(html, name).map(({ inner }) => textOf(inner));
}

/** Markup without the tags. */
export function textOf(markup: string): string {
  return decodeHTML(markup.replace(/<[^>]*>/g, ''))
    .replace(/\s+/g, ' ')
    .trim();
}

/** The value of an attribute of each element that has it. */
export function valuesOf(html: string, attribute: string, name?: string): string[] {
  return elements(html, name).flatMap(({ attributes }) => attributes.get(attribute) ?? []);
}

/** Everything that the page leads to or loads. */
export function addressesOf(html: string): string[] {
  return [...valuesOf(html, 'href'), ...valuesOf(html, 'src')];
}

/** The `href` of the `<link>` elements with this relation. */
export function linksOf(html: string, relation: string): string[] {
  return elements(html, 'link')
    .filter(({ attributes }) => attributes.get('rel') === relation)
    .map(({ attributes }) => attributes.get('href') ?? '');
}
