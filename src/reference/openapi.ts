import type { Reply } from '../idempotency/index.ts';
import { slugOf } from '../topic/id.ts';
import {
  ApiError,
  codeOf,
  DIALECTS,
  type Dialect,
  documented,
  type ErrorName,
  errorDocument,
  statusOf,
} from './errors.ts';
import type { Exchange } from './exchange.ts';
import { EXAMPLE_PARAMS, OPERATIONS, type Operation, parameterParts, requestBodyPart } from './operations.ts';
import type { Policy } from './quota.ts';
import { jsonReply } from './reply.ts';
import { ERROR_SCHEMAS, type Part, reference, SCHEMAS } from './schemas.ts';

/** Errors that no operation has: of paths and methods that are none. */
const ELSEWHERE: ErrorName[] = ['NOT_FOUND', 'METHOD_NOT_ALLOWED'];

const EXAMPLE_REQUEST_ID = 'req_5c0d11a97b3e42f68d';

/** What the document depends on. */
export interface OpenApiFacts {
  prefix: string;
  version: string;
  /** How long a key is remembered after its request; seconds. */
  retentionSeconds: number;
  policies: Policy[];
  /** URL of a topic's page, or `about:blank`. @param slug of the topic. */
  pageUrl(slug: string): string;
}

/** `GET /openapi.json` */
export async function describeApi({ request, service }: Exchange): Promise<Reply> {
  const { options, quotas, retainMs } = service;
  const facts: OpenApiFacts = {
    prefix: options.prefix,
    version: options.version ?? '0',
    retentionSeconds: Math.ceil(retainMs / 1000),
    policies: quotas.all(),
    pageUrl: (slug) => options.pageUrl(slug, request),
  };
  return jsonReply(200, openApi(facts));
}

/** The API as an OpenAPI 3.1 document, made of the tables that it works by. */
export function openApi(facts: OpenApiFacts): Part {
  const errors = [...new Set([...Object.values(OPERATIONS).flatMap((operation) => operation.errors), ...ELSEWHERE])];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Docent reference API',
      version: facts.version,
      description: `Sandboxes and charges, the smallest API that needs idempotency keys. Every error has a code and a page. A sandbox chooses the dialect of its errors. Other paths are 404 ${codeOf('NOT_FOUND', 'problem')}, other methods 405 ${codeOf('METHOD_NOT_ALLOWED', 'problem')}; every operation also has OPTIONS, and HEAD where there is GET.`,
    },
    servers: [{ url: facts.prefix }],
    'x-idempotency': idempotencyPart(facts),
    paths: pathParts(facts),
    components: {
      schemas: SCHEMAS,
      parameters: parameterParts(facts.retentionSeconds),
      headers: headerParts(facts),
      examples: Object.fromEntries(errors.flatMap((error) => exampleParts(error, facts))),
      responses: Object.fromEntries(
        ELSEWHERE.map((error) => [error, responsePart(documented(error).status, [error], ['Allow'])]),
      ),
      securitySchemes: {
        sandbox: { type: 'http', scheme: 'bearer', description: 'The token of a sandbox (POST /sandboxes).' },
      },
    },
    ...linkPart('api', facts),
  };
}

/** What a program has to know about keys. */
function idempotencyPart({ retentionSeconds }: OpenApiFacts): Part {
  return {
    header: 'Idempotency-Key',
    specification: 'https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/',
    scope: 'sandbox',
    retention_seconds: retentionSeconds,
    counted_from: 'completion',
    replayed_header: 'Idempotent-Replayed',
    look_up: '/idempotency-keys/{key}',
  };
}

function pathParts(facts: OpenApiFacts): Record<string, Part> {
  const paths: Record<string, Part> = {};
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const [method = '', path = ''] = name.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationPart(operation, facts) };
  }
  return paths;
}

function operationPart(operation: Operation, facts: OpenApiFacts): Part {
  const { id, summary, description, secured, parameters, body, success, errors } = operation;
  const keyed = parameters.includes('Idempotency-Key');
  const quota = errors.includes('RATE_LIMITED') ? ['RateLimit', 'RateLimit-Policy'] : [];
  const responses: Record<string, Part> = { [success.status]: successPart(success, quota) };
  for (const [status, group] of byStatus(errors)) {
    // Of the errors, this one is a result that is kept under the key.
    const stored = keyed && group.includes('CHARGE_NOT_FOUND') ? ['Idempotent-Replayed'] : [];
    responses[status] = responsePart(status, group, [...quota, ...stored]);
  }
  return {
    operationId: id,
    summary,
    description,
    ...linkPart(operation.topic, facts),
    ...(secured ? { security: [{ sandbox: [] }] } : { security: [] }),
    ...(keyed ? { 'x-idempotency': { required: true, retention_seconds: facts.retentionSeconds } } : {}),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map((name) => reference('parameters', name)) }),
    ...(body === undefined ? {} : { requestBody: requestBodyPart(body) }),
    responses,
  };
}

function successPart({ description, schema, headers }: Operation['success'], quota: string[]): Part {
  const body = schema === undefined ? { type: 'object' } : reference('schemas', schema);
  return {
    description,
    headers: headersOf(['Request-Id', 'Link', ...headers, ...quota]),
    content: { 'application/json': { schema: body } },
  };
}

/** Errors by the status that they have in some dialect. */
function byStatus(errors: ErrorName[]): Map<number, ErrorName[]> {
  const groups = new Map<number, ErrorName[]>();
  for (const error of errors) {
    for (const status of new Set(DIALECTS.map((dialect) => statusOf(error, dialect))))
      groups.set(status, [...(groups.get(status) ?? []), error]);
  }
  return groups;
}

/** A response with one of some errors: what it can be in each dialect. */
function responsePart(status: number, errors: ErrorName[], headers: string[]): Part {
  const content: Record<string, { schema: { anyOf: Part[] }; examples: Record<string, Part> }> = {};
  for (const dialect of DIALECTS) {
    const group = errors.filter((error) => statusOf(error, dialect) === status);
    if (group.length === 0) continue;
    const mediaType = dialect === 'envelope' ? 'application/json' : 'application/problem+json';
    content[mediaType] ??= { schema: { anyOf: [] }, examples: {} };
    const codes = group.map((error) => codeOf(error, dialect));
    content[mediaType].schema.anyOf.push({
      allOf: [reference('schemas', ERROR_SCHEMAS[dialect]), restriction(dialect, status, codes)],
    });
    for (const error of group)
      content[mediaType].examples[exampleName(error, dialect)] = reference('examples', exampleName(error, dialect));
  }
  const own = new Set(errors.flatMap((error) => OWN_HEADERS[error] ?? []));
  return {
    description: errors.map((error) => `${error}: ${documented(error).title}.`).join(' '),
    headers: headersOf(['Request-Id', 'Link', ...headers, ...own]),
    content,
  };
}

/** Header fields that come with an error. */
const OWN_HEADERS: Partial<Record<ErrorName, string[]>> = {
  IDEMPOTENCY_IN_PROGRESS: ['Retry-After'],
  RATE_LIMITED: ['Retry-After'],
  STORE_FULL: ['Retry-After'],
  STORE_UNAVAILABLE: ['Retry-After'],
  TOKEN_INVALID: ['WWW-Authenticate'],
  TOKEN_MISSING: ['WWW-Authenticate'],
  UNSUPPORTED_MEDIA_TYPE: ['Accept-Post', 'Accept-Patch'],
};

function restriction(dialect: Dialect, status: number, codes: string[]): Part {
  const code = { enum: codes };
  switch (dialect) {
    case 'envelope':
      return { properties: { error: { properties: { code } } } };
    case 'properties':
      return { properties: { status: { const: status }, properties: { properties: { errorCode: code } } } };
    default:
      return { properties: { status: { const: status }, code } };
  }
}

function exampleParts(error: ErrorName, facts: OpenApiFacts): [name: string, part: Part][] {
  return DIALECTS.map((dialect) => {
    const { document } = exampleOf(error, dialect, facts);
    return [exampleName(error, dialect), { summary: `${error} in dialect ${dialect}`, value: document }];
  });
}

function exampleOf(
  error: ErrorName,
  dialect: Dialect,
  facts: Pick<OpenApiFacts, 'pageUrl' | 'prefix' | 'retentionSeconds'>,
) {
  return errorDocument(new ApiError(error, `${documented(error).title}.`, EXAMPLE_PARAMS[error]), dialect, {
    type: facts.pageUrl(slugOf(`errors.${error}`)),
    instance: `${facts.prefix}/charges`,
    requestId: EXAMPLE_REQUEST_ID,
    retentionSeconds: facts.retentionSeconds,
  });
}

function exampleName(error: ErrorName, dialect: Dialect): string {
  return `${error}.${dialect}`;
}

/** Where a topic is to be read, if the served catalog has it. */
function linkPart(topic: string, { pageUrl }: OpenApiFacts): Part {
  const url = pageUrl(topic);
  return url === 'about:blank' ? {} : { externalDocs: { url } };
}

function headersOf(names: string[]): Record<string, Part> {
  return Object.fromEntries(names.map((name) => [name, reference('headers', name)]));
}

function headerParts({ policies }: OpenApiFacts): Record<string, Part> {
  const quotas = policies.map(({ name, quota, windowMs }) => `${name}: ${quota} in ${windowMs / 1000} seconds`);
  const header = (description: string, schema: Part = {}): Part => ({
    description,
    schema: { type: 'string', ...schema },
  });
  const item = (parameters: string) => ({ pattern: `^"(sandbox|address)"${parameters}$` });
  return {
    'Accept-Patch': header('Media types that a PATCH may have (RFC 5789).'),
    'Accept-Post': header('Media types that a POST may have.'),
    Allow: header('The methods that the path has.'),
    'Idempotent-Replayed': header('There when nothing was done this time: the first answer, again.', { const: 'true' }),
    Link: header('This document, as service-desc (RFC 8631); and the next page of a list (RFC 8288).'),
    Location: header('Path of what was made.', { format: 'uri-reference' }),
    RateLimit: header('What is left of a quota: r requests, for t seconds.', item(';r=\\d+;t=\\d+')),
    'RateLimit-Policy': header(
      `The quota: q requests in w seconds (draft-ietf-httpapi-ratelimit-headers). ${quotas.join('; ') || 'None here'}.`,
      item(';q=\\d+;w=\\d+'),
    ),
    'Request-Id': header('Names this request in the log of the server.', { pattern: '^req_[0-9a-f]{18}$' }),
    'Retry-After': header('Seconds after which the same request may be sent again.', { pattern: '^[1-9]\\d*$' }),
    'WWW-Authenticate': header('What kind of token is asked for (RFC 6750).'),
  };
}
