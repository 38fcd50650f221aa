/** A piece of a text with placeholders: what stands there literally, or the name between `{{` and `}}`. */
export type TemplatePart = { text: string } | { name: string };

/** Letters that `{{$text.N}}` makes at most: as much as a response is read of. */
export const TEXT_LIMIT = 1024 * 1024;

/** `{{id}}`, and `{{$…}}` for what a run makes itself. Anything else between braces is text. */
const PLACEHOLDER = /\{\{(\$[^{}\r\n]{0,100}|[A-Za-z][A-Za-z0-9_-]{0,99})\}\}/g;

/** Cuts a text at its placeholders. Joined again, the parts are the text. */
export function templateParts(text: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ name: match[1] as string });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** What a placeholder that begins with `$` asks for. */
export type BuiltIn =
  | { kind: 'token' }
  | { kind: 'now' }
  | { kind: 'uuid'; name: string }
  | { kind: 'text'; length: number };

/** @returns undefined when there is no built-in placeholder of that name, `$` included. */
export function builtIn(name: string): BuiltIn | undefined {
  if (name === '$token') return { kind: 'token' };
  if (name === '$now') return { kind: 'now' };
  const uuid = /^\$uuid(?:\.([A-Za-z0-9_-]+))?$/.exec(name);
  if (uuid !== null) return { kind: 'uuid', name: uuid[1] ?? '' };
  const length = Number(/^\$text\.([1-9]\d{0,6})$/.exec(name)?.[1]);
  return length <= TEXT_LIMIT ? { kind: 'text', length } : undefined;
}
