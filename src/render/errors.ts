import type { Pack, TopicRow } from '../pack/read.ts';
import type { ErrorFacts } from '../topic/descriptor.ts';

/** A topic that documents an error. */
export interface ErrorTopic extends TopicRow {
  error: ErrorFacts;
}

/** How the member stands in a published descriptor. Inside a text its line break would be escaped, so nothing else looks like it. */
const ERROR_MEMBER = '\n  "error": {';

/** Whether a topic documents an error, told without parsing its descriptor. */
export function documentsErrors(pack: Pack, slug: string): boolean {
  return pack.topicJson(slug)?.includes(ERROR_MEMBER) === true;
}

/** A pack never changes, so neither do its errors. */
const known = new WeakMap<Pack, ErrorTopic[]>();

/** Every topic that documents an error, in reading order. Reads every descriptor, once for each pack. */
export function errorTopics(pack: Pack): ErrorTopic[] {
  let topics = known.get(pack);
  if (topics === undefined) {
    topics = pack.rows().flatMap((row) => {
      const error = documentsErrors(pack, row.slug) ? pack.topic(row.slug)?.descriptor.error : undefined;
      return error === undefined ? [] : [{ ...row, error }];
    });
    known.set(pack, topics);
  }
  return topics;
}
