import { sha256Hex } from './fingerprint.ts';
import type { RecordId } from './record.ts';

/** 128 bits: as unique as a UUID. Hexadecimal digits. */
const KEY_DIGITS = 32;

/**
 * The key under which a request calls another service in one of its phases: the same each time that this request is tried, another one
 * for every other request, phase, key and principal, and of no use for guessing the key that it is made of. The beginning of a SHA-256,
 * hex.
 * @param fingerprint of the request, so that one under the same key a day later is another one elsewhere as well.
 */
export async function derivedKey({ principal, key }: RecordId, fingerprint: string, phase: string): Promise<string> {
  return (await sha256Hex(JSON.stringify([principal, key, fingerprint, phase]))).slice(0, KEY_DIGITS);
}
