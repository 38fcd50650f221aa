/**
 * A topic id and its spellings.
 *
 *   id        errors.IDEMPOTENCY_CONFLICT      dotted, case kept: what authors write
 *   segments  errors · IDEMPOTENCY_CONFLICT
 *   slug      errors/idempotency_conflict      lower case, slashes: what URLs carry; two ids with one slug clash
 *   words     errors IDEMPOTENCY_CONFLICT      what a reader types after `help`
 */

const SEGMENT = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/** `index` names the raw page in every position; the others are documents at the root of `/help/`. */
const RESERVED_ANYWHERE = new Set(['index']);
const RESERVED_FIRST = new Set(['catalog', 'versions', 'topic-tree']);

/** Longest topic id, as the schemas have it. Characters. */
export const ID_LIMIT = 200;

/** A slug longer than this is no topic: it bounds what a hostile URL makes us look up. Characters. */
export const SLUG_LIMIT = 400;

/** `errors.X` → `['errors', 'X']`. */
export function segmentsOf(id: string): string[] {
  return id.split('.');
}

/** `errors.X` → `errors/x`. */
export function slugOf(id: string): string {
  return id.replaceAll('.', '/').toLowerCase();
}

/** `errors.X` → `X`. */
export function lastSegment(id: string): string {
  return id.slice(id.lastIndexOf('.') + 1);
}

/** `errors.X` → `errors`; undefined for a top-level id. */
export function parentOf(id: string): string | undefined {
  const dot = id.lastIndexOf('.');
  return dot < 0 ? undefined : id.slice(0, dot);
}

/** `errors.X` → `errors X`, as typed after a help command. */
export function wordsOf(id: string): string {
  return id.replaceAll('.', ' ');
}

/**
 * The slug that a spelling denotes: dots, slashes and white space separate segments, case does not matter.
 * @returns undefined when the spelling is malformed (empty segment, other character, over {@link SLUG_LIMIT}).
 */
export function slugFromSpelling(spelling: string): string | undefined {
  if (spelling.length > SLUG_LIMIT) return undefined;
  const segments = spelling.trim().split(/[./]|\s+/);
  return segments.every((segment) => SEGMENT.test(segment)) ? segments.join('/').toLowerCase() : undefined;
}

/** The first reserved segment of an id, if it has one. */
export function reservedSegment(segments: string[]): string | undefined {
  return segments.find(
    (segment, position) =>
      RESERVED_ANYWHERE.has(segment.toLowerCase()) || (position === 0 && RESERVED_FIRST.has(segment.toLowerCase())),
  );
}

/**
 * A file or folder name as a topic segment: every other character becomes `-`.
 * @returns undefined when nothing usable is left.
 */
export function segmentFromName(name: string): string | undefined {
  const segment = name
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/-+$/, '');
  return segment === '' ? undefined : segment;
}

/** Sorts by code unit, so that an order does not depend on a machine's locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Depth first, parents first, siblings by code unit of their segment. */
export function byTreeOrder(a: string, b: string): number {
  const left = segmentsOf(a);
  const right = segmentsOf(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = byCodeUnit(left[i] as string, right[i] as string);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
