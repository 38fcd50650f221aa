import type { Example } from '../topic/descriptor.ts';

/** A part of a topic's text: compiled HTML as it is, or a place at which the theme has something to say about an example. */
export type TextPart =
  | { kind: 'html'; html: string }
  /** Before the first example. */
  | { kind: 'start' }
  /** At the beginning of a request or a response. */
  | { kind: 'label'; role: 'request' | 'response'; example: Example };

/** What the compiler writes around a message, and around the two that belong together. No author can write it. */
const MESSAGE = /(?:<div class="example">\s*)?<div class="example-(request|response)" data-example="([^"]*)">/g;

/** Cuts a text at its examples; the HTML of the parts, put together, is that of the text. */
export function textParts(html: string, examples: Example[]): TextPart[] {
  if (examples.length === 0) return [{ kind: 'html', html }];
  const byId = new Map(examples.map((example) => [example.id, example]));
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of html.matchAll(MESSAGE)) {
    const [opening, role, id] = match;
    const example = byId.get(id ?? '');
    if (example === undefined) continue;
    parts.push({ kind: 'html', html: html.slice(end, match.index) });
    if (end === 0) parts.push({ kind: 'start' });
    parts.push({ kind: 'html', html: opening }, { kind: 'label', role: role as 'request' | 'response', example });
    end = match.index + opening.length;
  }
  parts.push({ kind: 'html', html: html.slice(end) });
  return parts;
}
