import { ParseError, parseItem } from 'structured-headers';

/** Long enough for a UUID with a prefix; Stripe's limit as well. Characters after unquoting. */
export const KEY_LIMIT = 255;

/** A key without quotes: the characters of a token (RFC 9110 section 5.6.2), `:` and `/`. */
const BARE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z:/]+$/;

/** Printable ASCII, and the tab as white space around a value. */
const ASCII = /^[\t -~]*$/;

export type KeyOutcome =
  | { kind: 'key'; key: string }
  | { kind: 'missing' }
  /** `detail` says what is wrong, as a sentence. */
  | { kind: 'invalid'; detail: string };

/**
 * Reads the header `Idempotency-Key`: an RFC 9651 String (section 3.3.3), as draft-ietf-httpapi-idempotency-key-header asks for. Many
 * clients send the key bare; that spelling is the same key.
 * @param header its value; several header lines joined by a comma, as every HTTP library joins them (RFC 9110 section 5.3).
 */
export function readIdempotencyKey(header: string | null): KeyOutcome {
  if (header === null) return { kind: 'missing' };
  // Not only the key: `trim` would also take away what is white space in Unicode, but not in HTTP.
  if (!ASCII.test(header)) return invalid('The Idempotency-Key holds a character other than printable ASCII.');
  const value = header.trim();
  if (value === '') return invalid('The Idempotency-Key is empty.');
  const key = value.startsWith('"') ? unquote(value) : bare(value);
  if (typeof key !== 'string') return key;
  if (key === '') return invalid('The Idempotency-Key is empty.');
  if (key.length > KEY_LIMIT)
    return invalid(`The Idempotency-Key has ${key.length} characters; at most ${KEY_LIMIT} are allowed.`);
  if (key === '.' || key === '..')
    return invalid(`The Idempotency-Key "${key}" could not be looked up: a URL has no such path segment.`);
  return { kind: 'key', key };
}

function unquote(value: string): string | KeyOutcome {
  try {
    const [key, parameters] = parseItem(value);
    if (typeof key !== 'string') return invalid('The Idempotency-Key is no quoted string.');
    if (parameters.size > 0) return invalid('The Idempotency-Key has parameters; a key has none.');
    return key;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return invalid(whyUnreadable(value));
  }
}

function whyUnreadable(value: string): string {
  const closed = /^"(?:[^"\\]|\\.)*"/.exec(value);
  if (closed === null) return 'The quote of the Idempotency-Key is not closed.';
  if (/^\s*,/.test(value.slice(closed[0].length))) return 'There are several Idempotency-Keys; a request has one.';
  if (closed[0].length < value.length) return 'Something follows the closing quote of the Idempotency-Key.';
  return 'The Idempotency-Key holds a tab, or a backslash before another character than \\ or ".';
}

function bare(value: string): string | KeyOutcome {
  if (BARE.test(value)) return value;
  if (value.includes(',')) return invalid('There are several Idempotency-Keys, or one with a comma that needs quotes.');
  return invalid('The Idempotency-Key holds a character that is allowed in quotes only, or not at all.');
}

function invalid(detail: string): KeyOutcome & { kind: 'invalid' } {
  return { kind: 'invalid', detail };
}
