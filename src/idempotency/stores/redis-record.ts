// The texts that a record in Redis is made of; `redis-scripts.ts` shows a whole one.
import { isUtf8 } from 'node:buffer';
import type { RecoveryPoint, Reply, RequestFacts } from '../record.ts';
import type { Word } from './redis-transaction.ts';

const NEWLINE = 10;

/** The lines of a record that say which request it is. */
export function identityOf({ fingerprint, method, path, requestId }: RequestFacts): string {
  return `${JSON.stringify(fingerprint)}\n${JSON.stringify({ method, path, requestId })}\n`;
}

/**
 * A reply as the end of a record.
 * @throws {TypeError} for what is no reply: an effect that forgets to return one.
 */
export function spelled({ status, headers, body }: Reply): Word {
  if (!Number.isInteger(status) || !Array.isArray(headers) || !(body instanceof Uint8Array))
    throw new TypeError('the effect has to answer with a status, headers and a body of bytes');
  const head = `${status}\n${JSON.stringify(headers)}\n`;
  // The client sends a string in one piece with everything else, but bytes in a piece of their own.
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return isUtf8(bytes) ? head + bytes.toString() : Buffer.concat([Buffer.from(head), bytes]);
}

/** @param bytes the end of a completed record: status, headers, body. */
export function replyOf(bytes: Buffer): Reply {
  const status = bytes.indexOf(NEWLINE);
  const headers = bytes.indexOf(NEWLINE, status + 1);
  return {
    status: Number(bytes.toString('utf8', 0, status)),
    headers: JSON.parse(bytes.toString('utf8', status + 1, headers)),
    body: new Uint8Array(bytes.subarray(headers + 1)),
  };
}

/** @param identity as {@link identityOf} has made it. */
export function requestOf(identity: string): RequestFacts {
  const [fingerprint = '', facts = ''] = identity.split('\n');
  return { fingerprint: JSON.parse(fingerprint), ...JSON.parse(facts) };
}

/** @param lines `"<phase>" "<result>"`, both JSON strings. */
export function pointsOf(lines: Buffer | null): RecoveryPoint[] {
  if (lines === null || lines.length === 0) return [];
  return String(lines)
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, phase = '', result = ''] = /^("(?:[^"\\]|\\.)*") (.*)$/.exec(line) ?? [];
      return { phase: JSON.parse(phase), result: JSON.parse(result) };
    });
}
