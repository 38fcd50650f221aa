/** What is still read of a body that is too large, so that a client that sends before it reads sees the answer. Bytes. */
const DRAIN_LIMIT_BYTES = 1024 * 1024;

/** A body, read whole. */
export type BodyOutcome =
  | { kind: 'body'; bytes: Uint8Array<ArrayBuffer> }
  /** It has more bytes than are allowed; how many is not known. */
  | { kind: 'too-large' };

/**
 * Reads the body of a request, whole.
 * @param limitBytes the most that is kept of it.
 * @returns `incomplete` when it breaks off, as that of a client that goes away.
 * @throws {TypeError} when somebody else has read it.
 */
export async function readRequestBody(
  request: Request,
  limitBytes: number,
): Promise<BodyOutcome | { kind: 'incomplete' }> {
  if (request.bodyUsed)
    throw new TypeError(
      'idempotent() needs the bytes of the request, and they have been read: put it before what reads the body',
    );
  try {
    const length = request.headers.get('content-length');
    if (length === null || Number(length) > limitBytes)
      return await readStream(request.body, limitBytes, limitBytes + DRAIN_LIMIT_BYTES);
    // In one go, which every platform does faster than in pieces.
    const bytes = new Uint8Array(await request.arrayBuffer());
    return bytes.length > limitBytes ? { kind: 'too-large' } : { kind: 'body', bytes };
  } catch {
    return { kind: 'incomplete' };
  }
}

/**
 * Reads a stream of bytes, whole.
 * @param limitBytes the most that is kept of it.
 * @param drainBytes how much is read before the rest is refused.
 * @throws {TypeError} for a stream of anything but bytes; and whatever the stream ends with.
 */
export async function readStream(
  stream: ReadableStream<Uint8Array> | null,
  limitBytes: number,
  drainBytes = limitBytes,
): Promise<BodyOutcome> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!(value instanceof Uint8Array)) throw new TypeError('a body is a stream of Uint8Array');
    size += value.length;
    if (size <= limitBytes) chunks.push(value);
    if (size > drainBytes) {
      // Whether the other side minds is of no interest.
      reader.cancel().catch(() => undefined);
      break;
    }
  }
  return size > limitBytes ? { kind: 'too-large' } : { kind: 'body', bytes: concatenated(chunks, size) };
}

function concatenated(chunks: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
