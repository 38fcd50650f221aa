import { STATUS_CODES } from 'node:http';
import type { TopicLink } from '../render/page.ts';
import type { Stability } from '../topic/descriptor.ts';

/** The pieces of an id or title between which a line may break: after the dots and underscores inside a word. */
export function breakable(text: string): string[] {
  return text.split(/(?<=\w[._\\/])(?=[\w\\])/);
}

/** A title such as `NOT_FOUND — nothing has that id` in its two parts; the second is empty where there is no dash. */
export function titleParts(title: string): { name: string; gloss: string } {
  const [, name, gloss] = /^(.+?)\s+[—–]\s+(.+)$/.exec(title) ?? [];
  return name && gloss ? { name, gloss } : { name: title, gloss: '' };
}

/** `14 May 2026` for `2026-05-14`; anything else as it is. */
export function day(text: string): string {
  const date = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(date.getTime())) return text;
  return date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
}

/** `Conflict` for 409; empty for a status without a registered phrase. */
export function statusPhrase(status: number): string {
  return STATUS_CODES[status] ?? '';
}

export const STABILITY: Record<Stability, string> = {
  stable: 'Does not change incompatibly',
  evolving: 'May still change between releases',
  experimental: 'May change or go at any time',
  deprecated: 'Still works, but should not be used in anything new',
  removed: 'No longer part of the product',
};

/** In a list, only what a reader should know before following the link. */
export function isNotable(stability: Stability): boolean {
  return stability === 'experimental' || stability === 'deprecated' || stability === 'removed';
}

/** At most `limit` neighbours of the current topic, for a side column that stays readable among thousands of siblings. */
export function around(siblings: TopicLink[], topic: string, limit: number): TopicLink[] {
  if (siblings.length <= limit) return siblings;
  const current = siblings.findIndex((sibling) => sibling.topic === topic);
  const start = Math.min(Math.max(0, current - Math.floor(limit / 2)), siblings.length - limit);
  return siblings.slice(start, start + limit);
}
