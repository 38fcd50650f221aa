export function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

/** A value as a message shows it: it comes from outside and may be long. */
export function shown(value: unknown): string {
  if (typeof value === 'object') return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
  return shorten(JSON.stringify(value));
}

/** Longer quotations do not help. Characters. */
const QUOTE_LIMIT = 60;

export function shorten(text: string): string {
  return text.length <= QUOTE_LIMIT ? text : `${text.slice(0, QUOTE_LIMIT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
