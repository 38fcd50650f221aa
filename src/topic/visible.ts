/**
 * Text that is safe to print: control characters move a terminal's cursor, and bidirectional overrides make text read as something
 * else, so each becomes U+FFFD. Line breaks stay.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, '\ufffd');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const HIDDEN = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]/g;
