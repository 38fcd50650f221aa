import type { Reply } from '../idempotency/index.ts';
import { createCharge, listCharges, readCharge, updateCharge } from './charges.ts';
import { ApiError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { lookUpKey } from './keys.ts';
import { describeApi } from './openapi.ts';
import { JSON_ONLY, PATCH_TYPES } from './request.ts';
import { createSandbox } from './sandboxes.ts';

/** How long a browser may remember the answer to a preflight request. Seconds. */
const PREFLIGHT_SECONDS = 86_400;

/** Answers a request; `name` is what stands for the last segment in the path, percent-encoded as it came. */
type Handler = (exchange: Exchange, name: string) => Promise<Reply>;

export interface Resource {
  /** Below the API's prefix; the last segment may be a name in braces. */
  path: string;
  methods: Record<string, Handler>;
  /** Header fields of the answer to OPTIONS. */
  options?: Record<string, string>;
}

/** Everything that there is. */
export const RESOURCES: Resource[] = [
  { path: '/sandboxes', methods: { POST: createSandbox }, options: { 'Accept-Post': JSON_ONLY.join(', ') } },
  {
    path: '/charges',
    methods: { GET: listCharges, POST: createCharge },
    options: { 'Accept-Post': JSON_ONLY.join(', ') },
  },
  {
    path: '/charges/{id}',
    methods: { GET: readCharge, PATCH: updateCharge },
    options: { 'Accept-Patch': PATCH_TYPES.join(', ') },
  },
  { path: '/idempotency-keys/{key}', methods: { GET: lookUpKey } },
  { path: '/openapi.json', methods: { GET: describeApi } },
];

/**
 * Answers a request by its path and method. Who may ask is up to the handlers.
 * @throws {ApiError} NOT_FOUND, METHOD_NOT_ALLOWED, and whatever a handler throws.
 */
export async function route(exchange: Exchange): Promise<Reply> {
  const { request, path, url } = exchange;
  for (const resource of RESOURCES) {
    const name = match(resource.path, path);
    if (name !== undefined) return dispatch(exchange, resource, name, request.method);
  }
  await exchange.tryIdentify();
  throw new ApiError('NOT_FOUND', `There is nothing at ${url.pathname}.`);
}

/** @returns what stands for the name of a template, or '' where there is none; undefined for another path. */
function match(template: string, path: string): string | undefined {
  const brace = template.indexOf('{');
  if (brace === -1) return path === template ? '' : undefined;
  const name = path.slice(brace);
  return path.startsWith(template.slice(0, brace)) && name !== '' && !name.includes('/') ? name : undefined;
}

async function dispatch(exchange: Exchange, resource: Resource, name: string, method: string): Promise<Reply> {
  const { methods } = resource;
  const allowed = Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const allow = [...allowed, 'OPTIONS'].join(', ');
  if (method === 'OPTIONS') return preflight(allow, resource.options);
  const asked = method === 'HEAD' ? 'GET' : method;
  const handler = Object.hasOwn(methods, asked) ? methods[asked] : undefined;
  if (handler !== undefined) return handler(exchange, name);
  await exchange.tryIdentify();
  throw new ApiError('METHOD_NOT_ALLOWED', `${method} is not allowed here. Use ${allow}.`, null, { Allow: allow });
}

function preflight(allow: string, fields: Record<string, string> = {}): Reply {
  return {
    status: 204,
    headers: Object.entries({
      Allow: allow,
      ...fields,
      'Access-Control-Allow-Methods': allow,
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, Docent-Simulate, Idempotency-Key',
      'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
    }),
    body: new Uint8Array(),
  };
}
