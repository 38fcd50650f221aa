import { createHash } from 'node:crypto';
import { validateHeaderValue } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { Outcome, Resource, Variant } from './resource.ts';

export type HeaderFields = Readonly<Record<string, string>>;

/** What is sent: bytes in one media type and one encoding, with the tag that names exactly these bytes. */
export interface Representation {
  bytes: Uint8Array<ArrayBuffer>;
  /** Strong entity tag (RFC 9110 section 8.8.3), quoted. */
  etag: string;
  /** The whole header of a 200, checked: a server can write it as it is. */
  headers: HeaderFields;
  /** The same of a 304, without the fields that describe a body. */
  unchangedHeaders: HeaderFields;
}

export const ENCODINGS = ['br', 'gzip', 'identity'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** Enough for the pages of a large catalog that are read at all; a page has some 20 KiB in three encodings. Bytes. */
const CACHE_LIMIT_BYTES = 64 * 1024 * 1024;

/** The topics that are read at the same time, several times over; one takes a few hundred bytes. URLs. */
const RESOURCE_LIMIT = 4096;

/** Below this a compressed body saves less than its header costs. Bytes. */
const COMPRESS_FROM_BYTES = 1024;

/** Brotli at its default of 11 takes a hundred times as long for a few percent. */
const BROTLI_QUALITY = 5;

const compressors: Record<Exclude<Encoding, 'identity'>, (bytes: Uint8Array) => Promise<Buffer>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
  gzip: (bytes) => promisify(gzip)(bytes),
};

/** What the two headers of a representation take beside its bytes, about. Bytes. */
const HEADERS_BYTES = 2048;

/** Makes each representation once. Belongs to one pack: another pack gets another cache, so nothing is ever invalidated. */
export class RepresentationCache {
  private readonly resources = new LRUCache<string, Resource>({ max: RESOURCE_LIMIT });
  /** What is being made right now: a crowd that asks for one document waits for one of it. */
  private readonly pending = new Map<string, Promise<Representation>>();
  private readonly entries = new LRUCache<string, Representation>({
    maxSize: CACHE_LIMIT_BYTES,
    sizeCalculation: ({ bytes }, key) => bytes.length + key.length + HEADERS_BYTES,
  });

  /** What a path leads to is the same as long as the pack is. Only what exists is kept: of what does not, there is no end. */
  outcome(path: string, find: () => Outcome): Outcome {
    const resource = this.resources.get(path);
    if (resource !== undefined) return { kind: 'resource', resource };
    const found = find();
    if (found.kind === 'resource') this.resources.set(path, found.resource);
    return found;
  }

  /** What a path has led to before. */
  knownResource(path: string): Resource | undefined {
    return this.resources.get(path);
  }

  /** A representation that has been made already: answering with it costs no turn of the event loop. */
  known(path: string, mediaType: string, encoding: Encoding): Representation | undefined {
    return this.entries.get(keyOf(path, mediaType, encoding));
  }

  /**
   * @param path of the URL, which together with media type and encoding names the representation.
   * @param fields the header fields that are the same in every encoding.
   */
  async get(path: string, variant: Variant, encoding: Encoding, fields: HeaderFields): Promise<Representation> {
    const key = keyOf(path, variant.mediaType, encoding);
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    let making = this.pending.get(key);
    if (making === undefined) {
      making = this.make(path, variant, encoding, fields).finally(() => this.pending.delete(key));
      this.pending.set(key, making);
    }
    const made = await making;
    this.entries.set(key, made);
    return made;
  }

  private async make(
    path: string,
    variant: Variant,
    encoding: Encoding,
    fields: HeaderFields,
  ): Promise<Representation> {
    if (encoding === 'identity') {
      const body = await variant.body();
      return represent(typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body), fields);
    }
    const plain = await this.get(path, variant, 'identity', fields);
    return represent(new Uint8Array(await compressors[encoding](plain.bytes)), {
      ...fields,
      'Content-Encoding': encoding,
    });
  }
}

function keyOf(path: string, mediaType: string, encoding: Encoding): string {
  return `${encoding} ${mediaType} ${path}`;
}

/** Whether a body of this type and size is worth compressing: images already are. */
export function isCompressible(mediaType: string, bytes: number): boolean {
  return bytes >= COMPRESS_FROM_BYTES && /^text\/|[/+](json|xml)\b|javascript/.test(mediaType);
}

/** @throws {TypeError} when a field cannot be sent; found here, once, it becomes an answer. */
function represent(bytes: Uint8Array<ArrayBuffer>, fields: HeaderFields): Representation {
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 27);
  const etag = `"${hash}"`;
  const { 'Content-Type': _, 'Content-Encoding': __, ...unchanged } = fields;
  for (const [name, value] of Object.entries(fields)) validateHeaderValue(name, value);
  return {
    bytes,
    etag,
    headers: { 'Content-Length': String(bytes.length), ...fields, ETag: etag },
    unchangedHeaders: { ...unchanged, ETag: etag },
  };
}

/**
 * Whether `If-None-Match` names this tag, by the weak comparison that RFC 9110 section 13.1.2 asks for. `Cache-Control: no-cache` in the
 * request does not matter here: it makes caches on the way ask, and a 304 from the origin is an answer.
 */
export function matchesTag(header: string | null, etag: string): boolean {
  if (header === null) return false;
  if (header === etag || header.trim() === '*') return true;
  return [...header.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === etag);
}
