import { builtIn, type TemplatePart, templateParts } from '../topic/placeholder.ts';
import { ExactNumber } from './json.ts';

/** A JSON value that is no array and no object. */
export type Scalar = string | number | boolean | null | ExactNumber;

/** What a run makes itself. */
export interface BuiltInSource {
  /** Token of the run's sandbox; undefined when there is none. */
  token: string | undefined;
  /** RFC 3339. */
  now: string;
  uuid(): string;
}

/** A request with more is no example of anything, and a topic from a stranger could fill all memory. Characters. */
const EXPANDED_LIMIT = 8 * 1024 * 1024;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** The values of placeholders in one scenario. */
export class Values {
  private readonly bound = new Map<string, Scalar>();
  private readonly uuids = new Map<string, string>();
  private readonly source: BuiltInSource;

  constructor(source: BuiltInSource) {
    this.source = source;
  }

  /** @returns undefined when nothing has given the name a value yet. */
  get(name: string): Scalar | undefined {
    return name.startsWith('$') ? this.builtIn(name) : this.bound.get(name);
  }

  /** Whether the name has a value; cheaper than making a long one. */
  has(name: string): boolean {
    if (!name.startsWith('$')) return this.bound.has(name);
    const kind = builtIn(name)?.kind;
    return kind === 'token' ? this.source.token !== undefined : kind !== undefined;
  }

  /** The value as it stands in a text. */
  text(name: string): string | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : textOf(value);
  }

  bind(name: string, value: Scalar): void {
    this.bound.set(name, value);
  }

  private builtIn(name: string): string | undefined {
    const what = builtIn(name);
    switch (what?.kind) {
      case 'token':
        return this.source.token;
      case 'now':
        return this.source.now;
      case 'text':
        return LETTERS.repeat(Math.ceil(what.length / LETTERS.length)).slice(0, what.length);
      case 'uuid': {
        const known = this.uuids.get(what.name) ?? this.source.uuid();
        this.uuids.set(what.name, known);
        return known;
      }
      case undefined:
        return undefined;
    }
  }
}

function textOf(value: Scalar): string {
  return value instanceof ExactNumber ? value.source : String(value);
}

/** Whether a name occurs in a text. */
export function mentions(text: string, name: string): boolean {
  return templateParts(text).some((part) => 'name' in part && part.name === name);
}

/** The names in a text that have no value. */
export function unboundIn(text: string, values: Values): string[] {
  return templateParts(text).flatMap((part) => ('name' in part && !values.has(part.name) ? part.name : []));
}

/**
 * Replaces every placeholder by its value.
 * @returns undefined when the text would have more than {@link EXPANDED_LIMIT} characters.
 */
export function expand(text: string, values: Values, encode = (value: string) => value): string | undefined {
  const pieces: string[] = [];
  let length = 0;
  for (const part of templateParts(text)) {
    const piece = 'text' in part ? part.text : encode(values.text(part.name) ?? `{{${part.name}}}`);
    length += piece.length;
    if (length > EXPANDED_LIMIT) return undefined;
    pieces.push(piece);
  }
  return pieces.join('');
}

/** The name, where a text is one placeholder and nothing else. */
export function onlyPlaceholder(text: string): string | undefined {
  const [part, ...others] = templateParts(text);
  return others.length === 0 && part !== undefined && 'name' in part ? part.name : undefined;
}

/**
 * Whether a text is what a template promises. A name without a value stands for one or more characters without a line break, as few
 * as possible, and gets them as its value if the whole text fits. There is one pass and no going back, so it takes time in proportion
 * to the two texts; that finds a match where there is one, unless a name that has no value yet stands there twice.
 */
export function matchText(template: string, text: string, values: Values): boolean {
  const parts = templateParts(template);
  const found = new Map<string, string>();
  // What the run should have made itself and has not is never taken from a response.
  const known = (name: string) =>
    found.get(name) ?? values.text(name) ?? (name.startsWith('$') ? `{{${name}}}` : undefined);
  const literal = (from: number) => literalFrom(parts, from, text.length, known);
  let at = 0;
  for (let index = 0; ; index++) {
    const before = literal(index);
    if (!text.startsWith(before.text, at)) return false;
    at += before.text.length;
    index = before.end;
    const part = parts[index];
    if (part === undefined) break;
    const next = literal(index + 1);
    const isLast = next.end === parts.length;
    const end = isLast ? text.length - next.text.length : text.indexOf(next.text, at + 1);
    const value = text.slice(at, Math.max(at, end));
    if (value === '' || /[\r\n]/.test(value)) return false;
    found.set((part as { name: string }).name, value);
    at = end;
  }
  if (at !== text.length) return false;
  for (const [name, value] of found) values.bind(name, value);
  return true;
}

/**
 * What stands literally from a part on, up to a name without a value.
 * @param limit more characters than this are not put together: they could match nothing.
 */
function literalFrom(
  parts: TemplatePart[],
  from: number,
  limit: number,
  known: (name: string) => string | undefined,
): { text: string; end: number } {
  let text = '';
  let end = from;
  for (; end < parts.length && text.length <= limit; end++) {
    const part = parts[end] as TemplatePart;
    const piece = 'text' in part ? part.text : known(part.name);
    if (piece === undefined) break;
    text += piece;
  }
  return { text, end };
}
