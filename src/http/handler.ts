import { documented } from '../reference/errors.ts';
import { publicUrl } from '../render/context.ts';
import type { HelpSite } from '../render/documents.ts';
import { problemPage } from '../render/pages.ts';
import { jsonFile } from '../topic/descriptor.ts';
import { slugOf } from '../topic/id.ts';
import { preferredEncoding, preferredMediaType } from './negotiate.ts';
import {
  ENCODINGS,
  type Encoding,
  type HeaderFields,
  isCompressible,
  matchesTag,
  type Representation,
  RepresentationCache,
} from './representation.ts';
import { type Link, type Outcome, type Problem, problem, type Resource, type Variant } from './resource.ts';
import { route } from './routes.ts';

const METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** How long a browser may remember the answer to a preflight request. Seconds; a day is what browsers cap it at or above. */
const PREFLIGHT_SECONDS = 86_400;

const FOREVER = 'public, max-age=31536000, immutable';
const REVALIDATE = 'public, no-cache';

/** Help is public: any page of any origin may read it. */
const COMMON_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Allow, Content-Location, ETag, Link',
  'X-Content-Type-Options': 'nosniff',
};

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' https: data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";
const SCRIPTED_PAGE_POLICY = `${PAGE_POLICY}; script-src 'self'; connect-src 'self'`;
const FOREIGN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox";

/** Answers a request for help, at once where the answer is known already. Never throws, and its promise is never rejected. */
export type HelpHandler = (request: Request) => Response | Promise<Response>;

/**
 * The help site as a Fetch handler: pure but for its cache, usable in any server that speaks `Request` and `Response`.
 * @param report is told of errors that are nobody's fault but ours.
 */
export function createHandler(site: HelpSite, report: (error: unknown, request: Request) => void): HelpHandler {
  const cache = new RepresentationCache();
  return (request) => answerKnown(cache, request) ?? answerAny(site, cache, request, report);
}

/**
 * The answer to a GET of what has been sent before. It does nothing that can fail, and takes nothing apart that it can compare: most
 * requests end here.
 */
function answerKnown(cache: RepresentationCache, request: Request): Response | undefined {
  if (request.method !== 'GET') return undefined;
  const path = pathOf(request);
  const resource = cache.knownResource(path);
  const variant = resource && choose(resource.variants, request.headers.get('accept'));
  if (variant === undefined) return undefined;
  const plain = cache.known(path, variant.mediaType, 'identity');
  if (plain === undefined) return undefined;
  const encoding = encodingFor(request, variant, plain);
  const representation = encoding === 'identity' ? plain : cache.known(path, variant.mediaType, encoding);
  return representation === undefined ? undefined : respond(request, representation);
}

async function answerAny(
  site: HelpSite,
  cache: RepresentationCache,
  request: Request,
  report: (error: unknown, request: Request) => void,
): Promise<Response> {
  try {
    return await answer(site, cache, request);
  } catch (error) {
    report(error, request);
    return answerProblem(site, request, {
      code: 'INTERNAL_ERROR',
      detail: 'The server could not answer. Its log says why.',
    });
  }
}

async function answer(site: HelpSite, cache: RepresentationCache, request: Request): Promise<Response> {
  if (request.method === 'OPTIONS') return preflight();
  if (!METHODS.includes(request.method)) {
    const detail = `Help is only read: ${request.method} is not allowed here. Use ${METHODS.join(', ')}.`;
    return answerProblem(site, request, { code: 'METHOD_NOT_ALLOWED', detail, allow: METHODS });
  }
  const outcome = cache.outcome(pathOf(request), () => find(site, pathOf(request)));
  switch (outcome.kind) {
    case 'redirect': {
      const { search } = new URL(request.url);
      return new Response(null, {
        status: outcome.status,
        headers: {
          ...COMMON_HEADERS,
          Location: outcome.location + search,
          'Content-Length': '0',
          'Cache-Control': REVALIDATE,
        },
      });
    }
    case 'problem':
      return answerProblem(site, request, outcome.problem);
    case 'resource':
      return answerResource(site, cache, request, outcome.resource);
  }
}

/** The path of a request's URL, which is in normal form already: taking it apart again would cost more than all else here. */
function pathOf({ url }: Request): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

function find(site: HelpSite, pathname: string): Outcome {
  const home = `${site.context.base}/`;
  let path: string;
  let base: string;
  try {
    path = decodePath(pathname);
    base = decodePath(site.context.base);
  } catch {
    return problem('BAD_REQUEST', `${pathname.slice(0, 100)} is not percent-encoded as RFC 3986 asks for.`);
  }
  if (base === '') return route(site, path);
  if (path === base) return { kind: 'redirect', status: 308, location: home };
  if (path.startsWith(`${base}/`)) return route(site, path.slice(base.length));
  return problem('NOT_FOUND', `This site is at ${home}.`);
}

/**
 * Percent-decodes a path, except for `%2F`: an encoded slash is not the address of a page, whose links would lead elsewhere.
 * @throws {URIError} for `%zz`, or bytes that are not UTF-8.
 */
function decodePath(path: string): string {
  return decodeURIComponent(path.replace(/%2F/gi, '%252F'));
}

async function answerResource(
  site: HelpSite,
  cache: RepresentationCache,
  request: Request,
  resource: Resource,
): Promise<Response> {
  const variant = choose(resource.variants, request.headers.get('accept'));
  if (variant === undefined) {
    const alternatives = resource.variants.map(({ mediaType, location }) => ({
      media_type: mediaType,
      url: location ?? pathOf(request),
    }));
    const detail = `This is to be had as ${alternatives.map((alternative) => alternative.media_type).join(', ')}.`;
    return answerProblem(site, request, { code: 'NOT_ACCEPTABLE', detail, alternatives });
  }
  const fields = fieldsOf(resource, variant);
  const plain = await cache.get(pathOf(request), variant, 'identity', fields);
  const encoding = encodingFor(request, variant, plain);
  return respond(
    request,
    encoding === 'identity' ? plain : await cache.get(pathOf(request), variant, encoding, fields),
  );
}

/** The header fields of a variant that are the same in every encoding. */
function fieldsOf({ variants, links = [], immutable, scripted, foreign }: Resource, variant: Variant): HeaderFields {
  const { mediaType, location } = variant;
  const isHtml = mediaType === 'text/html';
  return {
    ...COMMON_HEADERS,
    'Content-Type': contentType(mediaType),
    'Cache-Control': immutable === true ? FOREVER : REVALIDATE,
    Vary: variants.length > 1 ? 'Accept, Accept-Encoding' : 'Accept-Encoding',
    ...(links.length > 0 ? { Link: links.map(linkHeader).join(', ') } : {}),
    ...(location !== undefined && variants.length > 1 ? { 'Content-Location': location } : {}),
    ...(foreign === true ? { 'Content-Security-Policy': FOREIGN_POLICY } : {}),
    ...(isHtml && foreign !== true
      ? { 'Content-Security-Policy': scripted === true ? SCRIPTED_PAGE_POLICY : PAGE_POLICY }
      : {}),
  };
}

/** The content coding that the client prefers, where there is something to compress. */
function encodingFor(request: Request, { mediaType }: Variant, { bytes }: Representation): Encoding {
  const accepted = request.headers.get('accept-encoding');
  if (accepted === null || !isCompressible(mediaType, bytes.length)) return 'identity';
  return (preferredEncoding(accepted, ENCODINGS) as Encoding | undefined) ?? 'identity';
}

function respond(request: Request, { bytes, etag, headers, unchangedHeaders }: Representation): Response {
  if (matchesTag(request.headers.get('if-none-match'), etag))
    return new Response(null, { status: 304, headers: unchangedHeaders });
  return new Response(request.method === 'HEAD' ? null : bytes, { headers });
}

/** The acceptable variant that the client prefers. */
function choose(variants: Variant[], accept: string | null): Variant | undefined {
  // With one variant there is nothing to negotiate: the URL itself says what it is.
  if (variants.length === 1) return variants[0];
  const types = variants.map(({ mediaType }) => mediaType);
  const preferred = preferredMediaType(accept, types);
  return variants.find(({ mediaType }) => mediaType === preferred);
}

async function answerProblem(site: HelpSite, request: Request, found: Problem): Promise<Response> {
  const { pack, context, pages } = site;
  const { code, detail, suggestions, ...more } = found;
  const { status, title } = documented(code);
  const about = documentedAt(site, code);
  const headers = new Headers({ ...COMMON_HEADERS, 'Cache-Control': 'no-cache', Vary: 'Accept' });
  if (found.allow !== undefined) headers.set('Allow', found.allow.join(', '));
  const respond = (body: string) => {
    headers.set('Content-Length', String(Buffer.byteLength(body)));
    return new Response(request.method === 'HEAD' ? null : body, { status, headers });
  };
  const address = (path: string) =>
    context.siteUrl === undefined ? new URL(`${context.base}${path}`, request.url).href : publicUrl(context, path);
  const offered = ['application/problem+json', 'application/json', 'text/html'];
  if (code !== 'INTERNAL_ERROR' && preferredMediaType(request.headers.get('accept'), offered) === 'text/html') {
    const html = await pages.render(
      problemPage(pack, { status, code, title, detail }, about, suggestions ?? [], context),
    );
    headers.set('Content-Type', contentType('text/html'));
    headers.set('Content-Security-Policy', PAGE_POLICY);
    return respond(html);
  }
  const document = {
    type: about === undefined ? 'about:blank' : address(`/help/${about}/`),
    title,
    status,
    detail,
    instance: pathOf(request),
    code,
    ...(suggestions === undefined
      ? {}
      : { suggestions: suggestions.map((topic) => ({ topic, url: address(`/help/${slugOf(topic)}/`) })) }),
    ...more,
  };
  headers.set('Content-Type', 'application/problem+json');
  return respond(jsonFile(document));
}

/** The answer to a target or a Host that no URL can be made of, so that no site can be asked about it. */
export function answerMalformed(): Response {
  const { status, title } = documented('BAD_REQUEST');
  const detail = 'No URL can be made of the request target and the Host header.';
  const body = jsonFile({ type: 'about:blank', title, status, detail, code: 'BAD_REQUEST' });
  const headers = { ...COMMON_HEADERS, 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-cache' };
  return new Response(body, { status, headers });
}

/** Slug of the topic that documents an error. A pack that cannot be read any more must not keep the error from being told. */
function documentedAt({ pack }: HelpSite, code: string): string | undefined {
  try {
    return pack.resolve(slugOf(`errors.${code}`));
  } catch {
    return undefined;
  }
}

function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...COMMON_HEADERS,
      Allow: METHODS.join(', '),
      'Access-Control-Allow-Methods': METHODS.join(', '),
      'Access-Control-Allow-Headers': 'Accept, Authorization, Content-Type, If-None-Match',
      'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
    },
  });
}

/** JSON has no charset parameter (RFC 8259 section 11); text is UTF-8 throughout. */
function contentType(mediaType: string): string {
  return mediaType.startsWith('text/') && !mediaType.includes(';') ? `${mediaType}; charset=utf-8` : mediaType;
}

/** RFC 8288. */
function linkHeader({ url, rel, type }: Link): string {
  return `<${url}>; rel="${rel}"${type === undefined ? '' : `; type="${type}"`}`;
}
