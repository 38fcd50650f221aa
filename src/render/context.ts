import type { Pack, TopicRow } from '../pack/read.ts';
import type { TopicDescriptor } from '../topic/descriptor.ts';
import { slugOf, wordsOf } from '../topic/id.ts';

/** Where a catalog is published. */
export interface RenderContext {
  siteTitle: string;
  /** Prefix of every URL path, e.g. `/docs`; empty at the root. */
  base: string;
  /** Public address without a trailing slash, base path included. */
  siteUrl?: string;
  /** Where the live API form is mounted, e.g. `/api/help`. */
  helpPath: string;
  /** Whether pages may offer to run their examples: an API stands beside them, and the topics are the publisher's own. */
  runnable?: boolean;
}

/** One way to write a topic down. Pure: the same pack and context give the same text. */
export interface TopicRenderer {
  mediaType: string;
  /** @param slug of an existing topic. */
  render(pack: Pack, slug: string, context: RenderContext): string;
}

/** URL path of a topic's page. */
export function topicUrl(context: RenderContext, idOrSlug: string): string {
  return `${context.base}/help/${slugOf(idOrSlug)}/`;
}

/** The public address of a path where it is known, else the path below the base. */
export function publicUrl(context: RenderContext, path: string): string {
  return context.siteUrl === undefined ? `${context.base}${path}` : `${context.siteUrl}${path}`;
}

/** What to type for a topic: `acme help errors NOT_FOUND`. */
export function commandFor(pack: Pack, id: string): string {
  return `${pack.product.command} ${wordsOf(id)}`;
}

/** Whether a topic's page offers to run its examples. */
export function canRun({ examples = [] }: TopicDescriptor, { runnable = false }: RenderContext): boolean {
  return runnable && examples.some(({ skip }) => skip === undefined);
}

/** The topics that `see_also` names, in its order; an unknown one has no row. */
export function relatedTopics(pack: Pack, ids: string[]): { id: string; row: TopicRow | undefined }[] {
  return ids.map((id) => {
    const slug = pack.resolve(slugOf(id));
    return { id, row: slug === undefined ? undefined : pack.row(slug) };
  });
}

/** @throws {Error} when a caller asks for a topic that it has not looked up. */
export function mustHave<T>(value: T | undefined, slug: string): T {
  if (value === undefined) throw new Error(`no topic ${slug} in the pack`);
  return value;
}
