import { sha256Hex } from './fingerprint.ts';
import type { RecordId } from './record.ts';

/** 128 bits: as unique as a UUID. Hexadecimal digits. */
const KEY_DIGITS = 32;

/**
 * The key under which a request calls another service in one of its phases: the same each time that this request is tried, another one
 * for every other request, phase, key and principal. The beginning of a SHA-256, hex; it holds nothing in clear.
 * @param fingerprint of the request, so that another one under the same key, once that is free again, is another one elsewhere as well.
 * The same request after the retention has the same key: where the other service remembers longer, it still happens once there.
 */
export async function derivedKey({ principal, key }: RecordId, fingerprint: string, phase: string): Promise<string> {
  return (await sha256Hex(JSON.stringify([principal, key, fingerprint, phase]))).slice(0, KEY_DIGITS);
}
