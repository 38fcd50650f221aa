import { KEY_LIMIT } from '../idempotency/index.ts';
import { DIALECTS } from './errors.ts';
import { DESCRIPTION_LIMIT, PAGE_SIZE_LIMIT } from './parameters.ts';

/** A JSON Schema (2020-12), or another part of an OpenAPI document. */
export type Part = { [member: string]: unknown };

export function reference(kind: string, name: string): Part {
  return { $ref: `#/components/${kind}/${name}` };
}

const TIME: Part = { type: 'string', format: 'date-time', description: 'RFC 3339, UTC.' };

const REQUEST_ID: Part = { type: 'string', pattern: '^req_[0-9a-f]{18}$' };

const MEMBERS = {
  amount: {
    type: 'integer',
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'In the smallest unit of the currency: cents for usd, yen for jpy.',
    examples: [1000],
  },
  currency: {
    type: 'string',
    pattern: '^[a-z]{3}$',
    description: 'A code of ISO 4217, in lower case.',
    examples: ['usd'],
  },
  description: {
    type: ['string', 'null'],
    maxLength: DESCRIPTION_LIMIT,
    examples: ['Two tickets'],
  },
} satisfies Record<string, Part>;

/** An object whose members are all there, but for the optional ones. A reader has to ignore what it does not know. */
function object(properties: Record<string, Part>, optional: string[] = [], more: Part = {}): Part {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', ...more, required, properties };
}

/** A body of a request: what is not known is refused. */
function body(properties: Record<string, Part>, optional: string[]): Part {
  return object(properties, optional, { additionalProperties: false });
}

const PROBLEM = {
  type: { type: 'string', format: 'uri', description: 'Address of the page of this error.' },
  title: { type: 'string' },
  status: { type: 'integer', minimum: 400, maximum: 599 },
  detail: { type: 'string', description: 'What went wrong this time, for a person.' },
  instance: { type: 'string', format: 'uri-reference' },
};

const CODE: Part = { type: 'string', pattern: '^[A-Za-z_]+$', description: 'What to branch on; it does not change.' };
const PARAM: Part = { type: ['string', 'null'], description: 'The member, parameter or header that is wrong.' };
const RETENTION: Part = {
  type: 'integer',
  minimum: 1,
  description: 'In errors about idempotency keys: how long a key is remembered after its request has ended.',
};

/** Name of the schema of each dialect's errors. */
export const ERROR_SCHEMAS = {
  problem: 'Problem',
  properties: 'ProblemWithProperties',
  envelope: 'ErrorEnvelope',
  ietf: 'ProblemOfDraft',
} as const;

/** Every document that the API reads or writes. */
export const SCHEMAS: Record<string, Part> = {
  SandboxRequest: body(
    { dialect: { enum: DIALECTS, default: DIALECTS[0], description: 'How errors look in this sandbox.' } },
    ['dialect'],
  ),
  Sandbox: object({
    id: { type: 'string', pattern: '^sbx_[0-9a-f]{18}$' },
    token: { type: 'string', pattern: '^sk_sandbox_[0-9a-f]{32}$', description: 'Told this once.' },
    dialect: { enum: DIALECTS },
    expires_at: TIME,
  }),
  ChargeRequest: body(MEMBERS, ['description']),
  ChargePatch: body({ description: MEMBERS.description }, ['description']),
  Charge: object({ id: { type: 'string', pattern: '^ch_[0-9a-f]{18}$' }, ...MEMBERS, created_at: TIME }),
  ChargeList: object(
    {
      data: { type: 'array', maxItems: PAGE_SIZE_LIMIT, items: reference('schemas', 'Charge') },
      has_more: { type: 'boolean' },
      next: {
        type: 'string',
        format: 'uri-reference',
        description: 'The next page; there only when there is one.',
      },
    },
    ['next'],
  ),
  IdempotencyKey: object({
    key: { type: 'string', minLength: 1, maxLength: KEY_LIMIT, pattern: '^[ -~]+$' },
    state: { enum: ['in_progress', 'completed'] },
    first_seen_at: TIME,
    expires_at: { ...TIME, description: 'When the key is forgotten. RFC 3339, UTC.' },
    method: { enum: ['POST', 'PATCH'] },
    path: { type: 'string', description: 'Of the first request, with its query.' },
    status: { type: ['integer', 'null'], description: 'Of the answer; null while the request is in progress.' },
    request_id: { type: ['string', 'null'], pattern: REQUEST_ID.pattern, description: 'Of the first request.' },
  }),
  [ERROR_SCHEMAS.problem]: object(
    {
      ...PROBLEM,
      code: CODE,
      advice_code: { type: ['string', 'null'], description: 'What a program can do about it.' },
      retryable: { enum: ['never', 'as-is', 'with-caution'] },
      param: PARAM,
      request_id: REQUEST_ID,
      retention_seconds: RETENTION,
    },
    ['retention_seconds'],
    { description: 'An error in dialect problem, and before a token is known (RFC 9457).' },
  ),
  [ERROR_SCHEMAS.properties]: object(
    {
      ...PROBLEM,
      properties: object(
        {
          errorCode: CODE,
          retryable: { type: 'boolean' },
          param: PARAM,
          requestId: REQUEST_ID,
          retentionSeconds: RETENTION,
        },
        ['retentionSeconds'],
      ),
    },
    [],
    { description: 'An error in dialect properties (RFC 9457).' },
  ),
  [ERROR_SCHEMAS.envelope]: object(
    {
      error: object(
        {
          type: {
            enum: [
              'authentication_error',
              'idempotency_error',
              'rate_limit_error',
              'invalid_request_error',
              'api_error',
            ],
          },
          code: CODE,
          message: PROBLEM.detail,
          param: PARAM,
          doc_url: PROBLEM.type,
          request_id: REQUEST_ID,
          retention_seconds: RETENTION,
        },
        ['retention_seconds'],
      ),
    },
    [],
    { description: 'An error in dialect envelope.' },
  ),
  [ERROR_SCHEMAS.ietf]: object({ ...PROBLEM, code: CODE, retention_seconds: RETENTION }, ['retention_seconds'], {
    description: 'An error in dialect ietf (RFC 9457), with the statuses of the draft on Idempotency-Key.',
  }),
};
