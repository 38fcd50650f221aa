import { lastSegment, slugOf } from '../topic/id.ts';
import { nearest } from '../topic/nearest.ts';

/** More than this is a search, not a suggestion. Topics. */
const SUGGESTION_LIMIT = 5;

/**
 * Topics that a reader may have meant by an unknown spelling, best first: the same last segment, then a segment that is nearly
 * right, then a name that contains what was typed; else the nearest topic above.
 * @param wanted slug of the spelling.
 * @param ids all topic ids of the catalog.
 */
export function suggest(wanted: string, ids: string[]): string[] {
  const last = wanted.slice(wanted.lastIndexOf('/') + 1);
  const found = new Set<string>();
  for (const id of ids) if (lastSegment(id).toLowerCase() === last) found.add(id);
  const bySlug = new Map(ids.map((id) => [slugOf(id), id]));
  const near = nearest(wanted, bySlug.keys());
  if (near !== undefined) found.add(bySlug.get(near) as string);
  const byLast = new Map(ids.map((id) => [lastSegment(id).toLowerCase(), id]));
  const nearLast = nearest(last, byLast.keys());
  if (nearLast !== undefined) found.add(byLast.get(nearLast) as string);
  // One or two letters are in almost every name.
  if (last.length > 2) for (const [slug, id] of bySlug) if (slug.includes(last)) found.add(id);
  // Nothing alike: the nearest topic above it at least lists what there is.
  for (let slash = wanted.lastIndexOf('/'); slash > 0 && found.size === 0; slash = wanted.lastIndexOf('/', slash - 1)) {
    const above = bySlug.get(wanted.slice(0, slash));
    if (above !== undefined) found.add(above);
  }
  return [...found].slice(0, SUGGESTION_LIMIT);
}
