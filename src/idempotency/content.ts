import { decodeJson, NOT_UTF_8, readJsonText } from './json.ts';
import type { Refusal } from './problem.ts';

/** The content of a request, as far as it tells one request from another. */
export interface Content {
  contentType: string;
  /** The RFC 8785 form of JSON; else the bytes. */
  body: string | Uint8Array;
  /** JSON as it was sent, and what it denotes. */
  json?: { text: string; value: unknown };
}

/** `application/json`, and every type with the suffix `+json` (RFC 6839 section 3.1). */
const JSON_TYPE = /^[^;]*[/+]json\s*(?:;|$)/i;

/** JSON is UTF-8 (RFC 8259 section 8.1): who says so says nothing new. */
const UTF_8 = /;\s*charset\s*=\s*"?utf-8"?\s*(?=;|$)/gi;

/**
 * Reads the content of a request. JSON is read strictly, so that two texts with different meanings are never the same content.
 * @returns a refusal for JSON that is none, or that is ambiguous. An empty body is no JSON, and is not refused: it has one meaning.
 */
export function readContent(bytes: Uint8Array, contentType: string): Content | Refusal {
  if (bytes.length === 0 || !JSON_TYPE.test(contentType)) return { contentType, body: bytes };
  const text = decodeJson(bytes);
  if (text === undefined) return { code: 'json_invalid', reason: NOT_UTF_8 };
  const outcome = readJsonText(text);
  switch (outcome.kind) {
    case 'json':
      return {
        contentType: contentType.replace(UTF_8, ''),
        body: outcome.canonical,
        json: { text, value: outcome.value },
      };
    case 'invalid':
      return { code: 'json_invalid', reason: outcome.detail };
    case 'duplicate-member':
      return { code: 'json_duplicate_member', member: outcome.member };
    case 'inexact-number':
      return { code: 'json_number_inexact', member: outcome.member, number: outcome.number };
  }
}
