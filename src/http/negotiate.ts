import { LRUCache } from 'lru-cache';
import Negotiator from 'negotiator';

/** Browsers and programs of one kind send one text. Answers. */
const ANSWER_LIMIT = 256;

/** No client of good will sends more, and what others send is not worth remembering. Characters. */
const REMEMBERED_LENGTH = 512;

/** Taking a header apart costs more than sending a page. */
const answers = new LRUCache<string, { chosen: string | undefined }>({ max: ANSWER_LIMIT });

/**
 * The media type that the client prefers (RFC 9110 section 12.5.1); the server's order decides between equals.
 * @param accept the header; null accepts everything.
 * @returns undefined when none is acceptable.
 */
export function preferredMediaType(accept: string | null, available: readonly string[]): string | undefined {
  if (accept === null) return available[0];
  return remember(accept, available, () => {
    // All text is UTF-8 and so is JSON: who asks for that asks for nothing else.
    const ranges = accept.replace(/;\s*charset="?utf-8"?/gi, '').trim();
    return new Negotiator({ headers: ranges === '' ? {} : { accept: ranges } }).mediaType([...available]);
  });
}

/**
 * The content coding that the client prefers (section 12.5.3).
 * @param accept the header.
 * @returns undefined when none is acceptable.
 */
export function preferredEncoding(accept: string, available: readonly string[]): string | undefined {
  return remember(accept, available, () => {
    // Its published types lag behind: the order in which equals are preferred is an option since 0.6.4.
    const negotiator: { encoding(available: string[], options: { preferred: string[] }): string | undefined } =
      new Negotiator({ headers: { 'accept-encoding': accept } });
    return negotiator.encoding([...available], { preferred: [...available] });
  });
}

function remember(header: string, available: readonly string[], choose: () => string | undefined): string | undefined {
  if (header.length > REMEMBERED_LENGTH) return choose();
  const key = `${available.join()}\n${header}`;
  let known = answers.get(key);
  if (known === undefined) {
    known = { chosen: choose() };
    answers.set(key, known);
  }
  return known.chosen;
}
