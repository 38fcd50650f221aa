import Negotiator from 'negotiator';
import { publicUrl } from '../render/context.ts';
import { problemPage } from '../render/pages.ts';
import { jsonFile } from '../topic/descriptor.ts';
import { slugOf } from '../topic/id.ts';
import { ENCODINGS, type Encoding, isCompressible, matchesTag, RepresentationCache } from './representation.ts';
import { type Link, type Outcome, PROBLEMS, type Problem, problem, type Resource, type Variant } from './resource.ts';
import { route } from './routes.ts';
import type { HelpSite } from './site.ts';

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
const FOREIGN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox";

/** Answers a request for help. Never throws. */
export type HelpHandler = (request: Request) => Promise<Response>;

/**
 * The help site as a Fetch handler: pure but for its cache, usable in any server that speaks `Request` and `Response`.
 * @param report is told of errors that are nobody's fault but ours.
 */
export function createHandler(site: HelpSite, report: (error: unknown, request: Request) => void): HelpHandler {
  const cache = new RepresentationCache();
  return async (request) => {
    let response: Response;
    try {
      response = await answer(site, cache, request);
    } catch (error) {
      report(error, request);
      response = await answerProblem(site, request, {
        code: 'INTERNAL_ERROR',
        detail: 'The server could not answer. Its log says why.',
      });
    }
    return response;
  };
}

async function answer(site: HelpSite, cache: RepresentationCache, request: Request): Promise<Response> {
  if (request.method === 'OPTIONS') return preflight();
  if (!METHODS.includes(request.method)) {
    const detail = `Help is only read: ${request.method} is not allowed here. Use ${METHODS.join(', ')}.`;
    return answerProblem(site, request, { code: 'METHOD_NOT_ALLOWED', detail, allow: METHODS });
  }
  const outcome = cache.outcome(new URL(request.url).pathname, () => find(site, request));
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

function find(site: HelpSite, request: Request): Outcome {
  const { pathname } = new URL(request.url);
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
      url: location ?? new URL(request.url).pathname,
    }));
    const detail = `This is to be had as ${alternatives.map((alternative) => alternative.media_type).join(', ')}.`;
    return answerProblem(site, request, { code: 'NOT_ACCEPTABLE', detail, alternatives });
  }
  const headers = new Headers({
    ...COMMON_HEADERS,
    'Content-Type': contentType(variant.mediaType),
    'Cache-Control': resource.immutable === true ? FOREVER : REVALIDATE,
    Vary: resource.variants.length > 1 ? 'Accept, Accept-Encoding' : 'Accept-Encoding',
  });
  if (resource.links !== undefined && resource.links.length > 0)
    headers.set('Link', resource.links.map(linkHeader).join(', '));
  if (variant.location !== undefined && resource.variants.length > 1) headers.set('Content-Location', variant.location);
  if (resource.foreign === true) headers.set('Content-Security-Policy', FOREIGN_POLICY);
  else if (variant.mediaType === 'text/html') headers.set('Content-Security-Policy', PAGE_POLICY);
  return send(cache, request, variant, headers);
}

async function send(
  cache: RepresentationCache,
  request: Request,
  variant: Variant,
  headers: Headers,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  let representation = await cache.get(pathname, variant, 'identity');
  if (isCompressible(variant.mediaType, representation.bytes.length)) {
    const encoding = chooseEncoding(request.headers.get('accept-encoding'));
    if (encoding !== 'identity') {
      representation = await cache.get(pathname, variant, encoding);
      headers.set('Content-Encoding', encoding);
    }
  }
  headers.set('ETag', representation.etag);
  if (matchesTag(request.headers.get('if-none-match'), representation.etag)) {
    for (const name of ['Content-Type', 'Content-Encoding']) headers.delete(name);
    return new Response(null, { status: 304, headers });
  }
  headers.set('Content-Length', String(representation.bytes.length));
  return new Response(request.method === 'HEAD' ? null : representation.bytes, { headers });
}

/** The acceptable variant that the client prefers (RFC 9110 section 12.5.1); the server's order decides between equals. */
function choose(variants: Variant[], accept: string | null): Variant | undefined {
  // With one variant there is nothing to negotiate: the URL itself says what it is.
  if (variants.length === 1) return variants[0];
  const preferred = negotiate(accept).mediaType(variants.map(({ mediaType }) => mediaType));
  return variants.find(({ mediaType }) => mediaType === preferred);
}

function negotiate(accept: string | null): Negotiator {
  // All text is UTF-8 and so is JSON: who asks for that asks for nothing else.
  const ranges = accept?.replace(/;\s*charset="?utf-8"?/gi, '').trim() ?? '';
  return new Negotiator({ headers: ranges === '' ? {} : { accept: ranges } });
}

function chooseEncoding(header: string | null): Encoding {
  if (header === null) return 'identity';
  // Its published types lag behind: the order in which equals are preferred is an option since 0.6.4.
  const negotiator: { encoding(available: string[], options: { preferred: string[] }): string | undefined } =
    new Negotiator({
      headers: { 'accept-encoding': header },
    });
  return (negotiator.encoding([...ENCODINGS], { preferred: [...ENCODINGS] }) as Encoding | undefined) ?? 'identity';
}

async function answerProblem(site: HelpSite, request: Request, found: Problem): Promise<Response> {
  const { pathname } = new URL(request.url);
  const { pack, context, pages } = site;
  const { code, detail, suggestions, ...more } = found;
  const { status, title } = PROBLEMS[code];
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
  if (code !== 'INTERNAL_ERROR' && negotiate(request.headers.get('accept')).mediaType(offered) === 'text/html') {
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
    instance: pathname,
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
  const { status, title } = PROBLEMS.BAD_REQUEST;
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
